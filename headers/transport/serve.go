package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// ErrCutOff is an error of Serve, for [errors.Is]. Some requests were still
// running when the time to drain was over, and were cut off. Nothing else
// failed, and everything else was done in order: a program may log the error as
// a warning and exit 0.
var ErrCutOff = errors.New("transport: requests were cut off")

const (
	// logFinish bounds the time for what the ErrorLog holds.
	logFinish = time.Second
	// closing bounds the time to close connections after Drain. A TLS
	// connection sends a last message, for which it waits five seconds if the
	// peer reads nothing, and net/http closes one connection after the other.
	closing = time.Second
)

// A Grace says how long the stop of a server may take. The zero value is right
// for a process that is killed ten seconds after it was asked to stop. For
// other times call [Grace.Serve]:
//
//	err = transport.Grace{Drain: 20 * time.Second}.Serve(ctx, ln, server, stack)
type Grace struct {
	// CancelAfter is the time between the beginning of the stop and the end of
	// the contexts of the requests in flight. The cause of that end is
	// [ErrStopping]. It is for handlers that wait only for their context, such
	// as streams. It also ends calls to other services that use the context. A
	// negative value ends the contexts at once. [Stopping] tells handlers about
	// the stop without an end of their context. Default: 0, which ends the
	// contexts when Drain is over.
	CancelAfter time.Duration
	// Drain bounds the time for requests in flight. A request that is still
	// running then is cut off. A hijacked connection is not cut off, because
	// the server does not know it any more: it lives until its handler or the
	// process ends. Browsers open connections before they need them. A
	// connection on which nothing was ever sent takes up to 6 seconds to count
	// as idle. Default: 6 seconds.
	Drain time.Duration
	// Close bounds the time for the shutdown of the stacks, all together.
	// Default: 1 second.
	Close time.Duration
}

// Serve is [Grace.Serve] with the default times. It returns at most 9 seconds
// after ctx has ended, even if a handler, a connection or a log hangs. Of these
// seconds, 6 are for the requests in flight, 1 for connections that do not
// close, 1 for an [log/slog.Handler] that hangs, and 1 for the stacks.
func Serve(ctx context.Context, ln net.Listener, server *http.Server, stacks ...bulwark.Shutdowner) error {
	return Grace{}.Serve(ctx, ln, server, stacks...)
}

// Serve serves on ln until ctx ends, with TLS if server.TLSConfig is set. Then
// it stops in this order:
//
//   - It accepts no further connections, and closes the channels of [Stopping].
//   - It lets the requests in flight finish, and closes the other connections.
//   - It writes the records that the ErrorLog of [Server] still holds, and
//     waits at most 1 second for that.
//   - It shuts the stacks down. This is last, because requests report to them.
//
// The stacks are shut down in the given order. List the inside first and the
// audit log last: first the router, such as an authz.Mux, and then the
// [bulwark.Stack] around it. So the audit log records what the others report.
// Each stack gets half of the time that is left of Close, and the last stack
// gets all of it. Serve does not wait longer for a stack. A nil stack is left
// out. A stack that panics is an error, and the others are still shut down.
//
// A handler that has hijacked its connection, as a handler of WebSockets does,
// counts as a request in flight until it returns. Its context does not end with
// the connection: it must use Stopping, or end with CancelAfter. Serve does not
// wait for a goroutine that goes on after its handler has returned.
//
// Serve returns nil after an orderly stop. It returns [ErrCutOff] if requests
// had to be cut off and nothing else failed. It returns another error if the
// listener failed or a stack could not be shut down. In every case the stacks
// are shut down, and ln is closed. The server cannot be used again: Serve
// refuses a server that has stopped.
//
// # Signals
//
// Serve does not handle signals. A program does it in this way:
//
//	ctx, stop := signal.NotifyContext(context.Background(),
//		os.Interrupt, syscall.SIGTERM)
//	context.AfterFunc(ctx, stop)
//	signal.Ignore(syscall.SIGPIPE)
//
// The call of AfterFunc restores the default after the first signal: a second
// signal then ends the process, even if Serve hangs. The call of Ignore is for
// a log on stderr. Without it, a write to a pipe whose reader has gone ends the
// process. With it, the write fails, and audit counts the record and reports a
// gap.
//
// A log that nobody reads can block a goroutine that writes to it, for ever.
// Audit and the ErrorLog of Server write on goroutines of their own, and the
// stop waits for them for a bounded time. A program that logs after Serve needs
// such a bound as well:
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
	if server != nil && server.ErrorLog != nil {
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
	if err := argumentFault(ln, server); err != nil {
		if !fault.IsNil(ln) {
			ln.Close()
		}
		return err
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

// drain waits for the requests in flight, and for served, which is closed with
// the listener. It does not wait for a connection that never sent a whole
// request header, and to cut such a connection off is not an error.
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
		return fmt.Errorf("%w: %d requests were still running after %s; transport.Grace.Drain sets this time", ErrCutOff, cut, limit)
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

// argumentFault reports, at the start, arguments with which nothing could be
// served. Without a certificate every handshake would fail. A server that has
// stopped would return at once.
func argumentFault(ln net.Listener, server *http.Server) error {
	faults := fault.In("transport.Serve")
	if fault.IsNil(ln) {
		faults.Add("ln", "", "is nil; give Serve the listener that net.Listen returned")
	}
	if server == nil {
		faults.Add("server", "", "is nil; make it with transport.Server")
		return faults.Err()
	}
	if counting, ok := server.Handler.(*counting); ok && counting.stop.hasBegun() {
		faults.Add("server", "", "was served before and has stopped; make another with transport.Server for each call of Serve")
	}
	if config := server.TLSConfig; config != nil && len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		faults.Add("server.TLSConfig", "", "has no certificate; set Certificates or GetCertificate")
	}
	return faults.Err()
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}
