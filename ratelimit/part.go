package ratelimit

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/token"
)

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
		return "must be made of 1 to 8 keys; write for example ratelimit.ByIP"
	}
	forgeable := true
	for _, p := range parts {
		switch {
		case p.kind == 0, p.kind == byFunc && p.call == nil:
			return "holds a nil key; write ratelimit.ByIP, ratelimit.ByPrincipal or a KeyFunc in its place"
		case p.kind == byHeader && !token.Is(p.name):
			return `holds a ByHeader with a name that a header field cannot have; write for example ByHeader("X-Tenant")`
		case p.kind == byHeader && isForwarding(p.name):
			return "must not read " + p.name + ", which any client can send; use ratelimit.ByIP, and name the proxies in bulwark.Edge.TrustedProxies"
		case p.kind == byHeader && p.name == "Host":
			return "must not read Host, which net/http does not keep among the header fields; use a KeyFunc that returns r.Host"
		}
		forgeable = forgeable && p.kind == byHeader
	}
	if forgeable {
		return "consists of ByHeader alone, whose value any client chooses; write ratelimit.Join with ByIP or ByPrincipal"
	}
	return ""
}

// isForwarding reports whether a proxy names a client in the field. Any client
// can send such a field itself.
func isForwarding(name string) bool {
	switch name {
	case "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}

// The space of a key separates keys that would otherwise have the same bytes.
const (
	spaceKeyed byte = iota
	spaceAnonymous
	spaceTaken
	spaceTakenFor
)

// appendSized appends text with its length in front, so that no part can run
// into the next one.
func appendSized(b []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
}

// appendKey appends the key of a request, with so many bits of an IPv6 address.
// It reports false for a part that is empty.
func (m *Middleware) appendKey(b []byte, r *http.Request, c *caller, bits int) ([]byte, bool) {
	b = append(b, c.space)
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

// appendTaken appends a key that a handler knows, with so many bits of an IPv6
// address if there is an address.
func appendTaken(b []byte, addr netip.Addr, bits int, key []string) []byte {
	if addr.IsValid() {
		b = appendAddress(append(b, spaceTakenFor), addr, bits)
	} else {
		b = append(b, spaceTaken)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	for _, text := range key {
		b = appendSized(b, text)
	}
	return b
}

// emptyPart says why appendKey has failed for a caller: the principal has no
// subject, or else a KeyFunc returned an empty text.
func (m *Middleware) emptyPart(c *caller) error {
	if c.principal != nil && c.principal.Subject == "" {
		return errNoSubject
	}
	return errEmptyKey
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
