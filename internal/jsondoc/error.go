package jsondoc

import "strconv"

// Kind says what is wrong with a document. The list is closed and its strings
// are stable.
type Kind string

// The kinds of faults that Decode refuses. Bytes, depth, keys, items, values,
// string, name and number are limits.
const (
	// KindSyntax is text that is not JSON (RFC 8259), or is cut short.
	KindSyntax Kind = "syntax"
	// KindTrailingData is text after the value.
	KindTrailingData Kind = "trailing_data"
	// KindBOM is a byte order mark (RFC 8259, section 8.1).
	KindBOM Kind = "bom"
	// KindUTF8 is a string that is not UTF-8.
	KindUTF8 Kind = "utf8"
	// KindSurrogate is half of a surrogate pair, which is not a character.
	KindSurrogate Kind = "surrogate"
	// KindNUL is U+0000, where Limits.RefuseNUL is set.
	KindNUL Kind = "nul"
	// KindDuplicateKey is two names in one object that are equal, or that
	// differ only by case folding.
	KindDuplicateKey Kind = "duplicate_key"
	// KindBytes is a document longer than Limits.Bytes.
	KindBytes Kind = "bytes"
	// KindDepth is nesting deeper than Limits.Depth.
	KindDepth Kind = "depth"
	// KindKeys is more object members than Limits.Keys.
	KindKeys Kind = "keys"
	// KindItems is an array longer than Limits.Items.
	KindItems Kind = "items"
	// KindValues is more values than Limits.Values.
	KindValues Kind = "values"
	// KindString is a string longer than Limits.String.
	KindString Kind = "string"
	// KindName is a name longer than Limits.Name.
	KindName Kind = "name"
	// KindNumber is a number longer than Limits.Number, or beyond the range of
	// float64.
	KindNumber Kind = "number"
)

// IsLimit reports whether the kind is a bound of [Limits] and not a fault of
// the syntax or the encoding.
func (k Kind) IsLimit() bool {
	switch k {
	case KindBytes, KindDepth, KindKeys, KindItems, KindValues, KindString, KindName, KindNumber:
		return true
	}
	return false
}

func (k Kind) text() string {
	switch k {
	case KindTrailingData:
		return "data after the document"
	case KindBOM:
		return "byte order mark"
	case KindUTF8:
		return "invalid UTF-8"
	case KindSurrogate:
		return "lone surrogate"
	case KindNUL:
		return "U+0000 in a string"
	case KindDuplicateKey:
		return "duplicate name in an object"
	case KindBytes:
		return "document too long"
	case KindDepth:
		return "nested too deeply"
	case KindKeys:
		return "too many object members"
	case KindItems:
		return "array too long"
	case KindValues:
		return "too many values"
	case KindString:
		return "string too long"
	case KindName:
		return "name too long"
	case KindNumber:
		return "number too long or out of range"
	}
	return "invalid syntax"
}

// Error is what [Decode] and its relatives refuse a document with, always as
// *Error. It holds nothing of the document.
type Error struct {
	Kind Kind
	// Offset is the place of the fault in bytes from the start. For a string,
	// name or number as a whole it is the place of its first byte.
	Offset int
	// ByCase is set where the names of a KindDuplicateKey differ by case.
	ByCase bool
}

// Error names the kind and the offset.
func (e *Error) Error() string {
	text := e.Kind.text()
	if e.ByCase {
		text = "duplicate name in an object, and the two names differ by case only,"
	}
	return text + " at byte " + strconv.Itoa(e.Offset)
}

// IsLimit is Kind.IsLimit.
func (e *Error) IsLimit() bool { return e.Kind.IsLimit() }
