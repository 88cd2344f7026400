package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

var (
	alice         = &bulwark.Principal{Issuer: "i", Subject: "alice"}
	byTenantField = ratelimit.KeyFunc(func(r *http.Request) string { return r.Header.Get("X-Tenant") })
)

// TestReset uses a quota of one up, resets, and asks whether it is whole.
func TestReset(t *testing.T) {
	const v4, v6 = "192.0.2.1", "2001:db8:1:2::3"
	byTenant := []func(*http.Request){header("X-Tenant", "acme")}
	reset := func(key ...string) func(*ratelimit.Middleware) error {
		return func(m *ratelimit.Middleware) error { return m.Reset(context.Background(), key...) }
	}
	resetFor := func(addr string, key ...string) func(*ratelimit.Middleware) error {
		return func(m *ratelimit.Middleware) error {
			return m.ResetFor(context.Background(), netip.MustParseAddr(addr), key...)
		}
	}
	tests := []struct {
		name   string
		key    ratelimit.Key
		caller *bulwark.Principal
		addr   string
		change []func(*http.Request)
		reset  func(*ratelimit.Middleware) error
		whole  bool
	}{
		{"ip", ratelimit.ByIP, nil, v4, nil, reset(v4), true},
		{"ip_mapped", ratelimit.ByIP, nil, v4, nil, reset("::ffff:192.0.2.1"), true},
		{"ip_for", ratelimit.ByIP, nil, v4, nil, resetFor(v4), true},
		{"ip_for_mapped", ratelimit.ByIP, nil, v4, nil, resetFor("::ffff:192.0.2.1"), true},
		{"ip_other", ratelimit.ByIP, nil, v4, nil, reset("192.0.2.2"), false},
		{"ip_not_an_address", ratelimit.ByIP, nil, v4, nil, reset("192.0.2.1 "), false},
		{"ip_too_many", ratelimit.ByIP, nil, v4, nil, reset(v4, v4), false},
		{"ip_for_too_many", ratelimit.ByIP, nil, v4, nil, resetFor(v4, "acme"), false},
		{"ipv6", ratelimit.ByIP, nil, v6, nil, reset(v6), true},
		{"ipv6_network", ratelimit.ByIP, nil, v6, nil, reset("2001:db8:1:2::/64"), true},
		{"ipv6_host", ratelimit.ByIP, nil, v6, nil, reset("2001:db8:1:2::ffff"), true},
		{"ipv6_for", ratelimit.ByIP, nil, v6, nil, resetFor(v6 + "%eth0"), true},
		{"ipv6_other", ratelimit.ByIP, nil, v6, nil, reset("2001:db8:1:3::3"), false},
		{"nat64", ratelimit.ByIP, nil, "198.51.100.7", nil, reset("64:ff9b::198.51.100.7"), true},
		{"principal", ratelimit.ByPrincipal, alice, v4, nil, reset(alice.Key()), true},
		{"principal_subject", ratelimit.ByPrincipal, alice, v4, nil, reset("alice"), false},
		{"principal_for_an_address", ratelimit.ByPrincipal, alice, v4, nil, resetFor(v4), false},
		{"anonymous", ratelimit.ByPrincipal, nil, v4, nil, resetFor(v4), true},
		{"anonymous_v6", ratelimit.ByPrincipal, nil, v6, nil, resetFor(v6), true},
		{"anonymous_as_text", ratelimit.ByPrincipal, nil, v4, nil, reset(v4), false},
		{"func", byTenantField, nil, v4, byTenant, reset("acme"), true},
		{"func_other", byTenantField, nil, v4, byTenant, reset("other"), false},
		{"func_for", byTenantField, nil, v4, byTenant, resetFor(v4, "acme"), false},
		{"join", ratelimit.Join(ratelimit.ByPrincipal, byTenantField), alice, v4, byTenant, reset(alice.Key(), "acme"), true},
		{"join_order", ratelimit.Join(ratelimit.ByPrincipal, byTenantField), alice, v4, byTenant, reset("acme", alice.Key()), false},
		{"join_part", ratelimit.Join(ratelimit.ByPrincipal, byTenantField), alice, v4, byTenant, reset(alice.Key()), false},
		{"join_anonymous", ratelimit.Join(ratelimit.ByPrincipal, byTenantField), nil, v4, byTenant, resetFor(v4, "acme"), true},
		{"join_ip", ratelimit.Join(byTenantField, ratelimit.ByIP), nil, v6, byTenant, reset("acme", v6), true},
		{"join_ip_for", ratelimit.Join(byTenantField, ratelimit.ByIP), nil, v6, byTenant, resetFor(v6, "acme"), true},
		{"join_ip_twice", ratelimit.Join(ratelimit.ByIP, ratelimit.ByIP), nil, v6, nil, reset(v6, v6), true},
		{"join_two_ips", ratelimit.Join(ratelimit.ByIP, ratelimit.ByIP), nil, v4, nil, reset(v4, "192.0.2.2"), false},
		{"join_header", ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("X-Tenant")), nil, v4, byTenant, reset(v4, "acme"), true},
		{"join_caller_and_ip", ratelimit.Join(ratelimit.ByPrincipal, ratelimit.ByIP), alice, v6, nil, resetFor(v6, alice.Key()), true},
	}
	for _, test := range tests {
		for name, store := range map[string]ratelimit.Store{"memory": nil, "store": &foreign{}} {
			t.Run(test.name+"_"+name, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: test.key, Rate: "1/day", Store: store, AuthOutside: false}, as(test.caller))
				if got := b.passes(2, test.addr, test.change...); got != 1 {
					t.Fatalf("%d passed at first", got)
				}
				if err := test.reset(b.limit); err != nil {
					t.Fatal(err)
				}
				want := 0
				if test.whole {
					want = 1
				}
				if got := b.passes(2, test.addr, test.change...); got != want {
					t.Errorf("%d passed after the reset, want %d", got, want)
				}
			})
		}
	}
}

// What a site has used is forgotten as well.
func TestResetForASite(t *testing.T) {
	m := serve(t, ratelimit.Config{Rate: "1/day"}).limit
	site := networks(t, "2001:db8:1::1", 40)
	passed := func() (n int) {
		for _, addr := range site {
			if _, _, err := m.TakeFor(t.Context(), addr, "alice"); err == nil {
				n++
			}
		}
		return n
	}
	if n := passed(); n != 16 {
		t.Fatalf("%d passed, want 16", n)
	}
	if err := m.ResetFor(t.Context(), site[0], "alice"); err != nil {
		t.Fatal(err)
	}
	// The /64 of site[0] is whole, and the /48. The other fifteen are not.
	if n := passed(); n != 16 {
		t.Errorf("%d passed after the reset, want 16", n)
	}
}

// Take and TakeFor are reset with the strings that they were called with.
func TestResetOfTakes(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day"})
	take := func() (took [3]bool) {
		_, _, err := b.limit.Take(t.Context(), "tenant", "alice")
		took[0] = err == nil
		_, _, err = b.limit.TakeFor(t.Context(), addr, "alice")
		took[1] = err == nil
		took[2] = b.passes(1, "192.0.2.1") == 1
		return took
	}
	take()
	for _, test := range []struct {
		name  string
		reset func() error
		want  [3]bool
	}{
		{"take", func() error { return b.limit.Reset(t.Context(), "tenant", "alice") }, [3]bool{true, false, false}},
		{"order", func() error { return b.limit.Reset(t.Context(), "alice", "tenant") }, [3]bool{}},
		{"part", func() error { return b.limit.Reset(t.Context(), "tenant") }, [3]bool{}},
		{"for", func() error { return b.limit.ResetFor(t.Context(), addr, "alice") }, [3]bool{false, true, false}},
		{"address", func() error { return b.limit.ResetFor(t.Context(), addr) }, [3]bool{false, false, true}},
	} {
		if err := test.reset(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := take(); got != test.want {
			t.Errorf("%s: %v are whole, want %v", test.name, got, test.want)
		}
	}
}

// A caller may have used the quota of every tier.
func TestResetOfTiers(t *testing.T) {
	p := *alice
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "unlimited", Tiers: ratelimit.Tiers{"free": "1/day", "enterprise": "unlimited"}},
		func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r, _ = bulwark.Identify(r, &p)
				next.ServeHTTP(w, r)
			})
		})
	p.Tier = "free"
	if got := b.passes(3, "192.0.2.1"); got != 1 {
		t.Fatalf("%d passed", got)
	}
	if err := b.limit.Reset(t.Context(), p.Key()); err != nil {
		t.Fatal(err)
	}
	if got := b.passes(3, "192.0.2.1"); got != 1 {
		t.Errorf("%d passed after the reset, want 1", got)
	}
	unlimited := serve(t, ratelimit.Config{Rate: "unlimited"}).limit
	if err := unlimited.Reset(t.Context(), "k"); err != nil {
		t.Error(err)
	}
}

func TestResetIsAnEvent(t *testing.T) {
	var job, request bulwarktest.Recorder
	m := serve(t, ratelimit.Config{Name: "login", Rate: "1/day", Recorder: &job}).limit
	r, _ := http.NewRequest("POST", "/unlock", nil)
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, &request, "", "")
	for name, test := range map[string]struct {
		ctx context.Context
		rec *bulwarktest.Recorder
	}{"job": {t.Context(), &job}, "request": {r.Context(), &request}} {
		if err := errors.Join(m.Reset(test.ctx, "secret account"), m.ResetFor(test.ctx, netip.MustParseAddr("192.0.2.77"), "secret account")); err != nil {
			t.Error(err)
		}
		events := test.rec.Take()
		if len(events) != 2 {
			t.Fatalf("%s: %+v", name, events)
		}
		for _, e := range events {
			if e.Name != bulwark.AuthzAdmin || e.Reason != "ratelimit.reset" || e.Rule != "login" {
				t.Errorf("%s: %+v", name, e)
			}
			for _, attr := range e.AppendAttrs(nil) {
				if text := attr.String(); strings.Contains(text, "secret") || strings.Contains(text, "192.0.2.77") {
					t.Errorf("%s: the event has the key: %s", name, text)
				}
			}
		}
	}
}

// forgetful notes the calls of Reset, and fails when told to.
type forgetful struct {
	foreign
	fail  error
	calls [][]ratelimit.Cell
}

func (f *forgetful) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	f.calls = append(f.calls, cells)
	if f.fail != nil {
		return f.fail
	}
	return f.foreign.Reset(ctx, cells)
}

// A call has cells that differ, of one caller, from the narrowest to the widest.
func TestResetCallsOfAStore(t *testing.T) {
	store := &forgetful{}
	var rec bulwarktest.Recorder
	m := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/day", Tiers: ratelimit.Tiers{"a": "2/day", "b": "unlimited", "c": "3/hour"}, Store: store, Recorder: &rec}).limit
	if err := m.ResetFor(t.Context(), netip.MustParseAddr("2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	if len(store.calls) != 2 { // of TakeFor, and of anonymous requests
		t.Fatalf("%d calls", len(store.calls))
	}
	for _, cells := range store.calls {
		if len(cells) != 2 || len(cells[0].Key) != len(cells[1].Key)+2 {
			t.Errorf("cells %+v", cells)
		}
	}
	rec.Take()
	store.fail = errors.New("connection reset")
	err := m.Reset(t.Context(), alice.Key())
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != 503 || p.Code != "ratelimit.unavailable" || p.Log.Rule != "test" || !errors.Is(err, store.fail) {
		t.Errorf("%v", err)
	}
	if len(store.calls) != 4 {
		t.Errorf("%d calls; what can be reset is reset", len(store.calls)-2)
	}
	if events := rec.Take(); len(events) != 0 {
		t.Errorf("an event of what has not happened: %+v", events)
	}
}

func TestResetRefusesKeys(t *testing.T) {
	var rec bulwarktest.Recorder
	m := serve(t, ratelimit.Config{Rate: "1/day", Recorder: &rec}).limit
	var none *ratelimit.Middleware
	for name, test := range map[string]struct {
		err  error
		code string
	}{
		"none":         {m.Reset(t.Context()), "ratelimit.key"},
		"empty":        {m.Reset(t.Context(), ""), "ratelimit.key"},
		"one_empty":    {m.Reset(t.Context(), "a", ""), "ratelimit.key"},
		"for_empty":    {m.ResetFor(t.Context(), netip.MustParseAddr("::1"), ""), "ratelimit.key"},
		"address":      {m.ResetFor(t.Context(), netip.Addr{}, "a"), "ratelimit.client_address"},
		"unmade":       {none.Reset(t.Context(), "a"), ""},
		"unmade_for":   {none.ResetFor(t.Context(), netip.MustParseAddr("::1")), ""},
		"unmade_empty": {new(ratelimit.Middleware).Reset(t.Context()), ""},
	} {
		var p *bulwark.Problem
		var config *bulwark.ConfigError
		switch {
		case test.code != "" && (!errors.As(test.err, &p) || p.Status != 400 || p.Code != test.code):
			t.Errorf("%s: %v", name, test.err)
		case test.code == "" && !errors.As(test.err, &config):
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if events := rec.Take(); len(events) != 0 {
		t.Errorf("%+v", events)
	}
}

// A Reset makes every window whole, and also the windows of rates that RateFor
// has told.
func TestResetOfSeveralWindows(t *testing.T) {
	for _, rate := range []ratelimit.Rate{"2/hour; 3/day", "2/day,fixed-window", "2/hour,sliding-log", "5/second; 2/day,fixed-window; 2/hour,sliding-log"} {
		for _, own := range []bool{false, true} {
			c := ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: rate}
			if own {
				c.Rate = "1/minute"
				c.RateFor = func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return rate, nil }
			}
			b := serve(t, c, as(alice))
			if got := b.passes(3, "192.0.2.1"); got != 2 {
				t.Fatalf("%s: %d passed", rate, got)
			}
			if err := b.limit.Reset(t.Context(), alice.Key()); err != nil {
				t.Fatal(err)
			}
			if got := b.passes(3, "192.0.2.1"); got != 2 {
				t.Errorf("%s, own %v: %d passed after the reset, want 2", rate, own, got)
			}
		}
	}
}
