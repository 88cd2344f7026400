package compact

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// maxPeek bounds the payload that the issuer is looked for in, encoded. What is
// longer belongs to nobody.
const maxPeek = 64 << 10

// IsFrom reports whether the token's payload says that it is from the issuer.
// It is for choosing who verifies the token and says nothing about whether it
// is genuine. It does not allocate for a token of usual size.
func IsFrom(token, issuer string) bool {
	found, same := peek(token, issuer)
	return found && same
}

// HasIssuer reports whether the token's payload names an issuer at all.
func HasIssuer(token string) bool {
	found, _ := peek(token, "")
	return found
}

// peek decodes the payload, and reports whether it has an iss that is a
// non-empty string, and whether that is the wanted one.
func peek(token, wanted string) (found, same bool) {
	first, second, ok := dots(token)
	if !ok || second-first > maxPeek {
		return false, false
	}
	payload := token[first+1 : second]
	var room [1536]byte
	buf := room[:]
	if size := encoding.DecodedLen(len(payload)); size > len(buf) {
		buf = make([]byte, size)
	}
	n, err := encoding.Decode(buf, Bytes(payload))
	if err != nil {
		return false, false
	}
	claims := scanner{src: buf[:n]}
	start, end, ok := claims.issuer()
	if claims.escaped {
		return peekSlowly(string(buf[:n]), wanted)
	}
	return ok && end > start, ok && string(buf[start:end]) == wanted
}

// peekSlowly is for a payload with an escape in the iss or before it, as some
// issuers write every slash; that is worth a real decoder.
func peekSlowly(payload, wanted string) (found, same bool) {
	members, err := jsondoc.Members(nil, []byte(payload), jsondoc.Limits{Bytes: maxPeek, Depth: 16})
	if err != nil {
		return false, false
	}
	for _, m := range members {
		if text, ok := m.Text(); ok && m.Name == "iss" {
			return text != "", text == wanted
		}
	}
	return false, false
}

// scanner finds the outermost "iss" of an object without decoding it. It takes
// the document to be JSON: where that is not so its answer may be wrong, and
// the verifier, which decodes strictly, refuses the token.
type scanner struct {
	src     []byte
	pos     int
	escaped bool // a name, or the issuer, has an escape: this cannot tell
}

// issuer returns where the value of iss stands, without its quotes.
func (s *scanner) issuer() (start, end int, ok bool) {
	depth := 0
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case '"':
			start, end, escaped := s.text()
			if depth != 1 || !s.skip(':') {
				continue // a value, or a name further in
			}
			if escaped {
				s.escaped = true
				return 0, 0, false
			}
			if string(s.src[start:end]) != "iss" {
				continue
			}
			if s.space(); s.pos >= len(s.src) || s.src[s.pos] != '"' {
				return 0, 0, false
			}
			start, end, s.escaped = s.text()
			return start, end, !s.escaped
		default:
			s.pos++
		}
	}
	return 0, 0, false
}

// text reads a string from its opening quote on, to its end or that of the
// source.
func (s *scanner) text() (start, end int, escaped bool) {
	s.pos++
	start = s.pos
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case '"':
			end = s.pos
			s.pos++
			return start, end, escaped
		case '\\':
			escaped = true
			s.pos++
		}
		s.pos++
	}
	s.pos = len(s.src)
	return start, len(s.src), escaped
}

// skip reads one byte after white space, if it is there.
func (s *scanner) skip(c byte) bool {
	s.space()
	if s.pos >= len(s.src) || s.src[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) space() {
	for s.pos < len(s.src) && strings.IndexByte(" \t\r\n", s.src[s.pos]) >= 0 {
		s.pos++
	}
}
