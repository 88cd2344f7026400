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

// closed is the Done of whatever is over.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// mortal reports whether the scope ends apart from the context that it was made
// in: the scope of a request, which ends with that, and one of [Identify],
// whose layer cancels it. Any other scope (of a sub-request, or of another
// Header) would stay with the request around until that ends, because nobody
// says when it is over.
func (s *Scope) mortal() bool {
	return s.principal != nil || s.outer == nil && s.shared.outer == nil
}

// ending is made on first use: nobody waits for most requests. It stays with
// the request's own context until that ends.
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

// Cancel ends this context and all that are derived from it: what is inside the
// layer that has the scope. [context.Cause] is cause then, or
// [context.Canceled] where cause is nil. The first cause counts. What is
// around, and the request that a sub-request belongs to, goes on.
//
// It is for the scope of a request and for those of [Identify]. A scope that
// [Enter] made for a sub-request ends in this way only for those who begin to
// wait afterwards: whoever waits already waits for the request around.
//
// A layer that got the scope from [Identify] cancels it without a cause when
// its handler returns, as a server does with the context of a request: what
// waits for it is set free, and the request around keeps nothing of it. Where
// nobody waits that costs nothing.
func (s *Scope) Cancel(cause error) {
	if cause == nil && s.end.CompareAndSwap(nil, over) {
		return
	}
	if e := s.ending(); e != over {
		e.cancel(cause)
	}
}

// Done is closed when the request ends. See [context.Context].
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

// Err returns nil until the request ends. See [context.Context].
func (s *Scope) Err() error {
	if s.end.Load() == over {
		return context.Canceled
	}
	return s.nearest().Err()
}

// nearest returns the context that Done belongs to. Package context recognizes
// it by its value, and needs no goroutine for a context derived from s then.
func (s *Scope) nearest() context.Context {
	if e := s.end.Load(); e != nil && e != over {
		return e
	}
	return s.Context
}
