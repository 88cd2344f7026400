package response

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrHeld is what a Writer returns to a handler whose answer is kept back.
var ErrHeld = errors.New("the answer was not sent: the handler has to make a check before its first byte")

// A Hold keeps the answer of a handler back until it is opened. If the handler
// begins to answer before, or returns without an answer, then another answer is
// sent in place of it: the refusal of the same status that was noted, or what
// Refuse answers. Nothing that the handler has written or set in the header is
// sent then, and nothing that it writes afterwards.
type Hold struct {
	// Of is the request that is answered, and By is who holds the answer. Both
	// are for the layer that made the Hold.
	Of, By any
	// Around is the Hold in the context of the request, or nil.
	Around *Hold
	// Refuse answers the request. It writes to the ResponseWriter that the
	// handler has.
	Refuse func()

	opened atomic.Bool
	outer  *Hold       // of the same Writer
	before http.Header // before the handler
	after  http.Header // of the answer that was sent in place of the handler's

	mu    sync.Mutex
	noted map[int]func(http.ResponseWriter) // at most one for each status
}

type holdKey struct{}

// WithHold returns a context that has the Hold.
func WithHold(ctx context.Context, h *Hold) context.Context {
	return context.WithValue(ctx, holdKey{}, h)
}

// Held returns the nearest Hold of ctx, or nil.
func Held(ctx context.Context) *Hold {
	h, _ := ctx.Value(holdKey{}).(*Hold)
	return h
}

// Open lets the answer go. It may be called on any goroutine.
func (h *Hold) Open() { h.opened.Store(true) }

// Note keeps a refusal that the program has made with that status. The writer
// that it was made for may be a buffer, to which the handler adds. Therefore
// answer writes the refusal a second time. It may be called on any goroutine.
func (h *Hold) Note(status int, answer func(http.ResponseWriter)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noted == nil {
		h.noted = map[int]func(http.ResponseWriter){}
	}
	h.noted[status] = answer
}

// refusal returns the noted refusal of a status, or nil.
func (h *Hold) refusal(status int) func(http.ResponseWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.noted[status]
}

// HeldBack calls serve, whose answer h keeps back. A panic of serve goes on. An
// exception is [http.ErrAbortHandler] after another answer was sent in place of
// the handler's: it is for the handler's answer, of which nothing was sent, and
// net/http would cut off the other answer.
func (w *Writer) HeldBack(h *Hold, serve func()) {
	h.outer, h.before = w.hold, w.inner.Header().Clone()
	w.hold = h
	returned := false
	defer func() {
		w.letGo(h, returned)
		if h.after == nil {
			return
		}
		if cause := recover(); cause != nil && cause != http.ErrAbortHandler {
			panic(cause)
		}
	}()
	serve()
	returned = true
	if !w.Started() {
		w.keepsBack(http.StatusOK) // which net/http would send
	}
}

// letGo ends a Hold. The handler may have changed the header since the answer
// was sent, which a buffer or the trailer would show.
func (w *Writer) letGo(h *Hold, returned bool) {
	w.hold = h.outer
	switch {
	case h.after != nil:
		replace(w.inner.Header(), h.after)
	case !returned && !w.Started() && !h.opened.Load(): // the answer to the panic is somebody else's
		replace(w.inner.Header(), h.before)
	}
}

// keepsBack reports whether the handler must not answer with the status. It
// has then been answered in place of the handler.
func (w *Writer) keepsBack(status int) bool {
	if w.hold == nil && !w.sealed || w.lifted {
		return false
	}
	if w.sealed {
		return true
	}
	h := w.shut()
	if h == nil {
		return false
	}
	w.lifted = true
	defer func() { w.lifted, w.sealed = false, true }() // also if a Responder panics
	if w.Started() {
		h.Refuse() // reports it: more cannot be done
		return true
	}
	w.restoreFor(h)
	if answer := h.refusal(status); answer != nil {
		answer(w.form())
	} else {
		h.Refuse()
	}
	h.after = w.inner.Header().Clone()
	return true
}

// shut returns a Hold of the response that is not open, or nil.
func (w *Writer) shut() *Hold {
	for h := w.hold; h != nil; h = h.outer {
		if !h.opened.Load() {
			return h
		}
	}
	return nil
}

// closed reports whether a handler must not reach past the Writer.
func (w *Writer) closed() bool {
	return w.hold != nil && !w.lifted && (w.sealed || w.shut() != nil)
}

// restoreFor makes the header what it was before the handler. A limit inside
// the Hold has described the request, which belongs to every answer.
func (w *Writer) restoreFor(h *Hold) {
	header := w.inner.Header()
	for _, name := range lasting {
		if lines := header[name]; lines != nil {
			h.before[name] = slices.Clone(lines)
		}
	}
	replace(header, h.before)
}

// replace makes to what from is.
func replace(to, from http.Header) {
	clear(to)
	maps.Copy(to, from.Clone())
}
