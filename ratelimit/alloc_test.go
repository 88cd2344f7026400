package ratelimit_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
)

var principal = &bulwark.Principal{Issuer: "https://login.example.com", Subject: "00u1a2b3c4d5e6f7g8h9", Tier: "premium"}

// fast is a rate that a benchmark does not reach.
const fast ratelimit.Rate = "1000000/second,burst=1000000000"

// hotPaths are requests within the rate, with a scope and a response header map
// that have been there before.
var hotPaths = []struct {
	name   string
	addr   string
	caller *bulwark.Principal
	config ratelimit.Config
	most   float64
}{
	{"ip_v4", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast}, 2},
	{"ip_v6", "[2001:db8::1]:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast}, 2},
	{"principal", "192.0.2.1:1", principal, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour", Tiers: ratelimit.Tiers{"premium": fast}}, 2},
	{"joined", "192.0.2.1:1", principal, ratelimit.Config{Key: ratelimit.Join(ratelimit.ByPrincipal, ratelimit.ByHeader("X-Tenant"), ratelimit.ByIP), Rate: fast}, 2},
	{"triple", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast, Headers: ratelimit.Triple}, 2},
	{"legacy", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast, Headers: ratelimit.Legacy}, 2},
	{"no_headers", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast, Headers: ratelimit.NoHeaders}, 0},
	{"unlimited", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: "unlimited"}, 0},
	{"fixed_window", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1000000000/day,fixed-window"}, 2},
	{"calendar", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1000000000/day", Calendar: time.UTC}, 2},
	{"two_windows", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: fast + "; 1000000000/day"}, 2},
	{"failures", "192.0.2.1:1", nil, ratelimit.Config{Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures}, 3},
}

func hot(tb testing.TB, i int) (http.Handler, *http.Request, discard, *spy) {
	p := hotPaths[i]
	p.config.Name, p.config.MaxKeys = "test", 1024
	m, err := ratelimit.New(p.config)
	if err != nil {
		tb.Fatal(err)
	}
	r, w := quietRequest(p.addr)
	r.Header.Set("X-Tenant", "acme")
	if p.caller != nil {
		r, _ = bulwark.Identify(r, p.caller)
	}
	next := &spy{status: 200}
	return m.Wrap(next), r, w, next
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for i, p := range hotPaths {
		t.Run(p.name, func(t *testing.T) {
			h, r, w, next := hot(t, i)
			got := testing.AllocsPerRun(1000, func() {
				clear(w.h)
				h.ServeHTTP(w, r)
			})
			if got > p.most {
				t.Errorf("%v allocations, want at most %v", got, p.most)
			}
			if next.ran != 1001 {
				t.Errorf("next ran %d times", next.ran)
			}
		})
	}
}

// TestRefusalAllocations measures the decision: what writes the answer comes
// after it.
func TestRefusalAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, addr := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day"})
		b.from(addr)
		r, _ := quietRequest(addr)
		r, scope := bulwark.Enter(r)
		ratelimit.Decide(b.limit, r, scope)
		got := testing.AllocsPerRun(1000, func() {
			if exceeded, err := ratelimit.Decide(b.limit, r, scope); !exceeded || err != nil {
				t.Fatalf("exceeded %v, %v", exceeded, err)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations, want none", addr, got)
		}
	}
}

// TestTakeAllocations measures Take in a MemoryStore: a reservation, or the
// problem of a refusal, and nothing else.
func TestTakeAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, test := range []struct {
		name string
		rate ratelimit.Rate
		take func(*ratelimit.Middleware) (*ratelimit.Reservation, error)
		most float64
	}{
		{"allowed", fast, func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.Take(t.Context(), "alice", "device")
			return r, err
		}, 1},
		{"allowed_v4", fast, func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.TakeFor(t.Context(), v4, "alice")
			return r, err
		}, 1},
		{"allowed_v6", fast, func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.TakeFor(t.Context(), v6, "alice")
			return r, err
		}, 1},
		{"allowed_two_windows", fast + "; 1000000000/day", func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.TakeN(t.Context(), 3, "alice")
			return r, err
		}, 1},
		{"denied", "1/day", func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.Take(t.Context(), "alice")
			return r, err
		}, 1},
		{"denied_v6", "1/day", func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.TakeFor(t.Context(), v6, "alice")
			return r, err
		}, 1},
		{"denied_two_windows", "1/day; 100/month", func(m *ratelimit.Middleware) (*ratelimit.Reservation, error) {
			r, _, err := m.Take(t.Context(), "alice")
			return r, err
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := serve(t, ratelimit.Config{Rate: test.rate}).limit
			test.take(m)
			denied := strings.HasPrefix(test.name, "denied")
			got := testing.AllocsPerRun(1000, func() {
				r, err := test.take(m)
				if (err != nil) != denied {
					t.Fatal(err)
				}
				r.Refund()
			})
			if got > test.most {
				t.Errorf("%v allocations, want at most %v", got, test.most)
			}
		})
	}
}

// TestAnswerAllocations measures a whole 429, with its event and its body.
func TestAnswerAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", MaxKeys: 1024}))
	h := m.Wrap(&spy{})
	r, w := quietRequest("192.0.2.1:1")
	h.ServeHTTP(w, r)
	got := testing.AllocsPerRun(1000, func() {
		clear(w.h)
		h.ServeHTTP(w, r)
	})
	// The problem, two fields of the limit, the other fields, their numbers.
	if got > 6 {
		t.Errorf("%v allocations, want at most 6", got)
	}
}
