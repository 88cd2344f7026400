package jsondoc

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// few is how many names of an object are compared one by one; beyond them a set
// is kept, so that no object costs the square of its members.
const few = 16

// names knows the names of an object whose members begin at base on the stack.
type names struct {
	base int
	set  map[string]struct{}
}

// seen reports whether one of the members has the folded name, and otherwise
// remembers it where the stack alone would not do.
func (n *names) seen(members []member, folded string) bool {
	members = members[n.base:]
	if len(members) < few {
		for i := range members {
			if members[i].folded == folded {
				return true
			}
		}
		return false
	}
	if n.set == nil {
		n.set = make(map[string]struct{}, 4*few)
		for i := range members {
			n.set[members[i].folded] = struct{}{}
		}
	}
	if _, ok := n.set[folded]; ok {
		return true
	}
	n.set[folded] = struct{}{}
	return false
}

// has reports whether one of the members has this very name.
func (n *names) has(members []member, name string) bool {
	return slices.ContainsFunc(members[n.base:], func(m member) bool { return m.name == name })
}

// Fold returns a string that two names share if and only if strings.EqualFold
// holds for them. encoding/json and others bind names so, and with them K
// (U+212A, the Kelvin sign) is k and ſ (U+017F) is s.
func Fold(name string) string {
	if isFolded(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	for _, r := range name {
		b.WriteRune(foldRune(r))
	}
	return b.String()
}

func isFolded(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// foldRune picks one of the characters that r is equal to under simple case
// folding, the same for each of them: the lower-case letter within ASCII, else
// the lowest.
func foldRune(r rune) rune {
	lowest := r
	if r >= utf8.RuneSelf {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			lowest = min(lowest, other)
		}
	}
	if 'A' <= lowest && lowest <= 'Z' {
		return lowest + 'a' - 'A'
	}
	return lowest
}
