package jsondoc

import (
	"slices"
	"strings"
	"unsafe"
)

// Decode reads src as one JSON document, strictly and within l. The error is
// always an [*Error].
//
// The document shares src, which must not be modified afterwards.
func Decode(src []byte, l Limits) (*Document, error) {
	d := decoder{recording: true}
	v, e := d.document(src, l)
	if e != nil {
		return nil, e
	}
	return &Document{Value: v, src: src, strings: d.strings, nodes: d.nodes, names: d.names}, nil
}

// DecodeValue is [Decode] without the positions of the strings: the value
// alone, for less time and memory.
func DecodeValue(src []byte, l Limits) (any, error) {
	var d decoder
	v, e := d.document(src, l)
	if e != nil {
		return nil, e
	}
	return v, nil
}

// decoder reads one document. Objects and arrays collect what they hold on the
// two stacks and make a map or slice of exactly the right size when they close,
// so that a document which is refused has cost no more than the stacks.
type decoder struct {
	src   string
	pos   int
	limit Limits

	depth, keys, values int

	members []member
	items   []any

	recording bool // positions of strings are wanted
	strings   []token
	nodes     []place
	names     []string
}

type member struct {
	name   string
	folded string // what two names that differ only by case have in common
	scalar
	value any // unless it is a scalar
}

func (d *decoder) document(src []byte, l Limits) (any, *Error) {
	if e := d.start(src, l); e != nil {
		return nil, e
	}
	v, e := d.value(place{parent: noNode})
	if e != nil {
		return nil, e
	}
	return v, d.finish()
}

func (d *decoder) start(src []byte, l Limits) *Error {
	d.limit = l.WithDefaults()
	if len(src) > d.limit.Bytes {
		return d.fail(KindBytes, d.limit.Bytes)
	}
	d.src = unsafe.String(unsafe.SliceData(src), len(src))
	for _, mark := range [...]string{"\xEF\xBB\xBF", "\xFE\xFF", "\xFF\xFE"} {
		if strings.HasPrefix(d.src, mark) {
			return d.fail(KindBOM, 0)
		}
	}
	d.space()
	return nil
}

func (d *decoder) finish() *Error {
	d.space()
	if d.pos != len(d.src) {
		return d.fail(KindTrailingData, d.pos)
	}
	return nil
}

func (d *decoder) fail(k Kind, offset int) *Error { return &Error{Kind: k, Offset: offset} }

// peek returns the byte at hand, and at the end of the document 0, which no
// token begins with.
func (d *decoder) peek() byte {
	if d.pos >= len(d.src) {
		return 0
	}
	return d.src[d.pos]
}

func (d *decoder) space() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\n', '\r', '\t':
			d.pos++
		default:
			return
		}
	}
}

// value reads the value that begins at the byte at hand; at is where it stands
// in the document.
func (d *decoder) value(at place) (any, *Error) {
	if d.values++; d.values > d.limit.Values {
		return nil, d.fail(KindValues, d.pos)
	}
	switch c := d.peek(); c {
	case '"':
		s, e := d.recorded(at)
		if e != nil {
			return nil, e
		}
		return s, nil
	case '{':
		return d.object(at)
	case '[':
		return d.array(at)
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case 'n':
		return nil, d.literal("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return nil, d.fail(KindSyntax, d.pos)
		}
		n, e := d.number()
		if e != nil {
			return nil, e
		}
		return n, nil
	}
}

// recorded reads a string and where it stands, if that is wanted.
func (d *decoder) recorded(at place) (string, *Error) {
	start := d.pos
	s, e := d.text()
	if e == nil && d.recording {
		d.record(s, at, start)
	}
	return s, e
}

// field reads the value of a member as [decoder.value] does, and leaves strings
// and numbers out of an interface.
func (d *decoder) field(at place) (scalar, any, *Error) {
	switch c := d.peek(); {
	case c == '"' && d.values < d.limit.Values:
		d.values++
		s, e := d.recorded(at)
		return scalar{'"', s}, nil, e
	case (c == '-' || c >= '0' && c <= '9') && d.values < d.limit.Values:
		d.values++
		n, e := d.number()
		return scalar{'0', string(n)}, nil, e
	}
	v, e := d.value(at)
	return scalar{}, v, e
}

func (d *decoder) literal(word string) *Error {
	if !strings.HasPrefix(d.src[d.pos:], word) {
		return d.fail(KindSyntax, d.pos)
	}
	d.pos += len(word)
	return nil
}

func (d *decoder) array(at place) (any, *Error) {
	node, e := d.open(at)
	if e != nil {
		return nil, e
	}
	if d.items == nil {
		d.items = make([]any, 0, min(2+len(d.src)/64, 16))
	}
	base := len(d.items)
	d.pos++
	d.space()
	for more := d.peek() != ']'; more; {
		n := len(d.items) - base
		if n == d.limit.Items {
			return nil, d.fail(KindItems, d.pos)
		}
		v, e := d.value(place{node, int32(n)})
		if e != nil {
			return nil, e
		}
		d.items = append(d.items, v)
		if more, e = d.next(']'); e != nil {
			return nil, e
		}
	}
	d.pos++
	d.depth--
	list := make([]any, len(d.items)-base)
	copy(list, d.items[base:])
	d.items = d.items[:base]
	return list, nil
}

func (d *decoder) object(at place) (any, *Error) {
	base := len(d.members)
	if e := d.fields(at); e != nil {
		return nil, e
	}
	object := make(map[string]any, len(d.members)-base)
	for _, m := range d.members[base:] {
		object[m.name] = m.or(m.value)
	}
	d.members = d.members[:base]
	return object, nil
}

// fields reads an object and leaves its members on the stack.
func (d *decoder) fields(at place) *Error {
	node, e := d.open(at)
	if e != nil {
		return e
	}
	if d.members == nil {
		d.members = make([]member, 0, min(4+len(d.src)/32, 24))
	}
	known := names{base: len(d.members)}
	d.pos++
	d.space()
	for more := d.peek() != '}'; more; {
		m := len(d.members)
		if e := d.name(&known); e != nil {
			return e
		}
		s, v, e := d.field(place{node, d.step(d.members[m].name)})
		if e != nil {
			return e
		}
		d.members[m].scalar, d.members[m].value = s, v
		if more, e = d.next('}'); e != nil {
			return e
		}
	}
	d.pos++
	d.depth--
	return nil
}

// name reads a name and its colon, and pushes a member.
func (d *decoder) name(known *names) *Error {
	start := d.pos
	if d.peek() != '"' {
		return d.fail(KindSyntax, start)
	}
	if d.keys++; d.keys > d.limit.Keys {
		return d.fail(KindKeys, start)
	}
	name, folded, e := d.key()
	if e != nil {
		return e
	}
	if d.limit.ExactNames {
		folded = name
	}
	if known.seen(d.members, folded) {
		return &Error{Kind: KindDuplicateKey, Offset: start, ByCase: !known.has(d.members, name)}
	}
	d.space()
	if d.peek() != ':' {
		return d.fail(KindSyntax, d.pos)
	}
	d.pos++
	d.space()
	d.members = append(d.members, member{name: name, folded: folded})
	return nil
}

// next reads what follows an element: a comma, after which there must be
// another, or the closing bracket, which it leaves.
func (d *decoder) next(closing byte) (more bool, e *Error) {
	d.space()
	switch d.peek() {
	case closing:
		return false, nil
	case ',':
		d.pos++
		d.space()
		return true, nil
	}
	return false, d.fail(KindSyntax, d.pos)
}

// open enters an array or object.
func (d *decoder) open(at place) (node int32, e *Error) {
	if d.depth++; d.depth > d.limit.Depth {
		return noNode, d.fail(KindDepth, d.pos)
	}
	if !d.recording {
		return noNode, nil
	}
	if d.nodes == nil {
		d.nodes = make([]place, 0, min(2+len(d.src)/256, 16))
	}
	d.nodes = append(d.nodes, at)
	return int32(len(d.nodes) - 1), nil
}

// step returns the step of a place that stands under a name.
func (d *decoder) step(name string) int32 {
	if !d.recording {
		return 0
	}
	if d.names == nil {
		d.names = make([]string, 0, cap(d.members))
	}
	d.names = append(d.names, name)
	return ^int32(len(d.names) - 1)
}

func (d *decoder) record(s string, at place, start int) {
	if len(d.strings) == cap(d.strings) {
		// At least doubled, which append does not do: what it leaves behind
		// would be several times what is kept.
		d.strings = slices.Grow(d.strings, max(min(4+len(d.src)/48, 32), len(d.strings)))
	}
	d.strings = append(d.strings, token{place: at, value: s, start: start, end: d.pos})
}
