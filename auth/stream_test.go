package auth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// lives is an authenticator of callers whose credential expires, in as long as
// the field X-Life says; "ever" is never.
type lives struct{}

func (lives) Detect(r *http.Request) auth.Presence {
	if r.Header.Get("X-Life") == "" {
		return auth.None
	}
	return auth.Explicit
}

func (lives) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Life"}} }

func (lives) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	p := caller("mortal")
	life, err := time.ParseDuration(r.Header.Get("X-Life"))
	if err == nil {
		p.ExpiresAt = time.Now().Add(life)
	}
	return p, nil
}

// mortal is the layer in front of a handler.
func mortal(t testing.TB, next http.HandlerFunc) http.Handler {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{lives{}}, Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	return layer.Wrap(next)
}

// life is that of a credential in a bubble, where it passes at once.
const life = 5 * time.Second

// beat is between two events of a stream: in a bubble time passes only while
// everybody waits.
const beat = 100 * time.Millisecond

// early reports whether it is not yet the time at which the caller of r ends.
func early(r *http.Request) bool {
	p, _ := bulwark.PrincipalFrom(r.Context())
	return time.Now().Before(p.ExpiresAt)
}

func ask(t testing.TB, method, url, life string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Life", life)
	return r
}

// serving starts a server of one version of HTTP on the loopback interface.
func serving(t testing.TB, version int, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	if version == 2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// await receives from ch and fails where nothing comes.
func await[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatal(what + " goes on")
	}
	return v
}

// An end is how a handler saw its stream end.
type end struct {
	err   error // of a write
	cause error // of its context
	early bool
}

// event writes one event of a stream and sends it.
func event(w http.ResponseWriter, data string) error {
	if _, err := io.WriteString(w, "data: "+data+"\n\n"); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

func TestStreamEndsWithTheCredential(t *testing.T) {
	for _, test := range []struct {
		name    string
		unread  bool // the client does not read what is sent
		handler func(w http.ResponseWriter, r *http.Request) error
	}{
		{"waits_for_its_context", false, func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return nil
		}},
		{"waits_for_a_derived_context", false, func(_ http.ResponseWriter, r *http.Request) error {
			ctx, release := context.WithTimeout(r.Context(), time.Hour)
			defer release()
			<-ctx.Done()
			return nil
		}},
		{"writes_and_flushes", false, func(w http.ResponseWriter, r *http.Request) error {
			for {
				if err := event(w, "tick"); err != nil {
					return err
				}
				time.Sleep(beat)
			}
		}},
		{"copies", false, func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(w, endless{})
			return err
		}},
		{"blocked", true, func(w http.ResponseWriter, r *http.Request) error {
			for {
				if err := event(w, strings.Repeat("a", 1<<20)); err != nil {
					return err
				}
			}
		}},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/http%d", test.name, version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ends := make(chan end, 1)
					server := piped(t, version, false, mortal(t, func(w http.ResponseWriter, r *http.Request) {
						if err := event(w, "first"); err != nil {
							t.Error(err)
						}
						err := test.handler(w, r)
						ends <- end{err, context.Cause(r.Context()), early(r)}
					}))
					resp, err := server.Client().Do(ask(t, "GET", server.URL, life.String()))
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					body := make(chan error, 1)
					read := func() {
						reader := bufio.NewReader(resp.Body)
						if line, _ := reader.ReadString('\n'); line != "data: first\n" {
							t.Errorf("%q", line)
						}
						_, err := io.Copy(io.Discard, reader)
						body <- err
					}
					if !test.unread {
						go read()
					}
					got := await(t, ends, "the handler")
					if test.unread {
						go read()
					}
					if got.cause != response.ErrExpired || got.early {
						t.Errorf("ended early %t, because of %v", got.early, got.cause)
					}
					if writes := !strings.HasPrefix(test.name, "waits"); (got.err != nil) != writes {
						t.Errorf("the last write: %v", got.err)
					}
					// What was cut off must not look whole.
					if err := await(t, body, "the answer"); err == nil || resp.ProtoMajor != version {
						t.Errorf("HTTP/%d, the body ended with %v", resp.ProtoMajor, err)
					}
				})
			})
		}
	}
}

// endless is a source without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	time.Sleep(beat)
	return len(p), nil
}

// A credential may be accepted a little after its time, for clocks differ. A
// stream goes on for as long as they may differ then, so that a client does not
// come again and again with a credential that it takes to be good.
func TestStreamOfAnExpiredCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mortal(t, func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			if err := event(w, "first"); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
			if time.Since(start) != time.Minute || context.Cause(r.Context()) != response.ErrExpired {
				t.Errorf("after %s because of %v", time.Since(start), context.Cause(r.Context()))
			}
		}).ServeHTTP(httptest.NewRecorder(), ask(t, "GET", "/", "-1s"))
	})
}

// expire waits until the caller's credential has expired.
func expire(r *http.Request) {
	p, _ := bulwark.PrincipalFrom(r.Context())
	<-time.After(time.Until(p.ExpiresAt) + time.Millisecond)
}

// What begins before its time and becomes a stream after it is good for an
// answer and not for a stream.
func TestStreamThatBeginsTooLate(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			ends := make(chan end, 1)
			server := serving(t, version, mortal(t, func(w http.ResponseWriter, r *http.Request) {
				expire(r)
				if r.URL.Path == "/answer" {
					io.WriteString(w, "whole")
					return
				}
				err := event(w, "first")
				ends <- end{err: err, cause: context.Cause(r.Context())}
			}))
			resp, err := server.Client().Do(ask(t, "GET", server.URL+"/answer", "20ms"))
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "whole" {
				t.Errorf("an answer in one piece: %q, %v", body, err)
			}
			resp.Body.Close()
			resp, err = server.Client().Do(ask(t, "POST", server.URL, "20ms"))
			if err == nil {
				resp.Body.Close()
				t.Errorf("a stream was begun: %s", resp.Status)
			}
			if got := await(t, ends, "the handler"); got.err != response.ErrExpired || got.cause != response.ErrExpired {
				t.Errorf("%v because of %v", got.err, got.cause)
			}
		})
	}
}

// upgrade asks for a connection that is taken over, as a WebSocket is.
func upgrade(t *testing.T, server *httptest.Server, life string) (net.Conn, *bufio.Reader) {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport)
	conn, err := transport.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server.TLS != nil {
		config := transport.TLSClientConfig.Clone()
		config.NextProtos, config.ServerName = []string{"http/1.1"}, "example.com"
		conn = tls.Client(conn, config)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: example.com\r\nX-Life: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", life)
	return conn, bufio.NewReader(conn)
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

func TestHijackedConnectionEndsWithTheCredential(t *testing.T) {
	byAssertion := func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() }
	byController := func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
		return http.NewResponseController(w).Hijack()
	}
	for _, test := range []struct {
		name     string
		tls      bool
		hijack   func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)
		returns  bool // at once, and leaves the connection open
		blocking bool // in a write
	}{
		{"by_assertion", false, byAssertion, false, false},
		{"by_controller", false, byController, false, false},
		{"handler_has_returned", false, byAssertion, true, false},
		{"blocked_in_a_write", false, byAssertion, false, true},
		{"tls", true, byAssertion, false, false},
		{"tls_handler_has_returned", true, byController, true, false},
		{"tls_blocked_in_a_write", true, byAssertion, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ends := make(chan end, 1)
				server := piped(t, 1, test.tls, mortal(t, func(w http.ResponseWriter, r *http.Request) {
					conn, buffered, err := test.hijack(w)
					if err != nil {
						t.Error(err)
						return
					}
					buffered.WriteString(switching + "hello\n")
					buffered.Flush()
					if test.returns {
						go func() {
							_, err := conn.Read(make([]byte, 1))
							ends <- end{err: err, early: early(r)}
						}()
						return
					}
					defer conn.Close()
					if test.blocking {
						for err == nil {
							_, err = conn.Write(make([]byte, 1<<20))
						}
					} else {
						_, err = buffered.ReadByte()
					}
					ends <- end{err, context.Cause(r.Context()), early(r)}
				}))
				_, reader := upgrade(t, server, life.String())
				resp, err := http.ReadResponse(reader, nil)
				if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
					t.Fatal(resp, err)
				}
				if line, err := reader.ReadString('\n'); line != "hello\n" {
					t.Errorf("%q, %v", line, err)
				}
				if test.blocking { // the client does not read either
					if got := await(t, ends, "the handler"); got.err == nil || got.cause != response.ErrExpired {
						t.Errorf("%v because of %v", got.err, got.cause)
					}
					return
				}
				if rest, err := io.ReadAll(reader); len(rest) != 0 || err != nil {
					t.Errorf("%d bytes, and the connection ended with %v", len(rest), err)
				}
				got := await(t, ends, "the handler")
				if !errors.Is(got.err, io.ErrClosedPipe) || got.early {
					t.Errorf("%v, early %t", got.err, got.early)
				}
				if !test.returns && got.cause != response.ErrExpired {
					t.Errorf("because of %v", got.cause)
				}
			})
		})
	}
}

func TestHijackThatComesTooLate(t *testing.T) {
	server := serving(t, 1, mortal(t, func(w http.ResponseWriter, r *http.Request) {
		expire(r)
		_, _, err := http.NewResponseController(w).Hijack()
		if err != response.ErrExpired || context.Cause(r.Context()) != response.ErrExpired {
			t.Errorf("%v because of %v", err, context.Cause(r.Context()))
		}
		http.Error(w, "no socket", http.StatusInternalServerError)
	}))
	_, reader := upgrade(t, server, "20ms")
	resp, err := http.ReadResponse(reader, nil)
	if err != nil || resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("%v, %v", resp, err)
	}
}

// over sends r and returns its answer, and whether it came over a connection
// that had served before.
func over(t *testing.T, server *httptest.Server, r *http.Request) (body string, reused bool) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
	resp, err := server.Client().Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(all), reused
}

// The time of one stream must not touch what the connection serves next.
func TestConnectionServesOnAfterAStream(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var expired time.Time
				server := piped(t, version, false, mortal(t, func(w http.ResponseWriter, r *http.Request) {
					p, _ := bulwark.PrincipalFrom(r.Context())
					event(w, "first")
					if r.URL.Path == "/short" {
						expired = p.ExpiresAt
						return
					}
					for time.Now().Before(expired.Add(life)) {
						if err := event(w, "tick"); err != nil || r.Context().Err() != nil {
							t.Errorf("ended by the stream before: %v, %v", err, context.Cause(r.Context()))
							return
						}
						time.Sleep(beat)
					}
					event(w, "last")
				}))
				if body, _ := over(t, server, ask(t, "GET", server.URL+"/short", life.String())); body != "data: first\n\n" {
					t.Errorf("%q", body)
				}
				body, reused := over(t, server, ask(t, "GET", server.URL+"/long", "1h"))
				if !reused || !strings.HasSuffix(body, "data: last\n\n") {
					t.Errorf("reused %v, %d bytes", reused, len(body))
				}
			})
		})
	}
}

// A response that was whole when its time came leaves nothing to cut off. What
// comes after it over the connection must not be cut off instead.
func TestConnectionServesOnAfterItsTime(t *testing.T) {
	for _, version := range []int{1, 2} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(fmt.Sprintf("%s/http%d", method, version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := piped(t, version, false, mortal(t, func(w http.ResponseWriter, r *http.Request) {
						if r.Header.Get("X-Life") == "ever" {
							io.WriteString(w, "next")
							return
						}
						if r.Method == "GET" {
							w.Header().Set("Content-Length", "5")
						}
						io.WriteString(w, "whole")
						http.NewResponseController(w).Flush() // HTTP/2 calls that of HEAD a short write
						<-r.Context().Done()
					}))
					resp, err := server.Client().Do(ask(t, method, server.URL, life.String()))
					if err != nil {
						t.Fatal(err)
					}
					body := make([]byte, len("whole"))
					if method == "GET" {
						if _, err := io.ReadFull(resp.Body, body); err != nil || string(body) != "whole" {
							t.Errorf("%q, %v", body, err)
						}
					}
					io.Copy(io.Discard, resp.Body) // HTTP/2 resets what has no end yet
					resp.Body.Close()
					for range 2 {
						// POST is not sent again where the connection fails.
						if body, _ := over(t, server, ask(t, "POST", server.URL, "ever")); body != "next" {
							t.Errorf("%q", body)
						}
					}
				})
			})
		}
	}
}

func TestPanicOfAStream(t *testing.T) {
	for _, version := range []int{1, 2} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("late_%v/http%d", late, version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ends := make(chan context.Context, 1)
					server := piped(t, version, false, mortal(t, func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path == "/next" {
							for start := time.Now(); time.Since(start) < 2*life; { // beyond the time of the one before
								event(w, "next")
								time.Sleep(beat)
							}
							return
						}
						event(w, "first")
						if late {
							<-r.Context().Done()
						}
						ends <- r.Context()
						panic(http.ErrAbortHandler)
					}))
					resp, err := server.Client().Do(ask(t, "GET", server.URL, life.String()))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadAll(resp.Body); err == nil {
						t.Error("the answer looks whole")
					}
					resp.Body.Close()
					if cause := context.Cause(await(t, ends, "the handler")); late != (cause == response.ErrExpired) {
						t.Errorf("ended because of %v", cause)
					}
					if body, _ := over(t, server, ask(t, "GET", server.URL+"/next", "1h")); !strings.HasSuffix(body, "data: next\n\n") {
						t.Errorf("%d bytes", len(body))
					}
				})
			})
		}
	}
}

// However long the handler takes: an answer without a flush is not cut short.
func TestAnswersOutliveTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		mortal(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun, ")
			time.Sleep(time.Hour)
			if err := r.Context().Err(); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "ended")
		}).ServeHTTP(w, ask(t, "GET", "/", "1s"))
		if w.Code != 200 || w.Body.String() != "begun, ended" {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
	// A body that fills the buffers of net/http many times over.
	large := bytes.Repeat([]byte("large "), 1<<20)
	for _, version := range []int{1, 2} {
		server := serving(t, version, mortal(t, func(w http.ResponseWriter, r *http.Request) {
			if n, err := w.Write(large); n != len(large) || err != nil || r.Context().Err() != nil {
				t.Errorf("%d bytes, %v, %v", n, err, r.Context().Err())
			}
		}))
		if body, _ := over(t, server, ask(t, "GET", server.URL, "-1s")); body != string(large) {
			t.Errorf("HTTP/%d: %d bytes", version, len(body))
		}
	}
}

// What ResponseController reaches through the layer, it still reaches.
func TestControllerThroughTheLayer(t *testing.T) {
	for _, version := range []int{1, 2} {
		server := serving(t, version, mortal(t, func(w http.ResponseWriter, r *http.Request) {
			controller := http.NewResponseController(w)
			hour := time.Now().Add(time.Hour)
			if err := errors.Join(controller.SetWriteDeadline(hour), controller.SetReadDeadline(hour), controller.EnableFullDuplex(), controller.Flush()); err != nil {
				t.Errorf("HTTP/%d: %v", version, err)
			}
			if _, ok := w.(http.Flusher); !ok {
				t.Errorf("HTTP/%d: no Flusher", version)
			}
			if _, ok := w.(http.Hijacker); ok != (version == 1) {
				t.Errorf("HTTP/%d: Hijacker %v", version, ok)
			}
			io.WriteString(w, "ok")
		}))
		if body, _ := over(t, server, ask(t, "GET", server.URL, "1h")); body != "ok" {
			t.Errorf("HTTP/%d: %q", version, body)
		}
	}
}

func TestWhoNeverExpiresIsNotWatched(t *testing.T) {
	for _, life := range []string{"", "ever"} {
		w, same := httptest.NewRecorder(), false
		h := mortal(t, func(given http.ResponseWriter, _ *http.Request) { same = given == http.ResponseWriter(w) })
		r := ask(t, "GET", "/", life)
		h.ServeHTTP(w, r)
		if !same {
			t.Errorf("%q: the response is watched", life)
		}
	}
	if race.Enabled {
		return // the race detector allocates on its own account
	}
	h, w, r := mortal(t, func(http.ResponseWriter, *http.Request) {}), httptest.NewRecorder(), ask(t, "GET", "/", "")
	r.RemoteAddr = "192.0.2.1:1234"
	if got := testing.AllocsPerRun(200, func() { h.ServeHTTP(w, r) }); got > 1 {
		t.Errorf("%v allocations for nobody", got)
	}
}

// A layer outside may have derived the context before anybody knew who calls.
// What is inside auth ends with the credential, and what is around it goes on.
func TestContextsInsideEndAndThoseAroundGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		h := mortal(t, func(w http.ResponseWriter, r *http.Request) {
			event(w, "first")
			<-r.Context().Done()
			cause = context.Cause(r.Context())
		})
		r, scope := bulwark.Enter(ask(t, "GET", "/", "1m"))
		ctx, release := context.WithTimeout(r.Context(), time.Hour)
		defer release()
		start := time.Now()
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if time.Since(start) != time.Minute || cause != response.ErrExpired {
			t.Errorf("after %s because of %v", time.Since(start), cause)
		}
		if ctx.Err() != nil || scope.Err() != nil {
			t.Errorf("around it: %v and %v", ctx.Err(), scope.Err())
		}
	})
}

// A sub-request's stream ends with its own caller's credential, and with that
// of the caller who sent it.
func TestStreamOfASubRequest(t *testing.T) {
	for _, test := range []struct {
		outer, inner string
		after        time.Duration
		endsOuter    bool
	}{
		{"1h", "1m", time.Minute, false},
		{"1m", "1h", time.Minute, true},
		{"1m", "ever", time.Minute, true},
		{"ever", "1m", time.Minute, false},
		{"", "1m", time.Minute, false},
		{"1m", "", time.Minute, true},
	} {
		t.Run(test.outer+"_sends_"+test.inner, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leaf := mortal(t, func(w http.ResponseWriter, r *http.Request) {
					start := time.Now()
					event(w, "first")
					<-r.Context().Done()
					if time.Since(start) != test.after || context.Cause(r.Context()) != response.ErrExpired {
						t.Errorf("after %s because of %v", time.Since(start), context.Cause(r.Context()))
					}
				})
				mortal(t, func(w http.ResponseWriter, r *http.Request) {
					leaf.ServeHTTP(w, ask(t, "GET", "/leaf", test.inner).WithContext(r.Context()))
					if ended := r.Context().Err() != nil; ended != test.endsOuter {
						t.Errorf("the outer request: %v", context.Cause(r.Context()))
					}
				}).ServeHTTP(httptest.NewRecorder(), ask(t, "GET", "/", test.outer))
			})
		})
	}
}

// What a sub-request's handler has left waiting is set free when it returns.
func TestContextsOfASubRequestEndWithIt(t *testing.T) {
	var left context.Context
	leaf := mortal(t, func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
		t.Cleanup(cancel)
		left = ctx
	})
	mortal(t, func(w http.ResponseWriter, r *http.Request) {
		leaf.ServeHTTP(w, ask(t, "GET", "/leaf", "1h").WithContext(r.Context()))
		if left.Err() == nil {
			t.Error("the context goes on")
		}
		if r.Context().Err() != nil {
			t.Error("the outer request has ended, too")
		}
	}).ServeHTTP(httptest.NewRecorder(), ask(t, "GET", "/", "1h"))
}
