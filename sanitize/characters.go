package sanitize

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The treatments that a byte asks for.
const (
	// Not printable ASCII, tab or newline: the text must be normalised.
	unusual = 1 << iota
	// "<" or "&": the text may hold markup, or references that stand for it.
	tagLike
	// Not the same in HTML as in plain text.
	special
)

// class holds, for each byte, the treatments that it asks for.
var class = func() (t [256]byte) {
	for c := range t {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f {
			t[c] |= unusual
		}
	}
	for _, c := range []byte(`<&`) {
		t[c] |= tagLike
	}
	for _, c := range []byte("<>&\"'\r") {
		t[c] |= special
	}
	return t
}()

// classes returns the treatments that the bytes of s ask for together. Most
// strings need no treatment, and nothing else of this package runs for them.
func classes(s string) (all byte) {
	for len(s) >= 8 {
		all |= class[s[0]] | class[s[1]] | class[s[2]] | class[s[3]] | class[s[4]] | class[s[5]] | class[s[6]] | class[s[7]]
		s = s[8:]
	}
	for i := range len(s) {
		all |= class[s[i]]
	}
	return all
}

// normalize makes valid UTF-8 of s, without control and bidirectional
// formatting characters, in the form of compose.
//
// Composition comes last, because a character that is removed may have stood
// between a letter and its accent. The removed characters neither compose nor
// decompose, so composing once at the end is the same as composing before and
// after.
func normalize(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsFunc(s, removable) {
		s = strings.Map(replacement, s)
	}
	return compose(s)
}

func removable(c rune) bool { return isControl(c) || isBidi(c) }

// replacement returns what stands in the place of c, -1 for nothing. Control
// characters that break a line or separate fields also separate words: line
// tabulation, form feed and NEL (UAX #14, classes BK and NL) become a line
// feed, the four information separators become a space.
func replacement(c rune) rune {
	switch {
	case c == '\v', c == '\f', c == 0x85:
		return '\n'
	case c >= 0x1c && c <= 0x1f:
		return ' '
	case removable(c):
		return -1
	}
	return c
}

// compose brings s into Normalization Form C, except CJK compatibility
// ideographs. Form C replaces each of them by an ideograph that looks
// different, and people write their names with them. compose never uses NFKC,
// which turns other characters ("＜") into ASCII and so into markup.
//
// No character composes with such an ideograph, so the text before it and the
// text behind it can be composed apart.
func compose(s string) string {
	if !strings.ContainsFunc(s, isCompatible) {
		return norm.NFC.String(s)
	}
	var out strings.Builder
	out.Grow(len(s))
	for s != "" {
		at := strings.IndexFunc(s, isCompatible)
		if at < 0 {
			break
		}
		_, width := utf8.DecodeRuneInString(s[at:])
		out.WriteString(norm.NFC.String(s[:at]))
		out.WriteString(s[at : at+width])
		s = s[at+width:]
	}
	out.WriteString(norm.NFC.String(s))
	return out.String()
}

// isCompatible reports a CJK compatibility ideograph.
func isCompatible(c rune) bool { return c >= 0xf900 && c <= 0xfaff || c >= 0x2f800 && c <= 0x2fa1f }

// isControl reports a control character (C0, DEL or C1), except tab, line feed
// and carriage return, which plain text needs.
func isControl(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f && c <= 0x9f
}

// isBidi reports an embedding, override or isolate (UAX #9, sections 2.1 to
// 2.5). Where it is not closed, it reorders the text behind it. The marks
// U+200E, U+200F and U+061C do not reorder other text. Text in right-to-left
// scripts needs them, and it needs the joiners U+200C and U+200D.
func isBidi(c rune) bool { return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 }

// flaw names the first character in s that normalize would remove or replace
// for what it does: "control", "bidi" or "encoding". It is empty where there is
// none.
func flaw(s string) string {
	for i, c := range s {
		switch {
		case isControl(c):
			return flawControl
		case isBidi(c):
			return flawBidi
		case c == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return flawEncoding
		}
	}
	return ""
}
