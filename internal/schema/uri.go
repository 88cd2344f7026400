package schema

import (
	"net/url"
	"slices"
	"strings"
)

// unsafeSchemes are those that a browser runs, or whose text is the content
// itself, or that read from a disk.
var unsafeSchemes = []string{"javascript", "data", "vbscript", "blob", "file", "filesystem", "livescript", "mocha", "view-source", "jar"}

// webSchemes have a host, and no user information: a browser shows
// https://bank.example@evil.example as something that it is not.
var webSchemes = []string{"http", "https", "ws", "wss", "ftp", "ftps"}

// opaqueSchemes have no host.
var opaqueSchemes = []string{"mailto", "tel", "sms", "urn", "tag", "news", "sip", "sips", "geo"}

// isURI takes an absolute URI (RFC 3986) of a scheme that carries no script and
// no data, or of one of the schemes given.
func isURI(s string, schemes []string) bool {
	u := parseURI(s)
	return u != nil && u.Scheme != "" && isScheme(u.Scheme, schemes) && isComplete(u)
}

// isURIReference takes a URI, or a reference that is relative to one. A
// reference to another host is one of an unknown scheme.
func isURIReference(s string, schemes []string) bool {
	u := parseURI(s)
	switch {
	case u == nil:
		return false
	case u.Scheme != "":
		return isScheme(u.Scheme, schemes) && isComplete(u)
	case strings.HasPrefix(s, "//"):
		return isAuthority(u) && u.User == nil
	}
	return true
}

func isScheme(scheme string, allowed []string) bool {
	if len(allowed) > 0 {
		return slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, scheme) })
	}
	return !slices.Contains(unsafeSchemes, scheme)
}

// isComplete reports whether an absolute URI has what its scheme asks for.
func isComplete(u *url.URL) bool {
	switch {
	case slices.Contains(webSchemes, u.Scheme):
		return u.Opaque == "" && u.User == nil && isAuthority(u)
	case slices.Contains(opaqueSchemes, u.Scheme):
		return u.Opaque != "" && u.Host == ""
	case u.Host != "":
		return isAuthority(u)
	}
	return u.User == nil && (u.Opaque != "" || u.Path != "")
}

// parseURI parses a URI or a relative reference by the grammar of RFC 3986,
// appendix A. Package url is more lenient. The result is nil if it is neither.
func parseURI(s string) *url.URL {
	if strings.ContainsFunc(s, notURI) || !escapesAreWhole(s) {
		return nil
	}
	rest, fragment, _ := strings.Cut(s, "#")
	rest, query, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(fragment, "#[]") || strings.ContainsAny(query, "[]") {
		return nil
	}
	// Square brackets stand in a host alone (section 3.2.2).
	path := rest
	if _, after, ok := strings.Cut(rest, "//"); ok {
		if slash := strings.IndexByte(after, '/'); slash >= 0 {
			path = after[slash:]
		} else {
			path = ""
		}
	}
	if strings.ContainsAny(path, "[]") {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil
	}
	return u
}

// notURI holds for what no URI contains unescaped (RFC 3986, appendix A), the
// backslash among it, which browsers take for a slash.
func notURI(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
}

func escapesAreWhole(s string) bool {
	for i := range len(s) {
		if s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isAuthority(u *url.URL) bool {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		return isIPv6(host)
	}
	return isHostname(strings.TrimSuffix(host, "."))
}

// isURITemplate takes a template of RFC 6570: literals, and expressions in
// braces that list variables.
func isURITemplate(s string) bool {
	for s != "" {
		open := strings.IndexByte(s, '{')
		literal := s
		if open >= 0 {
			literal = s[:open]
		}
		if strings.ContainsFunc(literal, notTemplateLiteral) || !escapesAreWhole(literal) {
			return false
		}
		if open < 0 {
			return true
		}
		shut := strings.IndexByte(s, '}')
		if shut < open || !isExpression(s[open+1:shut]) {
			return false
		}
		s = s[shut+1:]
	}
	return true
}

// notTemplateLiteral is section 2.1 of RFC 6570.
func notTemplateLiteral(r rune) bool {
	return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || strings.ContainsRune("\"<>\\^`|}", r)
}

// isExpression is section 2.2 of RFC 6570.
func isExpression(s string) bool {
	if s != "" && strings.IndexByte("+#./;?&", s[0]) >= 0 {
		s = s[1:]
	}
	for variable := range strings.SplitSeq(s, ",") {
		name, prefix, hasPrefix := strings.Cut(strings.TrimSuffix(variable, "*"), ":")
		if hasPrefix && (prefix == "" || len(prefix) > 4 || prefix[0] == '0' || strings.Trim(prefix, "0123456789") != "" || strings.HasSuffix(variable, "*")) {
			return false
		}
		for part := range strings.SplitSeq(name, ".") {
			if part == "" || strings.ContainsFunc(part, func(r rune) bool { return !isAlphanumeric(r) && r != '_' && r != '%' }) || !escapesAreWhole(part) {
				return false
			}
		}
	}
	return true
}
