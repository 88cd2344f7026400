package authz

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// maxName bounds the name of a resource, action or reach in bytes.
const maxName = 64

// maxRoleName bounds a role's name in bytes.
const maxRoleName = 128

// nameFault says what is wrong with the name of a resource, action or reach.
func nameFault(name string) string {
	if name == "" || len(name) > maxName {
		return "is not a valid name; write 1 to 64 letters, digits, _, - or ."
	}
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' && c != '.' {
			return "is not a valid name; write letters, digits, _, - or ."
		}
	}
	return ""
}

// roleFault says what is wrong with the name of a role. A character that shows
// nothing would make two roles that look the same.
func roleFault(name string) string {
	unprintable := func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }
	switch {
	case name == "*":
		return `is not a valid name of a role; write a name such as "admin", and "*" in its Grants`
	case name == "", len(name) > maxRoleName, strings.ContainsFunc(name, unprintable), strings.TrimSpace(name) != name:
		return "is not a valid name of a role; write 1 to 128 bytes of characters that print, without a space at either end"
	}
	return ""
}

// part returns a name for a text that people read. Any text that is not a plain
// name is quoted, in ASCII: a name may hold a line that looks like a verdict,
// may turn the direction of the line, or may look like another name.
func part(name string) string {
	if plain(name) || name == "*" {
		return name
	}
	if len(name) > maxRoleName {
		return strconv.QuoteToASCII(name[:maxName]) + fmt.Sprintf("(of %d bytes)", len(name))
	}
	return strconv.QuoteToASCII(name)
}

// plain reports whether a name has letters, digits, "_", "-" and "." of ASCII
// alone.
func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.') {
			return false
		}
	}
	return name != "" && len(name) <= maxRoleName
}

// segments is part for each segment of a permission.
func segments(permission string) string {
	parts := strings.SplitN(permission, ":", 4)
	for i := range parts {
		parts[i] = part(parts[i])
	}
	return strings.Join(parts, ":")
}

// listed returns names in one line, at most eight of them.
func listed(names []string) string {
	shown := make([]string, min(len(names), 8))
	for i := range shown {
		shown[i] = part(names[i])
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// chain returns the names of roles that inherit, each from the next. The middle
// of a long chain is left out.
func chain(names []string) string {
	const shown = 4 // at either end
	texts := make([]string, 0, 2*shown+1)
	for i, name := range names {
		switch {
		case i < shown || i >= len(names)-shown || len(names) == 2*shown+1:
			texts = append(texts, part(name))
		case i == shown:
			texts = append(texts, fmt.Sprintf("(%d more)", len(names)-2*shown))
		}
	}
	return strings.Join(texts, " inherits ")
}

// hints are hints at the names that were probably meant. The search for them is
// bounded: a policy may have thousands of roles, and as many typos.
type hints struct{ left int }

// newHints returns hints whose search takes a fraction of a second at most.
func newHints() hints { return hints{1 << 26} }

// nearest is [hints.nearest] for one name.
func nearest(name string, names []string) string {
	h := newHints()
	return h.nearest(name, names)
}

// nearest returns a hint at the name that was probably meant.
func (h *hints) nearest(name string, names []string) string {
	if len(names) == 0 {
		return "; none is declared"
	}
	// Of a short name one typo is believed, and never that all of it is one.
	best, distance := "", min(max(2, len(name)/3+1), max(len(name), 1))
	for _, candidate := range names {
		if len(name) > maxRoleName || max(len(name)-len(candidate), len(candidate)-len(name)) >= distance {
			continue // which is most of them
		}
		if h.left -= len(name) * len(candidate); h.left < 0 {
			best = ""
			break
		}
		if d := editDistance(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return "; there are: " + listed(names)
	}
	return "; did you mean " + part(best) + "?"
}

// editDistance counts the bytes to insert, remove, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	if len(a) > maxRoleName || len(b) > maxRoleName {
		return maxRoleName // a start with absurd names need not be slow too
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
