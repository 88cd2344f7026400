package sanitize

import (
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// checker collects what is wrong with a Config.
type checker struct{ errs []error }

func (c *checker) refuse(field, value, reason string) {
	c.errs = append(c.errs, &bulwark.ConfigError{Field: "sanitize." + field, Value: value, Reason: reason})
}

func (c *checker) positive(field string, n int64) {
	if n < 0 {
		c.refuse(field, fmt.Sprint(n), "must not be negative; zero is the default")
	}
}

// policy checks the policy of one entry.
func (c *checker) policy(field string, p Policy) {
	switch {
	case p == nil:
		c.refuse(field, "", "has no policy; use sanitize.Reject, Text, Strict, UGC or Custom")
	case !p.known():
		c.refuse(field, "", "is no policy of this package, or a Custom one without a function")
	}
}

// names checks entries that are named as they are, and sorts them.
func (c *checker) names(field string, entries Fields) (list []named) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		path := field + "[" + name + "]"
		if name == "" || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "?") {
			c.refuse(path, name, "must be the bare name, such as \"q\"")
		}
		c.policy(path, entries[name])
		list = append(list, named{name, entries[name]})
	}
	return list
}

// pointers compiles the patterns of a JSON body, the more exact ones first.
func (c *checker) pointers(entries Fields) []pattern {
	var patterns []pattern
	for _, pointer := range slices.Sorted(maps.Keys(entries)) {
		path := "Fields[" + pointer + "]"
		segments, reason := parsePattern(pointer)
		if reason != "" {
			c.refuse(path, pointer, reason)
		}
		c.policy(path, entries[pointer])
		patterns = append(patterns, pattern{pointer, segments, entries[pointer]})
	}
	slices.SortStableFunc(patterns, pattern.compare)
	return patterns
}

func (c *checker) mediaTypes(types []string) []string {
	if len(types) == 0 {
		return []string{"application/json", "application/merge-patch+json"}
	}
	for i, name := range types {
		parsed, params, err := mime.ParseMediaType(name)
		if err != nil || parsed != name || len(params) > 0 {
			c.refuse(fmt.Sprintf("MediaTypes[%d]", i), name, "must be a media type in lower case without parameters, such as \"application/json\"")
		} else if name != "application/json" && !strings.HasSuffix(name, "+json") {
			c.refuse(fmt.Sprintf("MediaTypes[%d]", i), name, "is not JSON, so that its fields could not be found; for forms use Form")
		}
	}
	return slices.Clone(types)
}
