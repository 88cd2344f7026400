package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func TestRefusal(t *testing.T) {
	b := serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: "2/minute"})
	b.passes(2, "192.0.2.1")
	r := httptest.NewRequest("POST", "/secret-path?token=secret-query", strings.NewReader("secret-body"))
	r.RemoteAddr = "192.0.2.1:1"
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	text := w.Body.String()
	res := w.Result()
	if b.ran != 2 {
		t.Error("next ran")
	}
	for name, want := range map[string]string{
		"Retry-After": "30", "Cache-Control": "no-store", "Content-Type": "application/problem+json",
		"RateLimit-Policy": `"api";q=2;w=60`, "RateLimit": `"api";r=0;t=30`,
	} {
		if got := res.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	a := body(t, res)
	if res.StatusCode != 429 || a.Status != 429 || a.Code != "ratelimit.exceeded" ||
		a.Type != "https://iana.org/assignments/http-problem-types#quota-exceeded" ||
		len(a.Violated) != 1 || a.Violated[0] != "api" {
		t.Errorf("%d %+v", res.StatusCode, a)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("the answer echoes the request: %s", text)
	}
	events := b.rec.Take()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Name != bulwark.ExcessRateLimitExceeded || e.Reason != "ratelimit.exceeded" || e.Rule != "api" || e.Status != 429 ||
		e.ClientIP.String() != "192.0.2.1" || e.Method != "POST" || e.Path != "/secret-path" {
		t.Errorf("event %+v", e)
	}
}

// TestBurst is the promise to a caller at 100/minute: 100 at once, 429 by the
// 104th.
func TestBurst(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "100/minute"}, as(&bulwark.Principal{Subject: "s"}))
	for i := range 105 {
		res := b.from("192.0.2.1")
		if i < 100 && res.StatusCode != 200 {
			t.Fatalf("request %d: %d", i+1, res.StatusCode)
		}
		if i >= 103 && res.StatusCode != 429 {
			t.Fatalf("request %d: %d", i+1, res.StatusCode)
		}
	}
}

// TestConcurrent sends many requests at once: exactly the burst passes.
func TestConcurrent(t *testing.T) {
	for name, addr := range map[string]string{"v4": "192.0.2.1:1", "v6": "[2001:db8::1]:1"} {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Int64
			m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "100/day", MaxKeys: 1024}))
			h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) }))
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 50 {
						r := httptest.NewRequest("GET", "/", nil)
						r.RemoteAddr = addr
						w := discard{http.Header{}}
						r = r.WithContext(quiet(r))
						h.ServeHTTP(w, r)
					}
				})
			}
			wg.Wait()
			if ran.Load() != 100 {
				t.Errorf("%d passed, want 100", ran.Load())
			}
		})
	}
}

// TestConcurrentAggregate sends from many /64 networks of one /48 at once:
// exactly what the /48 may have passes, and who was refused for its sake has
// lost nothing.
func TestConcurrentAggregate(t *testing.T) {
	var ran atomic.Int64
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", MaxKeys: 1024}))
	h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) }))
	network := netip.MustParseAddr("2001:db8:1::1").As16()
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		network[7] = byte(i)
		r, w := quietRequest(netip.AddrPortFrom(netip.AddrFrom16(network), 1).String())
		wg.Go(func() {
			<-start
			h.ServeHTTP(w, r)
		})
	}
	close(start)
	wg.Wait()
	if ran.Load() != 16 {
		t.Errorf("%d passed, want 16", ran.Load())
	}
}

// quiet is the context of a request whose events go nowhere.
func quiet(r *http.Request) context.Context {
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, nowhere{}, "", "")
	return r.Context()
}

type nowhere struct{}

func (nowhere) Record(context.Context, bulwark.Event) {}

// discard is a ResponseWriter that costs nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestCost(t *testing.T) {
	cost := func(n int) func(*http.Request) {
		return func(r *http.Request) { *r = *r.WithContext(context.WithValue(r.Context(), costKey{}, n)) }
	}
	config := ratelimit.Config{Key: ratelimit.ByIP, Rate: "10/minute", Cost: func(r *http.Request) int {
		n, _ := r.Context().Value(costKey{}).(int)
		return n
	}}
	for name, n := range map[string]int{"zero": 0, "negative": -5, "above_burst": 11, "huge": 1 << 62} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, config)
			b.refused(t, b.from("192.0.2.1", cost(n)), 0, 400, "ratelimit.cost", bulwark.InputValidationFail)
			if got := b.passes(20, "192.0.2.1", cost(1)); got != 10 {
				t.Errorf("%d passed afterwards, want 10", got)
			}
		})
	}
	t.Run("all_at_once", func(t *testing.T) {
		b := serve(t, config)
		if b.passes(1, "192.0.2.1", cost(10)) != 1 || b.passes(1, "192.0.2.1", cost(1)) != 0 {
			t.Errorf("%d passed, want 1", b.ran)
		}
	})
	t.Run("retry_after_is_for_this_cost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, config)
			b.from("192.0.2.1", cost(8))
			res := b.from("192.0.2.1", cost(5))
			if got := res.Header.Get("RateLimit"); got != `"test";r=2;t=6` || res.StatusCode != 429 {
				t.Errorf("%d %s", res.StatusCode, got)
			}
			if got := res.Header.Get("Retry-After"); got != "18" {
				t.Errorf("Retry-After %s", got)
			}
			time.Sleep(18 * time.Second)
			if b.passes(1, "192.0.2.1", cost(5)) != 1 {
				t.Error("refused after Retry-After")
			}
		})
	})
}

type costKey struct{}

func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/minute", DryRun: true})
		for i := range 10 {
			if res := b.from("192.0.2.1"); res.StatusCode != 200 || len(res.Header) != 0 {
				t.Fatalf("request %d: %d %v", i, res.StatusCode, res.Header)
			}
		}
		events := b.rec.Take()
		if len(events) != 1 || events[0].Name != bulwark.ExcessRateLimitExceeded || events[0].Reason != "ratelimit.dry_run" ||
			events[0].Rule != "test" || events[0].Status != 0 || events[0].Count != 1 {
			t.Fatalf("first window: %+v", events)
		}
		time.Sleep(time.Minute)
		b.passes(3, "192.0.2.1")
		if events = b.rec.Take(); len(events) != 1 || events[0].Count != 8 {
			t.Fatalf("second window: %+v, want the seven of the first and one more", events)
		}
	})
}

func TestDryRunNeverRefuses(t *testing.T) {
	dry := func(change func(*ratelimit.Config)) ratelimit.Config {
		c := ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true}
		change(&c)
		return c
	}
	tests := []struct {
		name, addr string
		config     ratelimit.Config
		event      bulwark.EventName
		reason     string
	}{
		{"address", "@", dry(func(*ratelimit.Config) {}), bulwark.InputValidationFail, "ratelimit.client_address"},
		{"cost", "192.0.2.1", dry(func(c *ratelimit.Config) { c.Cost = func(*http.Request) int { return 0 } }), bulwark.InputValidationFail, "ratelimit.cost"},
		{"outside_auth", "192.0.2.1", dry(func(c *ratelimit.Config) { c.Key = ratelimit.ByPrincipal }), bulwark.SysUnavailable, "ratelimit.unconfigured"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, test.config)
			if b.passes(1, test.addr) != 1 {
				t.Error("refused")
			}
			events := b.rec.Take()
			if len(events) != 1 || events[0].Name != test.event || events[0].Reason != test.reason {
				t.Errorf("%+v", events)
			}
		})
	}
}

func TestNotices(t *testing.T) {
	m := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true}).limit
	const a, sameSlot, b = 1, 2, 7 << 32
	steps := []struct {
		hash  uint64
		at    time.Duration
		count int
		first bool
	}{
		{a, 1, 1, true},
		{a, 2, 0, false},
		{b, 3, 1, true},
		{sameSlot, 4, 1, true}, // a's slot is taken: loud
		{sameSlot, 5, 1, true},
		{a, time.Second, 0, false},
		{a, time.Second + 1, 3, true},
		{sameSlot, 3 * time.Second, 1, true}, // a's window has passed
		{a, 3*time.Second + 1, 1, true},
	}
	for i, s := range steps {
		if count, first := m.Note(s.hash, s.at, time.Second); count != s.count || first != s.first {
			t.Errorf("step %d: %d %v, want %d %v", i, count, first, s.count, s.first)
		}
	}
}

// TestServer asks over a real connection.
func TestServer(t *testing.T) {
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/hour", MaxKeys: 8}))
	server := httptest.NewServer((&recorderless{m}).handler())
	defer server.Close()
	for i, want := range []int{200, 429} {
		res, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want || res.Header.Get("RateLimit-Policy") != `"n";q=1;w=3600` {
			t.Errorf("request %d: %d %v", i, res.StatusCode, res.Header)
		}
	}
}

type recorderless struct{ m *ratelimit.Middleware }

func (l *recorderless) handler() http.Handler {
	h := l.m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(quiet(r))) })
}

// A mux of package authz tells limits apart by it.
func TestLimitName(t *testing.T) {
	m, err := ratelimit.New(ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "1/hour", MaxKeys: 8})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.LimitName(); got != "login" {
		t.Errorf("name %q", got)
	}
	var unmade *ratelimit.Middleware
	if got := unmade.LimitName(); got != "" {
		t.Errorf("the nil Middleware has the name %q", got)
	}
}
