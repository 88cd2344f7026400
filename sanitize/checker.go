package sanitize

import (
	"maps"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// checker compiles the entries of a Config and collects their mistakes.
type checker struct{ faults *fault.List }

// policy checks the policy of one entry.
func (c checker) policy(field string, p Policy) {
	switch {
	case p == nil:
		c.faults.Add(field, "", "has no policy; use sanitize.Reject, Text, Strict, UGC or Custom")
	case !p.known():
		c.faults.Add(field, "", "is not a policy; use sanitize.Reject, Text, Strict or UGC, or give sanitize.Custom a function")
	}
}

// names checks the entries of Form or Query, and sorts them by name.
func (c checker) names(field string, entries Fields) (list []named) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		path := field + "[" + name + "]"
		if name == "" || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "?") {
			c.faults.Add(path, name, "is not the name of a parameter; write the bare name, such as \"q\" (a JSON pointer belongs in Fields)")
		}
		c.policy(path, entries[name])
		list = append(list, named{name, entries[name]})
	}
	return list
}

// pointers compiles the entries of Fields, the more exact patterns first.
func (c checker) pointers(entries Fields) []pattern {
	var patterns []pattern
	for _, pointer := range slices.Sorted(maps.Keys(entries)) {
		path := "Fields[" + pointer + "]"
		segments, reason := parsePattern(pointer)
		if reason != "" {
			c.faults.Add(path, pointer, reason)
		}
		c.policy(path, entries[pointer])
		patterns = append(patterns, pattern{pointer, segments, entries[pointer]})
	}
	slices.SortStableFunc(patterns, pattern.compare)
	return patterns
}
