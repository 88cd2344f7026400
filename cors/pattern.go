package cors

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// pattern is an origin, or a wildcard for all that end with host.
type pattern struct {
	scheme   string
	host     string // without "*."; with brackets for IPv6
	port     string // with its colon, or empty
	wildcard bool
}

// parsePattern reads an entry of Config.Origins. The second result says what is
// wrong, and is empty if nothing is. The entry must be the exact text that a
// browser sends (RFC 6454 section 6.2), because any other text would never
// match.
func parsePattern(text string) (pattern, string) {
	if text == "null" {
		return pattern{}, "is the origin of every sandboxed frame and local file, on every site; write the origin of the page"
	}
	if len(text) > maxOrigin {
		return pattern{}, "is longer than an origin can be; write scheme://host or scheme://host:port"
	}
	if reason := listFault(text); reason != "" {
		return pattern{}, reason
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return pattern{}, "must be scheme://host or scheme://host:port, such as https://app.example.com"
	}
	if reason := schemeFault(scheme); reason != "" {
		return pattern{}, reason
	}
	if reason := foreign(rest); reason != "" {
		return pattern{}, reason
	}
	p := pattern{scheme: scheme}
	p.host, p.port = splitPort(rest)
	if p.port != "" {
		if reason := portFault(scheme, p.port[1:]); reason != "" {
			return pattern{}, reason
		}
	}
	if base, ok := strings.CutPrefix(p.host, "*."); ok {
		p.host, p.wildcard = base, true
	}
	if strings.Contains(p.host, "*") {
		return pattern{}, "has a * that is not the whole first label; write https://*.example.com"
	}
	if reason := hostFault(p.host); reason != "" {
		return pattern{}, reason
	}
	if p.wildcard {
		return p, wildcardFault(p.host)
	}
	return p, ""
}

// opaque are the schemes without an origin that a page could send (HTML,
// origin; URL, origin): what they load has the origin of another page, an
// opaque one, or is not a page.
var opaque = map[string]bool{
	"about": true, "android-app": true, "blob": true, "chrome": true, "cid": true, "content": true, "data": true, "edge": true, "file": true,
	"filesystem": true, "ftp": true, "ftps": true, "git": true, "gopher": true, "intent": true, "javascript": true, "ldap": true, "ldaps": true,
	"mailto": true, "mid": true, "resource": true, "sftp": true, "sms": true, "ssh": true, "tel": true, "unix": true, "urn": true,
	"vbscript": true, "view-source": true, "ws": true, "wss": true,
}

// schemeFault says what is wrong with a scheme. Besides the web's there are
// those of applications that bring their own browser, such as
// capacitor://localhost.
func schemeFault(scheme string) string {
	if opaque[scheme] {
		return "has a scheme whose pages send another origin, or null; write the origin that the page sends, such as https://app.example.com"
	}
	for i, c := range []byte(scheme) {
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return "has no valid scheme in lower case; write for example https://app.example.com"
		}
	}
	switch {
	case scheme == "":
		return "has no scheme before ://; write for example https://app.example.com"
	case mistyped(scheme):
		return "has a scheme that no browser sends (did you mean https?); write for example https://app.example.com"
	}
	return ""
}

// mistyped reports whether a scheme is one edit away from http or https, or has
// the letters of https alone. Applications choose their schemes freely, so that
// a scheme that is further away stays, such as steps://localhost.
func mistyped(scheme string) bool {
	if scheme == "http" || scheme == "https" {
		return false
	}
	return oneEdit(scheme, "https") || oneEdit(scheme, "http") || len(scheme) > 2 && strings.Trim(scheme, "htps") == ""
}

// oneEdit reports whether a becomes b if one byte is inserted, removed,
// replaced or swapped with its neighbour.
func oneEdit(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return len(a) <= 1 && len(b) <= 1 || swapped
}

// listFault recognises several origins in one text, with another separator than
// that of [Origins].
func listFault(text string) string {
	const separator = "and the separator of cors.Origins is a comma; write one origin in each string"
	_, after, _ := strings.Cut(text, "://")
	switch {
	case strings.Contains(text, ";"):
		return "has a semicolon, " + separator
	case strings.ContainsAny(text, " \t\r\n") && strings.Contains(after, "://"):
		return "has white space between origins, " + separator
	}
	return ""
}

// foreign says which part of a URL does not belong into an origin.
func foreign(rest string) string {
	switch {
	case strings.HasSuffix(rest, "/"):
		return "must not end with a slash"
	case strings.ContainsAny(rest, `/\?#`):
		return "must be without path, query and fragment; write scheme://host"
	case strings.Contains(rest, "@"):
		return "must be without user; write scheme://host"
	}
	for _, c := range []byte(rest) {
		switch {
		case c >= 0x80:
			return "is not ASCII; write international names in their xn-- form"
		case 'A' <= c && c <= 'Z':
			return "has upper case letters, and browsers send lower case; write lower case"
		case c <= ' ' || c == 0x7f:
			return "has white space or control characters; write one origin in each string"
		}
	}
	return ""
}

// splitPort cuts a host from its port, which keeps the colon.
func splitPort(rest string) (host, port string) {
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

func portFault(scheme, port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || n == 0 || strconv.FormatUint(n, 10) != port:
		return "has no valid port after the colon; write 1 to 65535"
	case scheme == "https" && n == 443, scheme == "http" && n == 80:
		return "has the default port, and browsers leave it out; remove it"
	}
	return ""
}

// hostFault says what is wrong with a host without wildcard.
func hostFault(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		// A browser writes an IPv6 address in its shortest form (WHATWG URL,
		// host serializing), also one that is mapped from IPv4, which is not
		// worth the trouble.
		if !closed || err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" || addr.String() != inner {
			return "has no IPv6 address in its shortest form in the brackets; write for example https://[2001:db8::1]"
		}
		return ""
	}
	if host == "" || len(host) > 253 {
		return "has no host, or a host longer than 253 bytes; write for example https://app.example.com"
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return "has an empty label, a trailing dot, or a label longer than 63 bytes in its host; write for example https://app.example.com"
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return "has a character that a host cannot have; write for example https://app.example.com"
			}
		}
		last = label
	}
	if !encoded(host) {
		return "has a label that begins with xn-- and is not the encoding of a name; write what the browser's address bar copies"
	}
	// A host whose last label is a number is an IPv4 address or nothing (WHATWG
	// URL, ends-in-a-number checker), 0x7f.1 included.
	if '0' <= last[0] && last[0] <= '9' && (allDigits(last) || strings.HasPrefix(last, "0x")) {
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
			return "has a host that ends in a number and is not an IPv4 address; write for example https://192.0.2.1"
		}
	}
	return ""
}

// encoded reports whether each label with xn-- is what a browser makes of a
// name: it parses no URL with another (URL, domain to ASCII).
func encoded(host string) bool {
	if !strings.Contains(host, "xn--") {
		return true
	}
	text, err := browsers.ToUnicode(host)
	if err != nil {
		return false
	}
	back, err := browsers.ToASCII(text)
	return err == nil && back == host
}

// browsers converts names as browsers do (URL, domain to ASCII).
var browsers = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.CheckJoiners(true), idna.BidiRule())

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// wildcardFault says why a Config must not allow all subdomains of a host.
// Under a public suffix, such as co.uk or github.io, anybody can register one.
// The list may also have every name under a host without having the host
// itself. If it has only some of these names, they are refused when a request
// names them: see everybodys.
func wildcardFault(host string) string {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return "has a wildcard before an address, which has no subdomains; remove the wildcard"
	}
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host || everybodys("a."+host, host) {
		return "allows all of a public suffix, under which anybody can register a name; write each origin"
	}
	return ""
}

// loopback reports whether the host never leaves the machine of the browser.
func (p pattern) loopback() bool {
	if p.host == "localhost" || strings.HasSuffix(p.host, ".localhost") {
		return true // RFC 6761 section 6.3
	}
	addr, err := netip.ParseAddr(strings.Trim(p.host, "[]"))
	return err == nil && addr.IsLoopback()
}
