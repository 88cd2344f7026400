package response

import (
	"bufio"
	"io"
	"net/http"
	"reflect"
)

// A Hook is called just before the header of the final response is written, and
// may still change it. It is called at most once, not for informational
// responses, and not when the connection is hijacked.
type Hook interface {
	BeforeHeader(h http.Header, status int)
}

// An Informer is a Hook that is also called before each informational response,
// such as 103 Early Hints.
type Informer interface {
	Hook
	BeforeInformation(h http.Header)
}

// An Upgrader is a Hook that also sees the answer that a handler writes to a
// hijacked connection itself. It wraps the connection under the buffer of the
// handler. A handler that writes to the connection past the buffer is not seen.
type Upgrader interface {
	Hook
	BeforeUpgrade(conn io.Writer) io.Writer
}

// HookFunc makes a Hook of a function.
type HookFunc func(h http.Header, status int)

// BeforeHeader calls f.
func (f HookFunc) BeforeHeader(h http.Header, status int) { f(h, status) }

// BeforeHeader adds a hook. Hooks run in the reverse order of their adding, the
// innermost layer's first, so that the outermost has the last word.
func (w *Writer) BeforeHeader(hook Hook) { w.hooks = append(w.hooks, hook) }

// Hooked returns the hook of type T that was added last to w, and false if
// there is no such hook. w may be nil. A layer uses it to find the hook of a
// layer of the same kind around the same response.
func Hooked[T Hook](w *Writer) (hook T, ok bool) {
	if w == nil {
		return hook, false
	}
	for i := len(w.hooks) - 1; i >= 0; i-- {
		if hook, ok := w.hooks[i].(T); ok {
			return hook, true
		}
	}
	return hook, false
}

// Outer returns the hook of type T that was added last to the response of w,
// and false if there is no such hook. It looks through foreign wrappers, so a
// layer finds the hook of a layer of the same kind outside a compressor. A
// wrapper with a header of its own is another response.
func Outer[T Hook](w http.ResponseWriter) (hook T, ok bool) {
	for at, depth := w, 0; at != nil && depth < maxDepth; depth++ {
		watch := Around(at)
		if hook, ok = Hooked[T](watch); ok {
			return hook, at == w || watch.Sends(w.Header())
		}
		at = unwrap(at)
	}
	return hook, false
}

// Sends reports whether h is the very header that w sends.
func (w *Writer) Sends(h http.Header) bool {
	return reflect.ValueOf(w.Header()).Pointer() == reflect.ValueOf(h).Pointer()
}

// Informed reports whether an informational response has been sent, such as 103
// Early Hints. httputil.ReverseProxy empties the header afterwards.
func (w *Writer) Informed() bool { return w.informed }

// lasting are the headers that a layer sets before its handler runs, without a
// hook. They describe the request and belong to every answer.
var lasting = [...]string{"Ratelimit", "Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}

// remember keeps what an informational response may take away, see Informed.
func (w *Writer) remember() {
	h := w.inner.Header()
	for _, name := range lasting {
		if lines := h[name]; len(lines) > 0 {
			if w.early == nil {
				w.early = http.Header{}
			}
			w.early[name] = lines
		}
	}
}

// restore puts back the headers that the handler has removed and not replaced.
func (w *Writer) restore() {
	for name, lines := range w.early {
		if h := w.inner.Header(); h[name] == nil {
			h[name] = lines
		}
	}
}

// upgraded returns the buffer of a hijacked connection whose header has not
// been written, with the writers of the hooks under it.
func (w *Writer) upgraded(conn io.Writer, buffered *bufio.ReadWriter) *bufio.ReadWriter {
	if w.hooked || buffered == nil {
		return buffered
	}
	to, wrapped := conn, false // a connection may not be comparable
	for i := len(w.hooks) - 1; i >= 0; i-- {
		if u, ok := w.hooks[i].(Upgrader); ok {
			to, wrapped = u.BeforeUpgrade(to), true
		}
	}
	if !wrapped {
		return buffered
	}
	return bufio.NewReadWriter(buffered.Reader, bufio.NewWriter(to))
}
