package jsondoc

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// Bind stores v, a value as Decode makes it, in the variable that dst points
// to, by the rules of encoding/json (tags, embedded structs, pointers, maps,
// json.Unmarshaler, encoding.TextUnmarshaler, base64 for []byte), with these
// exceptions:
//
//   - A name binds only to the field that has exactly this name. A field whose
//     name differs by case folding gets nothing. A name without a field is
//     ignored; a schema can refuse it.
//   - A number in an any is a json.Number.
//   - A number without a fraction, such as 1.0 or 1e2, also binds to integer
//     types, because it is an integer in JSON Schema.
//   - The keys of a map of integers are written as plain decimals, and names
//     that become the same key are a mismatch.
//   - A date-time, date or time of RFC 3339 binds to every type that reads a
//     date-time, such as time.Time: a leap second as the second after it, a
//     date as its midnight in UTC, a time on the first day of the year 0. A
//     duration of RFC 3339 binds to time.Duration, a UUID to an array of 16
//     bytes.
//   - A slice is made anew. The memory of an old slice is not reused.
//   - Bind stops at the first mismatch, a [*BindError]. Then dst is set in part
//     and must not be used.
//
// The result in dst shares no memory with v or the source.
func Bind(v any, dst any) error {
	target := reflect.ValueOf(dst)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return errors.New("Bind needs a pointer that is not nil")
	}
	return bind(v, target.Elem(), 0)
}

// BindError reports a value that its Go type cannot hold.
type BindError struct {
	Pointer string // RFC 6901, of the value; it contains submitted names
	// Field is the way to the Go variable, such as Address.Lines[2]. It is
	// empty for the value as a whole. It never contains submitted text: the key
	// of a map is written as *.
	Field  string
	Type   string // the Go type
	Reason string // never contains submitted text
	// Err is the error of the type's own UnmarshalJSON or UnmarshalText. It may
	// quote the value.
	Err error
}

// Error tells the Go type and the reason, and nothing that was submitted.
func (e *BindError) Error() string {
	return "cannot bind to " + e.Type + ": " + e.Reason
}

// Unwrap returns Err.
func (e *BindError) Unwrap() error { return e.Err }

func mismatch(t reflect.Type, reason string, cause error) error {
	return &BindError{Type: t.String(), Reason: reason, Err: cause}
}

// under puts a segment before the pointer of an error that came up from there,
// and the Go name of the same step before its Field.
func under(segment, field string, err error) error {
	if e, ok := err.(*BindError); ok {
		e.Pointer = "/" + pointerEscaper.Replace(segment) + e.Pointer
		if e.Field != "" && e.Field[0] != '[' {
			field += "."
		}
		e.Field = field + e.Field
	}
	return err
}

func bind(v any, dst reflect.Value, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	t := dst.Type()
	if t.Kind() == reflect.Pointer {
		if v == nil {
			dst.SetZero()
			return nil
		}
		if dst.IsNil() {
			dst.Set(reflect.New(t.Elem()))
		}
		return bind(v, dst.Elem(), depth+1)
	}
	s := shapeOf(t)
	switch {
	case s.json:
		return bindJSON(v, dst)
	case s.text && v != nil:
		return bindText(v, dst)
	case t.Kind() == reflect.Interface:
		return bindInterface(v, dst)
	}
	switch v := v.(type) {
	case nil:
		if k := t.Kind(); k == reflect.Map || k == reflect.Slice {
			dst.SetZero()
		}
		return nil
	case bool:
		if t.Kind() != reflect.Bool {
			return mismatch(t, "a boolean", nil)
		}
		dst.SetBool(v)
		return nil
	case string:
		return bindString(v, dst)
	case json.Number:
		return bindNumber(string(v), dst)
	case []any:
		return bindArray(v, dst, depth)
	case map[string]any:
		if t.Kind() == reflect.Map {
			return bindMap(v, dst, depth)
		}
		if t.Kind() == reflect.Struct {
			return bindStruct(v, dst, s.fields, depth)
		}
		return mismatch(t, "an object", nil)
	}
	return mismatch(t, "not a decoded value", nil)
}

func bindJSON(v any, dst reflect.Value) error {
	text, err := Append(nil, v)
	if err != nil {
		return mismatch(dst.Type(), "not a decoded value", err)
	}
	into := dst.Addr().Interface().(json.Unmarshaler)
	err = into.UnmarshalJSON(text)
	if s, ok := v.(string); ok && err != nil {
		// A schema accepts every text of RFC 3339. Package time accepts fewer.
		if s, ok = instant(s); ok && into.UnmarshalJSON([]byte(`"`+s+`"`)) == nil {
			return nil
		}
	}
	if err != nil {
		return mismatch(dst.Type(), "refused by its UnmarshalJSON", err)
	}
	return nil
}

func bindText(v any, dst reflect.Value) error {
	s, ok := v.(string)
	if !ok {
		return mismatch(dst.Type(), "not a string", nil)
	}
	into := dst.Addr().Interface().(encoding.TextUnmarshaler)
	err := into.UnmarshalText([]byte(s))
	if err == nil {
		return nil
	}
	if s, ok := instant(s); ok && into.UnmarshalText([]byte(s)) == nil {
		return nil
	}
	return mismatch(dst.Type(), "refused by its UnmarshalText", err)
}

func bindInterface(v any, dst reflect.Value) error {
	if v == nil {
		dst.SetZero()
		return nil
	}
	if dst.NumMethod() > 0 {
		return mismatch(dst.Type(), "an interface with methods", nil)
	}
	dst.Set(reflect.ValueOf(Clone(v)))
	return nil
}

func bindString(s string, dst reflect.Value) error {
	t := dst.Type()
	switch {
	case t == numberType && !isNumber(s):
		return mismatch(t, "a string that is not a number", nil)
	case t.Kind() == reflect.String:
		dst.SetString(strings.Clone(s))
		return nil
	case t == durationType:
		d, ok := ParseDuration(s)
		if !ok {
			return mismatch(t, "a string that is not a duration of RFC 3339", nil)
		}
		dst.SetInt(int64(d))
		return nil
	case t.Kind() == reflect.Array && t.Elem() == byteType && t.Len() == 16:
		id, ok := ParseUUID(s)
		if !ok {
			return mismatch(t, "a string that is not a UUID", nil)
		}
		reflect.Copy(dst, reflect.ValueOf(id[:]))
		return nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return mismatch(t, "a string that is not base64", nil)
		}
		dst.SetBytes(b)
		return nil
	}
	return mismatch(t, "a string", nil)
}

func bindArray(list []any, dst reflect.Value, depth int) error {
	t := dst.Type()
	switch t.Kind() {
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(t, len(list), len(list)))
	case reflect.Array:
		dst.SetZero()
		list = list[:min(len(list), t.Len())] // encoding/json drops the rest too
	default:
		return mismatch(t, "an array", nil)
	}
	for i, v := range list {
		if err := bind(v, dst.Index(i), depth+1); err != nil {
			return under(strconv.Itoa(i), "["+strconv.Itoa(i)+"]", err)
		}
	}
	return nil
}

func bindMap(object map[string]any, dst reflect.Value, depth int) error {
	t := dst.Type()
	if dst.IsNil() {
		dst.Set(reflect.MakeMapWithSize(t, len(object)))
	}
	// Names are distinct, and so are strings that are made of them. What else
	// is made of them may not be, "A" and "a" for a type that reads text in any
	// case, and one member would silently take the place of the other.
	var taken reflect.Value
	if t.Key().Kind() != reflect.String || shapeOf(t.Key()).text {
		taken = reflect.MakeMapWithSize(reflect.MapOf(t.Key(), takenType), len(object))
	}
	var buf [16]string
	for _, name := range sortedNames(buf[:0], object) { // one error every time
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		err := bindName(name, key)
		if err == nil && taken.IsValid() {
			err = take(taken, key)
		}
		if err == nil {
			err = bind(object[name], value, depth+1)
		}
		if err != nil {
			return under(name, "[*]", err)
		}
		dst.SetMapIndex(key, value)
	}
	return nil
}

var takenType = reflect.TypeFor[struct{}]()

// take notes a key, and fails where it has been taken.
func take(taken, key reflect.Value) error {
	if taken.MapIndex(key).IsValid() {
		return mismatch(key.Type(), "a name that stands for the same key as another", nil)
	}
	taken.SetMapIndex(key, reflect.Zero(takenType))
	return nil
}

// bindName stores a name as the key of a map. A number must be written as
// everybody writes it: "1.0" and "10e-1" are names of their own for every other
// reader, and no other spellings of 1.
func bindName(name string, key reflect.Value) error {
	switch {
	case shapeOf(key.Type()).text:
		return bindText(name, key)
	case key.Kind() == reflect.String:
		key.SetString(strings.Clone(name))
		return nil
	case key.CanInt() || key.CanUint():
		if err := bindNumber(name, key); err != nil {
			return err
		}
		if !isCanonical(name) {
			return mismatch(key.Type(), "a name that is not a plain decimal integer", nil)
		}
		return nil
	}
	return mismatch(key.Type(), "a name", nil)
}

// isCanonical reports whether a JSON number is written as strconv writes
// integers.
func isCanonical(number string) bool { return number != "-0" && !strings.ContainsAny(number, ".eE") }

func bindStruct(object map[string]any, dst reflect.Value, fields []field, depth int) error {
	for i := range fields {
		f := &fields[i]
		v, ok := object[f.name]
		if !ok {
			continue
		}
		if err := bindField(v, dst, f, depth); err != nil {
			return under(f.name, dst.Type().FieldByIndex(f.index).Name, err)
		}
	}
	return nil
}

func bindField(v any, dst reflect.Value, f *field, depth int) error {
	target, err := f.in(dst)
	if err != nil {
		return err
	}
	if f.quoted {
		if v, err = unquote(v, target); err != nil {
			return err
		}
	}
	return bind(v, target, depth+1)
}

// unquote is the tag option ",string": the value is a string that holds the
// JSON text of a scalar.
func unquote(v any, dst reflect.Value) (any, error) {
	if v == nil {
		return nil, nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, mismatch(dst.Type(), "not a string, as its tag asks", nil)
	}
	if strings.Trim(s, " \t\r\n") != s {
		return nil, mismatch(dst.Type(), "a string with white space around its JSON", nil)
	}
	inner, err := DecodeValue([]byte(s), Limits{Bytes: len(s), Number: len(s)})
	if err != nil {
		return nil, mismatch(dst.Type(), "a string that holds no JSON", err)
	}
	return inner, nil
}
