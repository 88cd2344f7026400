package ratelimit_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestExempt(t *testing.T) {
	for _, test := range []struct {
		name    string
		exempt  []netip.Prefix
		addr    string
		exempts bool
	}{
		{"inside", prefixes("10.20.0.0/16"), "10.20.255.255", true},
		{"outside", prefixes("10.20.0.0/16"), "10.21.0.0", false},
		{"host_bits", prefixes("10.20.3.4/16"), "10.20.9.9", true},
		{"one_host", prefixes("192.0.2.7/32"), "192.0.2.7", true},
		{"second", prefixes("192.0.2.7/32", "198.51.100.0/24"), "198.51.100.1", true},
		{"mapped_client", prefixes("10.20.0.0/16"), "::ffff:10.20.1.1", true},
		{"v6", prefixes("2001:db8:7::/48"), "2001:db8:7:ffff::1", true},
		{"v6_outside", prefixes("2001:db8:7::/48"), "2001:db8:8::1", false},
		{"v6_is_not_v4", prefixes("2000::/3"), "192.0.2.1", false},
		{"v4_is_not_v6", prefixes("128.0.0.0/1"), "2001:db8::1", false},
		{"nat64_client", prefixes("198.51.100.0/24"), "64:ff9b::198.51.100.7", true},
		{"private_nat64", prefixes("10.0.0.0/8"), "64:ff9b::10.0.0.1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day", Exempt: test.exempt})
			want, counted := 1, uint64(0)
			if test.exempts {
				want, counted = 5, 5
			}
			if got := b.passes(5, test.addr); got != want || b.limit.Exempted() != counted {
				t.Errorf("%d passed and %d exempt, want %d and %d", got, b.limit.Exempted(), want, counted)
			}
			if events := b.rec.Take(); test.exempts && len(events) != 0 {
				t.Errorf("%d events", len(events))
			}
			if got := b.from(test.addr).Header.Get("RateLimit"); (got == "") != test.exempts {
				t.Errorf("RateLimit %q", got)
			}
		})
	}
	var none *ratelimit.Middleware
	if none.Exempted() != 0 {
		t.Error("a nil limit has exempted")
	}
}

// The limit refuses an exempt request for no reason at all, and its neighbours
// count the request.
func TestExemptIsNeverRefused(t *testing.T) {
	inner := serve(t, ratelimit.Config{Name: "inner", Key: ratelimit.ByIP, Rate: "2/day"})
	outer := bulwark.Must(ratelimit.New(ratelimit.Config{
		Name: "outer", Key: ratelimit.KeyFunc(func(*http.Request) string { return "" }), Rate: "1/day", MaxKeys: 8,
		Exempt: prefixes("192.0.2.0/24"), Cost: func(*http.Request) int { return 0 },
	}))
	inner.handler = inner.rec.Wrap(outer.Wrap(inner.limit.Wrap(inner.spy)))
	if got := inner.passes(5, "192.0.2.1"); got != 2 {
		t.Errorf("%d passed, want 2", got)
	}
	if res := inner.from("198.51.100.1"); res.StatusCode != 400 {
		t.Errorf("another network: %d", res.StatusCode)
	}
	if outer.Exempted() != 5 {
		t.Errorf("%d exempt", outer.Exempted())
	}
}

// A client cannot name its own address, and a request without an address is not
// exempt.
func TestExemptIsNotForged(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day", Exempt: prefixes("10.0.0.0/8")})
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"} {
		b.from("192.0.2.1", header(name, "10.0.0.1"))
	}
	if res := b.from("@"); res.StatusCode != 400 {
		t.Errorf("without an address: %d", res.StatusCode)
	}
	if b.ran != 1 || b.limit.Exempted() != 0 {
		t.Errorf("%d ran, %d exempt", b.ran, b.limit.Exempted())
	}
	// Behind a proxy that Edge knows, the client counts, and not the proxy.
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"example.com"}, TrustedProxies: prefixes("172.16.0.0/12"), ForwardedHeader: "X-Forwarded-For"}))
	var rec bulwarktest.Recorder
	b.handler = rec.Wrap(edge.Wrap(b.limit.Wrap(b.spy)))
	if got := b.passes(3, "172.16.0.1", header("X-Forwarded-For", "10.0.0.1, 198.51.100.9")); got != 1 || b.limit.Exempted() != 0 {
		t.Errorf("%d passed, %d exempt", got, b.limit.Exempted())
	}
	if got := b.passes(3, "172.16.0.1", header("X-Forwarded-For", "198.51.100.9, 10.0.0.1")); got != 3 || b.limit.Exempted() != 3 {
		t.Errorf("the monitoring: %d passed, %d exempt", got, b.limit.Exempted())
	}
}

func TestExemptFaults(t *testing.T) {
	for name, test := range map[string]struct {
		exempt []netip.Prefix
		want   string
	}{
		"zero":        {[]netip.Prefix{{}}, "ratelimit(n).Exempt[0]: is not a network"},
		"invalid":     {append(prefixes("10.0.0.0/8"), netip.PrefixFrom(netip.MustParseAddr("10.0.0.1"), 33)), "ratelimit(n).Exempt[1]: is not a network"},
		"all":         {prefixes("0.0.0.0/0"), "ratelimit(n).Exempt[0]: 0.0.0.0/0: exempts every client"},
		"all_v6":      {prefixes("::/0"), "ratelimit(n).Exempt[0]: ::/0: exempts every client"},
		"mapped":      {prefixes("::ffff:10.0.0.0/104"), "ratelimit(n).Exempt[0]: ::ffff:10.0.0.0/104: is IPv4 written as IPv6"},
		"nat64":       {prefixes("64:ff9b::198.51.100.0/120"), "ratelimit(n).Exempt[0]: 64:ff9b::c633:6400/120: is a network of a NAT64"},
		"nat64_whole": {prefixes("64:ff9b::/96"), "ratelimit(n).Exempt[0]: 64:ff9b::/96: is a network of a NAT64"},
		"too_many":    {make([]netip.Prefix, 65), "ratelimit(n).Exempt: 65: has too many networks"},
	} {
		_, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", Exempt: test.exempt})
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Count(err.Error(), "\n") != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", Count: ratelimit.Failures, Exempt: prefixes("10.0.0.0/8")})
	if err == nil || !strings.HasPrefix(err.Error(), "ratelimit(n).Exempt: cannot be set if Count is ratelimit.Failures") {
		t.Errorf("failures: %v", err)
	}
	// A later change of the list changes nothing.
	list := prefixes("10.0.0.0/8")
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day", Exempt: list})
	list[0] = netip.MustParsePrefix("192.0.2.0/24")
	if got := b.passes(3, "192.0.2.1"); got != 1 {
		t.Errorf("%d passed", got)
	}
}

func TestExemptAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/day", MaxKeys: 8, Exempt: prefixes("198.51.100.0/24", "192.0.2.0/24")}))
	r, w := quietRequest("192.0.2.1:1")
	h := m.Wrap(&spy{})
	if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
