package ratelimit_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Each client behind a NAT64 is a client, and the same as without it.
func TestCaseRl3ClientsBehindNAT64(t *testing.T) {
	for name, key := range map[string]ratelimit.Key{
		"address":   ratelimit.ByIP,
		"joined":    ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("X-Tenant")),
		"anonymous": ratelimit.ByPrincipal,
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: key, Rate: "5/hour"}, as(nil))
			for i := range 100 {
				if b.passes(1, fmt.Sprint("64:ff9b::198.51.100.", i)) != 1 {
					t.Fatalf("client %d was refused", i)
				}
			}
			if got := b.passes(10, "198.51.100.7"); got != 4 {
				t.Errorf("%d passed without the translator, want the 4 that are left", got)
			}
			b.rec.Take()
			ran := b.ran
			b.refused(t, b.from("64:ff9b::198.51.100.7"), ran, 429, "ratelimit.exceeded", bulwark.ExcessRateLimitExceeded)
		})
	}
}

// An address beside the prefix does not belong to a translator.
func TestCaseRl3OtherPrefixes(t *testing.T) {
	for addr, want := range map[string]string{
		"64:ff9b::198.51.100.7":       "198.51.100.7",
		"64:ff9b::10.0.0.1":           "64:ff9b::/64", // nobody inside
		"64:ff9b::ffff:ffff":          "64:ff9b::/64",
		"64:ff9b:0:0:0:1:c633:6407":   "64:ff9b::/64",
		"64:ff9b:1::198.51.100.7":     "64:ff9b:1::/64",
		"64:ff9a::198.51.100.7":       "64:ff9a::/64",
		"64:ff9b::198.51.100.7%eth0":  "198.51.100.7",
		"2001:db8:64:ff9b::c633:6407": "2001:db8:64:ff9b::/64",
		"2002:c633:6407::1":           "2002:c633:6407::/64",
		"::ffff:198.51.100.7":         "198.51.100.7",
	} {
		if got := ratelimit.AddressPrefix(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
