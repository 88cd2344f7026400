package jsondoc

import (
	"strconv"
	"strings"
)

// noNode is the parent of the outermost value.
const noNode int32 = -1

// Document is a decoded document that remembers where in its source each string
// value stands, so that some of them can be replaced and all else left as it
// was. Strings are numbered in the order of the document; names are not among
// them.
//
// Methods that take the number of a string panic, as slices do, if there is no
// such string.
type Document struct {
	// Value is the decoded value: map[string]any, []any, string, json.Number,
	// bool or nil.
	Value any

	src     []byte
	strings []token
	nodes   []place  // of the arrays and objects
	names   []string // of the members
}

// place says where a value stands: in which array or object, and there at which
// index or, where step is negative, under the name Document.names[^step].
type place struct {
	parent int32 // index in Document.nodes, or noNode
	step   int32
}

type token struct {
	place
	value      string
	start, end int
}

// NumStrings returns how many string values there are.
func (d *Document) NumStrings() int { return len(d.strings) }

// String returns string i and where its token stands in the source, quotes
// included.
func (d *Document) String(i int) (value string, start, end int) {
	t := &d.strings[i]
	return t.value, t.start, t.end
}

// maxPointer bounds a pointer in bytes: it holds names that a client has
// chosen, and may be made for each string of a document.
const maxPointer = 256

// Pointer returns the JSON pointer (RFC 6901) of string i. If the pointer is
// longer than 256 bytes, Pointer returns the pointer of the innermost array or
// object around the string whose pointer is not. The pointer is made for each
// call and shares no memory with the source. Its cost is bounded by the nesting
// and by the 256 bytes, however long the names are.
func (d *Document) Pointer(i int) string {
	var room [32]place
	way := room[:0]
	for at := d.strings[i].place; at.parent != noNode; at = d.nodes[at.parent] {
		way = append(way, at)
	}
	var bytes [maxPointer]byte
	out, ok := bytes[:0], true
	for n := len(way) - 1; n >= 0 && ok; n-- {
		if step := way[n].step; step >= 0 {
			var digits [10]byte
			out, ok = AppendSegment(out, string(strconv.AppendInt(digits[:0], int64(step), 10)), maxPointer)
			continue
		}
		out, ok = AppendSegment(out, d.names[^way[n].step], maxPointer)
	}
	return string(out)
}

// AppendSegment appends a segment to a JSON pointer, with "~" and "/" escaped
// (RFC 6901, section 3). Where the pointer would become longer than limit
// bytes, it returns dst as it was and false, and has looked at no more of the
// name than that.
func AppendSegment(dst []byte, name string, limit int) ([]byte, bool) {
	if len(name) >= limit-len(dst) {
		return dst, false
	}
	out := append(dst, '/')
	for i := range len(name) {
		switch name[i] {
		case '~':
			out = append(out, "~0"...)
		case '/':
			out = append(out, "~1"...)
		default:
			out = append(out, name[i])
		}
	}
	if len(out) > limit {
		return dst, false
	}
	return out, true
}

// pointerEscaper is RFC 6901, section 3.
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// Match reports whether the pointer of string i has exactly the segments of
// pattern, which are not escaped; the segment "*" stands for any one name or
// index. It does not allocate.
func (d *Document) Match(i int, pattern []string) bool {
	at := d.strings[i].place
	for n := len(pattern) - 1; n >= 0; n-- {
		if at.parent == noNode || !d.endsWith(at, pattern[n]) {
			return false
		}
		at = d.nodes[at.parent]
	}
	return at.parent == noNode
}

func (d *Document) endsWith(at place, segment string) bool {
	if segment == "*" {
		return true
	}
	if at.step < 0 {
		return d.names[^at.step] == segment
	}
	var buf [10]byte
	return string(strconv.AppendInt(buf[:0], int64(at.step), 10)) == segment
}
