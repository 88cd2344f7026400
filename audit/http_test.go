package audit_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// running is a server whose Close also waits for handlers on HTTP/2 and on
// connections that were taken over, for which httptest's does not.
type running struct {
	*httptest.Server
	handlers sync.WaitGroup
}

func (s *running) Close() {
	s.Server.Close()
	s.handlers.Wait()
}

// serve starts a real server on loopback, HTTP/1.1 or HTTP/2.
func serve(t *testing.T, version int, h http.Handler) *running {
	t.Helper()
	s := new(running)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	if version == 2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// The status in the record is the one that the client sees, on both protocols.
func TestStatusOnRealServers(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		client  int // 0: the connection breaks
		record  float64
		bytes   float64
	}{
		{"nothing_written", func(http.ResponseWriter, *http.Request) {}, 200, 200, 0},
		{"write_only", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("body")) }, 200, 200, 4},
		{"string_only", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "body") }, 200, 200, 4},
		{"status_only", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 404, 404, 0},
		{"first_status_wins", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); w.WriteHeader(500) }, 202, 202, 0},
		{"early_hints_then_200", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(200)
		}, 200, 200, 0},
		{"early_hints_then_404", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(103)
			w.WriteHeader(404)
		}, 404, 404, 0},
		{"early_hints_then_nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, 200, 200, 0},
		{"flush_first", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.WriteHeader(500)
		}, 200, 200, 0},
		{"flush_error_first", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
			w.WriteHeader(500)
		}, 200, 200, 0},
		{"empty_write", func(w http.ResponseWriter, _ *http.Request) { w.Write(nil); w.WriteHeader(500) }, 200, 200, 0},
		{"source_fails_before_its_first_byte", func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, broken{}); err != nil {
				w.WriteHeader(502)
			}
		}, 502, 502, 0},
		{"empty_source", func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, struct{ io.Reader }{strings.NewReader("")})
			w.WriteHeader(404)
		}, 404, 404, 0},
		{"no_status_at_all", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) }, 0, 500, 0},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("secret of the handler") }, 0, 500, 0},
		{"panic_after_status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("secret of the handler") }, 0, 500, 0},
		{"abort", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 0, 500, 0},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s_http%d", test.name, version), func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
				var left any
				h := m.Wrap(test.handler)
				server := serve(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.ProtoMajor != version {
						t.Errorf("protocol %s", r.Proto)
					}
					defer func() {
						if left = recover(); left != nil {
							panic(left)
						}
					}()
					h.ServeHTTP(w, r)
				}))
				resp, err := server.Client().Get(server.URL + "/x")
				status := 0
				if err == nil {
					status = resp.StatusCode
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if status != test.client {
					t.Errorf("the client sees %d (%v), want %d", status, err, test.client)
				}
				server.Close()
				drain(t, m)
				got := of(out.records(t), "type", "access")
				if len(got) != 1 || got[0]["status"] != test.record || got[0]["bytes"] != test.bytes {
					t.Fatalf("%s", out)
				}
				panicked := strings.HasPrefix(test.name, "panic") || test.name == "abort" || test.name == "no_status_at_all"
				if (left != nil) != panicked || (got[0]["panicked"] == true) != panicked {
					t.Errorf("panicked on with %v, record %v", left, got[0])
				}
				events := of(out.records(t), "event", "sys_unavailable")
				if want := panicked && test.name != "abort"; (len(events) == 1 && events[0]["reason"] == "audit.panic" && events[0]["status"] == 500.0) != want {
					t.Errorf("events %v", events)
				}
				if strings.Contains(out.String(), "secret of the handler") {
					t.Error("the value of the panic is in the log")
				}
			})
		}
	}
}

// A handler that ends its goroutine gives no answer, which is recorded as a
// panic is.
func TestGoexitOfTheHandler(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
			server := serve(t, version, m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })))
			if resp, err := server.Client().Get(server.URL + "/x"); err == nil {
				resp.Body.Close()
				t.Errorf("the client sees %d", resp.StatusCode)
			}
			server.Close()
			drain(t, m)
			events, access := of(out.records(t), "type", "security"), of(out.records(t), "type", "access")
			if len(events) != 1 || events[0]["event"] != "sys_unavailable" || events[0]["reason"] != "audit.panic" || events[0]["status"] != 500.0 {
				t.Errorf("events %v", events)
			}
			if len(events) == 1 && !strings.Contains(fmt.Sprint(events[0]["error"]), "ended its goroutine") {
				t.Errorf("the event does not say what happened: %v", events)
			}
			if len(access) != 1 || access[0]["status"] != 500.0 || access[0]["panicked"] != true {
				t.Errorf("access %v", access)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("upstream is gone") }

func TestEarlyHintsReachTheClient(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("http%d", version), func(t *testing.T) {
			m := build(t, audit.Config{Logger: slog.New(newLog())})
			server := serve(t, version, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(103)
				w.WriteHeader(204)
			})))
			var hints []int
			r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = append(hints, code); return nil },
			}), "GET", server.URL, nil)
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 204 || len(hints) != 1 || hints[0] != 103 {
				t.Errorf("%d after %v", resp.StatusCode, hints)
			}
		})
	}
}

func TestHijack(t *testing.T) {
	for _, test := range []struct {
		name   string
		status string
		take   func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)
		record float64
	}{
		{"by_assertion", "101 Switching Protocols", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() }, 101},
		{"by_controller", "101 Switching Protocols", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		}, 101},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
			server := serve(t, 1, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, buffered, err := test.take(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				buffered.WriteString("HTTP/1.1 " + test.status + "\r\n\r\nhello")
				buffered.Flush()
				if _, err := w.Write([]byte("late")); !errors.Is(err, http.ErrHijacked) {
					t.Errorf("a write after the hijack: %v", err)
				}
			})))
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
			answer, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 101") || !strings.HasSuffix(string(answer), "hello") {
				t.Errorf("%q", answer)
			}
			server.Close()
			drain(t, m)
			if got := out.records(t); len(got) != 1 || got[0]["status"] != test.record || got[0]["path"] != "/socket" {
				t.Errorf("%s", out)
			}
		})
	}
	t.Run("not_on_http2", func(t *testing.T) {
		m := build(t, audit.Config{Logger: slog.New(newLog())})
		server := serve(t, 2, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, ok := w.(http.Hijacker); ok {
				t.Error("promises what HTTP/2 cannot do")
			}
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%v", err)
			}
			if _, ok := w.(http.Flusher); !ok {
				t.Error("is not a Flusher")
			}
		})))
		resp, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
}

// A file arrives whole through ReadFrom, with its own Content-Type found out.
func TestFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "page.bin")
	content := append([]byte("<!doctype html>"), bytes.Repeat([]byte("0123456789"), 100_000)...)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []int{1, 2} {
		for _, way := range []string{"copied", "served", "copied_with_length"} {
			t.Run(fmt.Sprintf("%s_http%d", way, version), func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
				server := serve(t, version, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					f, err := os.Open(name)
					if err != nil {
						t.Error(err)
						return
					}
					defer f.Close()
					switch way {
					case "served":
						http.ServeContent(w, r, "page.html", time.Time{}, f)
					case "copied_with_length":
						w.Header().Set("Content-Length", fmt.Sprint(len(content)))
						fallthrough
					default:
						io.Copy(w, f)
					}
				})))
				for _, method := range []string{"GET", "HEAD"} {
					r, _ := http.NewRequest(method, server.URL+"/"+method, nil)
					resp, err := server.Client().Do(r)
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if method == "GET" && (err != nil || sha256.Sum256(got) != sha256.Sum256(content)) {
						t.Errorf("%d bytes, %v", len(got), err)
					}
					if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
						t.Errorf("%s: Content-Type %q", method, kind)
					}
				}
				server.Close()
				drain(t, m)
				records := out.records(t)
				if get := of(records, "path", "/GET"); len(get) != 1 || get[0]["bytes"] != float64(len(content)) {
					t.Errorf("%v", get)
				}
				if head := of(records, "path", "/HEAD"); len(head) != 1 || head[0]["bytes"] != 0.0 || head[0]["method"] != "HEAD" {
					t.Errorf("%v", head)
				}
			})
		}
	}
}

// A handler that a timeout has cut off goes on beside the middleware. For
// -race.
func TestTimeoutHandler(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
	release := make(chan struct{})
	var late sync.WaitGroup
	late.Add(1)
	h := m.Wrap(http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer late.Done()
		<-release
		r, _ = bulwark.Identify(r, nil)
		bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.late"})
	}), time.Millisecond, "slow"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("GET", "/"))
	close(release)
	late.Wait()
	drain(t, m)
	got := out.records(t)
	if w.Code != 503 || len(of(got, "type", "access")) != 1 || of(got, "type", "access")[0]["status"] != 503.0 || len(of(got, "reason", "test.late")) != 1 {
		t.Errorf("%d %s", w.Code, out)
	}
}

func TestTraceparentOfARequest(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, test := range []struct {
		name  string
		lines []string
		want  any
	}{
		{"one", []string{good}, "4bf92f3577b34da6a3ce929d0e0e4736"},
		{"none", nil, nil},
		{"two", []string{good, good}, nil},
		{"malformed", []string{good[:54]}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
			r := request("GET", "/")
			r.Header["Traceparent"] = test.lines
			m.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
			drain(t, m)
			if got := out.records(t); len(got) != 1 || got[0]["traceId"] != test.want {
				t.Errorf("%s", out)
			}
		})
	}
	t.Run("the_outer_request_keeps_its_own", func(t *testing.T) {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
		inner := m.Wrap(http.NotFoundHandler())
		r := request("GET", "/outer")
		r.Header.Set("Traceparent", good)
		m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			sub := request("GET", "/inner").WithContext(r.Context())
			sub.Header.Set("Traceparent", strings.Replace(good, "4bf9", "5555", 1))
			inner.ServeHTTP(httptest.NewRecorder(), sub)
		})).ServeHTTP(httptest.NewRecorder(), r)
		drain(t, m)
		if got := of(out.records(t), "path", "/outer"); len(got) != 1 || got[0]["traceId"] != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%s", out)
		}
	})
}
