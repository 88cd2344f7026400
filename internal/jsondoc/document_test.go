package jsondoc_test

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

const sample = ` { "name" : "Tom \u0026 Jerry", "n":1.0e+1,
	"items":[{"note":"one","a/b~c":"x"},{"note":"two"}, "three", [ "" ]],
	"":"empty", "é\n":{"0":"zero"} , "*":"star"} `

var sampleStrings = []struct {
	token, value, pointer string
	path                  []string
}{
	{`"Tom \u0026 Jerry"`, "Tom & Jerry", "/name", []string{"name"}},
	{`"one"`, "one", "/items/0/note", []string{"items", "0", "note"}},
	{`"x"`, "x", "/items/0/a~1b~0c", []string{"items", "0", "a/b~c"}},
	{`"two"`, "two", "/items/1/note", []string{"items", "1", "note"}},
	{`"three"`, "three", "/items/2", []string{"items", "2"}},
	{`""`, "", "/items/3/0", []string{"items", "3", "0"}},
	{`"empty"`, "empty", "/", []string{""}},
	{`"zero"`, "zero", "/é\n/0", []string{"é\n", "0"}},
	{`"star"`, "star", "/*", []string{"*"}},
}

func TestDocumentStrings(t *testing.T) {
	doc := decode(t, sample)
	if doc.NumStrings() != len(sampleStrings) {
		t.Fatalf("NumStrings = %d, want %d", doc.NumStrings(), len(sampleStrings))
	}
	for i, want := range sampleStrings {
		value, start, end := doc.String(i)
		if value != want.value || sample[start:end] != want.token {
			t.Errorf("String(%d) = %q at %q, want %q at %q", i, value, sample[start:end], want.value, want.token)
		}
		if got := doc.Pointer(i); got != want.pointer {
			t.Errorf("Pointer(%d) = %q, want %q", i, got, want.pointer)
		}
		for j, other := range sampleStrings {
			if got := doc.Match(i, other.path); got != (i == j) && other.path[0] != "*" {
				t.Errorf("Match(%d, %q) = %v", i, other.path, got)
			}
		}
	}
}

func TestDocumentOfOneString(t *testing.T) {
	doc := decode(t, ` "a" `)
	value, start, end := doc.String(0)
	if value != "a" || start != 1 || end != 4 || doc.Pointer(0) != "" || !doc.Match(0, nil) || doc.Match(0, []string{"*"}) {
		t.Errorf("String = %q, %d, %d; Pointer = %q", value, start, end, doc.Pointer(0))
	}
	if doc := decode(t, `{"a":[1,true,null]}`); doc.NumStrings() != 0 {
		t.Errorf("NumStrings = %d in a document without any", doc.NumStrings())
	}
}

// A pointer ends where it would become longer than 256 bytes, for all
// names.
func TestPointerIsBounded(t *testing.T) {
	long := strings.Repeat("n", 250)
	huge := strings.Repeat("h", 1<<20)
	for _, tt := range []struct{ name, src, want string }{
		{"just", `{"a":{"` + long + `":{"b/":"x"}}}`, "/a/" + long},
		{"exactly", `{"aa":{"` + long + `":[["x"]]}}`, "/aa/" + long + "/0"},
		{"escapes_count", `{"` + strings.Repeat("~", 128) + `":"x"}`, ""},
		{"huge", `{"a":{"` + huge + `":{"b":"x"}}}`, "/a"},
		{"huge_first", `{"` + huge + `":{"b":"x"}}`, ""},
		{"deep", strings.Repeat("[", 200) + `"x"` + strings.Repeat("]", 200), strings.Repeat("/0", 128)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limits := wide
			limits.Name = 1 << 20
			doc, err := jsondoc.Decode([]byte(tt.src), limits)
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Pointer(0); got != tt.want {
				t.Errorf("Pointer = %.300q, want %q", got, tt.want)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range 100 {
				doc.Pointer(0)
			}
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 100*16<<10 {
				t.Errorf("%d bytes were allocated for 100 pointers", spent)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	doc := decode(t, sample)
	for _, tt := range []struct {
		pattern string
		want    string
	}{
		{"name", "/name"},
		{"Name", ""},
		{"*", "/name / /*"},
		{"items/*/note", "/items/0/note /items/1/note"},
		{"items/*", "/items/2"},
		{"*/*", "/items/2 /é\n/0"},
		{"*/*/*", "/items/0/note /items/0/a~1b~0c /items/1/note /items/3/0"},
		{"*/*/*/*", ""},
		{"items/02", ""},
		{"items/+2", ""},
		{"items/-2", ""},
		{"items", ""},
		{"items/2/x", ""},
		{"é\n/0", "/é\n/0"},
		{"item*/2", ""},
	} {
		t.Run(strings.ReplaceAll(tt.pattern, "\n", "n"), func(t *testing.T) {
			var got []string
			for i := range doc.NumStrings() {
				if doc.Match(i, strings.Split(tt.pattern, "/")) {
					got = append(got, doc.Pointer(i))
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("matches %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStringsShareTheSource(t *testing.T) {
	src := []byte(`{"name":"value"}`)
	doc, err := jsondoc.Decode(src, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	clone := jsondoc.Clone(doc.Value)
	src[9] = 'V'
	if got, _, _ := doc.String(0); got != "Value" {
		t.Errorf("the string %q is a copy", got)
	}
	if !reflect.DeepEqual(clone, object{"name": "value"}) {
		t.Errorf("the clone shares the source: %v", clone)
	}
}

func TestPatch(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		repl      map[int]string
		want      string
	}{
		{"first", `["a","b","c"]`, map[int]string{0: "longer"}, `["longer","b","c"]`},
		{"last", `["a","b","c"]`, map[int]string{2: ""}, `["a","b",""]`},
		{"several", `["a", "b" ,"c"]`, map[int]string{0: "", 2: "ccc"}, `["", "b" ,"ccc"]`},
		{"neighbours", `["a","b","c"]`, map[int]string{0: "x", 1: "yy"}, `["x","yy","c"]`},
		{"all_else_is_kept", sample, map[int]string{3: "2"}, strings.Replace(sample, `"two"`, `"2"`, 1)},
		{"outermost", ` "a" `, map[int]string{0: "b"}, ` "b" `},
		{"equal_is_kept_as_written", `["\u0061","b"]`, map[int]string{0: "a", 1: "c"}, `["\u0061","c"]`},
		{"escaped", `{"a":"x"}`, map[int]string{0: "\"\\\b\f\n\r\t\x01\u2028\u2029<>&'/\x7f"},
			`{"a":"\"\\\b\f\n\r\t\u0001\u2028\u2029<>&'/` + "\x7f" + `"}`},
		{"utf8", `{"a":"x"}`, map[int]string{0: "é😀"}, `{"a":"é😀"}`},
		{"invalid_utf8", `{"a":"x"}`, map[int]string{0: "a\xffb\xed\xa0\x80"}, `{"a":"a` + "\uFFFD" + `b` + "\uFFFD" + `"}`},
		{"unknown_numbers", `["a"]`, map[int]string{-1: "x", 1: "y", 0: "z"}, `["z"]`},
		{"deep", `[[[["a"],"b"],{"x":{"y":["c"]}}],{"x":"d"}]`, map[int]string{0: "A", 2: "C", 3: "D"},
			`[[[["A"],"b"],{"x":{"y":["C"]}}],{"x":"D"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := decode(t, tt.src)
			before := jsondoc.Clone(doc.Value)
			src, patched := doc.Patch(tt.repl)
			if string(src) != tt.want {
				t.Errorf("source is %q, want %q", src, tt.want)
			}
			same(t, patched, decode(t, tt.want))
			if !reflect.DeepEqual(doc.Value, before) {
				t.Errorf("the original became %v", doc.Value)
			}
			same(t, doc, decode(t, tt.src))

			// A patched document can be patched again.
			again := map[int]string{}
			for i := range doc.NumStrings() {
				again[i], _, _ = doc.String(i)
			}
			_, back := patched.Patch(again)
			if !reflect.DeepEqual(back.Value, before) {
				t.Errorf("patched back it is %v, want %v", back.Value, before)
			}
		})
	}
}

func TestPatchOfNothing(t *testing.T) {
	src := []byte(`["a",{"b":"c"}]`)
	doc, err := jsondoc.Decode(src, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, repl := range map[string]map[int]string{
		"nil": nil, "equal": {0: "a", 1: "c"}, "unknown": {7: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			out, patched := doc.Patch(repl)
			if &out[0] != &src[0] || len(out) != len(src) || patched != doc {
				t.Error("Patch made something new")
			}
		})
	}
}

// What was modified since is not put back, and nothing breaks.
func TestPatchOfModifiedValue(t *testing.T) {
	const src = `{"gone":"a","list":["b",["c"]],"kept":{"x":"d"},"turned":{"x":"e"},"bent":["f"]}`
	doc := decode(t, src)
	value := doc.Value.(object)
	delete(value, "gone")
	value["list"] = array{}
	value["turned"] = array{"now a list"}
	value["bent"] = object{"0": "now an object"}
	value["default"] = true
	out, patched := doc.Patch(map[int]string{0: "A", 1: "B", 2: "C", 3: "D", 4: "E", 5: "F"})
	if want := `{"gone":"A","list":["B",["C"]],"kept":{"x":"D"},"turned":{"x":"E"},"bent":["F"]}`; string(out) != want {
		t.Errorf("source is %s, want %s", out, want)
	}
	want := object{"list": array{}, "kept": object{"x": "D"}, "turned": array{"now a list"}, "bent": object{"0": "now an object"}, "default": true}
	if !reflect.DeepEqual(patched.Value, want) {
		t.Errorf("value is %v, want %v", patched.Value, want)
	}
}

// same compares all that two documents tell.
func same(t *testing.T, got, want *jsondoc.Document) {
	t.Helper()
	if !reflect.DeepEqual(got.Value, want.Value) {
		t.Errorf("value is %v, want %v", got.Value, want.Value)
	}
	if got.NumStrings() != want.NumStrings() {
		t.Fatalf("%d strings, want %d", got.NumStrings(), want.NumStrings())
	}
	for i := range want.NumStrings() {
		value, start, end := got.String(i)
		wantValue, wantStart, wantEnd := want.String(i)
		if value != wantValue || start != wantStart || end != wantEnd || got.Pointer(i) != want.Pointer(i) {
			t.Errorf("string %d is %q at %d to %d (%s), want %q at %d to %d (%s)",
				i, value, start, end, got.Pointer(i), wantValue, wantStart, wantEnd, want.Pointer(i))
		}
	}
}
