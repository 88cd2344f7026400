// Package nat64 finds the address by which a client behind a NAT64 is counted.
package nat64

import "net/netip"

// prefix is the one under which a NAT64 shows IPv4 clients (RFC 6052 section
// 2.1).
var prefix = netip.MustParsePrefix("64:ff9b::/96")

// Client returns the address that a client is counted by: without a zone, and
// IPv4 where an IPv6 address stands for an IPv4 address. The IPv4 address of a
// client behind a NAT64 is in the last four bytes: taken as IPv6, all of them
// would be in one network.
//
// The addresses of private networks are not translated (RFC 6052 section 3.1):
// a client that writes one would be taken for somebody inside.
func Client(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !prefix.Contains(addr) {
		return addr
	}
	wide := addr.As16()
	narrow := netip.AddrFrom4([4]byte(wide[12:]))
	if narrow.IsGlobalUnicast() && !narrow.IsPrivate() {
		return narrow
	}
	return addr
}
