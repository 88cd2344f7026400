package sanitize

import (
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Detect says what the layer does with a request in which it finds a suspicious
// payload.
type Detect int

const (
	// DetectOff does not look for payloads.
	DetectOff Detect = iota
	// DetectReport reports each payload as an event, and passes the request on
	// unchanged.
	DetectReport
	// DetectReject reports each payload, and refuses the request with 400
	// "sanitize.suspicious".
	DetectReject
)

// maxExcept bounds Config.DetectExcept, because each of its pointers is
// compared with each string that is examined.
const maxExcept = 64

// exceptions are the strings that hold code on purpose.
type exceptions struct {
	pointers [][]string
	names    map[string]bool // folded
}

// detect checks Config.Detect.
func (c checker) detect(d Detect) Detect {
	if d < DetectOff || d > DetectReject {
		c.faults.Add("Detect", strconv.Itoa(int(d)), "is not a mode; use sanitize.DetectOff, DetectReport or DetectReject")
	}
	return d
}

// exceptions compiles the entries of Config.DetectExcept.
func (c checker) exceptions(entries []string) (e exceptions) {
	if len(entries) > maxExcept {
		c.faults.Add("DetectExcept", "", "has more than 64 entries; use * for several names, as in \"/snippets/*/source\"")
		return e
	}
	for i, entry := range entries {
		switch {
		case entry == "":
			c.faults.AddAt("DetectExcept", i, entry, "is empty; write a JSON pointer, such as \"/source\", or the name of a parameter, such as \"q\"")
		case entry[0] == '/':
			segments, reason := parsePattern(entry)
			if reason != "" {
				c.faults.AddAt("DetectExcept", i, entry, reason)
			}
			e.pointers = append(e.pointers, segments)
		default:
			if e.names == nil {
				e.names = make(map[string]bool)
			}
			e.names[jsondoc.Fold(entry)] = true
		}
	}
	return e
}

// name reports whether a form or query parameter is excepted.
func (e *exceptions) name(name string) bool {
	return len(e.names) > 0 && e.names[jsondoc.Fold(name)]
}

// value reports whether string i of doc is excepted.
func (e *exceptions) value(doc *jsondoc.Document, i int) bool {
	for _, segments := range e.pointers {
		if doc.Match(i, segments) {
			return true
		}
	}
	return false
}

// member reports whether the member at path is excepted.
func (e *exceptions) member(path []string) bool {
	return slices.ContainsFunc(e.pointers, func(segments []string) bool {
		return slices.EqualFunc(segments, path, func(segment, name string) bool { return segment == "*" || segment == name })
	})
}
