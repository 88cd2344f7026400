package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// ErrCutOff is what an error of Serve is, by [errors.Is], if nothing went wrong
// but that requests were still running when the time to drain had passed. They
// were cut off. All else was done in order: a program may log the error as a
// warning and exit 0.
var ErrCutOff = errors.New("transport: requests were cut off")

const (
	// logFinish bounds the time for what the ErrorLog holds.
	logFinish = time.Second
	// closing bounds the time to close connections after Drain. A TLS
	// connection says goodbye, for which it waits five seconds where the peer
	// takes nothing, and net/http closes one after the other.
	closing = time.Second
)

// Grace says how long stopping may take. The zero value is right for a process
// that is killed ten seconds after it was asked to stop.
type Grace struct {
	// CancelAfter ends the contexts of the requests in flight so long after the
	// stop has begun, with the cause [ErrStopping]: for handlers that wait for
	// nothing else, such as streams, and for whatever they have asked of others
	// with that context. A negative one ends them at once. [Stopping] tells
	// handlers that the stop begins without ending their context. Default: 0,
	// which ends them when Drain is over.
	CancelAfter time.Duration
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

// Serve is [Grace.Serve] with the default times: it returns at the latest 9
// seconds after ctx has ended, whatever hangs. One of them is for connections
// that do not close, and one for an [log/slog.Handler] that hangs.
func Serve(ctx context.Context, ln net.Listener, server *http.Server, stacks ...bulwark.Shutdowner) error {
	return Grace{}.Serve(ctx, ln, server, stacks...)
}

// Serve serves on ln until ctx ends, with TLS where server.TLSConfig is set.
// Then it stops in this order:
//
//   - it takes no further connection, and tells the requests that ask for
//     [Stopping];
//   - it lets the requests in flight finish, and closes the other connections;
//   - it writes what the ErrorLog of [Server] still holds, for which it waits a
//     second at most;
//   - it shuts the stacks down, last, because requests still report to them.
//
// The stacks are shut down in the given order. List the router first, such as
// an authz.Mux, and the [bulwark.Stack] around it last, so that what is inside
// closes first and the audit log, outside, records it. Each gets half of the
// time that is left of Close, and the last gets all of it. One that goes on
// after its time is left alone. A nil stack is left out. A stack that panics is
// an error, and the others are shut down all the same.
//
// A handler that has hijacked its connection, as one of WebSockets does, counts
// as a request in flight until it returns. Its context does not end with the
// connection: it must ask for Stopping, or end with CancelAfter. What goes on
// in a goroutine of its own after the handler returned is not waited for.
//
// It returns nil after an orderly stop, [ErrCutOff] where requests had to be
// cut off and nothing else failed, and another error where the listener failed
// or a stack could not be shut down. The stacks are shut down in every case,
// and ln is closed. The server cannot be used again.
//
// # Signals
//
// Serve handles no signals. A program does it in this way:
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	context.AfterFunc(ctx, stop)
//	signal.Ignore(syscall.SIGPIPE)
//
// The second line gives the signals back when the first has come: a second one
// then ends the process, whatever hangs. The third line is for a log on stderr.
// Without it a write to a pipe whose reader is gone ends the process. With it
// the write fails, which audit counts and records as a gap.
//
// A log that nobody reads may hold whoever writes to it, for ever. Audit and
// the ErrorLog of Server write on goroutines of their own, and the stop does
// not wait for them beyond its time. What the program itself logs after Serve
// needs such a bound as well:
//
//	said := make(chan struct{})
//	go func() { logger.Error("stopped", "error", err); close(said) }()
//	select {
//	case <-said:
//	case <-time.After(time.Second):
//	}
//	os.Exit(1)
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
	stop := prepare(server)
	defer stop.cancel()
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
			late, cancel := context.WithTimeout(context.Background(), closing)
			defer cancel()
			stop.begin()
			stop.cancel()
			within(late, func() error {
				ln.Close() // ServeTLS leaves it open where it fails early
				return server.Close()
			})
			return fmt.Errorf("transport: serving on %s: %w", ln.Addr(), err)
		}
		// Somebody else called Shutdown, which goes on while Serve returns.
		return g.drain(server, stop, nil)
	case <-ctx.Done():
	}
	return g.drain(server, stop, failed)
}

// drain waits for the requests in flight, and for served, which tells that the
// listener is closed. A connection that never sent a whole request header is
// not waited for, and cutting it off is not an error.
func (g Grace) drain(server *http.Server, stop *stopping, served <-chan error) error {
	limit := orDefault(g.Drain, 6*time.Second)
	draining, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	late, release := context.WithTimeout(context.Background(), limit+closing)
	defer release()
	stop.begin()
	if g.CancelAfter != 0 {
		timer := time.AfterFunc(max(0, g.CancelAfter), stop.cancel)
		defer timer.Stop()
	}
	err := within(late, func() error { return server.Shutdown(draining) })
	// Shutdown leaves hijacked connections alone; their handlers report to the
	// stack, too, and nothing tells when the last of them returns.
	for err == nil && stop.running.Load() > 0 {
		select {
		case <-draining.Done():
			err = draining.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	cut := stop.running.Load()
	if err != nil {
		stop.cancel()
		if late.Err() == nil { // otherwise Shutdown hangs, and holds the lock
			within(late, server.Close)
		}
	}
	if served != nil {
		select {
		case <-served:
		case <-late.Done():
		}
	}
	switch {
	case err == nil, cut == 0 && errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %d requests were still running after %s", ErrCutOff, cut, limit)
	}
	return fmt.Errorf("transport: stopping: %w", err)
}

// within returns what do returns, or the error of late where that ends first.
// Then do goes on alone.
func within(late context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-late.Done():
		return late.Err()
	}
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
