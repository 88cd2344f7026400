package jsondoc_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// What Decode accepts encoding/json reads alike; what encoding/json accepts is
// never a fault of the syntax.
func FuzzDecode(f *testing.F) {
	for _, tt := range accepted {
		f.Add([]byte(tt.src))
	}
	for _, tt := range refused {
		f.Add([]byte(tt.src))
	}
	f.Add([]byte(sample))
	f.Add([]byte(userJSON))
	f.Fuzz(func(t *testing.T, src []byte) {
		kept := string(src)
		doc, err := jsondoc.Decode(src, jsondoc.Limits{})
		if string(src) != kept {
			t.Fatal("the source was modified")
		}
		v, valueErr := jsondoc.DecodeValue(src, jsondoc.Limits{})
		if (err == nil) != (valueErr == nil) {
			t.Fatalf("Decode: %v, DecodeValue: %v", err, valueErr)
		}
		want, standardErr := standard(src)
		if err != nil {
			e := refusal(t, err)
			if e.Offset < 0 || e.Offset > len(src) {
				t.Fatalf("offset %d of %d bytes", e.Offset, len(src))
			}
			if e.Kind == jsondoc.KindUTF8 && utf8.Valid(src) {
				t.Fatalf("%v, but it is UTF-8", e)
			}
			if standardErr == nil && (e.Kind == jsondoc.KindSyntax || e.Kind == jsondoc.KindTrailingData || e.Kind == jsondoc.KindBOM) {
				t.Fatalf("%v, but encoding/json reads %v", e, want)
			}
			return
		}
		if standardErr != nil {
			t.Fatalf("Decode reads %v, encoding/json says %v", doc.Value, standardErr)
		}
		if !reflect.DeepEqual(doc.Value, want) || !reflect.DeepEqual(v, want) {
			t.Fatalf("Decode reads %#v and %#v, encoding/json %#v", doc.Value, v, want)
		}
		if !utf8.Valid(src) {
			t.Fatal("accepted what is not UTF-8")
		}
		end := 0
		for i := range doc.NumStrings() {
			value, start, stop := doc.String(i)
			var token string
			if err := json.Unmarshal(src[start:stop], &token); err != nil || token != value || start < end {
				t.Fatalf("string %d is %q, its token %s", i, value, src[start:stop])
			}
			if at := follow(t, want, doc.Pointer(i)); at != value {
				t.Fatalf("%s is %v, String says %q", doc.Pointer(i), at, value)
			}
			end = stop
		}
		text, err := jsondoc.Append(nil, doc.Value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jsondoc.DecodeValue(text, wide)
		if err != nil || !reflect.DeepEqual(again, doc.Value) {
			t.Fatalf("written and read again: %v, %v", again, err)
		}
		if !reflect.DeepEqual(jsondoc.Clone(doc.Value), doc.Value) {
			t.Fatal("the clone differs")
		}
	})
}

// follow is a second reading of RFC 6901.
func follow(t *testing.T, v any, pointer string) any {
	t.Helper()
	if pointer == "" {
		return v
	}
	for _, segment := range strings.Split(pointer[1:], "/") {
		segment = strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
		switch at := v.(type) {
		case object:
			v = at[segment]
		case array:
			var i int
			if err := json.Unmarshal([]byte(segment), &i); err != nil || i >= len(at) {
				t.Fatalf("%q is not an index of %v", segment, at)
			}
			v = at[i]
		default:
			t.Fatalf("%q leads nowhere", pointer)
		}
	}
	return v
}

// A patched source decodes to the patched document, and what was not patched is
// unchanged.
func FuzzPatch(f *testing.F) {
	for _, tt := range accepted {
		f.Add([]byte(tt.src), 0, "new", 1, "")
	}
	f.Add([]byte(sample), 0, "Tom & Jerry", 3, "\"\\\n\x00<é\u2028\xff")
	f.Add([]byte(userJSON), 2, "x", 9, "y")
	f.Fuzz(func(t *testing.T, src []byte, i int, one string, j int, two string) {
		doc, err := jsondoc.Decode(src, jsondoc.Limits{})
		if err != nil {
			return
		}
		before := jsondoc.Clone(doc.Value)
		repl := map[int]string{i: one, j: two}
		out, patched := doc.Patch(repl)
		read, err := jsondoc.Decode(out, wide)
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		same(t, patched, read)
		if !reflect.DeepEqual(doc.Value, before) {
			t.Fatal("the original was modified")
		}
		in, at := 0, 0
		for n := range doc.NumStrings() {
			old, start, end := doc.String(n)
			_, newStart, newEnd := patched.String(n)
			if string(src[in:start]) != string(out[at:newStart]) {
				t.Fatalf("before string %d: %q became %q", n, src[in:start], out[at:newStart])
			}
			replacement, ok := repl[n]
			if (!ok || replacement == old) && string(src[start:end]) != string(out[newStart:newEnd]) {
				t.Fatalf("string %d: %q became %q", n, src[start:end], out[newStart:newEnd])
			}
			value, _, _ := patched.String(n)
			if ok && value != strings.ToValidUTF8(replacement, "\uFFFD") {
				t.Fatalf("string %d is %q, want %q", n, value, replacement)
			}
			in, at = end, newEnd
		}
		if string(src[in:]) != string(out[at:]) {
			t.Fatalf("the end %q became %q", src[in:], out[at:])
		}
	})
}

// bound has few names, so that the fuzzer finds their other cases.
type bound struct {
	Role   string           `json:"role"`
	Status *string          `json:"status"`
	Kind   int              `json:"kind"`
	Any    any              `json:"any"`
	List   []bound          `json:"list"`
	Map    map[string]bound `json:"map"`
	Bytes  []byte           `json:"bytes"`
	Float  float32          `json:"float"`
	Quoted uint8            `json:"quoted,string"`
	Number json.Number      `json:"number"`
	Array  [2]bool          `json:"array"`
}

// What encoding/json binds to exact names Bind binds alike; names that only
// fold to a field do nothing.
func FuzzBind(f *testing.F) {
	for _, tt := range bindings {
		f.Add([]byte(strings.ToLower(tt.src)))
		f.Add([]byte(tt.src))
	}
	f.Add([]byte(`{"role":"a","status":"b","kind":1.0,"any":{"ROLE":1},"list":[{"role":"c"}],"map":{"ROLE":{"kind":2}},"bytes":"aGk=","float":1.5,"quoted":"7","number":1.0,"array":[true]}`))
	f.Add([]byte(`{"quoted":"1 "}`))
	f.Add([]byte(`{"ROLE":"a","ſtatuſ":"b","\u212aind":1}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := jsondoc.DecodeValue(src, jsondoc.Limits{})
		if err != nil {
			return
		}
		var got bound
		gotErr := jsondoc.Bind(v, &got)

		exact, err := json.Marshal(exactOnly(v, reflect.TypeFor[bound]()))
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(strings.NewReader(string(exact)))
		dec.UseNumber()
		var want bound
		wantErr := dec.Decode(&want)
		if wantErr == nil && gotErr != nil {
			t.Fatalf("Bind says %v, encoding/json reads %+v", gotErr, want)
		}
		if wantErr == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("Bind reads %+v, encoding/json %+v", got, want)
		}
		if wantErr != nil && gotErr == nil && !longhand(v) {
			t.Fatalf("Bind reads %+v, encoding/json says %v", got, wantErr)
		}
	})
}

// exactOnly drops from v the members that are not a field of t, written for the
// few types of bound alone.
func exactOnly(v any, t reflect.Type) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, member := range v {
			switch t.Kind() {
			case reflect.Struct:
				for i := range t.NumField() {
					if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
						out[name] = exactOnly(member, t.Field(i).Type)
					}
				}
			case reflect.Map:
				out[name] = exactOnly(member, t.Elem())
			default:
				out[name] = member
			}
		}
		return out
	case array:
		if t.Kind() != reflect.Slice {
			return v
		}
		out := make(array, len(v))
		for i := range v {
			out[i] = exactOnly(v[i], t.Elem())
		}
		return out
	}
	return v
}

// longhand reports whether a number in v has a fraction or exponent, also in
// quotes: Bind takes 1.0 for an integer.
func longhand(v any) bool {
	switch v := v.(type) {
	case object:
		for _, member := range v {
			if longhand(member) {
				return true
			}
		}
	case array:
		return slices.ContainsFunc(v, longhand)
	case number:
		return strings.ContainsAny(string(v), ".eE")
	case string:
		return json.Valid([]byte(v)) && strings.ContainsAny(v, ".eE")
	}
	return false
}
