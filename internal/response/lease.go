package response

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// A lease is a hijacked connection that is closed at its time, or by a keeper.
// It has a timer and its seats until it is closed.
type lease struct {
	net.Conn // nil until the connection has been taken over
	until    time.Time
	scope    Canceler // that the end of the time cancels
	timer    *time.Timer

	mu    sync.Mutex
	seats []*seat
	cause error // of the end; nil before
}

// hijack hands the connection over, for as long as it may be kept.
func (w *Writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.keepsBack(http.StatusSwitchingProtocols) {
		return nil, nil, ErrHeld
	}
	l, err := w.leasable()
	if err != nil {
		return nil, nil, err
	}
	conn, buffered, err := http.NewResponseController(w.inner).Hijack()
	if err != nil {
		l.quit(err)
		return conn, buffered, err
	}
	w.takenOver()
	buffered = w.upgraded(conn, buffered)
	if l == nil {
		return conn, buffered, nil
	}
	if err := l.begin(conn); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	if _, ok := conn.(halfCloser); ok {
		return halfLease{l}, buffered, nil
	}
	return l, buffered, nil
}

// leasable returns the lease of a connection that is about to be taken over, or
// nil if nothing ends it. A refusal leaves the response to the handler, which
// may still answer.
func (w *Writer) leasable() (*lease, error) {
	now, err := w.hijackable()
	if err != nil {
		return nil, err
	}
	l := &lease{until: now.at, scope: now.scope}
	for t := &now; t != nil; t = t.outer {
		if t.keeper == nil {
			continue
		}
		s := &seat{scope: t.own, on: l}
		if s.stay, err = t.keeper.Enter(t.own, s); err != nil {
			l.quit(err)
			return nil, err
		}
		if err := l.seat(s); err != nil {
			s.leave()
			return nil, err
		}
	}
	if l.until.IsZero() && len(l.seats) == 0 {
		return nil, nil
	}
	return l, nil
}

// seat adds a seat. It returns the cause if a keeper has ended the lease
// already: then nobody else tells the keeper of s.
func (l *lease) seat(s *seat) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return l.cause
	}
	l.seats = append(l.seats, s)
	return nil
}

// hijackable returns the term of a connection that is about to be taken over.
func (w *Writer) hijackable() (term, error) {
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over.Load() {
		return term{}, e.cause
	}
	if e.term.passed() {
		e.term.scope.Cancel(ErrExpired)
		return term{}, ErrExpired
	}
	return e.term, nil
}

// takenOver notes that the connection is the handler's. The lease has seats of
// its own.
func (w *Writer) takenOver() {
	var left []*seat
	defer func() {
		for _, s := range left {
			s.leave()
		}
	}()
	e := &w.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	w.hijacked = true
	for t := &e.term; t != nil; t = t.outer {
		if t.seat != nil {
			left = append(left, t.seat.vacated())
			t.seat = nil
		}
	}
	w.settle()
}

// begin gives the lease its connection. It returns the cause if a keeper has
// ended the lease already.
func (l *lease) begin(conn net.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return l.cause
	}
	l.Conn = conn
	if !l.until.IsZero() {
		l.timer = time.AfterFunc(time.Until(l.until), l.expire)
	}
	return nil
}

// quit ends the lease: nobody ends its connection from then on. It reports
// false if that had happened before.
func (l *lease) quit(cause error) bool {
	if l == nil {
		return false
	}
	seats, first := l.stop(cause)
	for _, s := range seats {
		s.leave()
	}
	return first
}

// stop takes the seats away and notes the cause.
func (l *lease) stop(cause error) (seats []*seat, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return nil, false
	}
	l.cause = cause
	if l.timer != nil {
		l.timer.Stop()
	}
	seats, l.seats = l.seats, nil
	return seats, true
}

// NetConn returns the connection itself, like NetConn of tls.Conn. If a handler
// closes the connection itself, the timer runs out and the seats remain.
func (l *lease) NetConn() net.Conn { return l.Conn }

// Close closes the connection, stops the timer and leaves the seats.
func (l *lease) Close() error {
	l.quit(net.ErrClosed)
	return l.Conn.Close()
}

func (l *lease) expire() { l.end(l.scope, ErrExpired) }

func (l *lease) endSeat(s *seat, cause error) { l.end(s.scope, cause) }

// end closes the connection, unless the handler has.
func (l *lease) end(scope Canceler, cause error) {
	// The connection may be anybody's, and no server stands around this
	// goroutine.
	defer func() { _ = recover() }()
	if !l.quit(cause) {
		return
	}
	scope.Cancel(cause) // first, so that who reads the end can tell why
	if l.Conn != nil {
		_ = l.Conn.Close()
	}
}

// halfCloser is what TCP and TLS connections can do, and proxies ask for.
type halfCloser interface{ CloseWrite() error }

type halfLease struct{ *lease }

// CloseWrite closes the connection for writing; it is still closed at its time.
func (l halfLease) CloseWrite() error { return l.Conn.(halfCloser).CloseWrite() }
