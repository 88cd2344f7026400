package bulwark

import "context"

// ending is a context inside the request's own that Cancel ends.
type ending struct {
	context.Context
	cancel context.CancelCauseFunc
}

// over is the ending of a scope that was cancelled without a cause while nobody
// waited for it, and costs nothing.
var over = &ending{}

// closed is the Done of a scope that is over.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// mortal reports whether the scope ends on its own: the scope of a request,
// which ends with its context, and a scope of [Identify], whose layer cancels
// it. Nobody calls Cancel for another scope (of a sub-request, or of another
// Header). It would stay with the request around it until that request ends.
func (s *Scope) mortal() bool {
	return s.principal != nil || s.outer == nil && s.shared.outer == nil
}

// ending returns the ending of the scope, which is made on first use: nobody
// waits for most requests. It stays with the request's own context until that
// context ends.
func (s *Scope) ending() *ending {
	if e := s.end.Load(); e != nil {
		return e
	}
	ctx, cancel := context.WithCancelCause(s.Context)
	if made := (&ending{ctx, cancel}); s.end.CompareAndSwap(nil, made) {
		return made
	}
	cancel(nil) // another goroutine was faster
	return s.end.Load()
}

// Cancel ends the context s and all contexts that are derived from s. The
// request around s goes on. [context.Cause] of s then returns cause, or
// [context.Canceled] if cause is nil. The first call counts.
//
// Call Cancel on the Scope of a request, or on a Scope of [Identify]. A layer
// that calls Identify calls Cancel(nil) when its handler returns, like a server
// does with the context of a request. Everything that waits for the Scope is
// then released. The call costs nothing if nothing waits.
//
// The Scope that [Enter] made for a sub-request is different. A goroutine that
// began to wait before Cancel waits until the request around the sub-request
// ends.
func (s *Scope) Cancel(cause error) {
	if cause == nil && s.end.CompareAndSwap(nil, over) {
		return
	}
	if e := s.ending(); e != over {
		e.cancel(cause)
	}
}

// Done implements [context.Context]. The channel is closed when the request
// ends.
func (s *Scope) Done() <-chan struct{} {
	if s.end.Load() == nil && !s.mortal() {
		return s.Context.Done()
	}
	e := s.ending()
	if e == over {
		return closed
	}
	return e.Done()
}

// Err implements [context.Context]. It returns nil until the request ends.
func (s *Scope) Err() error {
	if s.end.Load() == over {
		return context.Canceled
	}
	return s.nearest().Err()
}

// nearest returns the context that Done belongs to. Package context recognizes
// it by its value, so a context derived from s needs no goroutine.
func (s *Scope) nearest() context.Context {
	if e := s.end.Load(); e != nil && e != over {
		return e
	}
	return s.Context
}
