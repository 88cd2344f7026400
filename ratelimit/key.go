package ratelimit

import (
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

// A Key says whose requests are counted together: [ByIP], [ByPrincipal], a
// [KeyFunc], or several of them and [ByHeader] in a [Join].
type Key interface {
	parts() []part
}

// builtin is a Key without parameters.
type builtin int

const (
	// ByIP counts by the address of the client, see [bulwark.ClientIP]: an IPv4
	// address, or the /64 of an IPv6 one, which is what a single host can
	// choose from. All /64 networks of one /48 together have 16 times the rate.
	// An address of 64:ff9b::/96 is that of the IPv4 client behind a NAT64.
	// A request whose address is not known is refused with 400.
	ByIP builtin = iota + 1
	// ByPrincipal counts by the verified caller, issuer and subject, at the
	// rate of its tier. It stands inside an auth layer. A request that auth has
	// found to be anonymous is counted ByIP, apart from others, at
	// Config.Anonymous; a request that no auth layer has seen is refused with
	// 500.
	ByPrincipal
)

func (k builtin) parts() []part { return []part{{kind: k}} }

// A KeyFunc counts by whatever it returns, such as a tenant. An empty key is
// refused with 400, so that what is missing is never uncounted. It is called
// once or twice for a request, and never after its handler. A value that the
// client chooses freely must not be the key: each new one would have a quota of
// its own.
type KeyFunc func(*http.Request) string

func (f KeyFunc) parts() []part { return []part{{kind: byFunc, call: f}} }

// ByHeader counts by the value of a header field, which divides a quota
// further: only in a [Join] with a Key that the client cannot choose. Even then
// a client has a quota for each value that it makes up; where that matters, put
// a limit by that other Key alone outside. Forwarding fields are refused: see
// [bulwark.Edge].
func ByHeader(name string) Key { return headerKey(name) }

type headerKey string

func (k headerKey) parts() []part {
	return []part{{kind: byHeader, name: http.CanonicalHeaderKey(string(k))}}
}

// Join counts by all of the keys together: Join(ByPrincipal, KeyFunc(route))
// gives each caller a quota for each route. At most eight.
func Join(keys ...Key) Key { return joined(keys) }

type joined []Key

func (j joined) parts() []part {
	var all []part
	for _, key := range j {
		if key == nil {
			all = append(all, part{})
			continue
		}
		all = append(all, key.parts()...)
	}
	return all
}

// AddressPrefix returns what [ByIP] counts by, as text: the IPv4 address, or
// the /64 of an IPv6 one. It is for logs, and for keys of the application's
// own. It is empty for an address that is not valid. A limit that counts such a
// text with [Middleware.Take] knows nothing of the /48 around it, of which a
// site has 65,536 networks: [Middleware.TakeFor] does.
func AddressPrefix(addr netip.Addr) string {
	addr = nat64.Client(addr)
	if !addr.Is6() {
		if !addr.IsValid() {
			return ""
		}
		return addr.String()
	}
	return netip.PrefixFrom(addr, narrowBits).Masked().String()
}

// The bits of an IPv6 address that one host and one site choose from.
const (
	narrowBits = 64
	wideBits   = 48
)
