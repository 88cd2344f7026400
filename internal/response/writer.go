// Package response holds the one ResponseWriter wrapper of the module. The
// first layer that needs the status or the header's last moment installs it;
// layers inside add their hooks to the same Writer.
package response

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A Writer watches a response, and ends it with the credential of its caller if
// it must, see EndAt. Its methods are for one goroutine at a time, as those of
// any ResponseWriter.
type Writer struct {
	inner    http.ResponseWriter
	hooks    []Hook
	room     [4]Hook
	status   int
	bytes    int64
	length   int64 // the Content-Length that was sent, or 0
	hijacked bool
	hooked   bool            // the hooks have run
	flushed  bool            // the header has left
	failed   bool            // some of the body could not be sent
	client   context.Context // ends with the client; nil where nobody has said so
	late     bool            // the client had gone when the answer began
	informed bool            // an informational response has been sent
	told     int32           // the status of a refusal that has been recorded
	early    http.Header     // what an informational response may have taken away
	expiry   expiry
	hold     *Hold // the innermost, or nil
	lifted   bool  // a Hold answers
	sealed   bool  // a Hold has answered, and nobody else does
}

// Of returns the Writer that watches w, and installs a Writer around w if w is
// not one. The first result is the ResponseWriter to pass on.
//
// Of does not look through foreign wrappers. A wrapper that buffers, such as a
// compressor, may hold the status back until after the layer inside needs it.
func Of(w http.ResponseWriter) (http.ResponseWriter, *Writer) {
	if watch := Around(w); watch != nil {
		return w, watch
	}
	watch := new(Writer)
	return watch.Install(w), watch
}

// Around returns the Writer that watches w, or nil. It is what [Of] would
// return without installing one.
func Around(w http.ResponseWriter) *Writer {
	if watched, ok := w.(interface{ watcher() *Writer }); ok {
		return watched.watcher()
	}
	return nil
}

// Install puts the zero Writer w around inner, which no Writer watches, and
// returns the ResponseWriter to pass on. A layer calls it instead of [Of] that
// has the Writer and its hook in one allocation.
func (w *Writer) Install(inner http.ResponseWriter) http.ResponseWriter {
	w.inner = inner
	w.hooks = w.room[:0]
	return w.form()
}

// maxDepth bounds how many foreign wrappers are looked through.
const maxDepth = 16

// unwrap returns what a foreign wrapper wraps, or nil.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if watch := Around(w); watch != nil { // a Hold hides it from handlers alone
		return watch.inner
	}
	if wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return wrapper.Unwrap()
	}
	return nil
}

// reaches reports whether w, or what it wraps, has the methods of T.
func reaches[T any](w http.ResponseWriter) bool {
	for depth := 0; w != nil && depth < maxDepth; depth++ {
		if _, ok := w.(T); ok {
			return true
		}
		w = unwrap(w)
	}
	return false
}

// Status returns the status of the response. It is 0 before anything has been
// written, and 101 after a hijack without a status. A handler that returned
// without writing anything has answered 200; see Final.
func (w *Writer) Status() int {
	if w.status == 0 && w.hijacked {
		return http.StatusSwitchingProtocols
	}
	return w.status
}

// Final returns the status of the response once the handler has returned or
// panicked. A panic is 500, and a response without a write is 200. A hijacked
// connection belongs to the handler, also after a panic. Records use
// [Writer.Ending], which knows what the client has seen.
func (w *Writer) Final(panicked bool) int {
	switch status := w.Status(); {
	case panicked && !w.hijacked:
		return http.StatusInternalServerError
	case status != 0:
		return status
	}
	return http.StatusOK
}

// Bytes returns how many bytes of the body have been written. For a HEAD
// request net/http accepts all of them and sends nothing.
func (w *Writer) Bytes() int64 { return w.bytes }

// Started reports whether the header has been written or the connection
// hijacked. While it is false the client has seen nothing but informational
// responses.
func (w *Writer) Started() bool { return w.status != 0 || w.hijacked }

// Tell notes that a refusal of that status has been recorded, by the layer that
// records refusals, which may stand around this response twice.
func (w *Writer) Tell(status int) { w.told = int32(status) }

// Told returns what Tell noted last, and 0 before.
func (w *Writer) Told() int { return int(w.told) }

// Hijacked reports whether a handler has taken the connection over.
func (w *Writer) Hijacked() bool { return w.hijacked }

func (w *Writer) watcher() *Writer { return w }

// begin settles the status and runs the hooks once.
func (w *Writer) begin(status int) {
	if w.Started() {
		return
	}
	w.status = status
	w.late = w.client != nil && status != http.StatusRequestTimeout && gone(w.client)
	w.runHooks(status)
	w.length = lengthIn(w.inner.Header())
}

func (w *Writer) runHooks(status int) {
	if w.hooked {
		return
	}
	w.hooked = true
	w.restore()
	for i := len(w.hooks) - 1; i >= 0; i-- {
		w.hooks[i].BeforeHeader(w.inner.Header(), status)
	}
}

// Finish runs the hooks for a handler that returned without writing anything,
// which net/http answers with 200. A layer that adds a hook calls it after
// next; more than once does no harm. It sends nothing.
func (w *Writer) Finish() {
	if !w.Started() {
		w.runHooks(http.StatusOK)
	}
}

// Header returns the inner writer's header.
func (w *Writer) Header() http.Header { return w.inner.Header() }

// WriteHeader passes informational statuses through. The first other status is
// the status of the response. 101 is also final, because the protocol changes
// with it. A number that is not a status is left to the inner writer, which
// panics.
func (w *Writer) WriteHeader(status int) {
	if status >= 100 && status <= 999 && w.keepsBack(status) {
		return
	}
	if status >= 200 && status <= 999 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	} else if status >= 100 && status <= 199 {
		if !w.informed {
			w.remember()
		}
		w.informed = true
		for i := len(w.hooks) - 1; i >= 0; i-- {
			if informer, ok := w.hooks[i].(Informer); ok {
				informer.BeforeInformation(w.inner.Header())
			}
		}
	}
	w.inner.WriteHeader(status)
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.keepsBack(http.StatusOK) {
		return 0, ErrHeld
	}
	if err := w.ended(); err != nil {
		return 0, err
	}
	w.begin(http.StatusOK)
	n, err := w.inner.Write(p)
	w.bytes += int64(n)
	w.noteUnsent(err)
	return n, err
}

// WriteString implements io.StringWriter.
func (w *Writer) WriteString(s string) (int, error) {
	if w.keepsBack(http.StatusOK) {
		return 0, ErrHeld
	}
	if err := w.ended(); err != nil {
		return 0, err
	}
	w.begin(http.StatusOK)
	n, err := io.WriteString(w.inner, s)
	w.bytes += int64(n)
	w.noteUnsent(err)
	return n, err
}

// noteUnsent remembers that the inner writer could not send some of the body.
// Bytes that the answer has no place for are not missing from it.
func (w *Writer) noteUnsent(err error) {
	if err != nil && err != http.ErrBodyNotAllowed && err != http.ErrContentLength {
		w.failed = true
	}
}

// sniffed is how much of a body net/http looks at for its Content-Type.
const sniffed = 512

// ReadFrom keeps the inner writer's way of copying, such as sendfile.
//
// A source that fails before its first byte has not begun the response: the
// handler may still answer with an error, and net/http sends that. So the first
// bytes go through Write, and the rest the inner writer's way.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.keepsBack(http.StatusOK) {
		return 0, ErrHeld
	}
	if err := w.ended(); err != nil {
		return 0, err
	}
	to, ok := w.inner.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	if !w.Started() {
		n, err = io.CopyN(struct{ io.Writer }{w}, src, sniffed)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	rest, err := to.ReadFrom(src)
	w.bytes += rest
	var at *net.OpError
	if errors.As(err, &at) && at.Op != "read" { // a source that fails has sent what it had
		w.noteUnsent(err)
	}
	return n + rest, err
}

// Unwrap returns the inner writer, for http.ResponseController. It returns nil
// while a Hold keeps the answer back, because a handler could write past it.
func (w *Writer) Unwrap() http.ResponseWriter {
	if w.closed() {
		return nil
	}
	return w.inner
}

// SetReadDeadline sets the deadline of the inner writer, also where Unwrap
// hides it: a body is read within its time before the check.
func (w *Writer) SetReadDeadline(deadline time.Time) error {
	return http.NewResponseController(w.inner).SetReadDeadline(deadline)
}

// EnableFullDuplex is for HTTP/1, as SetReadDeadline is for a body.
func (w *Writer) EnableFullDuplex() error {
	return http.NewResponseController(w.inner).EnableFullDuplex()
}

// FlushError sends what is buffered and the header with it, and returns what
// the inner writer says to that. Every form of the Writer has it:
// http.ResponseController would otherwise reach past it through Unwrap and send
// a header that no hook has seen.
func (w *Writer) FlushError() error {
	if w.keepsBack(http.StatusOK) {
		return ErrHeld
	}
	if !reaches[http.Flusher](w.inner) && !reaches[interface{ FlushError() error }](w.inner) {
		return fmt.Errorf("flush: %w", http.ErrNotSupported)
	}
	w.begin(http.StatusOK)
	if err := w.stream(); err != nil {
		return err
	}
	w.flushed = true
	err := http.NewResponseController(w.inner).Flush()
	w.noteUnsent(err)
	return err
}
