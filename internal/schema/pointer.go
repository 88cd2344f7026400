package schema

import (
	"math"
	"strconv"
	"strings"

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
		name := jsondoc.Legible(e.path[i].name)
		if index := e.path[i].index; index >= 0 {
			name = strconv.Itoa(index)
		}
		out, ok = jsondoc.AppendSegment(out, name, MaxPointer)
	}
	if f.named && ok {
		out, _ = jsondoc.AppendSegment(out, jsondoc.Legible(f.name), MaxPointer)
	}
	return string(out)
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
