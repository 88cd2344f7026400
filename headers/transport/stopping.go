package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// ErrStopping is what [context.Cause] returns for the context of a request that
// has ended because the server stops.
var ErrStopping = errors.New("transport: the server stops")

// Stopping returns a channel that is closed when the server of a request begins
// to stop. It is for handlers that go on as long as the client stays:
// server-sent events, a WebSocket, a long poll. Such a handler ends its stream
// and returns, within [Grace].Drain:
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
// For a handler that waits only for the end of its context, set
// Grace.CancelAfter. For a context that does not belong to a request of
// [Serve], Stopping returns nil, a channel that blocks for ever.
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

// cancel ends the contexts of the requests in flight, before it returns. The
// server closes its connections next: contexts that ended only then would look
// as if the clients had left.
func (s *stopping) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled = true
	for _, end := range s.ends {
		end(ErrStopping)
	}
	s.ends = nil
}

// hasBegun reports whether the stop has begun.
func (s *stopping) hasBegun() bool {
	select {
	case <-s.begun:
		return true
	default:
		return false
	}
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

// prepare makes a server inform its requests when it stops, and count them.
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
	server.Handler = &counting{stop, next}
	return stop
}

// counting counts the requests that a handler is at. It also tells a server
// that has been served.
type counting struct {
	stop *stopping
	next http.Handler
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.stop.running.Add(1)
	defer c.stop.running.Add(-1)
	c.next.ServeHTTP(w, r)
}
