// Package logtext makes text from outside safe for a log. The result cannot
// forge a line, and cannot hide in one.
package logtext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clip returns text with what could forge or hide written as a visible escape,
// at most limit bytes and cut at a whole character. Escaped are control
// characters, the separators U+2028 and U+2029, bytes that are not UTF-8, and
// all characters that show nothing: those of the category Cf, such as
// bidirectional controls and U+200B, and those that Unicode calls default
// ignorable, and noncharacters. A backslash is doubled, so that an escape
// cannot be typed. Plain text is returned as it is, without an allocation.
//
// Two texts never become the same: \x80 to \xff are bytes that are not UTF-8,
// and the control characters of that range are \u0080 to \u009f. Only a text
// that was cut may be the beginning of several.
//
// Clip is for text as it came: what has been through it once has its
// backslashes doubled by the next. See [Again].
func Clip(text string, limit int) string {
	if len(text) <= limit && Plain(text) {
		return text
	}
	return escape(text, limit, `\\`)
}

// Again is Clip for text that has been through it, in whole or in part: it
// leaves backslashes as they are.
func Again(text string, limit int) string { return escape(text, limit, `\`) }

// escape writes text with its escapes. backslash is what stands for one.
func escape(text string, limit int, backslash string) string {
	var b strings.Builder
	for len(text) > 0 {
		char, size := utf8.DecodeRuneInString(text)
		escaped := text[:size]
		switch {
		case char == utf8.RuneError && size == 1:
			escaped = `\x` + digits(uint32(text[0]), 2)
		case char == '\\':
			escaped = backslash
		case char < utf8.RuneSelf && unicode.IsControl(char):
			escaped = `\x` + digits(uint32(char), 2)
		case char > 0xffff && hidden(char):
			escaped = `\U` + digits(uint32(char), 8)
		case hidden(char):
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

// Plain reports whether Clip returns text as it is, if it is not too long and
// has nothing but printable ASCII.
func Plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f || text[i] == '\\' {
			return false
		}
	}
	return true
}

// hidden reports whether a character shows nothing, or ends a line.
//
// Default_Ignorable_Code_Point is derived (UAX 44, DerivedCoreProperties): what
// package unicode has of it is the part that is not in Cf and not a variation
// selector.
func hidden(char rune) bool {
	return char >= 0x80 && (char == '\u2028' || char == '\u2029' || unicode.IsControl(char) ||
		unicode.In(char, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point))
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
