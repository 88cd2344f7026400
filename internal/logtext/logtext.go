// Package logtext makes text from outside safe for a log: it can neither forge
// a line nor hide in one.
package logtext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clip returns text with what could forge or hide written as a visible escape,
// at most limit bytes and cut at a whole character. Control characters, the
// separators U+2028 and U+2029, bidirectional controls and bytes that are not
// UTF-8 are escaped. Plain text is returned as it is, without an allocation.
func Clip(text string, limit int) string {
	plain := len(text) <= limit
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] < 0x7f
	}
	if plain {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		char, size := utf8.DecodeRuneInString(text)
		escaped := text[:size]
		switch {
		case char == utf8.RuneError && size == 1:
			escaped = `\x` + digits(uint32(text[0]), 2)
		case unicode.IsControl(char):
			escaped = `\x` + digits(uint32(char), 2)
		case char == '\u2028', char == '\u2029', unicode.Is(unicode.Bidi_Control, char):
			escaped = `\u` + digits(uint32(char), 4)
		}
		if b.Len()+len(escaped) > limit {
			break
		}
		b.WriteString(escaped)
		text = text[size:]
	}
	return b.String()
}

// digits returns n in hexadecimal, width digits long.
func digits(n uint32, width int) string {
	const hex = "0123456789abcdef"
	out := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		out[i] = hex[n&15]
		n >>= 4
	}
	return string(out)
}
