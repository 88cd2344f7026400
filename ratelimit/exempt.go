package ratelimit

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/nat64"
)

// maxExempt bounds how many networks each request is compared with.
const maxExempt = 64

// translated is the network of the clients behind a NAT64 (RFC 6052 section
// 2.1). ByIP counts them by their IPv4 address.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// Exempted returns how many requests the limit has let pass because of
// Config.Exempt. These requests are not events. Read the number when metrics
// are read; docs/metrics.md shows how.
func (m *Middleware) Exempted() uint64 {
	if m == nil {
		return 0
	}
	return m.exempted.Load()
}

// exempts reports whether the limit does not hold for a request, and counts it.
func (m *Middleware) exempts(r *http.Request) bool {
	if len(m.exempt) == 0 {
		return false
	}
	// An address that nobody knows is in no network.
	addr := nat64.Client(bulwark.ClientIP(r))
	if !slices.ContainsFunc(m.exempt, func(network netip.Prefix) bool { return network.Contains(addr) }) {
		return false
	}
	m.exempted.Add(1)
	return true
}

// checkExempt notes the mistakes in Config.Exempt.
func (c Config) checkExempt(faults *fault.List) {
	if len(c.Exempt) > 0 && c.Count == Failures {
		faults.Add("Exempt", "", "cannot be set if Count is ratelimit.Failures, because an exempt network could guess without a limit; leave Exempt out, or set Count to ratelimit.Requests")
	}
	if len(c.Exempt) > maxExempt {
		faults.Add("Exempt", strconv.Itoa(len(c.Exempt)), "has too many networks; at most 64, because each request is compared with all of them")
		return
	}
	for i, network := range c.Exempt {
		if reason := exemptFault(network); reason != "" {
			text := ""
			if network.IsValid() {
				text = network.String()
			}
			faults.AddAt("Exempt", i, text, reason)
		}
	}
}

// exemptFault says what is wrong with an exempt network. A network that matches
// no address, or all of them, is a mistake.
func exemptFault(network netip.Prefix) string {
	switch {
	case !network.IsValid():
		return `is not a network; write netip.MustParsePrefix("10.20.0.0/16")`
	case network.Bits() == 0:
		return "exempts every client; name the networks of the monitoring or the office only, such as 10.20.0.0/16"
	case network.Addr().Is4In6():
		return "is IPv4 written as IPv6, and matches no address; write it as IPv4, such as 10.20.0.0/16"
	case network.Bits() >= translated.Bits() && translated.Contains(network.Addr()):
		return "is a network of a NAT64, whose clients are counted by their IPv4 address; write it as IPv4, such as 203.0.113.0/24"
	}
	return ""
}
