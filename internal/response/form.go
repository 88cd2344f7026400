package response

import (
	"bufio"
	"net"
	"net/http"
)

// A handler asks by type assertion what its ResponseWriter can do. A Writer
// with a method that the inner writer lacks would promise what it cannot do,
// and a Writer without one that the inner writer has would take it away. So
// there is one form for each set of optional methods. A form is nothing but the
// pointer to its Writer, so that it costs no allocation.

// closeNotifier is http.CloseNotifier, which is deprecated. Routers such as gin
// assert it all the same, and panic where it is missing.
type closeNotifier interface{ CloseNotify() <-chan bool }

const (
	canFlush = 1 << iota
	canHijack
	canNotify
	canPush
)

// form returns w with the optional methods that the inner writer has.
func (w *Writer) form() http.ResponseWriter {
	able := 0
	if _, ok := w.inner.(http.Flusher); ok {
		able |= canFlush
	}
	// Hijacking is also reached through Unwrap, by ResponseController, and must
	// not pass unseen.
	if hijackable(w.inner) {
		able |= canHijack
	}
	if _, ok := w.inner.(closeNotifier); ok {
		able |= canNotify
	}
	if _, ok := w.inner.(http.Pusher); ok {
		able |= canPush
	}
	p := plain{w}
	switch able {
	case canFlush:
		return f{p}
	case canHijack:
		return h{p}
	case canFlush | canHijack:
		return fh{f{p}}
	case canNotify:
		return n{p}
	case canFlush | canNotify:
		return fn{f{p}}
	case canHijack | canNotify:
		return hn{h{p}}
	case canFlush | canHijack | canNotify:
		return fhn{fh{f{p}}}
	case canPush:
		return u{p}
	case canFlush | canPush:
		return fu{f{p}}
	case canHijack | canPush:
		return hu{h{p}}
	case canFlush | canHijack | canPush:
		return fhu{fh{f{p}}}
	case canNotify | canPush:
		return nu{n{p}}
	case canFlush | canNotify | canPush:
		return fnu{fn{f{p}}}
	case canHijack | canNotify | canPush:
		return hnu{hn{h{p}}}
	case canFlush | canHijack | canNotify | canPush:
		return fhnu{fhn{fh{f{p}}}}
	}
	return p
}

// hijackable is reaches[http.Hijacker], for each request: an assertion to a
// type parameter is several times as dear as one to a type that the compiler
// knows.
func hijackable(w http.ResponseWriter) bool {
	for depth := 0; w != nil && depth < maxDepth; depth++ {
		if _, ok := w.(http.Hijacker); ok {
			return true
		}
		w = unwrap(w)
	}
	return false
}

// plain is the Writer with those optional methods alone that any writer can
// have. The letters below stand for Flusher, Hijacker, CloseNotifier and
// Pusher.
type plain struct{ *Writer }

type (
	f  struct{ plain }
	h  struct{ plain }
	n  struct{ plain }
	u  struct{ plain }
	fh struct{ f }
	fn struct{ f }
	fu struct{ f }
	hn struct{ h }
	hu struct{ h }
	nu struct{ n }

	fhn  struct{ fh }
	fhu  struct{ fh }
	fnu  struct{ fn }
	hnu  struct{ hn }
	fhnu struct{ fhn }
)

func (w f) Flush() { w.FlushError() }

func (w h) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w fh) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w n) CloseNotify() <-chan bool   { return w.closeNotify() }
func (w fn) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w hn) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w fhn) CloseNotify() <-chan bool { return w.closeNotify() }

func (w u) Push(target string, o *http.PushOptions) error    { return w.push(target, o) }
func (w fu) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w hu) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w nu) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w fhu) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w fnu) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w hnu) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w fhnu) Push(target string, o *http.PushOptions) error { return w.push(target, o) }

func (w *Writer) closeNotify() <-chan bool { return w.inner.(closeNotifier).CloseNotify() }

func (w *Writer) push(target string, options *http.PushOptions) error {
	if w.closed() {
		return ErrHeld
	}
	return w.inner.(http.Pusher).Push(target, options)
}
