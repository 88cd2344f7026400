package jsondoc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

type base struct {
	ID      string `json:"id"`
	Shadow  string `json:"shadow"`
	private string
}

type hidden struct{ Shown int }

type Named struct{ Inner string }

type level string

func (l *level) UnmarshalText(text []byte) error {
	if string(text) == "bad" {
		return fmt.Errorf("level %q", text)
	}
	*l = level(strings.ToUpper(string(text)))
	return nil
}

type raw struct{ text string }

func (r *raw) UnmarshalJSON(text []byte) error {
	if string(text) == `"bad"` {
		return fmt.Errorf("raw %s", text)
	}
	r.text = string(text)
	return nil
}

type account struct {
	base
	*Named `json:"named"`
	hidden
	Role   string `json:"role"`
	Status string `json:"status,omitempty"`
	Kind   string
	Secret string `json:"-"`
	//lint:ignore SA5008 a name that looks like none
	Dash    string `json:"-,"`
	Shadow  string `json:"shadow"`
	Quoted  int    `json:"quoted,string"`
	QuotedS string `json:"quoteds,string"`
	Pointer **int
	Any     any
	Number  json.Number
	Raw     json.RawMessage
	Own     raw
	OwnP    *raw
	Level   level
	Levels  map[level]int
	When    time.Time
	Until   *time.Time
	Addr    netip.Addr
	Big     *big.Int
	Bytes   []byte
	Array   [2]int
	Slice   []*string
	Map     map[string]base
	ByInt   map[int8]bool
	Int8    int8
	Uint8   uint8
	Float32 float32
	Bool    bool
	private string
	//lint:ignore SA5008 options that nobody knows
	Odd string `json:"a,b\"c"`
	//lint:ignore SA5008 a tag that is not a name
	Bad string `json:"\\"`
	Err error
}

var bindings = []struct {
	name, src string
	check     func(a *account) bool
}{
	{"exact", `{"role":"user","status":"on","Kind":"k"}`, func(a *account) bool { return a.Role == "user" && a.Status == "on" && a.Kind == "k" }},
	{"no_folding", `{"ROLE":"admin","Status":"on","kind":"k","quotedS":"\"x\""}`,
		func(a *account) bool { return reflect.DeepEqual(*a, account{}) }},
	{"no_folding_of_long_s", `{"ſtatuſ":"on"}`, func(a *account) bool { return a.Status == "" }},
	{"no_folding_of_kelvin_sign", `{"` + "\u212a" + `ind":"k"}`, func(a *account) bool { return a.Kind == "" }},
	{"no_folding_in_embedded", `{"ID":"x","SHADOW":"x","shown":1}`, func(a *account) bool { return reflect.DeepEqual(*a, account{}) }},
	{"no_folding_in_map_of_structs", `{"Map":{"ID":{"ID":"x"}}}`,
		func(a *account) bool { return reflect.DeepEqual(a.Map, map[string]base{"ID": {}}) }},
	{"unknown_is_ignored", `{"other":{"a":[1]},"role":"r"}`, func(a *account) bool { return a.Role == "r" }},
	{"unexported", `{"private":"x","base":{"id":"x"},"hidden":{"Shown":1}}`,
		func(a *account) bool { return a.private == "" && a.base.private == "" && a.ID == "" && a.Shown == 0 }},
	{"embedded", `{"id":"i","Shown":3}`, func(a *account) bool { return a.ID == "i" && a.Shown == 3 }},
	{"embedded_with_a_name", `{"named":{"Inner":"x"}}`, func(a *account) bool { return a.Named != nil && a.Inner == "x" }},
	{"outer_shadows_inner", `{"shadow":"s"}`, func(a *account) bool { return a.Shadow == "s" && a.base.Shadow == "" }},
	{"dash", `{"-":"d","Secret":"s"}`, func(a *account) bool { return a.Dash == "d" && a.Secret == "" }},
	{"tag_that_is_no_name", `{"Bad":"b","a":"o"}`, func(a *account) bool { return a.Bad == "b" && a.Odd == "o" }},
	{"quoted", `{"quoted":"12","quoteds":"\"a\""}`, func(a *account) bool { return a.Quoted == 12 && a.QuotedS == "a" }},
	{"quoted_null", `{"quoted":null,"quoteds":"null"}`, func(a *account) bool { return a.Quoted == 0 && a.QuotedS == "" }},
	{"pointers", `{"Pointer":5}`, func(a *account) bool { return **a.Pointer == 5 }},
	{"null_pointer", `{"Pointer":null,"Until":null,"Any":null,"Slice":null,"Map":null,"role":null,"Err":null}`,
		func(a *account) bool { return reflect.DeepEqual(*a, account{}) }},
	{"any", `{"Any":{"a":[1.50,"x",null,true]}}`,
		func(a *account) bool {
			return reflect.DeepEqual(a.Any, object{"a": array{number("1.50"), "x", nil, true}})
		}},
	{"number", `{"Number":1.50}`, func(a *account) bool { return a.Number == "1.50" }},
	{"number_in_string", `{"Number":"-2"}`, func(a *account) bool { return a.Number == "-2" }},
	{"raw_message", `{"Raw":{"b":1.0,"a":[]}}`, func(a *account) bool { return string(a.Raw) == `{"a":[],"b":1.0}` }},
	{"own_unmarshaler", `{"Own":{"X":1},"OwnP":[2]}`, func(a *account) bool { return a.Own.text == `{"X":1}` && a.OwnP.text == `[2]` }},
	{"own_unmarshaler_null", `{"Own":null,"OwnP":null}`, func(a *account) bool { return a.Own.text == `null` && a.OwnP == nil }},
	{"text", `{"Level":"low"}`, func(a *account) bool { return a.Level == "LOW" }},
	{"text_null", `{"Level":null}`, func(a *account) bool { return a.Level == "" }},
	{"text_as_map_key", `{"Levels":{"low":1}}`, func(a *account) bool { return a.Levels["LOW"] == 1 && len(a.Levels) == 1 }},
	{"time", `{"When":"2026-02-11T08:30:00Z","Until":"2026-02-11T08:30:00Z"}`, func(a *account) bool {
		want := time.Date(2026, 2, 11, 8, 30, 0, 0, time.UTC)
		return a.When.Equal(want) && a.Until.Equal(want)
	}},
	{"address", `{"Addr":"192.0.2.1"}`, func(a *account) bool { return a.Addr == netip.MustParseAddr("192.0.2.1") }},
	{"big", `{"Big":123456789012345678901234567890}`, func(a *account) bool { return a.Big.String() == "123456789012345678901234567890" }},
	{"bytes", `{"Bytes":"aGk="}`, func(a *account) bool { return string(a.Bytes) == "hi" }},
	{"bytes_from_array", `{"Bytes":[104,105]}`, func(a *account) bool { return string(a.Bytes) == "hi" }},
	{"array_short", `{"Array":[1]}`, func(a *account) bool { return a.Array == [2]int{1, 0} }},
	{"array_long", `{"Array":[1,2,3]}`, func(a *account) bool { return a.Array == [2]int{1, 2} }},
	{"slice", `{"Slice":["a",null]}`, func(a *account) bool { return len(a.Slice) == 2 && *a.Slice[0] == "a" && a.Slice[1] == nil }},
	{"slice_empty", `{"Slice":[]}`, func(a *account) bool { return a.Slice != nil && len(a.Slice) == 0 }},
	{"map", `{"Map":{"x":{"id":"1"}}}`, func(a *account) bool { return a.Map["x"].ID == "1" }},
	{"map_by_int", `{"ByInt":{"-5":true}}`, func(a *account) bool { return a.ByInt[-5] }},
	{"bool", `{"Bool":true}`, func(a *account) bool { return a.Bool }},
	{"integer_with_fraction", `{"Int8":1.0,"Uint8":25.500e1}`, func(a *account) bool { return a.Int8 == 1 && a.Uint8 == 255 }},
	{"integer_with_exponent", `{"Int8":-1e2,"Uint8":1200E-2}`, func(a *account) bool { return a.Int8 == -100 && a.Uint8 == 12 }},
	{"integer_zero", `{"Int8":-0.0e9,"Uint8":0e-5}`, func(a *account) bool { return a.Int8 == 0 && a.Uint8 == 0 }},
	{"float", `{"Float32":1.5e3}`, func(a *account) bool { return a.Float32 == 1500 }},
}

func TestBind(t *testing.T) {
	for _, tt := range bindings {
		t.Run(tt.name, func(t *testing.T) {
			var a account
			if err := jsondoc.Bind(decode(t, tt.src).Value, &a); err != nil {
				t.Fatal(err)
			}
			if !tt.check(&a) {
				t.Errorf("bound %+v", a)
			}
		})
	}
}

func TestBindRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, src, pointer, text string
		cause                    bool
	}{
		{"string_for_int", `{"Int8":"hunter2"}`, "/Int8", "cannot bind to int8: a string", false},
		{"bool_for_string", `{"role":true}`, "/role", "cannot bind to string: a boolean", false},
		{"number_for_string", `{"role":1}`, "/role", "cannot bind to string: a number", false},
		{"object_for_string", `{"role":{}}`, "/role", "cannot bind to string: an object", false},
		{"array_for_string", `{"role":[]}`, "/role", "cannot bind to string: an array", false},
		{"array_for_struct", `[]`, "", "cannot bind to jsondoc_test.account: an array", false},
		{"overflow", `{"Int8":128}`, "/Int8", "cannot bind to int8: a number that is fractional or out of range", false},
		{"overflow_by_exponent", `{"Int8":1e300}`, "/Int8", "cannot bind to int8: a number that is fractional or out of range", false},
		{"fraction", `{"Int8":1.5}`, "/Int8", "cannot bind to int8: a number that is fractional or out of range", false},
		{"negative", `{"Uint8":-1}`, "/Uint8", "cannot bind to uint8: a number that is fractional, negative or out of range", false},
		{"float_overflow", `{"Float32":1e300}`, "/Float32", "cannot bind to float32: a number out of range", false},
		{"base64", `{"Bytes":"*hunter2"}`, "/Bytes", "cannot bind to []uint8: a string that is not base64", false},
		{"number_string", `{"Number":"hunter2"}`, "/Number", "cannot bind to json.Number: a string that is not a number", false},
		{"quoted_without_quotes", `{"quoted":1}`, "/quoted", "cannot bind to int: not a string, as its tag asks", false},
		{"quoted_white_space", `{"quoted":"1 "}`, "/quoted", "cannot bind to int: a string with white space around its JSON", false},
		{"quoted_garbage", `{"quoted":"hunter2"}`, "/quoted", "cannot bind to int: a string that holds no JSON", true},
		{"quoted_other", `{"quoted":"true"}`, "/quoted", "cannot bind to int: a boolean", false},
		{"own", `{"Own":"bad"}`, "/Own", "cannot bind to jsondoc_test.raw: refused by its UnmarshalJSON", true},
		{"time", `{"When":"hunter2"}`, "/When", "cannot bind to time.Time: refused by its UnmarshalJSON", true},
		{"text", `{"Level":"bad"}`, "/Level", "cannot bind to jsondoc_test.level: refused by its UnmarshalText", true},
		{"text_not_string", `{"Level":1}`, "/Level", "cannot bind to jsondoc_test.level: not a string", false},
		{"text_key", `{"Levels":{"bad":1}}`, "/Levels/bad", "cannot bind to jsondoc_test.level: refused by its UnmarshalText", true},
		{"interface", `{"Err":"hunter2"}`, "/Err", "cannot bind to error: an interface with methods", false},
		{"deep", `{"Map":{"a/b":{"id":"ok"},"c~d":{"id":1}}}`, "/Map/c~0d/id", "cannot bind to string: a number", false},
		{"slice_element", `{"Slice":["a",2]}`, "/Slice/1", "cannot bind to string: a number", false},
		{"int_key", `{"ByInt":{"300":true}}`, "/ByInt/300", "cannot bind to int8: a number that is fractional or out of range", false},
		{"int_key_fraction", `{"ByInt":{"1":true,"1.0":false}}`, "/ByInt/1.0", "cannot bind to int8: a name that is not a plain decimal integer", false},
		{"int_key_exponent", `{"ByInt":{"1":true,"10e-1":false}}`, "/ByInt/10e-1", "cannot bind to int8: a name that is not a plain decimal integer", false},
		{"int_key_negative_zero", `{"ByInt":{"-0":true}}`, "/ByInt/-0", "cannot bind to int8: a name that is not a plain decimal integer", false},
		{"int_key_leading_zero", `{"ByInt":{"01":true}}`, "/ByInt/01", "cannot bind to int8: not a JSON number", false},
		{"text_key_twice", `{"Levels":{"high":1,"low":2,"hıgh":3}}`, "/Levels/hıgh", "cannot bind to jsondoc_test.level: a name that stands for the same key as another", false},
		{"int_key_word", `{"ByInt":{"hunter2":true}}`, "/ByInt/hunter2", "cannot bind to int8: not a JSON number", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a account
			err := jsondoc.Bind(decode(t, tt.src).Value, &a)
			var e *jsondoc.BindError
			if !errors.As(err, &e) {
				t.Fatalf("error is %v", err)
			}
			if e.Error() != tt.text || e.Pointer != tt.pointer || (errors.Unwrap(e) != nil) != tt.cause {
				t.Errorf("%q at %q because of %v, want %q at %q", e.Error(), e.Pointer, e.Err, tt.text, tt.pointer)
			}
		})
	}
}

func TestBindTargets(t *testing.T) {
	var a account
	inItself := array{nil}
	inItself[0] = inItself
	type list []list
	for _, tt := range []struct {
		name   string
		v, dst any
		want   string
	}{
		{"not_a_pointer", object{}, a, "Bind needs a pointer that is not nil"},
		{"nil", object{}, nil, "Bind needs a pointer that is not nil"},
		{"nil_pointer", object{}, (*account)(nil), "Bind needs a pointer that is not nil"},
		{"foreign_value", struct{}{}, &a, "cannot bind to jsondoc_test.account: not a decoded value"},
		{"foreign_value_for_unmarshaler", struct{}{}, &raw{}, "cannot bind to jsondoc_test.raw: not a decoded value"},
		{"broken_number", number("0x1"), new(int), "cannot bind to int: not a JSON number"},
		{"number_that_costs", number("1e99999999999999999999"), new(int), "cannot bind to int: a number that is fractional or out of range"},
		{"number_that_costs_less", number("1e999999999"), new(int), "cannot bind to int: a number that is fractional or out of range"},
		{"value_in_itself", inItself, &list{}, "value nested too deeply"},
		{"map_key_type", object{"a": true}, &map[bool]bool{}, "cannot bind to bool: a name"},
		{"hidden_embedded_pointer", object{"Shown": number("1")}, &struct{ *hidden }{}, "cannot bind to *jsondoc_test.hidden: embedded by pointer and not exported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := jsondoc.Bind(tt.v, tt.dst); err == nil || err.Error() != tt.want {
				t.Errorf("Bind = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestBindSharesNothing(t *testing.T) {
	src := []byte(`{"role":"user","Any":["x",1],"Number":12,"Map":{"key":{"id":"i"}},"Slice":["s"]}`)
	v, err := jsondoc.DecodeValue(src, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	slice := make([]*string, 1, 4)
	a := account{Slice: slice}
	if err := jsondoc.Bind(v, &a); err != nil {
		t.Fatal(err)
	}
	v.(object)["Any"].(array)[1] = "changed"
	for i := range src {
		src[i] = '#'
	}
	if a.Role != "user" || a.Number != "12" || a.Map["key"].ID != "i" || *a.Slice[0] != "s" || !reflect.DeepEqual(a.Any, array{"x", number("12"[:1])}) {
		t.Errorf("what was bound changed with the source: %+v", a)
	}
	if slice[0] != nil {
		t.Error("the slice was written into the memory of another")
	}
}

func TestBindKeepsWhatIsThere(t *testing.T) {
	n := 1
	p := &n
	a := account{Role: "kept", Pointer: &p, Levels: map[level]int{"OLD": 1}, Map: map[string]base{"x": {ID: "old", Shadow: "old"}}}
	err := jsondoc.Bind(decode(t, `{"Pointer":2,"Levels":{"new":2},"Map":{"x":{"id":"new"}},"status":null}`).Value, &a)
	if err != nil {
		t.Fatal(err)
	}
	if a.Role != "kept" || n != 2 || len(a.Levels) != 2 || !reflect.DeepEqual(a.Map, map[string]base{"x": {ID: "new"}}) {
		t.Errorf("bound %+v, n = %d", a, n)
	}
}

type (
	A struct {
		X int
		Y int
		Z int
	}
	B struct {
		X int
		Y int
		W int `json:"Z"`
	}
	C struct {
		A
		Deep int
	}
	D  struct{ A }
	E  struct{ *E2 }
	E2 struct {
		*E
		Rec int
	}
	F string
)

// The fields that Bind sees are those that encoding/json sees: it lists them
// when it writes a value whose fields are all set.
func TestFieldsAreThoseOfEncodingJSON(t *testing.T) {
	e := &E2{Rec: 1}
	for name, v := range map[string]any{
		"plain": A{},
		"two_of_one_name": struct {
			A
			B
		}{},
		"tagged_wins": struct {
			A
			B
			Y int
		}{},
		"tag_on_embedded": struct {
			A `json:"a"`
			B
		}{},
		"depth_wins": struct {
			C
			X string
		}{},
		"twice_on_one_level": struct {
			C
			D
		}{},
		"recursive": E{e},
		"embedded_no_struct": struct {
			F
			G F `json:"F"`
		}{},
		"embedded_pointer": struct{ *A }{&A{}},
		"ignored": struct {
			A `json:"-"`
			X int `json:"-"`
		}{},
		"tag_of_options": struct {
			X int  `json:",string"`
			Y bool `json:",omitzero,string"`
		}{},
		"tag_in_quotes": struct {
			X int `json:"'x'"`
			Y int `json:"a b/c.d"`
			Z int `json:"é世"`
		}{},
		"unexported": struct {
			x int
			base
			hidden
		}{x: 1},
		"all": account{Named: &Named{}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var names map[string]any
			if err := json.Unmarshal(text, &names); err != nil {
				t.Fatal(err)
			}
			switch name { // what was left out of the list because it was empty
			case "all":
				names["status"] = ""
			case "tag_of_options":
				names["Y"] = ""
			}
			got := boundNames(t, reflect.TypeOf(v), names)
			for name := range names {
				if !got[name] {
					t.Errorf("encoding/json has a field %q, Bind has not", name)
				}
				delete(got, name)
			}
			if len(got) > 0 {
				t.Errorf("Bind has the fields %v, encoding/json has not", got)
			}
		})
	}
}

// boundNames lists those names that Bind has a field for: a channel fits no
// type but any. Beside the wanted ones it tries all Go names.
func boundNames(t *testing.T, typ reflect.Type, wanted map[string]any) map[string]bool {
	t.Helper()
	candidates := map[string]bool{}
	for name := range wanted {
		candidates[name] = true
	}
	for _, f := range reflect.VisibleFields(typ) {
		candidates[f.Name] = true
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		candidates[name] = true
	}
	got := map[string]bool{}
	for name := range candidates {
		target := reflect.New(typ)
		if jsondoc.Bind(object{name: make(chan int)}, target.Interface()) != nil || !target.Elem().IsZero() {
			got[name] = true
		}
	}
	return got
}

func ExampleBind() {
	var account struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}
	doc, err := jsondoc.Decode([]byte(`{"name":"Mallory","ROLE":"admin"}`), jsondoc.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := jsondoc.Bind(doc.Value, &account); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("name %q, role %q\n", account.Name, account.Role)
	// Output: name "Mallory", role ""
}

func ExampleDecode() {
	_, err := jsondoc.Decode([]byte(`{"role":"user","ROLE":"admin"}`), jsondoc.Limits{})
	fmt.Println(err)
	// Output: duplicate name in an object, and the two names differ by case only, at byte 15
}

func ExampleDocument_Patch() {
	doc, err := jsondoc.Decode([]byte(`{"n": 1.0, "notes": ["<b>hi</b>", "fine"]}`), jsondoc.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	repl := map[int]string{}
	for i := range doc.NumStrings() {
		if doc.Match(i, []string{"notes", "*"}) {
			text, _, _ := doc.String(i)
			repl[i] = strings.ReplaceAll(strings.ReplaceAll(text, "<b>", ""), "</b>", "")
		}
	}
	src, _ := doc.Patch(repl)
	fmt.Printf("%s\n", src)
	// Output: {"n": 1.0, "notes": ["hi", "fine"]}
}

// The error of Bind names the Go variable. The key of a map comes from the
// client and is not named.
func TestBindErrorNamesTheField(t *testing.T) {
	type line struct{ Zip int }
	type target struct {
		Age     int `json:"age"`
		Address struct {
			Lines []line `json:"lines"`
		} `json:"address"`
		Scores map[string]line
		line
	}
	for src, want := range map[string]string{
		`{"age":1.5}`:                            "Age",
		`{"address":{"lines":[{},{"Zip":"x"}]}}`: "Address.Lines[1].Zip",
		`{"Scores":{"s3cret":{"Zip":"x"}}}`:      "Scores[*].Zip",
		`{"Scores":{"s3cret":1}}`:                "Scores[*]",
		`{"Zip":true}`:                           "Zip",
		`[]`:                                     "",
	} {
		var into target
		err := jsondoc.Bind(decode(t, src).Value, &into)
		var fault *jsondoc.BindError
		if !errors.As(err, &fault) || fault.Field != want {
			t.Errorf("%s: %#v, want the field %q", src, err, want)
		}
	}
}
