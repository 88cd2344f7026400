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
		lost = d.lost(inner)
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
// a whole.
func (d *decoding) lost(set *fieldset) (names []string) {
	for i := range set.properties {
		p := &set.properties[i]
		if !p.write.admits(d.within, d.held) || p.inner != nil && d.loses(p.inner, map[*fieldset]bool{set: true}) {
			names = append(names, p.Name)
		}
	}
	return names
}

// loses reports whether a struct, or a struct in it, has a field that the
// caller may not write. It looks at each type once, because types that lead to
// each other have more ways between them than anybody can go.
func (d *decoding) loses(set *fieldset, seen map[*fieldset]bool) bool {
	if seen[set] {
		return false
	}
	seen[set] = true
	return slices.ContainsFunc(set.properties, func(p property) bool {
		return !p.write.admits(d.within, d.held) || p.inner != nil && d.loses(p.inner, seen)
	})
}

// maxReset bounds how deep structs in structs are reset. Beyond it they stay as
// they are.
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
		dst.Set(d.resetBehind(dst, f, inner, depth))
	case f.kind == formStruct:
		f.detach(dst)
		for i := range f.fields {
			field := &f.fields[i]
			at, ok := field.in(dst, false)
			if ok && d.mayWrite(inner, i, field.Name) {
				d.reset(at, field.form, inner.innerOf(i, field.Name), depth+1)
			}
		}
	case (inner == nil || len(d.lost(inner)) == 0) && (!f.open || len(d.inInterfaces(dst)) == 0):
		dst.SetZero()
	}
}

// resetBehind returns a pointer to a copy that is reset. The objects of a
// program may be a circle, or meet in many ways, so that each is copied once.
func (d *decoding) resetBehind(old reflect.Value, f *form, inner *fieldset, depth int) reflect.Value {
	at := place{typ: old.Type(), at: old.Pointer()}
	if own, ok := d.copied[at]; ok {
		return own
	}
	if d.copied == nil {
		d.copied = map[place]reflect.Value{}
	}
	own := reflect.New(old.Type().Elem())
	own.Elem().Set(old.Elem())
	d.copied[at] = own
	d.reset(own.Elem(), f.elem, inner, depth+1)
	if own.Elem().IsZero() {
		own = reflect.Zero(old.Type())
		d.copied[at] = own
	}
	return own
}
