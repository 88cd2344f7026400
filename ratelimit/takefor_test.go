package ratelimit_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// networks are n addresses, each in a /64 of its own, of one /48.
func networks(t *testing.T, site string, n int) []netip.Addr {
	t.Helper()
	octets := netip.MustParseAddr(site).As16()
	all := make([]netip.Addr, n)
	for i := range all {
		octets[6], octets[7] = byte(i>>8), byte(i)
		all[i] = netip.AddrFrom16(octets)
	}
	return all
}

// One site has as many /64 networks as it likes, and sixteen times the rate of
// one of them.
func TestCaseRl4OneSiteHasSixteenTimesTheRate(t *testing.T) {
	for _, test := range []struct {
		rate ratelimit.Rate
		key  []string
		want int
	}{
		{"1/day", []string{"alice"}, 16},
		{"3/day", []string{"alice"}, 48},
		{"10/hour", []string{"tenant", "alice"}, 160},
		{"2/day", nil, 32},
		{"2/day", []string{strings.Repeat("long", 200)}, 32},
	} {
		t.Run(fmt.Sprint(test.rate, len(test.key)), func(t *testing.T) {
			m := serve(t, ratelimit.Config{Rate: test.rate}).limit
			passed := 0
			for _, addr := range networks(t, "2001:db8:1::1", 300) {
				if _, _, err := m.TakeFor(t.Context(), addr, test.key...); err == nil {
					passed++
				}
			}
			if passed != test.want {
				t.Errorf("%d passed from one /48, want %d", passed, test.want)
			}
			for _, addr := range []string{"2001:db8:2::1", "192.0.2.1"} {
				if _, _, err := m.TakeFor(t.Context(), netip.MustParseAddr(addr), test.key...); err != nil {
					t.Errorf("%s: %v", addr, err)
				}
			}
			if _, _, err := m.TakeFor(t.Context(), netip.MustParseAddr("2001:db8:1::1"), append(test.key, "other")...); err != nil {
				t.Errorf("another key: %v", err)
			}
		})
	}
}

// What the /48 refuses costs the /64 nothing, and the other way around.
func TestCaseRl4TakesFromBothOrFromNeither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, ratelimit.Config{Name: "login", Rate: "2/hour"}).limit
		all := networks(t, "2001:db8:1::1", 20)
		take := func(addr netip.Addr) (*ratelimit.Reservation, ratelimit.Result, error) {
			return m.TakeFor(t.Context(), addr, "alice")
		}
		for range 5 { // three are refused by the /64, and cost the /48 nothing
			take(all[0])
		}
		var last *ratelimit.Reservation
		for i := range 30 {
			reservation, _, err := take(all[1+i/2])
			if err != nil {
				t.Fatalf("guess %d: %v", i, err)
			}
			last = reservation
		}
		_, result, err := take(all[16])
		want := ratelimit.Result{Limit: 2, Reset: time.Hour / 32, RetryAfter: time.Hour / 32, Exceeded: true}
		var p *bulwark.Problem
		if result != want || !errors.As(err, &p) || p.Status != 429 || p.Code != "ratelimit.exceeded" || p.Log.Rule != "login" ||
			p.Log.Event != bulwark.ExcessRateLimitExceeded || p.RetryAfter != time.Hour/32 || strings.Contains(err.Error(), "alice") {
			t.Fatalf("%+v, %#v", result, err)
		}
		last.Refund() // of both: the network and the site have one guess more
		last.Refund()
		if _, result, err := take(all[16]); err != nil || result.Remaining != 0 {
			t.Fatalf("after a refund: %+v, %v", result, err)
		}
		if _, _, err := take(all[15]); err == nil {
			t.Fatal("a refund gave back twice")
		}
		time.Sleep(time.Hour)
		for i := range 2 { // all[16] has lost nothing to the refusal
			if _, _, err := take(all[16]); err != nil {
				t.Errorf("guess %d: %v", i, err)
			}
		}
	})
}

func TestCaseRl4AddressesThatAreOneClient(t *testing.T) {
	for _, test := range []struct {
		first, second string
		shared        bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "64:ff9b::192.0.2.1", true},
		{"64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		m := serve(t, ratelimit.Config{Rate: "1/hour"}).limit
		m.TakeFor(t.Context(), netip.MustParseAddr(test.first), "alice")
		if _, _, err := m.TakeFor(t.Context(), netip.MustParseAddr(test.second), "alice"); (err != nil) != test.shared {
			t.Errorf("%s and %s: %v, shared %v", test.first, test.second, err, test.shared)
		}
		if _, _, err := m.Take(t.Context(), "alice"); err != nil {
			t.Errorf("Take shares a key with TakeFor: %v", err)
		}
	}
}

func TestCaseRl4Refusals(t *testing.T) {
	for _, test := range []struct {
		name string
		addr netip.Addr
		key  []string
		code string
	}{
		{"no_address", netip.Addr{}, []string{"alice"}, "ratelimit.client_address"},
		{"no_address_no_key", netip.Addr{}, nil, "ratelimit.client_address"},
		{"empty_key", netip.MustParseAddr("192.0.2.1"), []string{""}, "ratelimit.key"},
		{"one_empty", netip.MustParseAddr("2001:db8::1"), []string{"tenant", ""}, "ratelimit.key"},
	} {
		for _, rate := range []ratelimit.Rate{"1/hour", "unlimited"} {
			t.Run(test.name+"_"+string(rate[0]), func(t *testing.T) {
				m := serve(t, ratelimit.Config{Name: "login", Rate: rate}).limit
				reservation, result, err := m.TakeFor(t.Context(), test.addr, test.key...)
				var p *bulwark.Problem
				if !errors.As(err, &p) || p.Status != 400 || p.Code != test.code || p.Log.Rule != "login" || reservation != nil || result != (ratelimit.Result{}) {
					t.Errorf("%v %v %v", reservation, result, err)
				}
			})
		}
	}
	for name, m := range map[string]*ratelimit.Middleware{"nil": nil, "zero": {}} {
		if r, _, err := m.TakeFor(t.Context(), netip.MustParseAddr("192.0.2.1"), "k"); r != nil || err == nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}
