package authz

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A form says how a body is read into the values of a type. It depends on the
// type alone, and not on a policy.
type form struct {
	kind     formKind
	expected string      // the JSON type, or "" if the type decodes itself
	elem     *form       // of a pointer, map, slice or array
	fields   []formField // of a struct
	embeds   [][]int     // embedded structs behind pointers, the outer before the inner
	// plain is set if the value has no struct with names to check. The value is
	// then bound as a whole.
	plain bool
	// merges is set if a merge patch changes the members of the value, and does
	// not replace it.
	merges bool
	// open is set if there is an interface in the value, which may hold a
	// struct with tags.
	open bool
	// fault says why a body cannot be read into the type, or into a type in it.
	fault string
}

type formKind int

const (
	formLeaf formKind = iota
	formPointer
	formStruct
	formMap
	formSlice
	formArray
	formAny
)

// A formField is a field of a struct that JSON has.
type formField struct {
	jsondoc.Field
	form *form
}

// leaf reports whether the value is replaced as a whole.
func (f *form) leaf(merge bool) bool { return f.plain && !(merge && f.merges) }

func (f *formField) leaf(merge bool) bool { return f.Quoted || f.form.leaf(merge) }

var forms sync.Map // of reflect.Type to *form, bounded by the types of the program

// formOf returns the form of a type.
func formOf(t reflect.Type) *form {
	if f, ok := forms.Load(t); ok {
		return f.(*form)
	}
	known := forming{}
	f := known.of(t)
	known.findOpen()
	for _, part := range known {
		if part.fault != "" {
			f.fault = part.fault
		}
	}
	stored, _ := forms.LoadOrStore(t, f)
	return stored.(*form)
}

// forming are the forms that are being made. A type may contain itself.
type forming map[reflect.Type]*form

func (c forming) of(t reflect.Type) *form {
	if f := c[t]; f != nil {
		return f
	}
	f := &form{expected: expectedOf(t)}
	c[t] = f
	switch kind := t.Kind(); {
	case kind == reflect.Pointer && ends(t):
		f.kind, f.elem = formPointer, c.of(t.Elem())
		f.expected, f.plain, f.merges = f.elem.expected, f.elem.plain, f.elem.merges
	case kind == reflect.Pointer || readsItself(t):
		f.plain = true // jsondoc refuses a pointer that leads to itself
	case kind == reflect.Interface && t.NumMethod() == 0:
		f.kind, f.plain, f.merges, f.open = formAny, true, true, true
	case kind == reflect.Interface:
		f.plain, f.open = true, true
	case kind == reflect.Struct:
		f.kind = formStruct
		for _, field := range jsondoc.Fields(t) {
			f.fields = append(f.fields, formField{field, c.of(field.Go.Type)})
			f.embed(t, field.Index)
		}
	case kind == reflect.Map:
		f.kind, f.elem, f.merges = formMap, c.of(t.Elem()), true
		f.plain = f.elem.plain
	case kind == reflect.Slice:
		f.kind, f.elem = formSlice, c.of(t.Elem())
		f.plain = f.elem.plain
	case kind == reflect.Array && !isUUID(t):
		f.kind, f.elem = formArray, c.of(t.Elem())
	default:
		f.plain = true
	}
	return f
}

// findOpen sets open for the types that have an open type in them. A type may
// contain itself, so that it is looked at until nothing changes.
func (c forming) findOpen() {
	for changed := true; changed; {
		changed = false
		for _, f := range c {
			inner := f.elem != nil && f.elem.open || slices.ContainsFunc(f.fields, func(field formField) bool { return field.form.open })
			if inner && !f.open {
				f.open, changed = true, true
			}
		}
	}
}

// embed notes the embedded pointers on the way to a field.
func (f *form) embed(t reflect.Type, index []int) {
	for n := 1; n < len(index); n++ {
		at := t.FieldByIndex(index[:n])
		if at.Type.Kind() != reflect.Pointer || slices.ContainsFunc(f.embeds, func(known []int) bool { return slices.Equal(known, index[:n]) }) {
			continue
		}
		if !at.IsExported() {
			f.fault = "embeds a pointer to the unexported struct " + at.Name + ", which cannot be set; embed the struct itself, or export it"
		}
		f.embeds = append(f.embeds, index[:n])
	}
}

// detach copies the embedded structs behind pointers, which a copied struct
// shares with its original.
func (f *form) detach(v reflect.Value) {
	for _, index := range f.embeds {
		at, err := v.FieldByIndexErr(index)
		if err != nil || at.IsNil() {
			continue
		}
		own := reflect.New(at.Type().Elem())
		own.Elem().Set(at.Elem())
		at.Set(own)
	}
}

// in returns the field of a struct. If an embedded struct on the way is
// missing, in makes it, or else reports false.
func (f *formField) in(v reflect.Value, make bool) (reflect.Value, bool) {
	for _, i := range f.Index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !make {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// ends reports whether a pointer leads to a value. A pointer type may lead back
// to itself.
func ends(t reflect.Type) bool {
	seen := map[reflect.Type]bool{}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return false
		}
		seen[t] = true
	}
	return true
}

func isUUID(t reflect.Type) bool { return t.Len() == 16 && t.Elem().Kind() == reflect.Uint8 }

// expectedOf returns the JSON type that a Go type is read from, or "" if the
// type says it by itself.
func expectedOf(t reflect.Type) string {
	switch kind := t.Kind(); {
	case readsItself(t):
		return ""
	case t == reflect.TypeFor[json.Number](), kind == reflect.Float32, kind == reflect.Float64:
		return "number"
	case t == reflect.TypeFor[time.Duration](), kind == reflect.String,
		kind == reflect.Slice && t.Elem().Kind() == reflect.Uint8, kind == reflect.Array && isUUID(t):
		return "string"
	case kind == reflect.Bool:
		return "boolean"
	case kind == reflect.Slice, kind == reflect.Array:
		return "array"
	case kind == reflect.Map, kind == reflect.Struct:
		return "object"
	case kind >= reflect.Int && kind <= reflect.Uintptr:
		return "integer"
	}
	return ""
}
