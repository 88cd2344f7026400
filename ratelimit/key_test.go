package ratelimit_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func TestByIP(t *testing.T) {
	tests := []struct {
		name, first, second string
		shared              bool
	}{
		{"same", "192.0.2.1", "192.0.2.1", true},
		{"other_port", "192.0.2.1:1", "192.0.2.1:2", true},
		{"other", "192.0.2.1", "192.0.2.2", false},
		{"mapped", "[::ffff:192.0.2.1]:1", "192.0.2.1:1", true},
		{"same_64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"other_64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"other_48", "2001:db8:1::1", "2001:db8:2::1", false},
		{"zone", "[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"no_port", "192.0.2.1", "192.0.2.1:80", true},
		{"v4_is_not_v6", "1.2.3.4", "102:304::", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour"})
			if b.passes(1, test.first) != 1 {
				t.Fatal("the first request was refused")
			}
			if shared := b.passes(1, test.second) == 0; shared != test.shared {
				t.Errorf("shared %v, want %v", shared, test.shared)
			}
		})
	}
}

func TestByIPRefusesUnknownAddresses(t *testing.T) {
	for name, addr := range map[string]string{"unix_socket": "@", "empty": "", "garbage": "client", "port_only": ":80", "hex": "0x7f000001:1"} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour"})
			res := b.from("x", func(r *http.Request) { r.RemoteAddr = addr })
			b.refused(t, res, 0, 400, "ratelimit.client_address", bulwark.InputValidationFail)
			if got := res.Header.Get("RateLimit"); got != "" {
				t.Errorf("RateLimit %s", got)
			}
		})
	}
}

// TestAggregate gives a /48 sixteen times the rate of a /64.
func TestAggregate(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/hour"})
	network := netip.MustParseAddr("2001:db8:1::1").As16()
	passed := 0
	for i := range 64 {
		network[7] = byte(i)
		passed += b.passes(3, netip.AddrFrom16(network).String())
	}
	if passed != 32 {
		t.Errorf("%d passed from one /48, want 32", passed)
	}
	b.rec.Take()
	ran := b.ran
	network[7] = 200
	res := b.from(netip.AddrFrom16(network).String())
	b.refused(t, res, ran, 429, "ratelimit.exceeded", bulwark.ExcessRateLimitExceeded)
	// A unit of the /48 is a sixteenth of half an hour.
	if got := res.Header.Get("RateLimit"); got != `"test";r=0;t=113` {
		t.Errorf("RateLimit %s", got)
	}
	if got := res.Header.Get("Retry-After"); got != "113" {
		t.Errorf("Retry-After %s", got)
	}
	if got := b.passes(3, "2001:db8:2::1"); got != 2 {
		t.Errorf("%d passed from the neighbouring /48, want 2", got)
	}
}

// TestAggregateIsAllOrNothing exhausts a /48 and asks what a /64 in it has
// left.
func TestAggregateIsAllOrNothing(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 1024}
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour", Count: ratelimit.Failures, Store: store})
	b.status = 401
	network := netip.MustParseAddr("2001:db8:1::1").As16()
	for i := range 16 {
		network[7] = byte(i + 1)
		b.from(netip.AddrFrom16(network).String())
	}
	network[7] = 100
	if got := b.passes(1, netip.AddrFrom16(network).String()); got != 0 {
		t.Error("the seventeenth /64 passed")
	}
	b.status = 200
	network[7] = 1
	if got := b.passes(1, netip.AddrFrom16(network).String()); got != 0 {
		t.Error("a refusal gave something back")
	}
}

func TestByPrincipal(t *testing.T) {
	alice := &bulwark.Principal{Issuer: "a", Subject: "alice"}
	tests := []struct {
		name          string
		first, second *bulwark.Principal
		shared        bool
	}{
		{"same_caller_new_token", alice, &bulwark.Principal{Issuer: "a", Subject: "alice", TokenID: "2", SessionID: "s"}, true},
		{"other_subject", alice, &bulwark.Principal{Issuer: "a", Subject: "bob"}, false},
		{"other_issuer", alice, &bulwark.Principal{Issuer: "b", Subject: "alice"}, false},
		{"shifted_border", &bulwark.Principal{Issuer: "a", Subject: "bc"}, &bulwark.Principal{Issuer: "ab", Subject: "c"}, false},
		{"other_tier_same_key", alice, &bulwark.Principal{Issuer: "a", Subject: "alice", Tier: "unknown"}, true},
		{"long", &bulwark.Principal{Issuer: strings.Repeat("i", 500), Subject: "1"}, &bulwark.Principal{Issuer: strings.Repeat("i", 500), Subject: "2"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour"})
			if b.passes(1, "192.0.2.1", caller(test.first)) != 1 {
				t.Fatal("the first request was refused")
			}
			// The address is another one and does not matter.
			if shared := b.passes(1, "192.0.2.99", caller(test.second)) == 0; shared != test.shared {
				t.Errorf("shared %v, want %v", shared, test.shared)
			}
			if b.limit.Kind() != "ratelimit.principal" {
				t.Errorf("kind %q", b.limit.Kind())
			}
		})
	}
}

func TestByPrincipalNeedsNoAddress(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour"})
	if b.passes(2, "@", caller(&bulwark.Principal{Subject: "s"})) != 1 {
		t.Errorf("%d passed, want 1", b.ran)
	}
}

func TestEmptySubjectIsRefused(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour"})
	res := b.from("192.0.2.1", caller(&bulwark.Principal{Issuer: "i"}))
	b.refused(t, res, 0, 400, "ratelimit.key", bulwark.InputValidationFail)
}

func TestByPrincipalOutsideAuth(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour", Anonymous: "unlimited"})
	res := b.from("192.0.2.1")
	b.refused(t, res, 0, 500, "ratelimit.unconfigured", bulwark.SysUnavailable)
}

func TestTiers(t *testing.T) {
	config := ratelimit.Config{
		Key: ratelimit.ByPrincipal, Rate: "3/hour", Anonymous: "2/hour",
		Tiers: ratelimit.Tiers{"premium": "5/hour", "enterprise": "unlimited"},
	}
	fromYAML := config
	fromYAML.Rate, fromYAML.Tiers = "", ratelimit.Tiers{"default": "3/hour", "premium": "5/hour", "enterprise": "unlimited"}
	for name, config := range map[string]ratelimit.Config{"rate": config, "default_tier": fromYAML} {
		for tier, want := range map[string]int{"": 3, "default": 3, "unknown": 3, "Premium": 3, "premium": 5, "enterprise": 10} {
			t.Run(name+"_"+tier, func(t *testing.T) {
				b := serve(t, config)
				if got := b.passes(10, "192.0.2.1", caller(&bulwark.Principal{Subject: "s", Tier: tier})); got != want {
					t.Errorf("%d passed, want %d", got, want)
				}
			})
		}
	}
}

func TestAnonymous(t *testing.T) {
	tests := []struct {
		name string
		rate ratelimit.Rate
		want int
	}{
		{"own_rate", "2/hour", 2},
		{"default", "", 4},
		{"unlimited", "unlimited", 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "4/hour", Anonymous: test.rate}, as(nil))
			if got := b.passes(10, "192.0.2.1"); got != test.want {
				t.Errorf("%d passed, want %d", got, test.want)
			}
			if got := b.passes(10, "192.0.2.2"); got != test.want {
				t.Errorf("%d passed from another address, want %d", got, test.want)
			}
		})
	}
}

// TestAnonymousHasItsOwnSpace lets nobody use up the quota of a caller whose
// key would read like an address.
func TestAnonymousHasItsOwnSpace(t *testing.T) {
	nobody := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour"}, as(nil))
	somebody := nobody.limit.Wrap(nobody.spy)
	if nobody.passes(2, "192.0.2.1") != 1 {
		t.Fatal("anonymous requests are not counted")
	}
	nobody.handler = nobody.rec.Wrap(somebody)
	if nobody.passes(2, "192.0.2.1", caller(&bulwark.Principal{Subject: "192.0.2.1"})) != 1 {
		t.Error("a caller shares the quota of an address")
	}
}

func TestAnonymousWithoutAddress(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "1/hour"}, as(nil))
	res := b.from("@")
	b.refused(t, res, 0, 400, "ratelimit.client_address", bulwark.InputValidationFail)
}

func TestJoin(t *testing.T) {
	tenant := ratelimit.KeyFunc(func(r *http.Request) string { return r.Header.Get("T") })
	set := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Add(pairs[i], pairs[i+1])
			}
		}
	}
	a, b := ratelimit.ByHeader("A"), ratelimit.ByHeader("b")
	tests := []struct {
		name          string
		key           ratelimit.Key
		first, second func(*http.Request)
		shared        bool
	}{
		{"same", ratelimit.Join(ratelimit.ByIP, a), set("A", "1"), set("A", "1"), true},
		{"other_value", ratelimit.Join(ratelimit.ByIP, a), set("A", "1"), set("A", "2"), false},
		{"absent_is_not_empty", ratelimit.Join(ratelimit.ByIP, a), set(), set("A", ""), false},
		{"two_lines_are_not_one", ratelimit.Join(ratelimit.ByIP, a), set("A", "1", "A", "2"), set("A", "12"), false},
		{"shifted_border", ratelimit.Join(ratelimit.ByIP, a, b), set("A", "x", "B", "yz"), set("A", "xy", "B", "z"), false},
		{"swapped", ratelimit.Join(ratelimit.ByIP, a, b), set("A", "x"), set("B", "x"), false},
		{"func", ratelimit.Join(tenant, ratelimit.ByIP), set("T", "1"), set("T", "2"), false},
		{"func_alone", tenant, set("T", "1"), set("T", "1"), true},
		{"nested", ratelimit.Join(ratelimit.Join(ratelimit.ByIP, a), tenant), set("T", "1", "A", "1"), set("T", "1", "A", "2"), false},
		{"unused_header", ratelimit.Join(ratelimit.ByIP, a), set("A", "1", "B", "1"), set("A", "1", "B", "2"), true},
		{"length_like", ratelimit.Join(ratelimit.ByIP, a, b), set("A", "\x01\x00\x00\x00"), set("B", "\x01\x00\x00\x00"), false},
	}
	for _, test := range tests {
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			t.Run(test.name, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: test.key, Rate: "1/hour"})
				if b.passes(1, addr, test.first) != 1 {
					t.Fatal("the first request was refused")
				}
				if shared := b.passes(1, addr, test.second) == 0; shared != test.shared {
					t.Errorf("shared %v, want %v", shared, test.shared)
				}
			})
		}
	}
}

// TestJoinAnonymous keeps the other parts where there is no principal.
func TestJoinAnonymous(t *testing.T) {
	key := ratelimit.Join(ratelimit.ByPrincipal, ratelimit.KeyFunc(func(r *http.Request) string { return r.URL.Path }))
	b := serve(t, ratelimit.Config{Key: key, Rate: "1/hour"}, as(nil))
	other := func(r *http.Request) { r.URL.Path = "/other" }
	if b.passes(2, "192.0.2.1") != 1 || b.passes(2, "192.0.2.1", other) != 1 || b.passes(2, "192.0.2.2") != 1 {
		t.Errorf("%d passed, want one for each path and address", b.ran)
	}
}

func TestEmptyKeyIsRefused(t *testing.T) {
	empty := ratelimit.KeyFunc(func(*http.Request) string { return "" })
	for name, key := range map[string]ratelimit.Key{"alone": empty, "joined": ratelimit.Join(ratelimit.ByIP, empty)} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: key, Rate: "1/hour"})
			b.refused(t, b.from("192.0.2.1"), 0, 400, "ratelimit.key", bulwark.InputValidationFail)
		})
	}
}

// TestForgedAddress sends what proxies send, from nobody's proxy.
func TestForgedAddress(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour"})
	for i, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"} {
		if got := b.passes(1, "192.0.2.1", header(name, "198.51.100."+string(rune('1'+i)))); got != 1 && i == 0 || got != 0 && i > 0 {
			t.Errorf("%s: %d passed", name, got)
		}
	}
}

func TestAddressPrefix(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "::1": "::/64",
	} {
		if got := ratelimit.AddressPrefix(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := ratelimit.AddressPrefix(netip.Addr{}); got != "" {
		t.Errorf("the zero address: %s", got)
	}
}
