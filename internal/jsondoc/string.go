package jsondoc

import (
	"unicode/utf8"
	"unsafe"
)

// plain holds the bytes that stand for themselves in a string and are a whole
// character: RFC 8259, section 7, within ASCII.
var plain = func() (t [256]bool) {
	for c := byte(0x20); c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// caseless holds the plain bytes except capital letters: a name made of
// them is its own folded form.
var caseless = func() (t [256]bool) {
	for c := range t {
		t[c] = plain[c] && (c < 'A' || c > 'Z')
	}
	return t
}()

// text reads the string token at hand.
func (d *decoder) text() (string, *Error) {
	s, start := d.src, d.pos+1
	i := start
	for i < len(s) && plain[s[i]] {
		i++
	}
	if i == len(s) || s[i] != '"' {
		return d.anyText(i, d.limit.String, KindString)
	}
	if i-start > d.limit.String {
		return "", d.fail(KindString, d.pos)
	}
	d.pos = i + 1
	return s[start:i], nil
}

// key reads the name at hand, and its folded form.
func (d *decoder) key() (name, folded string, e *Error) {
	s, start := d.src, d.pos+1
	i := start
	for i < len(s) && caseless[s[i]] {
		i++
	}
	if i < len(s) && s[i] == '"' && i-start <= d.limit.Name {
		d.pos = i + 1
		return s[start:i], s[start:i], nil
	}
	if name, e = d.anyText(i, d.limit.Name, KindName); e != nil {
		return "", "", e
	}
	return name, Fold(name), nil
}

// anyText reads the string token at hand, of which all bytes before i are known
// to be plain. It checks everything and measures the decoded string first, so
// that the copy which escapes need is made once and to size. Beyond limit bytes
// it fails with tooLong.
func (d *decoder) anyText(i, limit int, tooLong Kind) (string, *Error) {
	s, start := d.src, d.pos+1
	size, escapes := i-start, false
	for size <= limit {
		if i == len(s) {
			return "", d.fail(KindSyntax, i)
		}
		switch c := s[i]; {
		case plain[c]:
			i++
			size++
		case c == '"':
			d.pos = i + 1
			if !escapes {
				return s[start:i], nil
			}
			return unescape(s[start:i], size), nil
		case c == '\\':
			r, width, kind := escape(s[i:])
			if r == 0 && kind == "" && d.limit.RefuseNUL {
				kind = KindNUL
			}
			if kind != "" {
				return "", d.fail(kind, i)
			}
			escapes = true
			i += width
			size += utf8.RuneLen(r)
		case c < utf8.RuneSelf:
			return "", d.fail(KindSyntax, i)
		default:
			r, width := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && width == 1 {
				return "", d.fail(KindUTF8, i)
			}
			i += width
			size += width
		}
	}
	return "", d.fail(tooLong, d.pos)
}

// unescape decodes the inside of a valid string token to size bytes.
func unescape(s string, size int) string {
	out := make([]byte, 0, size)
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		r, width, _ := escape(s[i:])
		out = utf8.AppendRune(out, r)
		i += width
	}
	return unsafe.String(unsafe.SliceData(out), len(out))
}

// escape reads the escape sequence at the start of s, or a pair of them that
// stands for one character beyond the Basic Multilingual Plane. The kind is
// empty if it is valid.
func escape(s string) (r rune, width int, kind Kind) {
	if len(s) < 2 {
		return 0, 0, KindSyntax
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2, ""
	case 'b':
		return '\b', 2, ""
	case 'f':
		return '\f', 2, ""
	case 'n':
		return '\n', 2, ""
	case 'r':
		return '\r', 2, ""
	case 't':
		return '\t', 2, ""
	}
	r, ok := unit(s)
	if !ok {
		return 0, 0, KindSyntax
	}
	if r < 0xD800 || r > 0xDFFF {
		return r, 6, ""
	}
	// RFC 8259, section 8.2: what a reader makes of half a pair is
	// unpredictable.
	low, ok := unit(s[6:])
	if r > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
		return 0, 0, KindSurrogate
	}
	return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), 12, ""
}

// unit reads \uXXXX.
func unit(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
