package ratelimit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// deadlines is a writer that notes its deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error  { d.read = at; return nil }
func (d *deadlines) SetWriteDeadline(at time.Time) error { d.write = at; return nil }

// After its time a request has a context that has ended, and a cause that Deny
// knows. The connection is cut off a little later.
func TestConcurrencyTimeout(t *testing.T) {
	for _, body := range []string{"", "hello"} {
		synctest.Test(t, func(t *testing.T) {
			var rec bulwarktest.Recorder
			begin := time.Now()
			l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "service", Max: 1, Timeout: 2 * time.Second, RetryAfter: 7 * time.Second}))
			h := rec.Wrap(l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				if took := time.Since(begin); took != 2*time.Second {
					t.Errorf("the context ended after %v", took)
				}
				if err := r.Context().Err(); err != context.DeadlineExceeded {
					t.Errorf("Err %v", err)
				}
				bulwark.Deny(w, r, context.Cause(r.Context()))
			})))
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			var reader io.Reader
			if body != "" {
				reader = strings.NewReader(body)
			}
			h.ServeHTTP(w, httptest.NewRequest("POST", "/", reader))
			if w.Code != 503 || w.Header().Get("Retry-After") != "7" || !strings.Contains(w.Body.String(), `"code":"ratelimit.timeout"`) {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			events := rec.Take()
			if len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "ratelimit.timeout" || events[0].Rule != "service" || events[0].Level.Level().String() != "WARN" {
				t.Errorf("%+v", events)
			}
			if w.write.Sub(begin) != 7*time.Second {
				t.Errorf("an answer is cut off after %v", w.write.Sub(begin))
			}
			if read := w.read; body == "" && !read.IsZero() || body != "" && read.Sub(begin) != 3*time.Second {
				t.Errorf("body %q: cut off at %v", body, read)
			}
		})
	}
}

// The time of a request begins when it is let in, and a request that is in time
// is not disturbed.
func TestConcurrencyTimeoutBeginsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "n", Max: 1, MaxWait: 10 * time.Second, Timeout: 2 * time.Second}))
		h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2*time.Second - 1)
			if err := r.Context().Err(); err != nil {
				t.Error(err)
			}
		}))
		for range 3 {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
		time.Sleep(10 * time.Second)
	})
}

// served is a real server with a limit around next. The channel tells each
// request that has left the limit.
func served(t *testing.T, c ratelimit.Concurrency, next http.HandlerFunc) (*ratelimit.ConcurrencyLimit, *httptest.Server, chan struct{}) {
	t.Helper()
	c.Name = "n"
	l, err := ratelimit.NewConcurrency(c)
	if err != nil {
		t.Fatal(err)
	}
	left, limited := make(chan struct{}, 8), l.Wrap(next)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { left <- struct{}{} }()
		limited.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return l, server, left
}

// A client that never sends the rest of its body does not keep its place.
func TestConcurrencyTimeoutOfASlowBody(t *testing.T) {
	read := make(chan error, 1)
	l, server, left := served(t, ratelimit.Concurrency{Max: 1, Timeout: 10 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
	var timeout net.Error
	if err := <-read; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the body ended with %v", err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Errorf("the answer: %v", err)
	}
	<-left
	if running, _ := l.Load(); running != 0 {
		t.Errorf("%d run", running)
	}
}

// The deadlines of one request do not reach the next one of the connection, and
// end a request without a body only by its context.
func TestConcurrencyTimeoutLeavesTheConnection(t *testing.T) {
	var addrs []string
	_, server, _ := served(t, ratelimit.Concurrency{Max: 1, Timeout: 10 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		addrs = append(addrs, r.RemoteAddr)
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		if err := r.Context().Err(); err != context.DeadlineExceeded {
			t.Errorf("%s: %v, and not by its deadline", r.Method, err)
		}
		io.WriteString(w, "late, and complete")
	})
	for _, method := range []string{"GET", "POST", "GET"} {
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader("hello")
		}
		r, _ := http.NewRequest(method, server.URL, body)
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(text) != "late, and complete" || err != nil {
			t.Errorf("%s: %q, %v", method, text, err)
		}
	}
	if len(addrs) != 3 || addrs[0] != addrs[1] || addrs[1] != addrs[2] {
		t.Errorf("the requests came over several connections: %v", addrs)
	}
}

// A connection that is taken over has the place until its handler returns, or
// gives it back at once.
func TestConcurrencyUpgrades(t *testing.T) {
	for name, test := range map[string]struct {
		release bool
		first   bool // the handler writes the 101 before it takes over
		running int
	}{
		"held":           {false, false, 1},
		"released":       {true, false, 0},
		"held_first":     {false, true, 1},
		"released_first": {true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			taken, end := make(chan struct{}), make(chan struct{})
			l, server, left := served(t, ratelimit.Concurrency{Max: 1, MaxWait: time.Millisecond, ReleaseUpgrades: test.release}, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Upgrade") == "" {
					w.WriteHeader(204)
					return
				}
				if test.first {
					w.Header().Set("Connection", "Upgrade")
					w.WriteHeader(101)
				}
				conn, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					close(taken)
					return
				}
				if !test.first {
					rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
				}
				rw.WriteString("hello")
				rw.Flush()
				close(taken)
				<-end
				conn.Close()
			})
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
			<-taken
			if running, _ := l.Load(); running != test.running {
				t.Errorf("%d run, want %d", running, test.running)
			}
			res, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := map[int]int{0: 204, 1: 503}[test.running]; res.StatusCode != want {
				t.Errorf("another request: %d, want %d", res.StatusCode, want)
			}
			close(end)
			all, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(all), "HTTP/1.1 101 ") || !strings.HasSuffix(string(all), "\r\n\r\nhello") {
				t.Errorf("the client got %q", all)
			}
			<-left // the other request
			<-left
			if running, _ := l.Load(); running != 0 {
				t.Errorf("%d run afterwards", running)
			}
		})
	}
}
