package authz

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
)

// unsafeValue reports whether a decoded path value can be read as another path
// by whatever uses it next: a file system, a proxy, a second decoder. slashes
// tells that the wildcard spans segments.
//
// path.Clean(v) == v is not the test: it lets "../admin" pass.
//
// Invalid UTF-8 is refused because a lax decoder reads an overlong C0 AE as a
// dot (RFC 3629 section 10). Valid characters that only look like a dot or a
// slash, such as the fullwidth ones, pass: neither net/url nor a file system
// folds them, and whoever applies NFKC to text has to check it after that.
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
// RawPath is empty whenever encoding Path again would give what was sent, so
// that %2F is always in it. %5C may not be, and is then a backslash in Path,
// which unsafeValue finds: no pattern has one outside its values. RawPath is
// read even where it no longer fits Path: it is what came in.
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

// isPath reports whether u has a path that a router can read. None of the four
// forms of a request target (RFC 9112 section 3.2) has an opaque part. Where
// one came in, such as "http:http://x/admin", Path is empty, a router reads the
// path "/", and a proxy passes the opaque part on.
func isPath(u *url.URL) bool { return u.Opaque == "" && strings.HasPrefix(u.Path, "/") }

// unsafeTail reports whether a decoded path can be read as another path by a
// handler that has its own routes: a router, a proxy, a file server. To what a
// value must not hold come the characters with which such a handler may end a
// segment: a semicolon (servers of Java drop it, with the parameters behind
// it), and a question mark or a number sign, for a proxy that decodes before it
// sends. An octet that is encoded twice may be any character afterwards.
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

// safeValues reports whether r, which matched the pattern, has a path that
// means the same to everybody.
func (p *pathPattern) safeValues(r *http.Request) bool {
	if hidesSlash(r.URL) {
		return false
	}
	for _, w := range p.wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return false
		}
	}
	return !p.tail || !unsafeTail(r.URL.Path)
}

// errPathValue says nothing of the value: an answer never echoes.
func errPathValue() error {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "authz.path_value",
		Detail: "A part of the path could be read as another path."}
}
