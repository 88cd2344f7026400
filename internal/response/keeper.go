package response

import "errors"

// The causes with which a Keeper ends streams.
var (
	// ErrRevoked is for a credential that is no longer good.
	ErrRevoked = errors.New("the caller's credential has been revoked")
	// ErrUnchecked is for a credential that nobody could check for too long.
	ErrUnchecked = errors.New("the caller's credential could not be checked for too long")
)

// Ends reports whether cause ends streams with the credential of the caller.
func Ends(cause error) bool {
	return cause == ErrExpired || cause == ErrRevoked || cause == ErrUnchecked
}

// A Keeper is told of the streams of a caller whose credential may end before
// it expires. Its methods are called from many goroutines at once.
type Keeper interface {
	// Enter is called before the answer in this scope becomes a stream: before
	// the first flush, and before a connection is hijacked. The Keeper may end
	// the stream until it is told to leave. An error refuses the stream.
	Enter(scope Canceler, s Stream) (Stay, error)
}

// A Stay is one stream with its Keeper. Leave is called once.
type Stay interface{ Leave() }

// A Stream is an answer that a Keeper can end, as its expiry does. End may be
// called at any time, also during Enter and after Leave.
type Stream interface{ End(cause error) }

// KeepBy names the keeper of the caller that EndAt was called for last. Release
// takes it back.
func (w *Writer) KeepBy(k Keeper) {
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	w.expiry.term.keeper = k
}

// A seat is the place of one term with its keeper.
type seat struct {
	scope Canceler
	on    interface {
		endSeat(s *seat, cause error)
	}
	stay Stay
	gone bool // has left, and must not end what comes after it
}

// End ends the stream.
func (s *seat) End(cause error) { s.on.endSeat(s, cause) }

// vacated returns s, which ends nothing from now on. The lock of what it is on
// is held.
func (s *seat) vacated() *seat {
	if s != nil {
		s.gone = true
	}
	return s
}

// leave tells the keeper. No lock is held, because a keeper has its own.
func (s *seat) leave() {
	if s != nil {
		s.stay.Leave()
	}
}

// seated takes a seat for each term that has a keeper and no seat. It returns
// the refusal of a keeper, and the scope of that term. The lock is not held: a
// keeper may take its time.
func (w *Writer) seated() (scope Canceler, err error) {
	e := &w.expiry
	for t := &e.term; t != nil; t = t.outer {
		if t.keeper == nil || t.seat != nil {
			continue
		}
		s := &seat{scope: t.own, on: w}
		if s.stay, err = t.keeper.Enter(t.own, s); err != nil {
			return t.own, err
		}
		t.seat = s
	}
	return nil, nil
}

// endSeat ends the response, unless the seat has left.
func (w *Writer) endSeat(s *seat, cause error) {
	// The inner writer may be anybody's, and no server stands around this
	// goroutine.
	defer func() { _ = recover() }()
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	if !s.gone {
		w.end(s.scope, cause)
	}
}
