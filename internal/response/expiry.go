package response

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrExpired is the cause with which EndAt cancels, and what a Writer returns
// from then on.
var ErrExpired = errors.New("the caller's credential has expired")

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// A Canceler is the scope of a request.
type Canceler interface{ Cancel(cause error) }

// A term is the time until which one caller may be served.
type term struct {
	at      time.Time // zero is for ever
	scope   Canceler  // that the end of the time cancels; nil where there is no term
	own     Canceler  // of the caller
	keeper  Keeper    // nil: only the time ends the stream
	seat    *seat     // with the keeper; nil before the first flush
	flushed bool      // the response has become a stream in it
	outer   *term     // of a handler around, which does not end earlier
}

func (t *term) passed() bool { return !t.at.IsZero() && time.Until(t.at) <= 0 }

// An expiry ends the stream of a Writer. The timer and the keeper have
// goroutines of their own, which may be late: until when is decided under the
// lock alone. Only the goroutine of the handler changes the terms.
type expiry struct {
	mu    sync.Mutex
	term  term // the innermost
	timer *time.Timer
	over  atomic.Bool // and the response stays so
	cause error       // of the end; set before over
}

// EndAt sets the time at which the credential of the caller expires. A response
// that the handler flushes, or a connection that it hijacks, must end then.
// Zero is never. Before the first flush there is nothing to end, and an answer
// without a flush is not cut short, however late it comes.
//
// At that time:
//
//   - The scope is cancelled. Later writes to the Writer are refused with
//     [ErrExpired].
//   - A write that is under way ends if the inner writer has deadlines. HTTP/1
//     cuts the answer off, and HTTP/2 resets the stream. Behind a wrapper
//     without Unwrap there are no deadlines, and the answer ends as if it were
//     whole.
//   - A first flush after that time sends nothing.
//   - A hijacked connection is closed, also if the handler still runs. Hijack
//     refuses if the time is over.
//
// Release takes EndAt back. A handler may send sub-requests with its own
// Writer, so that EndAt is called within another EndAt. The earlier time then
// holds for what is flushed within, and cancels the scope that it came with.
// After Release the outer time holds again. A response that is over stays over.
func (w *Writer) EndAt(at time.Time, scope Canceler) {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	within := term{at: at, scope: scope, own: scope}
	if e.term.scope != nil {
		outer := e.term
		within.outer = &outer
		if !outer.at.IsZero() && (at.IsZero() || outer.at.Before(at)) {
			within.at, within.scope = outer.at, outer.scope
		}
	}
	e.term = within
}

// Release is for the return of the handler that EndAt was called for, panic or
// not. The inner writer is left alone afterwards: its connection serves other
// requests then. One that has been hijacked still ends at its time.
func (w *Writer) Release() {
	left := w.release()
	left.leave()
}

// release takes the innermost term back and returns its seat.
func (w *Writer) release() (left *seat) {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	left = e.term.seat.vacated()
	if outer := e.term.outer; outer != nil {
		e.term = *outer
	} else {
		e.term = term{}
	}
	w.settle()
	return left
}

// stream is called before each flush.
func (w *Writer) stream() error {
	e := &w.expiry
	if e.term.flushed {
		return w.ended()
	}
	scope, err := w.seated()
	e.mu.Lock()
	defer e.mu.Unlock()
	for t := &e.term; t != nil; t = t.outer {
		t.flushed = true
	}
	if err != nil {
		w.end(scope, err)
	}
	w.settle()
	if e.over.Load() {
		return e.cause
	}
	return nil
}

// end ends the response. The lock is held.
func (w *Writer) end(scope Canceler, cause error) {
	e := &w.expiry
	if e.over.Load() {
		return
	}
	e.cause = cause
	e.over.Store(true) // first, or the handler goes on with what it awaited
	scope.Cancel(cause)
	_ = http.NewResponseController(w.inner).SetWriteDeadline(past)
}

// settle ends the stream or sets the timer to when that is due. The lock is
// held.
func (w *Writer) settle() {
	e := &w.expiry
	t := &e.term
	for t.outer != nil && !t.flushed { // what is not flushed is not cut short
		t = t.outer
	}
	switch {
	case !t.flushed, t.at.IsZero(), w.hijacked, e.over.Load():
		if e.timer != nil {
			e.timer.Stop()
		}
	case t.passed():
		w.end(t.scope, ErrExpired)
	case e.timer == nil:
		e.timer = time.AfterFunc(time.Until(t.at), w.expire)
	default:
		e.timer.Reset(time.Until(t.at))
	}
}

// SetWriteDeadline sets the deadline of the inner writer. A response that is
// over keeps its past deadline, so that a handler cannot go on by moving it.
func (w *Writer) SetWriteDeadline(deadline time.Time) error {
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	if w.expiry.over.Load() {
		return w.expiry.cause
	}
	return http.NewResponseController(w.inner).SetWriteDeadline(deadline)
}

// ended returns why the response is over, and waits for what ends it. It
// returns nil for a response that is not over.
func (w *Writer) ended() error {
	if !w.expiry.over.Load() {
		return nil
	}
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	return w.expiry.cause
}

// expire is called by the timer.
func (w *Writer) expire() {
	// The inner writer may be anybody's, and no server stands around this
	// goroutine.
	defer func() { _ = recover() }()
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	w.settle()
}
