package authzen

import (
	"reflect"

	"github.com/bulwark-go/bulwark/authz"
)

// maxCopied bounds the values that are copied. A value that contains itself
// goes beyond it; what is left is shared.
const maxCopied = 10_000

// copyQuery copies a query, so that its owner may go on and change the maps and
// lists in it. The Principal is immutable.
func copyQuery(q *authz.Query) authz.Query {
	c := *q
	left := copier(maxCopied)
	c.Properties, c.Context = left.properties(q.Properties), left.properties(q.Context)
	return c
}

// A copier is how many values may still be copied.
type copier int

func (left *copier) properties(m map[string]any) map[string]any {
	if len(m) == 0 {
		return m
	}
	return left.value(reflect.ValueOf(m)).Interface().(map[string]any)
}

// value copies maps, slices and arrays. Of their elements, values of other
// kinds are shared.
func (left *copier) value(v reflect.Value) reflect.Value {
	if *left--; *left < 0 {
		return v
	}
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			return left.value(v.Elem())
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			c.SetMapIndex(key, left.value(value))
		}
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		left.elements(c, v)
		return c
	case reflect.Array:
		c := reflect.New(v.Type()).Elem()
		left.elements(c, v)
		return c
	}
	return v
}

func (left *copier) elements(to, from reflect.Value) {
	switch from.Type().Elem().Kind() {
	case reflect.Interface, reflect.Map, reflect.Slice, reflect.Array:
		for i := range from.Len() {
			to.Index(i).Set(left.value(from.Index(i)))
		}
	default:
		reflect.Copy(to, from)
	}
}
