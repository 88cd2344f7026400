package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// stopWith serves one request, stops, and returns how long that took and what
// Serve said.
func stopWith(t *testing.T, grace transport.Grace, server *http.Server, stacks ...bulwark.Shutdowner) (took time.Duration, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ln := newPipes()
	served := make(chan error, 1)
	go func() { served <- grace.Serve(ctx, ln, server, stacks...) }()
	conn := ln.dial()
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	synctest.Wait()
	start := time.Now()
	stop()
	err = <-served
	return time.Since(start), err
}

// entering is a layer whose scope is the context of the request.
var entering = bulwark.LayerFunc(func(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		next.ServeHTTP(w, r)
	})
})

// A handler that only waits to be told is told.
func TestCaseTransport3Stopping(t *testing.T) {
	byContext := func(ctx context.Context) { <-ctx.Done() }
	byStopping := func(ctx context.Context) {
		select {
		case <-transport.Stopping(ctx):
		case <-ctx.Done():
		}
	}
	never := func(context.Context) {}
	for _, test := range []struct {
		name  string
		grace transport.Grace
		wait  func(ctx context.Context)
		took  time.Duration // until the handler is told
		cause error
		cut   bool
	}{
		{"told", transport.Grace{}, byStopping, 0, nil, false},
		{"told_before_the_context_ends", transport.Grace{CancelAfter: time.Second}, byStopping, 0, nil, false},
		{"context_at_once", transport.Grace{CancelAfter: -1}, byContext, 0, transport.ErrStopping, false},
		{"context_some_seconds_later", transport.Grace{CancelAfter: 2 * time.Second}, byContext, 2 * time.Second, transport.ErrStopping, false},
		{"context_when_drain_is_over", transport.Grace{}, byContext, 6 * time.Second, transport.ErrStopping, true},
		{"context_after_drain", transport.Grace{CancelAfter: time.Minute, Drain: time.Second}, byContext, time.Second, transport.ErrStopping, true},
		{"nothing_to_wait_for", transport.Grace{CancelAfter: -1}, never, 0, nil, false},
	} {
		for _, hijack := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: "_hijacked"}[hijack], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					capture(t)
					var told time.Time
					var cause error
					stack := bulwark.Must(bulwark.Chain(transport.MaxBodyBytes(1), entering))
					server := transport.Server(stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if hijack {
							conn, _, err := http.NewResponseController(w).Hijack()
							if err != nil {
								t.Error(err)
								return
							}
							defer conn.Close()
						} else {
							w.(http.Flusher).Flush()
						}
						test.wait(r.Context())
						told, cause = time.Now(), context.Cause(r.Context())
					})))
					start := time.Now()
					took, err := stopWith(t, test.grace, server)
					synctest.Wait()
					if errors.Is(err, transport.ErrCutOff) != test.cut || err != nil != test.cut {
						t.Errorf("Serve returned %v, want ErrCutOff: %t", err, test.cut)
					}
					if told.Sub(start) != test.took || took > test.took+time.Second {
						t.Errorf("told after %s, Serve returned after %s; want %s", told.Sub(start), took, test.took)
					}
					if cause != test.cause {
						t.Errorf("the cause is %v, want %v", cause, test.cause)
					}
				})
			})
		}
	}
}

// The base context that a program has given its server stays.
func TestCaseTransport3KeepsBaseContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		base, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "ours"))
		server := transport.Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Context().Value(key{}) != "ours" || transport.Stopping(r.Context()) == nil {
				t.Error("a value of the base context is lost")
			}
			cancel(io.ErrClosedPipe)
			<-r.Context().Done()
			if cause := context.Cause(r.Context()); cause != io.ErrClosedPipe {
				t.Errorf("the cause is %v", cause)
			}
		}))
		server.BaseContext = func(net.Listener) context.Context { return base }
		if _, err := stopWith(t, transport.Grace{}, server); err != nil {
			t.Error(err)
		}
	})
}

// Somebody else's Shutdown tells as well.
func TestCaseTransport3StoppedBySomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := transport.Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-transport.Stopping(r.Context()) }))
		ln := newPipes()
		served := make(chan error, 1)
		go func() { served <- transport.Serve(t.Context(), ln, server) }()
		conn := ln.dial()
		defer conn.Close()
		go io.Copy(io.Discard, conn)
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		synctest.Wait()
		go server.Shutdown(t.Context())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestStoppingElsewhere(t *testing.T) {
	if transport.Stopping(t.Context()) != nil {
		t.Error("a context without a server has a channel")
	}
}

// hanging is a listener, and its connections, whose Close hangs.
type hanging struct {
	*pipes
	listener bool
	conns    bool
	release  chan struct{}
}

func (h hanging) Close() error {
	if h.listener {
		<-h.release
	}
	return h.pipes.Close()
}

func (h hanging) Accept() (net.Conn, error) {
	conn, err := h.pipes.Accept()
	if err != nil || !h.conns {
		return conn, err
	}
	return hangingConn{conn, h.release}, nil
}

type hangingConn struct {
	net.Conn
	release chan struct{}
}

func (c hangingConn) Close() error { <-c.release; return c.Conn.Close() }

// The stop is bounded whatever hangs: a log that nobody reads, a layer that does
// not look at its context, a connection or a listener that does not close.
func TestCaseEx6TheStopIsBounded(t *testing.T) {
	for _, test := range []struct {
		name     string
		listener bool
		conns    bool
		handler  bool
		log      bool
		layer    bool
		took     time.Duration
	}{
		{name: "nothing", took: time.Second},
		{name: "listener", listener: true, took: 8 * time.Second},
		{name: "connections", conns: true, took: 8 * time.Second},
		{name: "handler", handler: true, took: 6 * time.Second},
		{name: "log", log: true, took: time.Second},
		{name: "layer", layer: true, took: time.Second + 200*time.Millisecond},
		{name: "everything", listener: true, conns: true, handler: true, log: true, layer: true, took: 9*time.Second + 200*time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				install(t, newTally(func() {
					if test.log {
						<-release
					}
				}))
				server := transport.Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if test.handler {
						<-release
					}
				}))
				for range 100 {
					server.ErrorLog.Print(badHandshake)
				}
				ctx, stop := context.WithCancel(t.Context())
				ln := hanging{newPipes(), test.listener, test.conns, release}
				reached := false
				served := make(chan error, 1)
				go func() {
					served <- transport.Serve(ctx, ln, server, closer(func(context.Context) error {
						if test.layer {
							<-release
						}
						return nil
					}), closer(func(context.Context) error { reached = true; return nil }))
				}()
				for range 3 {
					conn := ln.dial()
					defer conn.Close()
					go io.Copy(io.Discard, conn)
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				}
				synctest.Wait()
				start := time.Now()
				stop()
				err := <-served
				if took := time.Since(start); took > test.took {
					t.Errorf("Serve returned after %s, want at most %s", took, test.took)
				}
				if !reached {
					t.Error("the last stack was not shut down")
				}
				if test.layer && (err == nil || !strings.Contains(err.Error(), "transport_test.closer: it still runs") || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("Serve returned %v", err)
				}
				close(release)
				synctest.Wait()
				time.Sleep(time.Minute)
			})
		})
	}
}
