package authz

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// inside returns the struct with tags that the property holds, itself or in
// pointers, slices, arrays and maps. It refuses types on the way that would
// write or read that struct without its tags, and, unless nobody reads or
// writes the property, types that JSON does not have.
func (c *tagged) inside(t reflect.Type, at string, unused bool) reflect.Type {
	for seen := map[reflect.Type]bool{}; !seen[t]; t = t.Elem() {
		seen[t] = true
		if writesItself(t) {
			c.bypassed(t, anyTagged(t, map[reflect.Type]bool{}), "MarshalJSON or MarshalText", at)
			return nil
		}
		found := taggedIn(t, map[reflect.Type]bool{})
		if readsItself(t) {
			c.bypassed(t, found, "UnmarshalJSON or UnmarshalText", at)
			return nil
		}
		switch t.Kind() {
		case reflect.Map:
			key := t.Key()
			switch kind := kindOps[key.Kind()]; {
			case writesItself(key):
				c.bypassed(key, anyTagged(key, map[reflect.Type]bool{}), "MarshalText", at)
			case kind != opString && kind != opInt && kind != opUint:
				c.unwritable(t, at, unused)
			}
		case reflect.Pointer, reflect.Slice, reflect.Array:
		case reflect.Struct:
			if found != nil {
				return t
			}
			return nil
		default:
			if kindOps[t.Kind()] == opUnsupported {
				c.unwritable(t, at, unused)
			}
			return nil
		}
	}
	return nil
}

// unwritable refuses a type that JSON does not have.
func (c *tagged) unwritable(t reflect.Type, at string, unused bool) {
	if !unused {
		c.faults.Add(at, t.String(), `has a type that JSON does not have; write json:"-" for a field that is never sent`)
	}
}

// bypassed refuses a method that goes around the tags of the type found.
func (c *tagged) bypassed(t, found reflect.Type, methods, at string) {
	if found != nil {
		c.faults.Add(at, "", "holds "+found.String()+", which has authz tags, inside "+t.String()+", whose "+methods+" does not read them; remove the method, or the tags")
	}
}

// hasTags reports whether a field of the struct has a tag, or a field of a
// struct that is embedded in it.
func hasTags(t reflect.Type) bool { return tagsIn(t, map[reflect.Type]bool{}) }

func tagsIn(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t.Kind() != reflect.Struct || seen[t] {
		return false
	}
	seen[t] = true
	for i := range t.NumField() {
		if f := t.Field(i); isTagged(f) || f.Anonymous && tagsIn(target(f.Type), seen) {
			return true
		}
	}
	return false
}

// target returns what a pointer type points to, and any other type itself.
func target(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// taggedIn returns a struct with tags that encoding/json meets in values of a
// type, or nil.
func taggedIn(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	if seen[t] {
		return nil
	}
	if writesItself(t) {
		return anyTagged(t, seen)
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return taggedIn(t.Elem(), seen)
	case reflect.Struct:
		if hasTags(t) {
			return t
		}
		for _, f := range jsondoc.Written(t) {
			if found := taggedIn(f.Go.Type, seen); found != nil {
				return found
			}
		}
	}
	return nil
}

// anyTagged is taggedIn also through fields that encoding/json does not see,
// because a method may write them.
func anyTagged(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	if seen[t] {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		if found := anyTagged(t.Key(), seen); found != nil {
			return found
		}
		return anyTagged(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return anyTagged(t.Elem(), seen)
	case reflect.Struct:
		if hasTags(t) {
			return t
		}
		for i := range t.NumField() {
			if found := anyTagged(t.Field(i).Type, seen); found != nil {
				return found
			}
		}
	}
	return nil
}

// taggedBehindMethod returns a struct with tags that a method of t may write,
// or nil.
func taggedBehindMethod(t reflect.Type) reflect.Type {
	if !writesItself(t) {
		return nil
	}
	return anyTagged(t, map[reflect.Type]bool{})
}

var (
	writers = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}
	parsers = []reflect.Type{reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}
)

// writesItself reports whether encoding/json calls a method to write a value of
// the type.
func writesItself(t reflect.Type) bool { return hasMethods(t, writers) }

// readsItself reports whether encoding/json calls a method to read a value of
// the type.
func readsItself(t reflect.Type) bool { return hasMethods(t, parsers) }

func hasMethods(t reflect.Type, of []reflect.Type) bool {
	return t.Kind() != reflect.Interface && slices.ContainsFunc(of, func(methods reflect.Type) bool {
		return t.Implements(methods) || reflect.PointerTo(t).Implements(methods)
	})
}
