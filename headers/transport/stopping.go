package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// ErrStopping is the cause, by [context.Cause], with which the context of a
// request ends because the server stops.
var ErrStopping = errors.New("transport: the server stops")

// Stopping returns a channel that is closed when the server of a request begins
// to stop. It is for handlers that would go on for as long as the client stays:
// server-sent events, a WebSocket, a long poll. Such a handler says goodbye and
// returns, within [Grace].Drain:
//
//	select {
//	case e := <-events:
//		…
//	case <-transport.Stopping(r.Context()):
//		return
//	case <-r.Context().Done():
//		return
//	}
//
// A handler that waits for nothing but the end of its context is told by
// Grace.CancelAfter. Stopping returns nil, which blocks for ever, for a context
// that is not of a request that [Serve] serves.
func Stopping(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stoppingKey{}).(*stopping)
	if stop == nil {
		return nil
	}
	return stop.begun
}

type stoppingKey struct{}

// stopping is what a server and its requests share.
type stopping struct {
	begin   func()        // the first call closes begun
	begun   chan struct{} // closed when the stop begins
	running atomic.Int64  // requests that the handler is at

	mu        sync.Mutex
	cancelled bool
	ends      []context.CancelCauseFunc // of the base contexts of the listeners
}

// cancel ends the contexts of the requests in flight. They have ended when it
// returns: the server closes its connections next, and would end them for a
// reason that looks as if the clients had left.
func (s *stopping) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled = true
	for _, end := range s.ends {
		end(ErrStopping)
	}
	s.ends = nil
}

// base returns the base context of a listener.
func (s *stopping) base(outer context.Context) context.Context {
	ctx, end := context.WithCancelCause(context.WithValue(outer, stoppingKey{}, s))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancelled {
		end(ErrStopping)
	}
	s.ends = append(s.ends, end)
	return ctx
}

// prepare makes a server tell its requests that it stops, and count them.
func prepare(server *http.Server) *stopping {
	stop := &stopping{begun: make(chan struct{})}
	stop.begin = sync.OnceFunc(func() { close(stop.begun) })
	server.RegisterOnShutdown(stop.begin) // where somebody else shuts it down

	base := server.BaseContext
	server.BaseContext = func(ln net.Listener) context.Context {
		outer := context.Background()
		if base != nil {
			outer = base(ln)
		}
		return stop.base(outer)
	}

	next := server.Handler
	if next == nil {
		next = http.DefaultServeMux
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop.running.Add(1)
		defer stop.running.Add(-1)
		next.ServeHTTP(w, r)
	})
	return stop
}
