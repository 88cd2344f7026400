package authz

import (
	"reflect"
	"slices"
	"strings"
)

// isZeroer is what the option omitzero asks, if the type has it.
type isZeroer interface{ IsZero() bool }

var isZeroerType = reflect.TypeFor[isZeroer]()

// omission returns when encoding/json leaves a field out, or nil for never.
func omission(f reflect.StructField) func(reflect.Value) bool {
	options := strings.Split(f.Tag.Get("json"), ",")[1:]
	empty, zero := slices.Contains(options, "omitempty"), slices.Contains(options, "omitzero")
	switch {
	case empty && zero:
		zeroed := zeroOf(f.Type)
		return func(v reflect.Value) bool { return isEmpty(v) || zeroed(v) }
	case empty:
		return isEmpty
	case zero:
		return zeroOf(f.Type)
	}
	return nil
}

// isEmpty reports whether the option omitempty leaves the value out. It never
// leaves out a struct.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Array:
		return v.Len() == 0
	case reflect.Struct, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

// zeroOf returns what the option omitzero asks of values of a type.
func zeroOf(t reflect.Type) func(reflect.Value) bool {
	own := t.Implements(isZeroerType)
	switch {
	case own && t.Kind() == reflect.Interface:
		return func(v reflect.Value) bool {
			return v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() || asksZero(v)
		}
	case own && t.Kind() == reflect.Pointer:
		return func(v reflect.Value) bool { return v.IsNil() || asksZero(v) }
	case own:
		return asksZero
	case reflect.PointerTo(t).Implements(isZeroerType):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				copied := reflect.New(t).Elem()
				copied.Set(v)
				v = copied
			}
			return asksZero(v.Addr())
		}
	}
	return reflect.Value.IsZero
}

func asksZero(v reflect.Value) bool {
	asked, ok := reflect.TypeAssert[isZeroer](v)
	return ok && asked.IsZero()
}
