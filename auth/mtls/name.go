package mtls

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
)

const (
	mostURI = 2048 // bytes, as for SPIFFE IDs
	mostDNS = 253  // bytes (RFC 1035 section 2.3.4)
)

// A naming says which name of a certificate is the Subject. One of its fields
// is set.
type naming struct {
	uri string // what the URI begins with
	dns string // the domain of the DNS name
}

// The log has these errors beside the reasons of a refusal. They never hold
// what the certificate says.
var (
	errURICount = errors.New("the certificate must have exactly one URI in its subject alternative names, because mtls.Config.URI is set")
	errURIOther = errors.New("the URI of the certificate does not begin with mtls.Config.URI, or has nothing behind it")
	errURIForm  = errors.New("the URI of the certificate is longer than 2048 bytes, or has a query, a fragment, an escape, an empty segment or a segment of dots behind mtls.Config.URI")
	errDNSCount = errors.New("the certificate must have exactly one DNS name in its subject alternative names, because mtls.Config.DNS is set")
	errDNSOther = errors.New("the DNS name of the certificate is not mtls.Config.DNS and not below it")
	errDNSForm  = errors.New("the DNS name of the certificate is a wildcard or not a name of a host; mtls.Config.DNS needs the name of one caller")
)

// subject returns the name of the caller, or the reason and the cause of a
// refusal.
func (n naming) subject(c *x509.Certificate) (name, reason string, cause error) {
	if n.uri != "" {
		return n.ofURI(c.URIs)
	}
	return n.ofDNS(c.DNSNames)
}

func (n naming) ofURI(uris []*url.URL) (name, reason string, cause error) {
	if len(uris) != 1 {
		return "", "malformed", errURICount
	}
	name = uris[0].String()
	rest, ok := strings.CutPrefix(name, n.uri)
	switch {
	case !ok || rest == "":
		return "", "claim", errURIOther
	case len(name) > mostURI || !plainPath(rest):
		return "", "malformed", errURIForm
	}
	return name, "", nil
}

func (n naming) ofDNS(names []string) (name, reason string, cause error) {
	if len(names) != 1 {
		return "", "malformed", errDNSCount
	}
	name = strings.ToLower(names[0])
	if !isDomain(name) {
		return "", "malformed", errDNSForm
	}
	below, ok := strings.CutSuffix(name, n.dns)
	if !ok || below != "" && below[len(below)-1] != '.' {
		return "", "claim", errDNSOther
	}
	return name, "", nil
}

// plainPath reports whether a path has one spelling only: whatever reads it
// finds the same segments.
func plainPath(path string) bool {
	if !plainURI(path) {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// plainURI reports whether text has only the characters of a path and of a host
// (RFC 3986 sections 3.2.2 and 3.3), and no escapes.
func plainURI(text string) bool {
	for _, c := range []byte(text) {
		if !alphanumeric(c) && !strings.ContainsRune("-._~:/@!$&'()*+,;=", rune(c)) {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// prefixFault says what is wrong with a URI of a Config.
func prefixFault(text string) string {
	const end = `must be the beginning of a URI with scheme and authority, up to a slash, such as "spiffe://example.org/", or up to a colon, such as "urn:example:device:"`
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.String() != text || len(text) > mostURI/2 || !plainURI(text) || u.User != nil {
		return end
	}
	authority, hierarchical := strings.CutPrefix(text, u.Scheme+"://")
	if !hierarchical {
		if rest := text[len(u.Scheme)+1:]; rest == "" || rest[0] == '/' || rest[len(rest)-1] != ':' {
			return end
		}
		return ""
	}
	host, path, found := strings.Cut(authority, "/")
	if host == "" || !found || path != "" && (!strings.HasSuffix(path, "/") || !plainPath(path[:len(path)-1])) {
		return end
	}
	return ""
}

// isDomain reports whether name is the name of a host in lower case (RFC 1123
// section 2.1), or of a service, with underscores.
func isDomain(name string) bool {
	if name == "" || len(name) > mostDNS {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !alphanumeric(c) && c != '-' && c != '_' || 'A' <= c && c <= 'Z' {
				return false
			}
		}
	}
	return true
}
