package response

import (
	"errors"
	"net"
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

type canceler interface{ Cancel(cause error) }

// A term is the time until which one caller may be served.
type term struct {
	at      time.Time // zero is for ever
	scope   canceler  // nil where there is no term
	flushed bool      // the response has become a stream in it
	outer   *term     // of a handler around, which does not end earlier
}

func (t *term) passed() bool { return !t.at.IsZero() && time.Until(t.at) <= 0 }

// An expiry ends the stream of a Writer. The timer has a goroutine of its own,
// which may be late: until when is decided under the lock alone.
type expiry struct {
	mu    sync.Mutex
	term  term // the innermost
	timer *time.Timer
	over  atomic.Bool // and the response stays so
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
func (w *Writer) EndAt(at time.Time, scope canceler) {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	within := term{at: at, scope: scope}
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
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	if outer := e.term.outer; outer != nil {
		e.term = *outer
	} else {
		e.term = term{}
	}
	w.settle()
}

// stream is called before each flush.
func (w *Writer) stream() error {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.term.flushed {
		for t := &e.term; t != nil; t = t.outer {
			t.flushed = true
		}
		w.settle()
	}
	if e.over.Load() {
		return ErrExpired
	}
	return nil
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
		e.over.Store(true) // first, or the handler goes on with what it awaited
		t.scope.Cancel(ErrExpired)
		_ = http.NewResponseController(w.inner).SetWriteDeadline(past)
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
		return ErrExpired
	}
	return http.NewResponseController(w.inner).SetWriteDeadline(deadline)
}

// expired reports whether the response is over, and waits for what ends it.
func (w *Writer) expired() bool {
	if !w.expiry.over.Load() {
		return false
	}
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	return true
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

// hijackable returns the term of a connection that is about to be taken over. A
// refusal leaves the response to the handler, which may still answer.
func (w *Writer) hijackable() (term, error) {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over.Load() {
		return term{}, ErrExpired
	}
	if e.term.passed() {
		e.term.scope.Cancel(ErrExpired)
		return term{}, ErrExpired
	}
	return e.term, nil
}

// takenOver notes that the connection is the handler's.
func (w *Writer) takenOver() {
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	w.hijacked = true
	w.settle()
}

// A lease is a hijacked connection that is closed at its time, and has a timer
// until it is closed.
type lease struct {
	net.Conn
	scope canceler
	timer *time.Timer
}

// leased returns c so that it ends with the term.
func leased(c net.Conn, t term) net.Conn {
	if t.at.IsZero() {
		return c
	}
	l := &lease{Conn: c, scope: t.scope}
	l.timer = time.AfterFunc(time.Until(t.at), l.expire)
	if _, ok := c.(halfCloser); ok {
		return halfLease{l}
	}
	return l
}

// NetConn returns the connection itself, like NetConn of tls.Conn. If a handler
// closes the connection itself, the timer runs out.
func (l *lease) NetConn() net.Conn { return l.Conn }

// Close closes the connection and stops the timer.
func (l *lease) Close() error {
	l.timer.Stop()
	return l.Conn.Close()
}

func (l *lease) expire() {
	// The connection may be anybody's, and no server stands around this
	// goroutine.
	defer func() { _ = recover() }()
	l.scope.Cancel(ErrExpired) // first, so that who reads the end can tell why
	_ = l.Conn.Close()
}

// halfCloser is what TCP and TLS connections can do, and proxies ask for.
type halfCloser interface{ CloseWrite() error }

type halfLease struct{ *lease }

// CloseWrite closes the connection for writing; it is still closed at its time.
func (l halfLease) CloseWrite() error { return l.Conn.(halfCloser).CloseWrite() }
