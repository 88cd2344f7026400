// Package response holds the one ResponseWriter wrapper of the module. The first
// layer that needs the status or the header's last moment installs it; layers
// inside add their hooks to the same Writer.
package response

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// A Hook is called just before the header of the final response is written, and
// may still change it. It is called at most once, not for informational
// responses, and not when the connection is hijacked.
type Hook interface {
	BeforeHeader(h http.Header, status int)
}

// HookFunc makes a Hook of a function.
type HookFunc func(h http.Header, status int)

// BeforeHeader calls f.
func (f HookFunc) BeforeHeader(h http.Header, status int) { f(h, status) }

// A Writer watches a response. Its methods are for one goroutine at a time, as
// those of any ResponseWriter.
type Writer struct {
	inner    http.ResponseWriter
	hooks    []Hook
	room     [2]Hook
	status   int
	bytes    int64
	hijacked bool
	hooked   bool // the hooks have run
}

// Of returns the Writer that watches w, and installs one around w if there is
// none yet. The first result is the ResponseWriter to pass on: w itself where
// it, or something that it wraps, is a Writer already.
func Of(w http.ResponseWriter) (http.ResponseWriter, *Writer) {
	if found := find(w); found != nil {
		return w, found
	}
	watch := &Writer{inner: w}
	watch.hooks = watch.room[:0]
	_, canFlush := w.(http.Flusher)
	_, canHijack := w.(http.Hijacker)
	// A type that has a method for what the inner writer lacks would promise
	// what it cannot do, and handlers ask by type assertion.
	switch {
	case canFlush && canHijack:
		return flusherHijacker{watch}, watch
	case canFlush:
		return flusher{watch}, watch
	case canHijack:
		return hijacker{watch}, watch
	}
	return plain{watch}, watch
}

// maxDepth bounds how many foreign wrappers are looked through.
const maxDepth = 16

func find(w http.ResponseWriter) *Writer {
	for range maxDepth {
		if watched, ok := w.(interface{ watcher() *Writer }); ok {
			return watched.watcher()
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
	return nil
}

// BeforeHeader adds a hook. Hooks run in the reverse order of their adding, the
// innermost layer's first, so that the outermost has the last word.
func (w *Writer) BeforeHeader(hook Hook) { w.hooks = append(w.hooks, hook) }

// Status returns the status of the response: 101 after a hijack, and 0 while
// nothing has been written. A handler that returned without writing anything
// has answered 200; see Final.
func (w *Writer) Status() int {
	if w.hijacked {
		return http.StatusSwitchingProtocols
	}
	return w.status
}

// Final returns the status that the client sees once the handler has returned,
// or has panicked, which net/http answers by closing the connection and which
// counts as 500 here unless a status had been sent.
func (w *Writer) Final(panicked bool) int {
	switch status := w.Status(); {
	case status != 0:
		return status
	case panicked:
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// Bytes returns how many bytes of the body have been written.
func (w *Writer) Bytes() int64 { return w.bytes }

// Started reports whether the header has been sent or the connection hijacked.
func (w *Writer) Started() bool { return w.status != 0 || w.hijacked }

// Hijacked reports whether a handler has taken the connection over.
func (w *Writer) Hijacked() bool { return w.hijacked }

func (w *Writer) watcher() *Writer { return w }

// begin settles the status and runs the hooks once.
func (w *Writer) begin(status int) {
	if w.Started() {
		return
	}
	w.status = status
	w.runHooks(status)
}

func (w *Writer) runHooks(status int) {
	if w.hooked {
		return
	}
	w.hooked = true
	for i := len(w.hooks) - 1; i >= 0; i-- {
		w.hooks[i].BeforeHeader(w.inner.Header(), status)
	}
}

// Finish runs the hooks for a handler that returned without writing anything,
// which net/http answers with 200. A layer that adds a hook calls it after next;
// more than once does no harm. It sends nothing.
func (w *Writer) Finish() {
	if !w.Started() {
		w.runHooks(http.StatusOK)
	}
}

// plain is the Writer as a ResponseWriter without optional methods but those
// that any writer can have. The types below add what the inner writer has.
type plain struct{ *Writer }

// Header returns the inner writer's header.
func (w *Writer) Header() http.Header { return w.inner.Header() }

// WriteHeader passes informational statuses through; the first other one is the
// response's. 101 is final, too: the protocol changes with it.
func (w *Writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.inner.WriteHeader(status)
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.inner.Write(p)
	w.bytes += int64(n)
	return n, err
}

// WriteString implements io.StringWriter.
func (w *Writer) WriteString(s string) (int, error) {
	w.begin(http.StatusOK)
	n, err := io.WriteString(w.inner, s)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the inner writer's way of copying, such as sendfile.
func (w *Writer) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	if to, ok := w.inner.(io.ReaderFrom); ok {
		n, err := to.ReadFrom(src)
		w.bytes += n
		return n, err
	}
	n, err := io.Copy(struct{ io.Writer }{w.inner}, src)
	w.bytes += n
	return n, err
}

// Unwrap returns the inner writer, for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.inner }

// flush sends what is buffered and the header with it.
func (w *Writer) flush() error {
	w.begin(http.StatusOK)
	return http.NewResponseController(w.inner).Flush()
}

// hijack hands the connection over.
func (w *Writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	taker, ok := w.inner.(http.Hijacker)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	conn, buffered, err := taker.Hijack()
	if err == nil {
		w.hijacked = true
	}
	return conn, buffered, err
}

type flusher struct{ *Writer }

func (f flusher) Flush()            { f.flush() }
func (f flusher) FlushError() error { return f.flush() }

type hijacker struct{ *Writer }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.hijack() }

type flusherHijacker struct{ *Writer }

func (b flusherHijacker) Flush()            { b.flush() }
func (b flusherHijacker) FlushError() error { return b.flush() }
func (b flusherHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return b.hijack()
}
