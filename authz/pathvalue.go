package authz

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
)

// unsafeValue reports whether a decoded path value can be read as another path
// by its next reader: a file system, a proxy, a second decoder. slashes says
// that the wildcard spans segments.
//
// path.Clean(v) == v is not the test: it lets "../admin" pass.
//
// Invalid UTF-8 is refused because a lax decoder reads an overlong C0 AE as a
// dot (RFC 3629 section 10). Valid characters that only look like a dot or a
// slash, such as the fullwidth forms, pass: net/url and file systems do not
// fold them. Code that applies NFKC to a text has to check the text afterwards.
func unsafeValue(v string, slashes bool) bool {
	start := 0
	for i := range len(v) {
		switch b := v[i]; {
		case b == '/':
			if !slashes || dots(v[start:i]) {
				return true
			}
			start = i + 1
		case b < ' ', b == 0x7f, b == '\\':
			return true
		case b == 0xc2 && i+1 < len(v) && v[i+1] >= 0x80 && v[i+1] <= 0x9f: // C1 controls
			return true
		case b == '%' && encodedAgain(v[i+1:]):
			return true
		}
	}
	return dots(v[start:]) || !utf8.ValidString(v)
}

// hidesSlash reports whether the path was sent with a slash or a backslash that
// is encoded. A router matches the segments before they are decoded, and takes
// "private%2Fkey" for one segment. A handler that reads URL.Path sees two, and
// is past the rule of "private/". A backslash is a slash to some.
//
// RawPath is empty whenever encoding Path again would give the path that was
// sent. So RawPath always holds %2F. It may lack %5C: then Path has a
// backslash, which unsafeValue finds, because a pattern has a backslash in its
// values alone. RawPath is read even if it no longer fits Path, because it is
// the path that came in.
func hidesSlash(u *url.URL) bool {
	raw := u.RawPath
	for i := 0; i+2 < len(raw); i++ {
		if raw[i] != '%' {
			continue
		}
		if hex := raw[i+2] | 0x20; raw[i+1] == '2' && hex == 'f' || raw[i+1] == '5' && hex == 'c' {
			return true
		}
	}
	return false
}

// isPath reports whether u has a path that a router can read. The four forms of
// a request target (RFC 9112 section 3.2) do not have an opaque part. If an
// opaque part came in, such as "http:http://x/admin", then Path is empty, a
// router reads the path "/", and a proxy passes the opaque part on.
func isPath(u *url.URL) bool { return u.Opaque == "" && strings.HasPrefix(u.Path, "/") }

// unsafeTail reports whether a decoded path can be read as another path by a
// handler that has its own routes: a router, a proxy, a file server. In
// addition to unsafeValue it finds the characters with which such a handler may
// end a segment. A semicolon: Java servers drop it, with the parameters behind
// it. A question mark or a number sign: a proxy may decode before it sends. An
// octet that is encoded twice may be any character afterwards.
func unsafeTail(path string) bool {
	for i := range len(path) {
		switch path[i] {
		case ';', '?', '#':
			return true
		case '%':
			if rest := path[i+1:]; len(rest) > 1 && isHex(rest[0]) && isHex(rest[1]) {
				return true
			}
		}
	}
	return unsafeValue(path, true)
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// dots reports whether a segment is one of the two that move. To some servers
// the text after a semicolon is a parameter, so that "..;a" also moves.
func dots(segment string) bool {
	segment, _, _ = strings.Cut(segment, ";")
	return segment == "." || segment == ".."
}

// encodedAgain reports whether what follows a percent sign would be a dot, a
// slash, a backslash or NUL to somebody who decodes a second time.
func encodedAgain(rest string) bool {
	if len(rest) < 2 {
		return false
	}
	switch rest[0] {
	case '2':
		return rest[1]|0x20 == 'e' || rest[1]|0x20 == 'f'
	case '5':
		return rest[1]|0x20 == 'c'
	}
	return rest[:2] == "00"
}

// safeValues returns an error if r, which matched the pattern, has a path that
// somebody may read as another path.
func (p *pathPattern) safeValues(r *http.Request) error {
	if hidesSlash(r.URL) {
		return errHiddenSlash
	}
	for _, w := range p.wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return errWildcard
		}
	}
	if p.tail && unsafeTail(r.URL.Path) {
		return errTail
	}
	return nil
}

// pathValue is the answer to an unsafe path. It says nothing of the value,
// because an answer never echoes.
func pathValue(why error) error {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "authz.path_value",
		Detail: "A part of the path could be read as another path.", Err: why}
}

// What the log says about an unsafe path.
var (
	errHiddenSlash = errors.New("the path has an encoded slash or a backslash, which no setting accepts outside a wildcard that authz.SlashIn names; take such a name from the query or the body")
	errWildcard    = errors.New("the value of a wildcard of the pattern has a segment of dots, a slash, a control character, invalid UTF-8 or an octet that is encoded twice, which no setting accepts; take such a name from the query or the body")
	errTail        = errors.New("the path has a character that a Mount, or a pattern that ends in a slash, does not accept, such as a semicolon; register the route with Mux.Handle and a wildcard, such as {name}")
	errGuestPath   = errors.New("the path has an empty segment or a character that is not accepted under another router, such as a semicolon; register the route on an authz.Mux with a wildcard, such as {name}")
	errOwnValue    = errors.New("the field PathValue returned a value that could be read as another path, which no setting accepts; take such a name from the query or the body")
	errNoPath      = errors.New("the request target has no path that begins with a slash; serve such requests outside this handler")
)
