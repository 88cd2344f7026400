package jsondoc

import "strconv"

// Kind says what is wrong with a document. The list is closed and its strings
// are stable.
type Kind string

// What Decode refuses. Bytes, depth, keys, items, values, string, name and
// number are limits.
const (
	KindSyntax       Kind = "syntax"        // not JSON as RFC 8259 has it, or cut short
	KindTrailingData Kind = "trailing_data" // something after the value
	KindBOM          Kind = "bom"           // a byte order mark (RFC 8259, section 8.1)
	KindUTF8         Kind = "utf8"          // a string that is not UTF-8
	KindSurrogate    Kind = "surrogate"     // half of a surrogate pair, which is no character
	KindNUL          Kind = "nul"           // U+0000, where Limits.RefuseNUL is set
	KindDuplicateKey Kind = "duplicate_key" // two names in one object that are equal, or equal but for case folding
	KindBytes        Kind = "bytes"         // longer than Limits.Bytes
	KindDepth        Kind = "depth"         // nested deeper than Limits.Depth
	KindKeys         Kind = "keys"          // more members than Limits.Keys
	KindItems        Kind = "items"         // an array longer than Limits.Items
	KindValues       Kind = "values"        // more values than Limits.Values
	KindString       Kind = "string"        // a string longer than Limits.String
	KindName         Kind = "name"          // a name longer than Limits.Name
	KindNumber       Kind = "number"        // a number longer than Limits.Number, or beyond the range of float64
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
	Kind   Kind
	Offset int // of the violation, in bytes from the start; for a string, name or number as a whole, of its first byte
}

// Error names the kind and the offset.
func (e *Error) Error() string {
	return "jsondoc: " + e.Kind.text() + " at byte " + strconv.Itoa(e.Offset)
}

// IsLimit is Kind.IsLimit.
func (e *Error) IsLimit() bool { return e.Kind.IsLimit() }
