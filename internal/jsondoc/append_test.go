package jsondoc_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"null", nil, `null`},
		{"true", true, `true`},
		{"false", false, `false`},
		{"number_verbatim", number("-1.50E+02"), `-1.50E+02`},
		{"int", -7, `-7`},
		{"int64", int64(math.MaxInt64), `9223372036854775807`},
		{"float", 0.1, `0.1`},
		{"float_whole", 1e8, `100000000`},
		{"float_zero", 0.0, `0`},
		{"float_large", 1e21, `1e+21`},
		{"float_small", -1e-7, `-1e-07`},
		{"html_stays", `<a href='x'>&</a>`, `"<a href='x'>&</a>"`},
		{"quotes_and_controls", "\"\\/\b\f\n\r\t\x00\x1f\x7f", `"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f\""},
		{"line_separators", "a\u2028b\u2029c", `"a\u2028b\u2029c"`},
		{"utf8", "é😀\uFFFD", "\"é😀\uFFFD\""},
		{"array", array{nil, array{}, "a"}, `[null,[],"a"]`},
		{"names_sorted_by_bytes", object{"b": 1, "a": array{}, "": 2, "C": 3, "é": object{}, "\n": nil},
			`{"":2,"\n":null,"C":3,"a":[],"b":1,"é":{}}`},
		{"nil_array", array(nil), `[]`},
		{"nil_object", object(nil), `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jsondoc.Append([]byte("before "), tt.v)
			if err != nil || string(got) != "before "+tt.want {
				t.Errorf("Append = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	inItself := array{nil}
	inItself[0] = inItself
	objectInItself := object{}
	objectInItself["a"] = array{objectInItself}
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"other_type", array{struct{ Secret string }{"hunter2"}}, "no JSON text for the Go type struct { Secret string }"},
		{"channel_in_object", object{"a": make(chan int)}, "no JSON text for the Go type chan int"},
		{"string", "a\xff", "string is not UTF-8"},
		{"name", object{"a\xff": 1}, "string is not UTF-8"},
		{"number_injection", number(`1,"admin":true`), "number has no JSON text"},
		{"number_empty", number(``), "number has no JSON text"},
		{"number_hex", number(`0x10`), "number has no JSON text"},
		{"number_beyond_float64", array{number("1e999")}, "number out of range"},
		{"number_that_vanishes", number("1e-999"), "number out of range"},
		{"names_that_fold", array{object{"role": 1, "x": 2, "ROLE": 3}}, "names that differ only by case"},
		{"names_that_fold_to_a_third", object{"ROLE": 1, "Role": 2}, "names that differ only by case"},
		{"names_that_fold_beyond_ascii", object{"status": 1, "ſtatus": 2}, "names that differ only by case"},
		{"infinity", math.Inf(1), "number has no JSON text"},
		{"nan", math.NaN(), "number has no JSON text"},
		{"array_in_itself", inItself, "value nested too deeply"},
		{"object_in_itself", objectInItself, "value nested too deeply"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jsondoc.Append([]byte("before"), tt.v)
			if err == nil || err.Error() != tt.want || string(got) != "before" {
				t.Errorf("Append = %q, %v, want error %q", got, err, tt.want)
			}
		})
	}
}

// Every value that the longest document may hold can be written again.
func TestAppendDeep(t *testing.T) {
	src := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	got, err := jsondoc.Append(nil, decode(t, src).Value)
	if err != nil || string(got) != src {
		t.Errorf("Append: %d bytes, %v", len(got), err)
	}
}

func TestClone(t *testing.T) {
	original := object{"a": array{"b", number("1"), nil, true, object{"c": array{}}}, "n": array(nil), "o": object(nil), "t": 3.5}
	clone := jsondoc.Clone(original).(object)
	if !reflect.DeepEqual(clone, original) {
		t.Fatalf("Clone = %#v, want %#v", clone, original)
	}
	clone["a"].(array)[4].(object)["c"] = "changed"
	clone["a"].(array)[0] = "changed"
	clone["new"] = 1
	want := object{"a": array{"b", number("1"), nil, true, object{"c": array{}}}, "n": array(nil), "o": object(nil), "t": 3.5}
	if !reflect.DeepEqual(original, want) {
		t.Errorf("a change of the clone reached the original: %#v", original)
	}
}
