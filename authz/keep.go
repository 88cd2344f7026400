package authz

import (
	"reflect"
	"slices"
)

// A body may replace, remove or leave out a struct that has fields which the
// caller may not write. The functions of this file keep these fields.

// remove sets a value to its zero value, as a null asks for.
func (d *decoding) remove(dst reflect.Value, f *form, inner *fieldset) {
	switch {
	case !d.replaces(dst, f, inner):
	case f.kind == formStruct:
		d.reset(dst, f, inner, 0)
	default:
		dst.SetZero()
	}
}

// replaces reports whether a value may be replaced as a whole, and notes if it
// may not: structs are there, and they have fields that the caller may not
// write.
func (d *decoding) replaces(dst reflect.Value, f *form, inner *fieldset) bool {
	if inner == nil && !f.open || absent(dst) {
		return true
	}
	var lost []string
	if inner != nil {
		lost = d.lost(inner, nil)
	}
	if len(lost) == 0 && f.open {
		lost = d.inInterfaces(dst)
	}
	if len(lost) > 0 {
		d.faults.forbid(lost)
	}
	return len(lost) == 0
}

// absent reports whether a value holds no struct.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// lost returns the names of the fields that the caller may not write, or not as
// a whole. Around are the structs that the struct is in: a type may contain
// itself.
func (d *decoding) lost(set *fieldset, around []*fieldset) (names []string) {
	if slices.Contains(around, set) {
		return nil
	}
	for i := range set.properties {
		p := &set.properties[i]
		if !p.write.admits(d.within, d.held) || p.inner != nil && len(d.lost(p.inner, append(around, set))) > 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// maxReset bounds how deep structs in structs are reset. Beyond it they stay as
// they are. The objects of a program may be a circle.
const maxReset = 64

// reset sets a value that a replacement leaves out to its zero value. Of a
// struct in it, the fields that JSON does not have stay, and the fields that
// the caller may not write. A list, a map or an interface whose structs have
// such fields stays as it is.
func (d *decoding) reset(dst reflect.Value, f *form, inner *fieldset, depth int) {
	switch {
	case absent(dst), inner == nil && !f.open && f.kind != formStruct:
		dst.SetZero()
	case depth == maxReset:
	case f.kind == formPointer:
		own := reflect.New(dst.Type().Elem())
		own.Elem().Set(dst.Elem())
		d.reset(own.Elem(), f.elem, inner, depth+1)
		if own.Elem().IsZero() {
			own = reflect.Zero(dst.Type())
		}
		dst.Set(own)
	case f.kind == formStruct:
		f.detach(dst)
		for i := range f.fields {
			field := &f.fields[i]
			at, ok := field.in(dst, false)
			if ok && d.mayWrite(inner, i, field.Name) {
				d.reset(at, field.form, inner.innerOf(i, field.Name), depth+1)
			}
		}
	case (inner == nil || len(d.lost(inner, nil)) == 0) && (!f.open || len(d.inInterfaces(dst)) == 0):
		dst.SetZero()
	}
}
