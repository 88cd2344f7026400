// Package list writes values of a Config into a text for the log.
package list

import (
	"strings"
	"unicode/utf8"
)

// most bounds the values in a text, in bytes: the log keeps 256 bytes of an
// attribute.
const most = 150

// Text lists the values, as many as there is room for.
func Text(values []string) string {
	text := strings.Join(values, ", ")
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
