package authz

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// A decoding reads a body into a copy of an object. Whatever it writes into is
// first copied from the object, so that the object stays as it is.
type decoding struct {
	within reaches // of the caller, that hold the object
	held   *held
	merge  bool // the body is a merge patch (RFC 7396)
	faults fieldFaults
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
		writable := d.mayWrite(set, i, field.Name)
		switch {
		case named && !writable:
			d.faults.enter(field.Name)
			d.faults.forbid(nil)
			d.faults.leave()
		case !named && (d.merge || !writable):
		case !named:
			if at, ok := field.in(dst, false); ok {
				d.reset(at, field.form, set.innerOf(i, field.Name), 0)
			}
		case v != nil && field.leaf(d.merge):
			if at, ok := field.in(dst, false); ok {
				at.SetZero() // nothing of the old value is reused
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

// bindLeaves binds the fields that are replaced as a whole, all at once.
func (d *decoding) bindLeaves(dst reflect.Value, f *form, given map[string]any, leaves []int) {
	values := given
	if len(leaves) < len(given) {
		values = make(map[string]any, len(leaves))
		for _, i := range leaves {
			values[f.fields[i].Name] = given[f.fields[i].Name]
		}
	}
	if jsondoc.Bind(values, dst.Addr().Interface()) == nil {
		return
	}
	// Bind stops at the first value of a wrong type. The answer names all.
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
}

// put reads a value into a variable that holds the old value.
func (d *decoding) put(dst reflect.Value, f *form, inner *fieldset, v any) {
	if v == nil {
		d.remove(dst, f, inner)
		return
	}
	if f.leaf(d.merge) {
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
	if !d.replaces(dst, inner) {
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

// members reads an object into a new map. A merge patch keeps the members that
// it does not name.
func (d *decoding) members(dst reflect.Value, f *form, inner *fieldset, given map[string]any) {
	if !d.merge && !d.replaces(dst, inner) {
		return
	}
	t := dst.Type()
	old := dst
	own := reflect.MakeMapWithSize(t, len(given))
	if d.merge {
		own = reflect.MakeMapWithSize(t, len(given)+old.Len())
		for entries := old.MapRange(); entries.Next(); {
			own.SetMapIndex(entries.Key(), entries.Value())
		}
	}
	taken := newKeys(t.Key())
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names) // the same faults every time
	for _, name := range names {
		d.faults.enterKey(name)
		d.member(own, old, f, inner, taken, name, given[name])
		d.faults.leave()
	}
	dst.Set(own)
}

func (d *decoding) member(own, old reflect.Value, f *form, inner *fieldset, taken *keys, name string, v any) {
	key, err := taken.key(name)
	if err != nil {
		d.faults.mistype("", 0, err)
		return
	}
	value := reflect.New(own.Type().Elem()).Elem()
	var before reflect.Value
	if d.merge && !old.IsNil() {
		before = old.MapIndex(key)
	}
	if before.IsValid() {
		value.Set(before)
	}
	d.put(value, f.elem, inner, v)
	if d.merge && v == nil {
		value = reflect.Value{} // RFC 7396: the member is removed
	}
	own.SetMapIndex(key, value)
}

// keys makes the keys of a map from names.
type keys struct {
	typ   reflect.Type
	plain bool          // distinct names are distinct keys
	taken reflect.Value // otherwise: the keys that were made
}

func newKeys(t reflect.Type) *keys {
	k := &keys{typ: t, plain: t.Kind() == reflect.String && !readsItself(t)}
	if !k.plain {
		k.taken = reflect.MakeMap(reflect.MapOf(t, reflect.TypeFor[struct{}]()))
	}
	return k
}

var (
	errNotKey  = errors.New("the name is not a key of the map")
	errSameKey = errors.New("the name stands for the same key as another name")
)

// key returns the key for a name, by the rules of jsondoc.
func (k *keys) key(name string) (reflect.Value, error) {
	if k.plain {
		return reflect.ValueOf(strings.Clone(name)).Convert(k.typ), nil
	}
	one := reflect.New(k.taken.Type())
	if err := jsondoc.Bind(map[string]any{name: nil}, one.Interface()); err != nil {
		return reflect.Value{}, errNotKey
	}
	key := one.Elem().MapKeys()[0]
	if k.taken.MapIndex(key).IsValid() {
		return reflect.Value{}, errSameKey
	}
	k.taken.SetMapIndex(key, reflect.ValueOf(struct{}{}))
	return key, nil
}

// merged returns a value with a merge patch applied (RFC 7396 section 2). It
// modifies neither of them, and shares no memory with the patch.
func merged(old, patch any) any {
	object, ok := patch.(map[string]any)
	if !ok {
		return jsondoc.Clone(patch)
	}
	result := map[string]any{}
	if before := reflect.ValueOf(old); before.Kind() == reflect.Map && before.Type().Key().Kind() == reflect.String {
		for entries := before.MapRange(); entries.Next(); {
			result[entries.Key().String()] = entries.Value().Interface()
		}
	}
	for name, v := range object {
		if v == nil {
			delete(result, name)
			continue
		}
		result[strings.Clone(name)] = merged(result[name], v)
	}
	return result
}
