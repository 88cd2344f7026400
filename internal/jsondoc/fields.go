package jsondoc

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// shape is what Bind has to know of a type.
type shape struct {
	json, text bool    // a pointer to it decodes itself
	fields     []field // of a struct
}

// field is a field of a struct, or of one that is embedded in it.
type field struct {
	name   string
	index  []int
	tagged bool // the name is from a tag
	quoted bool
}

var (
	shapes sync.Map // of reflect.Type to *shape, bounded by the types of the program

	plainShape      = &shape{}
	numberType      = reflect.TypeFor[json.Number]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	byteType        = reflect.TypeFor[byte]()
	durationType    = reflect.TypeFor[time.Duration]()
	textType        = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func shapeOf(t reflect.Type) *shape {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct {
		return plainShape // without methods, unless it embeds them
	}
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{
		json: t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(unmarshalerType),
		text: t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(textType),
	}
	if t.Kind() == reflect.Struct {
		s.fields = fieldsOf(t)
	}
	cached, _ := shapes.LoadOrStore(t, s)
	return cached.(*shape)
}

// in returns the field in a struct, and makes the embedded structs on the way
// that are behind nil pointers.
func (f *field) in(v reflect.Value) (reflect.Value, error) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, mismatch(v.Type(), "embedded by pointer and not exported", nil)
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, nil
}

// fieldsOf lists the fields that encoding/json sees: Go's rules for embedding
// by names, among which a name from a tag wins over one that is not, and where
// nobody wins nobody has the name.
func fieldsOf(t reflect.Type) []field {
	var all []field
	type embedded struct {
		t     reflect.Type
		index []int
	}
	level := []embedded{{t: t}}
	times := map[reflect.Type]int{t: 1} // how often each is embedded on this level
	visited := map[reflect.Type]bool{}
	for len(level) > 0 {
		var below []embedded
		timesBelow := map[reflect.Type]int{}
		for _, e := range level {
			if visited[e.t] {
				continue
			}
			visited[e.t] = true
			for i := range e.t.NumField() {
				sf := e.t.Field(i)
				index := append(slices.Clone(e.index), i)
				f, inner := fieldOf(sf, index)
				if inner != nil {
					if timesBelow[inner]++; timesBelow[inner] == 1 {
						below = append(below, embedded{inner, index})
					}
				}
				if f == nil {
					continue
				}
				all = append(all, *f)
				if times[e.t] > 1 {
					all = append(all, *f) // embedded twice, so ambiguous
				}
			}
		}
		level, times = below, timesBelow
	}
	return dominant(all)
}

// fieldOf returns the field, or the struct whose fields stand in its place, or
// neither.
func fieldOf(sf reflect.StructField, index []int) (*field, reflect.Type) {
	target := sf.Type
	if target.Kind() == reflect.Pointer && target.Name() == "" {
		target = target.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || target.Kind() != reflect.Struct) {
		return nil, nil
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return nil, nil
	}
	name, options, _ := strings.Cut(tag, ",")
	if !isTagName(name) {
		name = ""
	}
	if name == "" && sf.Anonymous && target.Kind() == reflect.Struct {
		return nil, target
	}
	f := &field{name: name, index: index, tagged: name != ""}
	if name == "" {
		f.name = sf.Name
	}
	switch target.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Uintptr,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.quoted = slices.Contains(strings.Split(options, ","), "string")
	}
	return f, nil
}

// dominant keeps for each name the field of the least depth, among those the
// tagged one, and none where that is not one field.
func dominant(all []field) []field {
	byName := map[string][]field{}
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var kept []field
	for _, rivals := range byName {
		rank := func(f field) int {
			n := 2 * len(f.index)
			if !f.tagged {
				n++
			}
			return n
		}
		slices.SortStableFunc(rivals, func(a, b field) int { return rank(a) - rank(b) })
		if len(rivals) == 1 || rank(rivals[0]) < rank(rivals[1]) {
			kept = append(kept, rivals[0])
		}
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept
}

// isTagName reports whether a tag may name a field: what else stands there is
// not taken for a name.
func isTagName(s string) bool {
	for _, r := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}

// A Field is a field of a struct that Bind stores a property in.
type Field struct {
	Name   string // of the property
	Tagged bool   // Name is from a tag
	Quoted bool   // the tag has the option ",string", and the type obeys it
	Index  []int  // for reflect.Value.FieldByIndex. Do not modify it
	Go     reflect.StructField
}

// Fields returns the fields of the struct type t that Bind stores properties
// in, also those of embedded structs. It returns nil for any other type, and
// for a type that decodes itself.
func Fields(t reflect.Type) []Field {
	if s := shapeOf(t); s.json || s.text {
		return nil
	}
	return Written(t)
}

// Written is [Fields] also for a struct type that decodes itself. These are the
// fields that encoding/json writes, in its order, of a type that does not
// encode itself.
func Written(t reflect.Type) []Field {
	if t.Kind() != reflect.Struct {
		return nil
	}
	s := shapeOf(t)
	fields := make([]Field, len(s.fields))
	for i, f := range s.fields {
		fields[i] = Field{f.name, f.tagged, f.quoted, f.index, t.FieldByIndex(f.index)}
	}
	return fields
}

// Elem returns the type of the elements of a map, a slice or an array. It
// returns nil for any other type, and for a type that decodes itself.
func Elem(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
		if s := shapeOf(t); !s.json && !s.text {
			return t.Elem()
		}
	}
	return nil
}
