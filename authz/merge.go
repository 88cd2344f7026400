package authz

import (
	"errors"
	"reflect"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A decoding reads a body into a copy of an object. Whatever it writes into is
// first copied from the object, so that the object stays as it is.
type decoding struct {
	within reaches // of the caller, that hold the object
	held   *held
	fields map[reflect.Type]*fieldset // registered structs
	merge  bool                       // the body is a merge patch (RFC 7396)
	faults fieldFaults
	copied map[place]reflect.Value // what reset has made of pointers
}

// mayWrite reports whether the caller may write a field. A struct without tags
// has no fieldset, and its fields belong to the field that holds the struct.
func (d *decoding) mayWrite(set *fieldset, i int, name string) bool {
	p := set.property(i, name)
	return set == nil || p != nil && p.write.admits(d.within, d.held)
}

// innerOf returns the fieldset of the structs in a field.
func (s *fieldset) innerOf(i int, name string) *fieldset {
	if p := s.property(i, name); p != nil {
		return p.inner
	}
	return nil
}

// property returns the property of that name. It is nearly always at place i,
// where the form of the struct has it.
func (s *fieldset) property(i int, name string) *property {
	switch {
	case s == nil:
		return nil
	case i < len(s.properties) && s.properties[i].Name == name:
		return &s.properties[i]
	}
	i, ok := s.byName[name]
	if !ok {
		return nil
	}
	return &s.properties[i]
}

// object reads an object into a struct, which is a copy.
func (d *decoding) object(dst reflect.Value, f *form, set *fieldset, given map[string]any) {
	f.detach(dst)
	var room [16]int
	leaves, found := room[:0], 0
	for i := range f.fields {
		field := &f.fields[i]
		v, named := given[field.Name]
		if !named && d.merge {
			continue
		}
		writable := d.mayWrite(set, i, field.Name)
		switch {
		case named && !writable:
			d.faults.enter(field.Name)
			d.faults.forbid(nil)
			d.faults.leave()
		case !named && !writable:
		case !named:
			if at, ok := field.in(dst, false); ok {
				d.reset(at, field.form, set.innerOf(i, field.Name), 0)
			}
		case v != nil && field.leaf(d.merge):
			if at, ok := field.in(dst, false); ok && !d.clears(at, field) {
				break
			}
			leaves = append(leaves, i)
		default:
			d.faults.enter(field.Name)
			if at, ok := field.in(dst, v != nil); ok {
				d.put(at, field.form, set.innerOf(i, field.Name), v)
			}
			d.faults.leave()
		}
		if named {
			found++
		}
	}
	if found < len(given) {
		d.unknown(f, set, given)
	}
	if len(leaves) > 0 && !d.faults.refused() {
		d.bindLeaves(dst, f, given, leaves)
	}
}

// clears sets a field to its zero value, so that nothing of the old value is
// reused, if the field may be replaced as a whole.
func (d *decoding) clears(at reflect.Value, field *formField) bool {
	if field.form.open {
		d.faults.enter(field.Name)
		defer d.faults.leave()
		if !d.replaces(at, field.form, nil) {
			return false
		}
	}
	at.SetZero()
	return true
}

// bindLeaves binds the fields that are replaced as a whole, all at once.
func (d *decoding) bindLeaves(dst reflect.Value, f *form, given map[string]any, leaves []int) {
	values := given
	if len(leaves) < len(given) {
		values = make(map[string]any, len(leaves))
		for _, i := range leaves {
			values[f.fields[i].Name] = given[f.fields[i].Name]
		}
	}
	failed := jsondoc.Bind(values, dst.Addr().Interface())
	if failed == nil {
		return
	}
	// Bind stops at the first value of a wrong type. The answer names all.
	found := d.faults.counts.typed
	for _, i := range leaves {
		field := &f.fields[i]
		err := jsondoc.Bind(map[string]any{field.Name: given[field.Name]}, reflect.New(dst.Type()).Interface())
		if err == nil {
			continue
		}
		expected := field.form.expected
		if field.Quoted {
			expected = "string"
		}
		d.faults.mistype(expected, 1, err)
	}
	if d.faults.counts.typed == found { // nothing that failed is accepted
		d.faults.mistype("", 0, failed)
	}
}

// put reads a value into a variable that holds the old value.
func (d *decoding) put(dst reflect.Value, f *form, inner *fieldset, v any) {
	if v == nil {
		d.remove(dst, f, inner)
		return
	}
	if f.leaf(d.merge) {
		if !d.replaces(dst, f, inner) {
			return
		}
		dst.SetZero()
		if err := jsondoc.Bind(v, dst.Addr().Interface()); err != nil {
			d.faults.mistype(f.expected, 0, err)
		}
		return
	}
	switch f.kind {
	case formPointer:
		own := reflect.New(dst.Type().Elem())
		if !dst.IsNil() {
			own.Elem().Set(dst.Elem())
		}
		d.put(own.Elem(), f.elem, inner, v)
		dst.Set(own)
	case formStruct:
		if object, ok := v.(map[string]any); ok {
			d.object(dst, f, inner, object)
			return
		}
		d.faults.mistype(f.expected, 0, errNotObject)
	case formMap:
		if object, ok := v.(map[string]any); ok {
			d.members(dst, f, inner, object)
			return
		}
		d.faults.mistype(f.expected, 0, errNotObject)
	case formSlice, formArray:
		list, ok := v.([]any)
		if !ok || f.kind == formArray && len(list) > dst.Len() {
			d.faults.mistype(f.expected, 0, errNotList)
			return
		}
		d.elements(dst, f, inner, list)
	case formAny:
		if lost := d.overwritten(dst, v); len(lost) > 0 {
			d.faults.forbid(lost)
			return
		}
		dst.Set(reflect.ValueOf(merged(dst.Interface(), v)))
	}
}

var (
	errNotObject = errors.New("the value is not an object")
	errNotList   = errors.New("the value is not an array, or the array is too long")
)

// elements reads an array into a new slice, or into an array. An array of a
// merge patch is a value as a whole (RFC 7396 section 2).
func (d *decoding) elements(dst reflect.Value, f *form, inner *fieldset, list []any) {
	if !d.replaces(dst, f, inner) {
		return
	}
	merge := d.merge
	d.merge = false
	if f.kind == formSlice {
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	} else {
		dst.SetZero()
	}
	for i, v := range list {
		d.faults.enterIndex(i)
		d.put(dst.Index(i), f.elem, inner, v)
		d.faults.leave()
	}
	d.merge = merge
}
