package bulwark

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

// parseAddr reads an address with or without a port; IPv6 with a port stands in
// brackets. The result is unmapped and without zone, and invalid for anything
// else.
func parseAddr(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return plainAddr(ap.Addr())
	}
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		text = text[1 : n-1]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddr(addr)
}

// plainAddr is one form for one address: IPv4-mapped IPv6 is IPv4, and a zone
// says something about this machine, not about the client.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// overUnixSocket reports whether r came in on a Unix socket. The peer itself
// chooses the name of its end, which is RemoteAddr.
func overUnixSocket(r *http.Request) bool {
	_, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return unix
}

// peer is the address at the other end of the connection. It is not valid if
// the connection has no address.
func peer(r *http.Request) netip.Addr {
	if overUnixSocket(r) {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return parseAddr(r.RemoteAddr)
	}
	return plainAddr(ap.Addr())
}

// ClientIP returns the address of the client of r. [Edge] determines the
// address. If no Edge has seen the request, ClientIP returns the address of the
// peer. If the peer has no IP address, such as on a Unix socket, it returns the
// zero Addr, which is not valid.
//
// The address of a client always has the same form:
//
//   - An IPv4-mapped address, and an address of a NAT64 (RFC 6052), is returned
//     as IPv4.
//   - A zone is removed.
func ClientIP(r *http.Request) netip.Addr {
	if s := scopeOf(r.Context()); s != nil {
		return s.clientIP()
	}
	return nat64.Client(peer(r))
}

// clientIP is what arrived, or what Edge settled.
func (s *Scope) clientIP() netip.Addr {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.arrival.clientIP
}
