package jsondoc

import "math"

// maxDepth is the highest bound of the nesting that a caller can set, because
// reading, writing and binding recurse. encoding/json has the same bound.
const maxDepth = 10_000

// Limits bounds one document. A field that is zero or negative stands for its
// default.
type Limits struct {
	// Bytes is the size of the document. Default: 1 MiB.
	Bytes int
	// Depth is the nesting of arrays and objects. Default: 32. At most 10,000.
	Depth int
	// Keys is the number of object members in the whole document. Default:
	// 1,000.
	Keys int
	// Items is the number of elements of one array. Default: 1,000.
	Items int
	// Values is the number of values of every kind in the whole document. It
	// bounds the memory of arrays of arrays. Default: 10,000.
	Values int
	// String is the size of one decoded string in bytes. Default: Bytes.
	String int
	// Name is the size of one decoded name in bytes. Names stand in pointers,
	// in errors and in logs. Default: 1,024. At most String.
	Name int
	// Number is the size of one number token in bytes. Default: 64.
	Number int

	// RefuseNUL refuses U+0000 in strings and names, which RFC 8259 allows when
	// it is escaped.
	RefuseNUL bool
	// ExactNames takes names that differ only by case folding for two names.
	// Equal names are still refused.
	ExactNames bool
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
