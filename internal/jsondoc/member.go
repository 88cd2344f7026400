package jsondoc

import "encoding/json"

// Member is a name and its value in an object. A string or number is put into
// an interface only in Value. Most claims of a token are read as text, which
// then needs no memory of its own.
type Member struct {
	Name string // decoded, never the same as or a case fold of another member's

	scalar
	value any
}

// scalar is a string or number, or neither.
type scalar struct {
	kind byte // '"' for a string, '0' for a number, 0 for any other value
	text string
}

// Text returns the value if it is a string.
func (m *Member) Text() (string, bool) {
	if m.kind != '"' {
		return "", false
	}
	return m.text, true
}

// Number returns the value if it is a number.
func (m *Member) Number() (json.Number, bool) {
	if m.kind != '0' {
		return "", false
	}
	return json.Number(m.text), true
}

// Value returns the value as in [Document.Value].
func (m *Member) Value() any { return m.or(m.value) }

// or returns the scalar as a value, or other if the value is not a scalar.
func (s scalar) or(other any) any {
	switch s.kind {
	case '"':
		return s.text
	case '0':
		return json.Number(s.text)
	}
	return other
}

// Members is [DecodeValue] for a document that must be an object and is small,
// such as a token's header: it appends the members to dst in the order of the
// document and makes no map of them. A document that is not an object is a
// [KindSyntax] error.
func Members(dst []Member, src []byte, l Limits) ([]Member, error) {
	var d decoder
	if e := d.start(src, l); e != nil {
		return dst, e
	}
	if d.peek() != '{' {
		return dst, d.fail(KindSyntax, d.pos)
	}
	if e := d.fields(place{parent: noNode}); e != nil {
		return dst, e
	}
	if e := d.finish(); e != nil {
		return dst, e
	}
	for _, m := range d.members {
		dst = append(dst, Member{m.name, m.scalar, m.value})
	}
	return dst, nil
}
