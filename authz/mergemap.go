package authz

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// members reads an object into a new map. A merge patch keeps the members that
// it does not name.
func (d *decoding) members(dst reflect.Value, f *form, inner *fieldset, given map[string]any) {
	if !d.merge && !d.replaces(dst, f, inner) {
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
