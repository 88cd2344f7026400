package bulwark

import (
	"net/http"
	"net/netip"
	"strings"
)

// behindProxies returns the client that the trusted proxies name: the first
// address, from the right, that is not a trusted proxy's. What stands left of
// that address was written by the client and is not read. An entry that has to
// be read and is not an address refuses the request: guessing would let a
// client pick its address.
func (e *EdgeLayer) behindProxies(r *http.Request, from netip.Addr) (netip.Addr, error) {
	lines := r.Header[e.header]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		if e.header == "Forwarded" && strings.Contains(rest, `\`) {
			// With a quoted-pair a line can only be read from the left, through
			// what the client wrote.
			return netip.Addr{}, e.unreadable()
		}
		for rest != "" {
			cut := lastComma(rest)
			entry := strings.Trim(rest[cut+1:], " \t")
			rest = rest[:max(cut, 0)]
			if entry == "" {
				continue // an empty list element (RFC 9110 section 5.6.1)
			}
			if e.header == "Forwarded" {
				entry = forwardedFor(entry)
			}
			addr := parseAddr(entry)
			if !addr.IsValid() {
				return netip.Addr{}, e.unreadable()
			}
			if from = addr; !e.trusts(addr) {
				return from, nil
			}
		}
	}
	return from, nil
}

func (e *EdgeLayer) unreadable() *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "edge.forwarded",
		Detail: "The " + e.header + " header holds something that is no address."}
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

// forwardedFor returns the for parameter of one element of a Forwarded header
// (RFC 7239 section 4), empty where there is none or more than one.
func forwardedFor(element string) string {
	found, quoted := "", false
	parameters := strings.FieldsFunc(element, func(c rune) bool {
		quoted = quoted != (c == '"')
		return c == ';' && !quoted
	})
	for _, pair := range parameters {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !ok || !strings.EqualFold(name, "for") {
			continue
		}
		if found != "" {
			return ""
		}
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		found = value
	}
	return found
}

// allHTTPS reports whether every proxy says that it was reached over TLS.
func allHTTPS(lines []string) bool {
	for _, line := range lines {
		for proto := range strings.SplitSeq(line, ",") {
			if !strings.EqualFold(strings.Trim(proto, " \t"), "https") {
				return false
			}
		}
	}
	return len(lines) > 0
}
