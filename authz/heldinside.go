package authz

import (
	"reflect"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// An interface may hold a struct with tags, and only the value tells. A body
// knows nothing of the struct. It would replace the struct with a map, in which
// every name is free. The functions of this file keep such a struct.

// overwritten returns the fields that the caller may not write, of the structs
// that a merge patch would replace or remove in an interface.
func (d *decoding) overwritten(old reflect.Value, patch any) []string {
	for old.Kind() == reflect.Interface {
		old = old.Elem()
	}
	object, ok := patch.(map[string]any)
	if !ok || old.Kind() != reflect.Map || old.Type().Key().Kind() != reflect.String {
		return d.inInterfaces(old)
	}
	members, plain := reflect.TypeAssert[map[string]any](old)
	for name, v := range object {
		var member reflect.Value
		if plain {
			member = reflect.ValueOf(members[name])
		} else {
			member = old.MapIndex(reflect.ValueOf(name).Convert(old.Type().Key()))
		}
		if lost := d.overwritten(member, v); len(lost) > 0 {
			return lost
		}
	}
	return nil
}

// inInterfaces returns the fields that the caller may not write, of the structs
// with tags that a value holds. As in what Write sends, these structs are
// within no reach.
func (d *decoding) inInterfaces(v reflect.Value) []string {
	w := walk{bare: decoding{held: d.held, fields: d.fields}}
	w.value(v)
	return w.lost
}

// A walk looks for structs with tags in a value.
type walk struct {
	bare decoding
	n    int            // of the places so far
	seen map[place]bool // some of them: the objects of a program may be a circle
	lost []string
}

// maxUnseen is how many places are not noted. Few values have more.
const maxUnseen = 1000

// A place is where a pointer, a map or a slice leads.
type place struct {
	typ reflect.Type
	at  uintptr
	n   int
}

// value stops at the first struct with a field that the caller may not write.
func (w *walk) value(v reflect.Value) {
	switch kind := v.Kind(); kind {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || !w.enters(v) {
			return
		}
		switch kind {
		case reflect.Pointer:
			w.value(v.Elem())
			return
		case reflect.Map:
			if plain, ok := reflect.TypeAssert[map[string]any](v); ok {
				w.members(plain)
				return
			}
			for entries := v.MapRange(); len(w.lost) == 0 && entries.Next(); {
				w.value(entries.Value())
			}
			return
		}
		w.elements(v)
	case reflect.Interface:
		w.value(v.Elem())
	case reflect.Array:
		w.elements(v)
	case reflect.Struct:
		w.structure(v)
	}
}

// enters reports whether the walk goes on there. Only a long walk notes where
// it has been.
func (w *walk) enters(v reflect.Value) bool {
	if w.n++; w.n < maxUnseen {
		return true
	}
	at := place{typ: v.Type(), at: v.Pointer()}
	if v.Kind() == reflect.Slice {
		at.n = v.Len()
	}
	if w.seen[at] {
		return false
	}
	if w.seen == nil {
		w.seen = map[place]bool{}
	}
	w.seen[at] = true
	return true
}

// members is value for the usual map, without copies.
func (w *walk) members(object map[string]any) {
	for _, member := range object {
		if w.value(reflect.ValueOf(member)); len(w.lost) > 0 {
			return
		}
	}
}

func (w *walk) elements(v reflect.Value) {
	if kindOps[v.Type().Elem().Kind()] < opObject {
		return // as of a []byte
	}
	for i := 0; len(w.lost) == 0 && i < v.Len(); i++ {
		w.value(v.Index(i))
	}
}

// structure takes the fields of a struct with tags that is not registered for
// fields that nobody may write.
func (w *walk) structure(v reflect.Value) {
	t := v.Type()
	if set := w.bare.fields[t]; set != nil {
		if w.lost = w.bare.lost(set); len(w.lost) > 0 {
			return
		}
	} else if hasTags(t) {
		for _, f := range jsondoc.Written(t) {
			w.lost = append(w.lost, f.Name)
		}
		return
	}
	for i := range t.NumField() {
		if f := t.Field(i); len(w.lost) == 0 && (f.IsExported() || f.Anonymous && target(f.Type).Kind() == reflect.Struct) && f.Tag.Get("json") != "-" {
			w.value(v.Field(i))
		}
	}
}
