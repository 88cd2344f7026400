package bulwark

import "context"

// ending is a context inside the request's own that Cancel ends.
type ending struct {
	context.Context
	cancel context.CancelCauseFunc
}

// ending is made on first use: nobody waits for most requests. It stays with the
// request's own context until that ends.
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

// Cancel ends the context of the request, and all that are derived from it, even
// by the layers outside. [context.Cause] is cause then, or [context.Canceled]
// where that is nil; the first one counts. A sub-request that is cancelled does
// not end the request around it. After the end of the request it does nothing.
func (s *Scope) Cancel(cause error) { s.ending().cancel(cause) }

// Release ends the context of a sub-request whose handler has returned, as a server
// does with that of a request: what waits for it is set free, and the request around
// keeps nothing of it. It is for layers that have settled a caller with [Identify]
// and got another scope from it. A context that nobody waits for costs nothing.
func (s *Scope) Release() {
	if e := s.end.Load(); e != nil {
		e.cancel(nil)
	}
}

// Done is closed when the request ends. See [context.Context].
func (s *Scope) Done() <-chan struct{} { return s.ending().Done() }

// Err returns nil until the request ends. See [context.Context].
func (s *Scope) Err() error { return s.nearest().Err() }

// nearest returns the context that Done belongs to. Package context recognizes
// it by its value, and needs no goroutine for a context derived from s then.
func (s *Scope) nearest() context.Context {
	if e := s.end.Load(); e != nil {
		return e
	}
	return s.Context
}
