package ratelimit

import (
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

// A Key says whose requests are counted together. It is one of:
//
//   - [ByIP]: the requests of one address.
//   - [ByPrincipal]: the requests of one verified caller.
//   - a [KeyFunc]: the requests for which the function returns the same text.
//   - a [Join] of several keys, which may include [ByHeader].
type Key interface {
	parts() []part
}

// builtin is a Key without parameters.
type builtin int

const (
	// ByIP counts by the address of the client; see [bulwark.ClientIP]. An IPv4
	// address is counted as it is. An IPv6 address is counted by its /64
	// network, because a single host can choose from the whole /64. All /64
	// networks of one /48 together have 16 times the rate. An address of
	// 64:ff9b::/96 is the address of the IPv4 client behind a NAT64. A request
	// whose address is not known is refused with 400.
	ByIP builtin = iota + 1
	// ByPrincipal counts by the verified caller, which is issuer and subject,
	// at the rate of the caller's tier. The limit has to stand inside an auth
	// layer. If the auth layer found no caller, the request is counted by
	// address at Config.Anonymous. If no auth layer has seen the request, it is
	// refused with 500.
	ByPrincipal
)

func (k builtin) parts() []part { return []part{{kind: k}} }

// A KeyFunc counts by the text that it returns, such as a tenant. A request
// with an empty text is refused with 400 "ratelimit.key", so that no request is
// left uncounted. A KeyFunc is called once or twice for a request, and never
// after the handler. It must not return a value that the client chooses freely:
// each new value would have its own quota.
type KeyFunc func(*http.Request) string

func (f KeyFunc) parts() []part { return []part{{kind: byFunc, call: f}} }

// ByHeader counts by the value of a header field. New accepts it only in a
// [Join] with a Key that the client cannot choose, such as ByIP. Even there a
// client has a quota for each value that it makes up. To bound the sum of these
// quotas, put a limit with the other Key alone outside. New refuses fields in
// which proxies name a client, because [bulwark.Edge] reads them.
func ByHeader(name string) Key { return headerKey(name) }

type headerKey string

func (k headerKey) parts() []part {
	return []part{{kind: byHeader, name: http.CanonicalHeaderKey(string(k))}}
}

// Join counts by all of the keys together. Join(ByPrincipal, KeyFunc(route))
// gives each caller a quota for each route. At most 8 keys.
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

// AddressPrefix returns the text by which [ByIP] counts: the IPv4 address, or
// the /64 network of an IPv6 address. It is for logs, and for keys that the
// application makes. It is empty for an address that is not valid. Do not give
// the text to [Middleware.Take]: Take does not count the /48 network around it,
// and a site has 65,536 such /64 networks in its /48. [Middleware.TakeFor]
// counts both.
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
