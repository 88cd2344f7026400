package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// ErrCutOff is what an error of Serve is, by [errors.Is], if nothing went wrong
// but that requests were still running when the time to drain had passed. They
// were cut off. All else was done in order: a program may log the error as a
// warning and exit 0.
var ErrCutOff = errors.New("transport: requests were cut off")

// logFinish bounds the time for what the ErrorLog holds.
const logFinish = time.Second

// Grace says how long stopping may take. The zero value is right for a process
// that is killed ten seconds after it was asked to stop.
type Grace struct {
	// Drain bounds the time for requests in flight. What is still running then
	// is cut off. A hijacked connection is not: the server does not know it any
	// more, and it lives until its handler or the process ends. Browsers open
	// connections ahead of need. A connection on which nothing was ever sent
	// takes up to 6 seconds to be recognised as idle. Default: 6 seconds.
	Drain time.Duration
	// Close bounds the time for what is shut down afterwards: the router and
	// the chain, all together. Default: 1 second.
	Close time.Duration
}

// Serve is [Grace.Serve] with the default times: it returns at the latest 8
// seconds after ctx has ended. One of them is for an [log/slog.Handler] that
// hangs.
func Serve(ctx context.Context, ln net.Listener, server *http.Server, stacks ...bulwark.Shutdowner) error {
	return Grace{}.Serve(ctx, ln, server, stacks...)
}

// Serve serves on ln until ctx ends, with TLS where server.TLSConfig is set.
// Then it stops in this order:
//
//   - it takes no further connection;
//   - it lets the requests in flight finish, and closes the other connections;
//   - it writes what the ErrorLog of [Server] still holds, for which it waits a
//     second at most;
//   - it shuts the stacks down, last, because requests still report to them.
//
// The stacks are shut down in the given order. List the router first, such as
// an authz.Mux, and the [bulwark.Stack] around it last, so that what is inside
// closes first and the audit log, outside, records it. Each gets half of the
// time that is left of Close, and the last gets all of it. A nil stack is left
// out. A stack that panics is an error, and the others are shut down all the
// same.
//
// A handler that has hijacked its connection, as one of WebSockets does, counts
// as a request in flight until it returns. Nobody tells it that the server
// stops: let it know through [http.Server.RegisterOnShutdown], so that it ends
// within Drain. What goes on in a goroutine of its own after the handler
// returned is not waited for.
//
// It returns nil after an orderly stop, [ErrCutOff] where requests had to be
// cut off and nothing else failed, and another error where the listener failed
// or a stack could not be shut down. The stacks are shut down in every case,
// and ln is closed. The server cannot be used again.
func (g Grace) Serve(ctx context.Context, ln net.Listener, server *http.Server, stacks ...bulwark.Shutdowner) error {
	err := g.serve(ctx, ln, server)
	if server.ErrorLog != nil {
		if lines, ok := server.ErrorLog.Writer().(*errorLog); ok {
			lines.finish(logFinish) // before the stacks: the records may go through them
		}
	}
	// Not derived from ctx, which has ended.
	closing, cancel := context.WithTimeout(context.Background(), orDefault(g.Close, time.Second))
	defer cancel()
	closeErr := shutdown.All(closing, stacks...)
	if closeErr == nil {
		return err
	}
	closeErr = fmt.Errorf("transport: shutting down: %w", closeErr)
	if errors.Is(err, ErrCutOff) { // is told, and must not hide what weighs more
		return fmt.Errorf("%v\n%w", err, closeErr)
	}
	return errors.Join(err, closeErr)
}

func (g Grace) serve(ctx context.Context, ln net.Listener, server *http.Server) error {
	if fault := certificateFault(server); fault != nil {
		ln.Close()
		return fault
	}
	running := countRequests(server)
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(ln, "", "")
			return
		}
		failed <- server.Serve(ln)
	}()
	select {
	case err := <-failed:
		if !errors.Is(err, http.ErrServerClosed) {
			ln.Close() // ServeTLS leaves it open where it fails early
			server.Close()
			return fmt.Errorf("transport: serving on %s: %w", ln.Addr(), err)
		}
		// Somebody else called Shutdown, which goes on while Serve returns.
		return g.drain(server, running)
	case <-ctx.Done():
	}
	err := g.drain(server, running)
	<-failed // now the listener is closed
	return err
}

// drain waits for the requests in flight. A connection that never sent a whole
// request header is not waited for, and cutting it off is not an error.
func (g Grace) drain(server *http.Server, running *atomic.Int64) error {
	limit := orDefault(g.Drain, 6*time.Second)
	draining, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := server.Shutdown(draining)
	// Shutdown leaves hijacked connections alone; their handlers report to the
	// stack, too, and nothing tells when the last of them returns.
	for err == nil && running.Load() > 0 {
		select {
		case <-draining.Done():
			err = draining.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err == nil {
		return nil
	}
	cut := running.Load()
	server.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		if cut == 0 {
			return nil
		}
		return fmt.Errorf("%w: %d requests were still running after %s", ErrCutOff, cut, limit)
	}
	return fmt.Errorf("transport: stopping: %w", err)
}

// countRequests counts the requests that the server's handler is at.
func countRequests(server *http.Server) *atomic.Int64 {
	running := new(atomic.Int64)
	next := server.Handler
	if next == nil {
		next = http.DefaultServeMux
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		next.ServeHTTP(w, r)
	})
	return running
}

// certificateFault says at start what every handshake would fail of.
func certificateFault(server *http.Server) error {
	config := server.TLSConfig
	if config == nil || len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil {
		return nil
	}
	return &bulwark.ConfigError{Field: "transport.Serve.server.TLSConfig", Reason: "has no certificate; set Certificates or GetCertificate"}
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}
