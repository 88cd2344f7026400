package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// segment is one step of the way to a value.
type segment struct {
	name  string
	index int // -1 for a name
}

// pointer writes the JSON pointer (RFC 6901) of the value at hand, or of its
// property. The pointer ends where it would become longer than MaxPointer: the
// names come from the client.
func (e *evaluation) pointer(f *Fault) string {
	var room [MaxPointer]byte
	out, ok := room[:0], true
	for i := 0; i < len(e.path) && ok; i++ {
		name := Legible(e.path[i].name)
		if index := e.path[i].index; index >= 0 {
			name = strconv.Itoa(index)
		}
		out, ok = jsondoc.AppendSegment(out, name, MaxPointer)
	}
	if f.named && ok {
		out, _ = jsondoc.AppendSegment(out, Legible(f.name), MaxPointer)
	}
	return string(out)
}

// Legible returns a submitted name for an answer or a log. Control characters,
// and characters that change the direction of text, are written as \u and four
// digits: as they are, they would make a reader see another name.
func Legible(name string) string {
	if !strings.ContainsFunc(name, isMisleading) {
		return name
	}
	if len(name) > MaxPointer {
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

// appendSegment appends to a pointer within a schema. Its names are as long as
// its author wants.
func appendSegment(out []byte, name string) []byte {
	out, _ = jsondoc.AppendSegment(out, name, math.MaxInt)
	return out
}

var unescaper = strings.NewReplacer("~1", "/", "~0", "~")

// lookUp returns what a pointer leads to in a document, or nil.
func lookUp(v any, pointer string) any {
	for _, segment := range strings.Split(pointer, "/")[1:] {
		switch container := v.(type) {
		case map[string]any:
			v = container[unescaper.Replace(segment)]
		case []any:
			i, err := strconv.Atoi(segment)
			if err != nil || i < 0 || i >= len(container) {
				return nil
			}
			v = container[i]
		default:
			return nil
		}
	}
	return v
}
