package jsondoc

import (
	"fmt"
	"strings"
	"unicode"
)

// Legible returns a submitted name for an answer or a log. Control characters,
// and characters that change the direction of text, are written as \u and four
// digits: as they are, they would make a reader see another name.
func Legible(name string) string {
	if !strings.ContainsFunc(name, isMisleading) {
		return name
	}
	if len(name) > maxPointer {
		return name // the pointer ends before it
	}
	var b strings.Builder
	for _, r := range name {
		if isMisleading(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isMisleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}
