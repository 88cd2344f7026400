package jsondoc

import "math"

// maxDepth bounds nesting whatever a caller asks for: reading, writing and
// binding recurse. encoding/json has the same bound.
const maxDepth = 10_000

// Limits bounds one document. A field that is zero or negative stands for its
// default.
type Limits struct {
	Bytes  int // size of the document in bytes, default 1 MiB
	Depth  int // nesting of arrays and objects, default 32, at most 10,000
	Keys   int // object members in the whole document, default 1,000
	Items  int // elements of one array, default 1,000
	Values int // values of every kind in the whole document, default 10,000: what bounds the memory of arrays of arrays
	String int // bytes of one decoded string, default Bytes
	Name   int // bytes of one decoded name, default 1,024, at most String: names stand in pointers, in errors and in logs
	Number int // bytes of one number token, default 64

	RefuseNUL bool // refuse U+0000 in strings and names, which RFC 8259 allows when it is escaped
}

// WithDefaults returns the limits that l stands for.
func (l Limits) WithDefaults() Limits {
	l.Bytes = orDefault(l.Bytes, 1<<20)
	l.Depth = min(orDefault(l.Depth, 32), maxDepth)
	l.Keys = orDefault(l.Keys, 1_000)
	l.Items = min(orDefault(l.Items, 1_000), math.MaxInt32)
	l.Values = min(orDefault(l.Values, 10_000), math.MaxInt32)
	l.String = orDefault(l.String, l.Bytes)
	l.Name = min(orDefault(l.Name, 1_024), l.String)
	l.Number = orDefault(l.Number, 64)
	return l
}

func orDefault(n, standard int) int {
	if n <= 0 {
		return standard
	}
	return n
}
