package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/response"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestFailures sends requests of one outcome at 2/hour: those that do not count
// never exhaust it.
func TestFailures(t *testing.T) {
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		counts  bool
	}{
		{"nothing_written", func(http.ResponseWriter, *http.Request) {}, true},
		{"body_only", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) }, false},
		{"200", answer(200), false},
		{"204", answer(204), false},
		{"302", answer(302), false},
		{"399", answer(399), false},
		{"400", answer(400), true},
		{"401", answer(401), true},
		{"404", answer(404), true},
		{"429", answer(429), true},
		{"499", answer(499), true},
		{"500", answer(500), false},
		{"503", answer(503), false},
		{"early_hints_then_401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(401) }, true},
		{"200_then_401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(401) }, false},
		{"101", answer(101), true},
		{"panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		{"panic_after_200", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic(http.ErrAbortHandler) }, true},
		{"panic_after_500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); panic(http.ErrAbortHandler) }, true},
		{"goexit_like", func(w http.ResponseWriter, _ *http.Request) { panic("boom") }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures})
			ran := 0
			b.handler = b.rec.Wrap(swallow(b.limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran++
				test.handler(w, r)
			}))))
			for range 5 {
				b.from("2001:db8::1")
			}
			if want := map[bool]int{true: 2, false: 5}[test.counts]; ran != want {
				t.Errorf("ran %d times, want %d", ran, want)
			}
		})
	}
}

// swallow is what net/http does with a panic.
func swallow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { recover() }()
		next.ServeHTTP(w, r)
	})
}

func TestPanicGoesOn(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures})
	b.handler = b.limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("mine") }))
	defer func() {
		if got := recover(); got != "mine" {
			t.Errorf("recovered %v", got)
		}
	}()
	b.from("192.0.2.1")
}

func TestCancelledRequestsCount(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures})
	for _, status := range []int{200, 500} {
		b.status = status
		b.from("192.0.2.1", func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			*r = *r.WithContext(ctx)
		})
	}
	b.status = 200
	if b.passes(1, "192.0.2.1") != 0 {
		t.Error("cancelled requests were given back")
	}
}

func TestHijackedConnectionsCount(t *testing.T) {
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/hour", MaxKeys: 8, Count: ratelimit.Failures}))
	var ran atomic.Int64
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
		conn.Close()
	})
	h := m.Wrap(inner)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(quiet(r))) }))
	defer server.Close()
	for _, want := range []int{200, 429} {
		res, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

func TestSuccessOverrides(t *testing.T) {
	for name, test := range map[string]struct {
		status, want int
	}{"302_counts": {302, 2}, "404_does_not": {404, 5}, "500_is_not_asked": {500, 5}} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{
				Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures,
				Success: func(r *http.Request, status int) bool { return r.URL.Path == "/x" && status == 404 },
			})
			b.status = test.status
			if got := b.passes(5, "192.0.2.1"); got != test.want {
				t.Errorf("%d passed, want %d", got, test.want)
			}
		})
	}
}

// TestGuessesAtOnce holds all guesses until each has started: had they only
// been looked at before and counted afterwards, all would pass.
func TestGuessesAtOnce(t *testing.T) {
	var started atomic.Int64
	release := make(chan struct{})
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "10/hour", MaxKeys: 8, Count: ratelimit.Failures}))
	h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		started.Add(1)
		<-release
		w.WriteHeader(401)
	}))
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range 100 {
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/login", nil)
			r = r.WithContext(quiet(r))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == 429 && refused.Add(1) == 90 {
				close(release)
			}
		})
	}
	wg.Wait()
	if started.Load() != 10 {
		t.Errorf("%d guesses, want 10", started.Load())
	}
}

// TestRefundAfterTime gives back only what time has not given back by itself.
func TestRefundAfterTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/minute", Count: ratelimit.Failures})
		slow := b.limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(2 * time.Minute)
			b.status = 401
			if b.passes(1, "192.0.2.1") != 1 {
				t.Error("the quota was not restored")
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.1:1"
		slow.ServeHTTP(httptest.NewRecorder(), r)
		if b.passes(1, "192.0.2.1") != 0 {
			t.Error("a late success gave back a later failure")
		}
	})
}

// TestSuccessesLeaveNoTrace mixes both: only failures count.
func TestSuccessesLeaveNoTrace(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "3/hour", Count: ratelimit.Failures})
	passed := 0
	for _, status := range []int{200, 401, 200, 200, 401, 200, 500, 401, 200, 401} {
		b.status = status
		passed += b.passes(1, "192.0.2.1")
	}
	if passed != 8 {
		t.Errorf("%d passed, want all until the third failure", passed)
	}
	if got := b.from("192.0.2.2").Header.Get("RateLimit"); got != `"test";r=2;t=1200` {
		t.Errorf("RateLimit %s", got)
	}
}

// A middleware between the layers may hold a failure's status back, as a
// compressor does. Guesses are counted all the same.
func TestFailuresBehindABuffer(t *testing.T) {
	limit := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "5/hour", Count: ratelimit.Failures}))
	buffering := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := &heldBack{ResponseWriter: w}
			next.ServeHTTP(held, r)
			if held.status != 0 {
				w.WriteHeader(held.status)
			}
		})
	})
	watched := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w, _ = response.Of(w) // as audit does, outermost
			next.ServeHTTP(w, r)
		})
	})
	h := bulwark.Must(bulwark.Chain(&bulwarktest.Recorder{}, watched, buffering, limit)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	statuses := map[int]int{}
	for range 20 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
		statuses[w.Code]++
	}
	if statuses[401] != 5 || statuses[429] != 15 {
		t.Errorf("statuses %v, want 5 guesses", statuses)
	}
}

type heldBack struct {
	http.ResponseWriter
	status int
}

func (h *heldBack) Unwrap() http.ResponseWriter { return h.ResponseWriter }
func (h *heldBack) WriteHeader(status int)      { h.status = status }
func (h *heldBack) Write(p []byte) (int, error) { return len(p), nil }

// A stream that ends with the caller's credential is not a failure.
func TestExpiredStreamsDoNotCount(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/hour", Count: ratelimit.Failures})
	for _, cause := range []error{response.ErrExpired, response.ErrRevoked, response.ErrUnchecked} {
		b.status = 200
		b.from("192.0.2.1", func(r *http.Request) {
			ctx, cancel := context.WithCancelCause(r.Context())
			cancel(cause)
			*r = *r.WithContext(ctx)
		})
	}
	if b.passes(1, "192.0.2.1") != 1 {
		t.Error("streams that ran out were counted")
	}
}
