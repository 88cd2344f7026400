package nat64_test

import (
	"net/netip"
	"testing"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

func TestClient(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1",
		"::ffff:192.0.2.1":        "192.0.2.1",
		"2001:db8::1%eth0":        "2001:db8::1",
		"64:ff9b::198.51.100.7":   "198.51.100.7",
		"64:ff9b::10.0.0.1":       "64:ff9b::a00:1",
		"64:ff9b::192.168.1.1":    "64:ff9b::c0a8:101",
		"64:ff9b::127.0.0.1":      "64:ff9b::7f00:1",
		"64:ff9b::169.254.1.1":    "64:ff9b::a9fe:101",
		"64:ff9b::224.0.0.1":      "64:ff9b::e000:1",
		"64:ff9b::0.0.0.0":        "64:ff9b::",
		"64:ff9b:1::198.51.100.7": "64:ff9b:1::c633:6407", // of a local translator, RFC 8215
	} {
		if got := nat64.Client(netip.MustParseAddr(in)); got != netip.MustParseAddr(want) {
			t.Errorf("%s is counted as %s, want %s", in, got, want)
		}
	}
	if got := nat64.Client(netip.Addr{}); got.IsValid() {
		t.Errorf("no address is counted as %s", got)
	}
}
