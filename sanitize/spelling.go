package sanitize

import (
	"strconv"
	"strings"
)

// spelling finds names in a document that differ from a name in the patterns
// only by case folding. encoding/json stores "NAME" in the field for "name". So
// a string that no pattern names would reach the handler unsanitized, in the
// place of a string that a pattern does name.
type spelling struct {
	pointer  string // of this place, with "*" as in the patterns
	name     string // the last segment of pointer, not escaped
	children []*spelling
}

func newSpelling(patterns []pattern) *spelling {
	root := &spelling{}
	for _, p := range patterns {
		at := root
		for _, segment := range p.segments {
			at = at.child(segment)
		}
	}
	return root
}

func (s *spelling) child(name string) *spelling {
	for _, c := range s.children {
		if c.name == name {
			return c
		}
	}
	c := &spelling{pointer: s.pointer + "/" + escape.Replace(name), name: name}
	s.children = append(s.children, c)
	return c
}

// other returns the place of a name in v that is spelled in another case, or
// nil. Of several such places it returns the one whose pointer sorts first.
func (s *spelling) other(v any) (found *spelling) {
	if len(s.children) == 0 {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			found = first(found, s.otherIn(name, value))
		}
	case []any:
		for i, value := range v {
			for _, c := range s.children {
				if c.name == "*" || c.name == strconv.Itoa(i) {
					found = first(found, c.other(value))
				}
			}
		}
	}
	return found
}

func (s *spelling) otherIn(name string, value any) (found *spelling) {
	var folded *spelling
	exact := false
	for _, c := range s.children {
		switch {
		case c.name == name:
			exact = true
			found = first(found, c.other(value))
		case c.name == "*":
			found = first(found, c.other(value))
		case strings.EqualFold(c.name, name):
			folded = c
		}
	}
	if exact { // both spellings are in the patterns
		return found
	}
	return first(found, folded)
}

func first(a, b *spelling) *spelling {
	if a == nil || b != nil && b.pointer < a.pointer {
		return b
	}
	return a
}
