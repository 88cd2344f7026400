package audit

import (
	"net/netip"

	"github.com/bulwark-go/bulwark"
)

// The networks around an address, the narrowest first: what one client is taken
// to own, what one site owns, and then ever larger parts of the net. Past the
// last level there is one network for all addresses, the zero Prefix. Events
// without an address are there from the beginning.
const (
	client = iota // the IPv4 address or the IPv6 /64
	site          // the IPv4 /24 or the IPv6 /48
	levels = 5
)

var (
	bits4 = [levels - 1]int{32, 24, 16, 8}
	bits6 = [levels - 1]int{64, 48, 32, 16}
)

// around returns the network of a level around a plain address.
func around(addr netip.Addr, level int) netip.Prefix {
	if level == levels-1 || !addr.IsValid() {
		return netip.Prefix{}
	}
	bits := bits6[level]
	if addr.Is4() {
		bits = bits4[level]
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// levelOfNetwork is the inverse of around.
func levelOfNetwork(network netip.Prefix) int {
	if !network.IsValid() {
		return levels - 1
	}
	bits := &bits6
	if network.Addr().Is4() {
		bits = &bits4
	}
	for level, n := range bits {
		if n == network.Bits() {
			return level
		}
	}
	return levels - 1
}

// place is what is counted together: the events of a name from a network.
type place struct {
	name    bulwark.EventName
	network netip.Prefix
}

// within returns the place of a level around p.
func (p place) within(level int) place {
	return place{p.name, around(p.network.Addr(), level)}
}
