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
	cancel  func()        // ends the contexts of the requests in flight
	running atomic.Int64  // requests that the handler is at
}

// prepare makes a server tell its requests that it stops, and count them.
func prepare(server *http.Server) *stopping {
	stop := &stopping{begun: make(chan struct{})}
	stop.begin = sync.OnceFunc(func() { close(stop.begun) })
	server.RegisterOnShutdown(stop.begin) // where somebody else shuts it down

	over, cancel := context.WithCancel(context.Background())
	stop.cancel = cancel
	base := server.BaseContext
	server.BaseContext = func(ln net.Listener) context.Context {
		outer := context.Background()
		if base != nil {
			outer = base(ln)
		}
		ctx, end := context.WithCancelCause(context.WithValue(outer, stoppingKey{}, stop))
		context.AfterFunc(over, func() { end(ErrStopping) })
		return ctx
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
