package bulwark

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/bulwark-go/bulwark/internal/nat64"
	"github.com/bulwark-go/bulwark/internal/token"
)

// listed are the headers to which each proxy adds.
const (
	listedPlain   = "X-Forwarded-For"
	listedElement = "Forwarded"
)

// namesClient reports whether a header may name the client: one of the two
// lists, or a header with a single address. Other lists, and headers with
// another meaning, are refused.
func namesClient(header string) bool {
	switch header {
	case listedPlain, listedElement:
		return true
	case "Host", "Via", "Origin", "Referer", "User-Agent", "Cookie", "Authorization", clientCertField, clientCertField + "-Chain", requestIDField:
		return false
	}
	return token.Is(header) && !strings.Contains(header, "Forwarded")
}

// behindProxies returns the client that the trusted proxies name, and whether
// it came over TLS.
func (e *EdgeLayer) behindProxies(r *http.Request, direct netip.Addr) (client netip.Addr, secure bool, err error) {
	lines := r.Header[e.header]
	switch e.header {
	case listedElement:
		client, secure, err = e.walk(lines, direct)
	case listedPlain:
		client, _, err = e.walk(lines, direct)
		secure = allHTTPS(r.Header["X-Forwarded-Proto"])
	default:
		client, err = e.single(lines, direct)
		secure = allHTTPS(r.Header["X-Forwarded-Proto"])
	}
	return nat64.Client(client), secure, err
}

// single reads a header with a single address. Two lines or two addresses are
// refused, because the client could have written one of them.
func (e *EdgeLayer) single(lines []string, direct netip.Addr) (netip.Addr, error) {
	if len(lines) == 0 {
		return direct, nil
	}
	addr := parseAddr(strings.Trim(lines[0], " \t"))
	if len(lines) > 1 || !addr.IsValid() {
		return netip.Addr{}, e.unreadable()
	}
	return addr, nil
}

// walk returns the first address, from the right, that does not belong to a
// trusted proxy. The client wrote everything to the left of that address, and
// walk does not read it. An entry that has to be read and is not an address
// refuses the request: guessing would let a client choose its address.
//
// The client came over TLS if the element that names it says so, and if no
// proxy behind that element reports a hop without TLS.
func (e *EdgeLayer) walk(lines []string, from netip.Addr) (client netip.Addr, secure bool, err error) {
	plainHop := false
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		if e.header == listedElement && strings.Contains(rest, `\`) {
			// With a quoted-pair a line can only be read from the left, through
			// what the client wrote.
			return netip.Addr{}, false, e.unreadable()
		}
		for rest != "" {
			cut := lastComma(rest)
			entry := strings.Trim(rest[cut+1:], " \t")
			rest = rest[:max(cut, 0)]
			if entry == "" {
				continue // an empty list element (RFC 9110 section 5.6.1)
			}
			if e.header == listedElement {
				proto := parameter(entry, "proto")
				secure = isEncrypted(proto) && !plainHop
				plainHop = plainHop || proto != "" && !secure
				entry = withoutObfuscatedPort(parameter(entry, "for"))
			}
			addr := parseAddr(entry)
			if !addr.IsValid() {
				return netip.Addr{}, false, e.unreadable()
			}
			if from = addr; !within(e.proxies, addr) {
				return from, secure, nil
			}
		}
	}
	return from, secure, nil
}

func (e *EdgeLayer) unreadable() *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "edge.forwarded", Err: errNotAddresses,
		Detail: "The " + e.header + " header holds something that is not an address."}
}

// lastComma finds the last comma that stands outside a quoted string; an
// unbalanced quote makes the rest one entry, which is then refused.
func lastComma(list string) int {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return i
		}
	}
	return -1
}

// parameter returns a parameter of one element of a Forwarded header (RFC 7239
// section 4). It returns nothing if the element lacks the parameter or has it
// more than once.
func parameter(element, wanted string) string {
	found, seen, quoted := "", false, false
	parameters := strings.FieldsFunc(element, func(c rune) bool {
		quoted = quoted != (c == '"')
		return c == ';' && !quoted
	})
	for _, pair := range parameters {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !ok || !strings.EqualFold(name, wanted) {
			continue
		}
		if seen {
			return ""
		}
		seen = true
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		found = value
	}
	return found
}

// withoutObfuscatedPort cuts off a port that a proxy has obfuscated (RFC 7239
// section 6.3). An obfuscated address stays, and is refused.
func withoutObfuscatedPort(node string) string {
	i := strings.LastIndex(node, ":_")
	if i < 0 || i+2 == len(node) || strings.Contains(node[:i], ":") && node[i-1] != ']' {
		return node
	}
	for _, c := range []byte(node[i+2:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '.' && c != '_' && c != '-' {
			return node
		}
	}
	return node[:i]
}

// isEncrypted reports whether a scheme means TLS. Some proxies, such as
// Traefik, write "wss" for the handshake of a WebSocket.
func isEncrypted(proto string) bool {
	return strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
}

// allHTTPS reports whether every proxy says that it was reached over TLS.
func allHTTPS(lines []string) bool {
	for _, line := range lines {
		for proto := range strings.SplitSeq(line, ",") {
			if !isEncrypted(strings.Trim(proto, " \t")) {
				return false
			}
		}
	}
	return len(lines) > 0
}
