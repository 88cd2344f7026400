package ratelimit

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/token"
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
	// address, or the /64 of an IPv6 one, which is what a single host can choose
	// from. All /64 networks of one /48 together have 16 times the rate. A
	// request whose address is not known is refused with 400.
	ByIP builtin = iota + 1
	// ByPrincipal counts by the verified caller, issuer and subject, at the rate
	// of its tier. It stands inside an auth layer. A request that auth has found
	// to be anonymous is counted ByIP, apart from others, at Config.Anonymous; one
	// that no auth layer has seen is refused with 500.
	ByPrincipal
)

func (k builtin) parts() []part { return []part{{kind: k}} }

// A KeyFunc counts by whatever it returns, such as a tenant. An empty key is
// refused with 400, so that what is missing is never uncounted. It is called once
// or twice for a request, and never after its handler. A value that the client
// chooses freely must not be the key: each new one would have a quota of its own.
type KeyFunc func(*http.Request) string

func (f KeyFunc) parts() []part { return []part{{kind: byFunc, call: f}} }

// ByHeader counts by the value of a header field, which divides a quota further:
// only in a [Join] with a Key that the client cannot choose. Even then a client
// has a quota for each value that it makes up; where that matters, put a limit by
// that other Key alone outside. Forwarding fields are refused: see [bulwark.Edge].
func ByHeader(name string) Key { return headerKey(name) }

type headerKey string

func (k headerKey) parts() []part {
	return []part{{kind: byHeader, name: http.CanonicalHeaderKey(string(k))}}
}

// Join counts by all of the keys together: Join(ByPrincipal, KeyFunc(route)) gives
// each caller a quota for each route. At most eight.
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

// AddressPrefix returns what [ByIP] counts by, as text: the IPv4 address, or the
// /64 of an IPv6 one. It is for keys given to [Middleware.Take]. It is empty for
// an address that is not valid, which Take refuses. Such a key has no aggregate for
// the /48 around it.
func AddressPrefix(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		if !addr.IsValid() {
			return ""
		}
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

const (
	byFunc builtin = -iota - 1
	byHeader
)

const maxParts = 8

// part is one dimension of a compiled Key.
type part struct {
	kind builtin
	name string
	call KeyFunc
}

// partsFault says what is wrong with the parts of a Key.
func partsFault(parts []part) string {
	if len(parts) == 0 || len(parts) > maxParts {
		return "must join one to eight keys"
	}
	forgeable := true
	for _, p := range parts {
		switch {
		case p.kind == 0, p.kind == byFunc && p.call == nil:
			return "holds a nil key"
		case p.kind == byHeader && !token.Is(p.name):
			return "holds a ByHeader whose name is no header field"
		case p.kind == byHeader && isForwarding(p.name):
			return "must not read " + p.name + ": the client's address comes from bulwark.Edge, by ByIP"
		case p.kind == byHeader && p.name == "Host":
			return "must not read Host: net/http keeps it elsewhere, and bulwark.Edge decides on it"
		}
		forgeable = forgeable && p.kind == byHeader
	}
	if forgeable {
		return "is nothing but ByHeader, which any client chooses; Join it with ByIP or ByPrincipal"
	}
	return ""
}

// isForwarding knows the fields in which proxies, and whoever poses as one, name a client.
func isForwarding(name string) bool {
	switch name {
	case "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}

// The space of a key keeps keys apart that would else read the same.
const (
	spaceKeyed byte = iota
	spaceAnonymous
	spaceTaken
)

// appendStart begins the key of one limit in one space.
func (m *Middleware) appendStart(b []byte, space byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, m.id), space)
}

// appendSized appends text with its length in front, so that no part can run into
// the next one.
func appendSized(b []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
}

// appendKey appends the key of a request, with so many bits of an IPv6 address. It
// reports false for a part that is empty.
func (m *Middleware) appendKey(b []byte, r *http.Request, c *caller, bits int) ([]byte, bool) {
	b = m.appendStart(b, c.space)
	for i := range m.parts {
		switch p := &m.parts[i]; p.kind {
		case ByIP:
			b = appendAddress(b, c.addr, bits)
		case ByPrincipal:
			if c.space == spaceAnonymous {
				b = appendAddress(b, c.addr, bits)
				continue
			}
			if c.principal.Subject == "" {
				return b, false
			}
			b = appendPrincipal(b, c.principal)
		case byHeader:
			lines := r.Header[p.name]
			b = binary.LittleEndian.AppendUint32(b, uint32(len(lines)))
			for _, line := range lines {
				b = appendSized(b, line)
			}
		case byFunc:
			text := p.call(r)
			if text == "" {
				return b, false
			}
			b = appendSized(b, text)
		}
	}
	return b, true
}

func appendPrincipal(b []byte, p *bulwark.Principal) []byte {
	at := len(b)
	b = p.AppendKey(append(b, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendAddress(b []byte, addr netip.Addr, bits int) []byte {
	if addr.Is4() {
		octets := addr.As4()
		return append(append(b, 32), octets[:]...)
	}
	octets := addr.As16()
	return append(append(b, byte(bits)), octets[:bits/8]...)
}
