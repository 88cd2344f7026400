package authz

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// object appends a struct. Each name is written with a comma before it. The
// first comma then becomes the opening brace.
func (e *encoder) object(dst []byte, p *plan, v reflect.Value) (_ []byte, err error) {
	start := len(dst)
	for i := range p.members {
		m := &p.members[i]
		if !e.sight.has(m.reader) {
			continue
		}
		field, ok := m.in(v)
		if !ok || m.omits != nil && m.omits(field) {
			continue
		}
		dst = append(dst, m.name...)
		switch m.plan.op {
		case opString:
			dst = appendText(dst, field.String())
		case opInt:
			dst = strconv.AppendInt(dst, field.Int(), 10)
		case opBool:
			dst = strconv.AppendBool(dst, field.Bool())
		default:
			if dst, err = e.value(dst, m.plan, field); err != nil {
				return nil, inside(m.label, err)
			}
		}
	}
	if len(dst) == start {
		return append(dst, "{}"...), nil
	}
	dst[start] = '{'
	return append(dst, '}'), nil
}

// in returns the field in a struct. It is false for a field of an embedded nil
// pointer, which encoding/json leaves out.
func (m *planned) in(v reflect.Value) (reflect.Value, bool) {
	if len(m.index) == 1 {
		return v.Field(m.index[0]), true
	}
	for _, i := range m.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// An entryOf is an entry of a map.
type entryOf struct {
	name  string
	value reflect.Value
}

// mapping appends a map with its names sorted. A map within the map has its
// entries behind those of this one.
func (e *encoder) mapping(dst []byte, p *plan, v reflect.Value) (_ []byte, err error) {
	from := len(e.entries)
	for all := v.MapRange(); all.Next(); {
		name, err := e.nameOf(all.Key())
		if err != nil {
			return nil, fmt.Errorf("key of %v: %w", p.typ, err)
		}
		e.entries = append(e.entries, entryOf{name, all.Value()})
	}
	to := len(e.entries)
	slices.SortFunc(e.entries[from:], func(a, b entryOf) int { return strings.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, e.entries[i].name), ':')
		if dst, err = e.value(dst, p.elem, e.entries[i].value); err != nil {
			return nil, inside("[]", err)
		}
	}
	clear(e.entries[from:to])
	e.entries = e.entries[:from]
	return append(dst, '}'), nil
}

var errKey = errors.New("is nil, or of a type that JSON does not have for names")

// nameOf returns the name of an entry. An interface may hold a struct with tags
// there, whose method does not read them.
func (e *encoder) nameOf(key reflect.Value) (string, error) {
	if key.Kind() == reflect.Interface && !key.IsNil() {
		if inner := e.plans.of(key.Elem().Type()); inner.op == opRefused {
			return "", inner.fault()
		}
	}
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](key); ok {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return "", nil
		}
		text, err := m.MarshalText()
		return string(text), err
	}
	switch {
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10), nil
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10), nil
	}
	return "", errKey
}

// An encodeError says where in an object the JSON could not be written. It
// names fields of the program, and no values.
type encodeError struct {
	path string
	err  error
}

func (e *encodeError) Error() string { return "authz: " + e.path + ": " + e.err.Error() }

func (e *encodeError) Unwrap() error { return e.err }

// maxEncodePath bounds the path of an error, which ends at the place.
const maxEncodePath = 128

// inside adds a step to the path of an error.
func inside(step string, err error) error {
	at, ok := err.(*encodeError)
	switch {
	case !ok:
		return &encodeError{step, err}
	case len(at.path) > maxEncodePath:
	case at.path[0] == '[':
		at.path = step + at.path
	default:
		at.path = step + "." + at.path
	}
	return at
}
