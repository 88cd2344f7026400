package compact

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// shortPayload is the length of an encoded payload that is decoded on the
// stack.
const shortPayload = 2048

// longPayloads are buffers for payloads that are longer.
var longPayloads = sync.Pool{New: func() any { return new([]byte) }}

// IsFrom reports whether the payload of a token of at most limit bytes says
// that it is from the issuer. It is for choosing who verifies the token and
// says nothing about whether it is genuine. It does not allocate, and looks at
// nothing of a longer token.
func IsFrom(token, issuer string, limit int) bool {
	payload, ok := payloadOf(token, limit)
	if !ok {
		return false
	}
	if len(payload) <= shortPayload {
		var room [shortPayload]byte
		return isFrom(room[:], payload, issuer)
	}
	buf := longPayloads.Get().(*[]byte)
	defer longPayloads.Put(buf)
	return isFrom(enough(buf, payload), payload, issuer)
}

func isFrom(buf []byte, payload, issuer string) bool {
	found, escaped, ok := decode(buf, payload)
	return ok && len(found) > 0 && spells(found, escaped, issuer)
}

// Issuer returns the issuer that the payload of a token of at most limit bytes
// names, and false if it names none.
func Issuer(token string, limit int) (issuer string, ok bool) {
	payload, ok := payloadOf(token, limit)
	if !ok {
		return "", false
	}
	buf := longPayloads.Get().(*[]byte)
	defer longPayloads.Put(buf)
	found, escaped, ok := decode(enough(buf, payload), payload)
	if !ok {
		return "", false
	}
	text, ok := unescape(nil, found, escaped)
	return string(text), ok && len(text) > 0
}

// IsShort reports whether it takes next to nothing to look into the token.
func IsShort(token string) bool { return len(token) <= shortPayload }

// payloadOf returns the payload, encoded, of a token of at most limit bytes.
func payloadOf(token string, limit int) (string, bool) {
	if len(token) > limit {
		return "", false
	}
	first, second, ok := dots(token)
	if !ok {
		return "", false
	}
	return token[first+1 : second], true
}

// enough returns a buffer that the decoded payload fits into.
func enough(buf *[]byte, payload string) []byte {
	if size := encoding.DecodedLen(len(payload)); len(*buf) < size {
		*buf = make([]byte, size)
	}
	return *buf
}

// decode returns the iss of the payload as it stands there, without its quotes,
// and whether there are escapes in it.
func decode(buf []byte, payload string) (iss []byte, escaped, ok bool) {
	n, err := encoding.Decode(buf, Bytes(payload))
	if err != nil {
		return nil, false, false
	}
	claims := scanner{src: buf[:n]}
	start, end, escaped, ok := claims.issuer()
	return buf[start:end], escaped, ok
}

// spells reports whether a string of JSON, without its quotes, is the text.
func spells(raw []byte, escaped bool, text string) bool {
	if !escaped {
		return string(raw) == text
	}
	var room [256]byte
	found, ok := unescape(room[:0], raw, true)
	return ok && string(found) == text
}

// unescape appends what a string of JSON, without its quotes, stands for (RFC
// 8259 section 7).
func unescape(dst, raw []byte, escaped bool) ([]byte, bool) {
	if !escaped {
		return append(dst, raw...), true
	}
	for len(raw) > 0 {
		if raw[0] != '\\' {
			dst, raw = append(dst, raw[0]), raw[1:]
			continue
		}
		if len(raw) < 2 {
			return nil, false
		}
		if raw[1] == 'u' {
			char, size := escapedRune(raw)
			if size == 0 {
				return nil, false
			}
			dst, raw = utf8.AppendRune(dst, char), raw[size:]
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, raw[1])
		if at < 0 {
			return nil, false
		}
		dst, raw = append(dst, "\"\\/\b\f\n\r\t"[at]), raw[2:]
	}
	return dst, true
}

// escapedRune reads \uXXXX, or the two of them that make up one character. Its
// size is 0 where it cannot be read.
func escapedRune(raw []byte) (char rune, size int) {
	high, ok := unit(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	low, ok := unit(raw[6:])
	if char = utf16.DecodeRune(high, low); !ok || char == utf8.RuneError {
		return 0, 0
	}
	return char, 12
}

func unit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}

// scanner finds the outermost "iss" of an object without decoding it. It takes
// the document to be JSON: where that is not so its answer may be wrong, and
// the verifier, which decodes strictly, refuses the token.
type scanner struct {
	src []byte
	pos int
}

// issuer returns where the value of iss stands, without its quotes, and whether
// there are escapes in it.
func (s *scanner) issuer() (start, end int, escaped, ok bool) {
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
			if end-start > mostName || !spells(s.src[start:end], escaped, "iss") {
				continue
			}
			if s.space(); s.pos >= len(s.src) || s.src[s.pos] != '"' {
				return 0, 0, false, false
			}
			start, end, escaped = s.text()
			return start, end, escaped, true
		default:
			s.pos++
		}
	}
	return 0, 0, false, false
}

// mostName is the length of iss where each letter is escaped.
const mostName = 3 * len(`\u0069`)

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
