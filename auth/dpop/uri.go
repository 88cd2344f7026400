package dpop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// requestPath is the path that the client has asked for, as it was spelled:
// what a router strips of it on the way was in the proof.
func requestPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	if target, err := url.ParseRequestURI(r.RequestURI); err == nil { // in absolute form (RFC 9112 section 3.2.2)
		return spelledPath(target)
	}
	return r.URL.EscapedPath() // no server has read it
}

// sameURI compares the htu of a proof with the URI of the request, normalized
// by syntax and scheme (RFC 3986 sections 6.2.2 and 6.2.3) except
// for dot segments, which no client sends.
func sameURI(claim, base, path string) bool {
	theirs, err := url.Parse(claim)
	if err != nil || theirs.User != nil || theirs.Opaque != "" || !jose.IsPrintable(theirs.Host) { // U+212A in lower case is k
		return false
	}
	ours, err := url.Parse(base)
	if err != nil || !strings.EqualFold(theirs.Scheme, ours.Scheme) || authority(theirs) != authority(ours) {
		return false
	}
	own, ok := normalPath(path)
	claimed, sound := normalPath(spelledPath(theirs))
	return ok && sound && own == claimed
}

// authority is host and port in one spelling (RFC 3986 section 6.2.3): the port
// of the scheme is left out, and zeros in front of another say nothing.
func authority(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), strings.TrimLeft(u.Port(), "0")
	if strings.Contains(host, ":") { // an address in brackets
		host = "[" + host + "]"
	}
	if u.Port() != "" && port == "" {
		port = "0"
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case port == "", scheme == "https" && port == "443", scheme == "http" && port == "80":
		return host
	}
	return host + ":" + port
}

// spelledPath is the path of a URL that has been parsed, as it stood there.
// Where a character in it should have been encoded, EscapedPath would encode it
// all anew, and an encoded slash be one.
func spelledPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// normalPath spells a path in one way: characters that never need to be encoded
// are not, those that always do are, and in upper case; of the others an
// encoded one is not the character itself.
func normalPath(path string) (string, bool) {
	if path == "" {
		return "/", true
	}
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		char, encoded := path[i], path[i] == '%'
		if encoded {
			if i+2 >= len(path) {
				return "", false
			}
			decoded, err := url.PathUnescape(path[i : i+3])
			if err != nil {
				return "", false
			}
			char = decoded[0]
			i += 2
		}
		if isUnreserved(char) || !encoded && isReserved(char) {
			b.WriteByte(char)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", char)
	}
	return b.String(), true
}

// isReserved reports whether c may stand in a path and means something there
// (RFC 3986 section 3.3).
func isReserved(c byte) bool { return strings.IndexByte("/:@!$&'()*+,;=", c) >= 0 }

// isUnreserved reports whether c needs no encoding (RFC 3986 section 2.3).
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~", c) >= 0
}
