package authz

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// asIs has the bytes that a JSON string may hold as they are. It lacks those
// that mean something in HTML, so that a page can hold the answer in a script
// element.
var asIs = func() (set [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		set[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return set
}()

// appendText appends s as a JSON string. A byte that is not UTF-8 becomes
// U+FFFD. U+2028 and U+2029 are escaped, because they end a line in JavaScript.
func appendText[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	kept := 0
	for i := 0; i < len(s); {
		if len(s)-i >= 8 && eightAsIs(s[i:i+8]) {
			i += 8
			continue
		}
		c := s[i]
		if asIs[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[kept:i]...), c)
			i++
			kept = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		dst = appendUnit(append(dst, s[kept:i]...), r)
		i += size
		kept = i
	}
	return append(append(dst, s[kept:]...), '"')
}

// eightAsIs is asIs for all of 8 bytes at once. Below 0x80 a subtraction sets
// the highest bit of a byte only if the byte is smaller than what is
// subtracted, or if a smaller byte stands below it. So the bit is set in no
// byte if all of them are as they are.
func eightAsIs[S string | []byte](s S) bool {
	const each = 0x0101_0101_0101_0101
	_ = s[7]
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	quotes := (x | each*('"'^'&')) ^ each*('"'|'&')
	angles := (x | each*('<'^'>')) ^ each*('<'|'>')
	slash := x ^ each*'\\'
	return (x|(x-each*' ')|(quotes-each)|(angles-each)|(slash-each))&(each*0x80) == 0
}

// appendEscape appends an ASCII character that is not written as it is.
func appendEscape(dst []byte, c byte) []byte {
	short := c
	switch c {
	case '"', '\\':
	case '\b':
		short = 'b'
	case '\f':
		short = 'f'
	case '\n':
		short = 'n'
	case '\r':
		short = 'r'
	case '\t':
		short = 't'
	default:
		return appendUnit(dst, rune(c))
	}
	return append(dst, '\\', short)
}

// appendUnit appends a character as \u and four digits.
func appendUnit(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendSafe appends JSON text with the characters escaped that mean something
// in HTML or end a line in JavaScript. Such a character stands in a string, so
// that it can be escaped.
func appendSafe(dst, text []byte) []byte {
	kept := 0
	for i := 0; i < len(text); i++ {
		c, size := rune(text[i]), 1
		if c == 0xE2 && i+2 < len(text) && text[i+1] == 0x80 && text[i+2]|1 == 0xA9 {
			c, size = 0x2000|rune(text[i+2]&0x3F), 3
		} else if c != '<' && c != '>' && c != '&' {
			continue
		}
		dst = appendUnit(append(dst, text[kept:i]...), c)
		i += size - 1
		kept = i + 1
	}
	return append(dst, text[kept:]...)
}

var (
	errNotFinite = errors.New("is NaN or infinite, which JSON does not have; leave it out with a pointer that is nil")
	errNotNumber = errors.New("is a json.Number that is not a number of JSON")
)

// appendFloat appends a number as ECMAScript writes it: with an exponent if it
// is very small or very large.
func appendFloat(dst []byte, f float64, bits int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errNotFinite
	}
	size := math.Abs(f)
	small, large := size < 1e-6, size >= 1e21
	if bits == 32 {
		small, large = float32(size) < 1e-6, float32(size) >= 1e21
	}
	if size == 0 || !small && !large {
		return strconv.AppendFloat(dst, f, 'f', -1, bits), nil
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	// ECMAScript writes 1e-7, and strconv 1e-07.
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst, nil
}

// appendNumber appends a json.Number, whose zero value is 0.
func appendNumber(dst []byte, n string) ([]byte, error) {
	if n == "" {
		return append(dst, '0'), nil
	}
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if n[0] != '-' && !digit(n[0]) || !digit(n[len(n)-1]) || !json.Valid([]byte(n)) {
		return nil, errNotNumber
	}
	return append(dst, n...), nil
}
