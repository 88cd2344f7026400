package transport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// closer is a stack whose Shutdown is a function.
type closer func(context.Context) error

func (c closer) Shutdown(ctx context.Context) error { return c(ctx) }

func TestServeDrains(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls_%t", secure), func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			entered, release := make(chan struct{}), make(chan struct{})
			var finished atomic.Bool
			server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-release
				<-ctx.Done()
				if r.Context().Err() != nil {
					t.Error("the request was cancelled although it may finish")
				}
				io.WriteString(w, "done "+r.Proto)
				finished.Store(true)
			}))
			client, url := &http.Client{}, "http://"
			if secure {
				cert, pool := certificate(t, ecdsaKey(t))
				server.TLSConfig = transport.TLS()
				server.TLSConfig.Certificates = []tls.Certificate{cert}
				client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
				url = "https://"
			}
			ln := listen(t)
			shut := false
			served := make(chan error)
			go func() {
				served <- transport.Serve(ctx, ln, server, closer(func(ctx context.Context) error {
					shut = true
					if !finished.Load() {
						t.Error("the stack is shut down while a request is in flight")
					}
					if deadline, ok := ctx.Deadline(); ctx.Err() != nil || !ok || time.Until(deadline) > time.Second {
						t.Error("the stack is shut down without a second of its own")
					}
					return nil
				}))
			}()
			answer := make(chan string)
			go func() {
				res, err := client.Get(url + ln.Addr().String())
				if err != nil {
					answer <- err.Error()
					return
				}
				body, _ := io.ReadAll(res.Body)
				answer <- string(body)
			}()
			<-entered
			stop()
			close(release)
			want := "done HTTP/1.1"
			if secure {
				want = "done HTTP/2.0"
			}
			if got := <-answer; got != want {
				t.Errorf("answer is %q, want %q", got, want)
			}
			if err := <-served; err != nil || !shut {
				t.Errorf("Serve returned %v, stack shut down %t; want nil and true", err, shut)
			}
			if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				t.Error("the listener is still open")
			}
		})
	}
}

// pipes is a listener whose connections are pipes, so that time is the test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func TestServeCutsOff(t *testing.T) {
	for _, test := range []struct {
		name  string
		grace transport.Grace
		send  string // on a connection that is open when the stop comes
		took  time.Duration
		err   string
	}{
		{"idle_kept_alive", transport.Grace{}, "GET /quick HTTP/1.1\r\nHost: a\r\n\r\n", time.Second, ""},
		{"hanging_handler", transport.Grace{}, "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n", 6 * time.Second, "1 requests were still running after 6s"},
		{"hanging_handler_short_grace", transport.Grace{Drain: time.Second}, "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n", time.Second, "still running after 1s"},
		{"silent_connection", transport.Grace{Drain: time.Second}, "", time.Second, ""},
		{"half_a_header", transport.Grace{}, "GET / HTTP/1.1\r\nHost:", 7 * time.Second, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				capture(t)
				ctx, stop := context.WithCancel(t.Context())
				release := make(chan struct{})
				server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/hang" {
						<-release
					}
				}))
				ln := newPipes()
				var shutAfter time.Duration
				served := make(chan error, 1)
				var start time.Time
				go func() {
					served <- test.grace.Serve(ctx, ln, server, closer(func(context.Context) error {
						shutAfter = time.Since(start)
						return nil
					}))
				}()
				conn := ln.dial()
				defer conn.Close()
				go io.Copy(io.Discard, conn)
				if test.send != "" {
					io.WriteString(conn, test.send)
				}
				synctest.Wait()
				start = time.Now()
				stop()
				err := <-served
				if shutAfter > test.took {
					t.Errorf("the stack was shut down after %s, want at most %s", shutAfter, test.took)
				}
				if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
					t.Errorf("Serve returned %v, want %q", err, test.err)
				}
				if errors.Is(err, transport.ErrCutOff) != (test.err != "") {
					t.Errorf("Serve returned %v; is it ErrCutOff: %t", err, test.err == "")
				}
				if test.err != "" && shutAfter != orSix(test.grace.Drain) {
					t.Errorf("cut off after %s, want %s", shutAfter, orSix(test.grace.Drain))
				}
				close(release)
				synctest.Wait()
			})
		})
	}
}

func orSix(d time.Duration) time.Duration {
	if d == 0 {
		return 6 * time.Second
	}
	return d
}

// Who was cut off must not hide that the stack could not write out what it
// holds.
func TestServeCutsOffAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		capture(t)
		broken := errors.New("broken")
		ctx, stop := context.WithCancel(t.Context())
		release := make(chan struct{})
		server := transport.Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		ln := newPipes()
		served := make(chan error, 1)
		go func() {
			served <- transport.Serve(ctx, ln, server, closer(func(context.Context) error { return broken }))
		}()
		conn := ln.dial()
		defer conn.Close()
		go io.Copy(io.Discard, conn)
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		synctest.Wait()
		stop()
		err := <-served
		if !errors.Is(err, broken) || errors.Is(err, transport.ErrCutOff) || !strings.Contains(err.Error(), "still running") {
			t.Errorf("Serve returned %v, want one that tells of both and is not ErrCutOff", err)
		}
		close(release)
		synctest.Wait()
	})
}

// A handler that hijacked its connection is waited for, and told of by
// RegisterOnShutdown; one that stays is reported.
func TestServeHijacked(t *testing.T) {
	for _, test := range []struct {
		name  string
		tell  bool
		after time.Duration
		cut   bool
	}{
		{"told", true, 700 * time.Millisecond, false},
		{"stays", false, 6 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				capture(t)
				stopping, release := make(chan struct{}), make(chan struct{})
				var finished atomic.Bool
				server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					select {
					case <-stopping:
						time.Sleep(700 * time.Millisecond)
					case <-release:
					}
					finished.Store(true)
				}))
				if test.tell {
					server.RegisterOnShutdown(func() { close(stopping) })
				}
				ctx, stop := context.WithCancel(t.Context())
				ln := newPipes()
				served := make(chan error, 1)
				go func() {
					served <- transport.Serve(ctx, ln, server, closer(func(context.Context) error {
						if finished.Load() == test.cut {
							t.Errorf("the stack is shut down; the handler has returned: %t", !test.cut)
						}
						return nil
					}))
				}()
				conn := ln.dial()
				defer conn.Close()
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				synctest.Wait()
				start := time.Now()
				stop()
				err := <-served
				if errors.Is(err, transport.ErrCutOff) != test.cut || err != nil != test.cut {
					t.Errorf("Serve returned %v, want ErrCutOff: %t", err, test.cut)
				}
				if took := time.Since(start); took < test.after || took > test.after+20*time.Millisecond {
					t.Errorf("Serve took %s, want %s", took, test.after)
				}
				close(release)
				synctest.Wait()
			})
		})
	}
}

func TestServeFaults(t *testing.T) {
	broken := errors.New("broken")
	t.Run("listener", func(t *testing.T) {
		ln := listen(t)
		ln.Close()
		shut := false
		err := transport.Serve(t.Context(), ln, transport.Server(readAll), closer(func(context.Context) error { shut = true; return broken }))
		if !errors.Is(err, net.ErrClosed) || !errors.Is(err, broken) || errors.Is(err, transport.ErrCutOff) || !shut {
			t.Errorf("Serve returned %v, stack shut down %t; want both errors", err, shut)
		}
	})
	t.Run("no_certificate", func(t *testing.T) {
		ln := listen(t)
		server := transport.Server(readAll)
		server.TLSConfig = transport.TLS()
		err := transport.Serve(t.Context(), ln, server, nil)
		fault := (*bulwark.ConfigError)(nil)
		if !errors.As(err, &fault) || fault.Field != "transport.Serve.server.TLSConfig" {
			t.Errorf("Serve returned %v, want a ConfigError", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("the listener is still open")
		}
	})
	// A mistake of the program is an error with the name of the argument, and
	// the stacks are shut down even so.
	var nilListener *net.TCPListener
	for _, test := range []struct {
		name   string
		ln     net.Listener
		server *http.Server
		fields []string
	}{
		{"nil_server", listen(t), nil, []string{"transport.Serve.server"}},
		{"nil_listener", nil, transport.Server(readAll), []string{"transport.Serve.ln"}},
		{"nil_pointer", nilListener, transport.Server(readAll), []string{"transport.Serve.ln"}},
		{"nil_both", nil, nil, []string{"transport.Serve.ln", "transport.Serve.server"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			shut := false
			err := transport.Serve(t.Context(), test.ln, test.server, closer(func(context.Context) error { shut = true; return nil }))
			if got := faulttest.Fields(err); !slices.Equal(got, test.fields) || !shut {
				t.Errorf("Serve returned %v, stack shut down %t; want errors at %v", err, shut, test.fields)
			}
			if test.ln != nil && test.ln != nilListener {
				if _, err := test.ln.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Error("the listener is still open")
				}
			}
		})
	}
	// An http.Server that has stopped would return at once, and without a word.
	t.Run("served_before", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		server := transport.Server(readAll)
		if err := transport.Serve(ctx, listen(t), server); err != nil {
			t.Fatal(err)
		}
		ln, shut := listen(t), false
		err := transport.Serve(t.Context(), ln, server, closer(func(context.Context) error { shut = true; return nil }))
		fault := (*bulwark.ConfigError)(nil)
		if !errors.As(err, &fault) || fault.Field != "transport.Serve.server" || !strings.Contains(fault.Reason, "served before") || !shut {
			t.Errorf("Serve returned %v, want a ConfigError", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("the listener is still open")
		}
	})
	t.Run("ended_before_it_began", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		ln := listen(t)
		var stack *bulwark.Stack
		if err := transport.Serve(ctx, ln, transport.Server(readAll), stack); err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("the listener is still open")
		}
	})
	t.Run("stopped_by_somebody_else", func(t *testing.T) {
		server := &http.Server{}
		ln := listen(t)
		served := make(chan error)
		go func() { served <- transport.Serve(t.Context(), ln, server, nil) }()
		res, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		server.Shutdown(t.Context())
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// The router closes before the chain around it. Whoever hangs leaves the others
// their share, and the stop is bounded as it is with one stack.
func TestServeShutsDownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		var order []string
		var start time.Time
		var hung time.Duration
		router := closer(func(ctx context.Context) error {
			start = time.Now()
			<-ctx.Done()
			hung = time.Since(start)
			order = append(order, "router")
			return ctx.Err()
		})
		broken := errors.New("broken")
		panics := closer(func(context.Context) error { panic("secret") })
		chain := closer(func(ctx context.Context) error {
			order = append(order, "chain")
			if deadline, ok := ctx.Deadline(); !ok || deadline.Sub(start) != 2*time.Second {
				t.Errorf("the chain has until %v, want all that is left", deadline.Sub(start))
			}
			return broken
		})
		var missing *bulwark.Stack
		grace := transport.Grace{Close: 2 * time.Second}
		err := grace.Serve(ctx, newPipes(), transport.Server(readAll), router, nil, missing, panics, chain)
		if got := strings.Join(order, " "); got != "router chain" || hung != time.Second {
			t.Errorf("shut down %q, the first hung for %s", got, hung)
		}
		if !errors.Is(err, broken) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it panicked") || strings.Contains(err.Error(), "secret") {
			t.Errorf("Serve returned %v, want all three errors", err)
		}
	})
}

func TestServeWithoutStacks(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := transport.Serve(ctx, newPipes(), transport.Server(readAll)); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
