package authz_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// decodeInto decodes a body into an object of alice, who is a "user".
func decodeInto[T any](t *testing.T, method, body string, object T) (T, error) {
	t.Helper()
	policy := mustPolicy(t, guide())
	if err := authz.Fields[T](policy); err != nil {
		t.Fatal(err)
	}
	res := authz.Resource[T]{Name: "document", Policy: policy, Owner: func(T) (string, string) { return accounts, "alice" }}
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r = r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", "user")))
	g, err := res.Check(r, "update", object)
	if err != nil {
		t.Fatal(err)
	}
	next, err := authz.Decode(nil, r, g)
	if err != nil {
		return g.Value(), err
	}
	return next.For(r.Context(), "update")
}

// faultsOf lists the errors of a refusal as "pointer code".
func faultsOf(err error) (list []string) {
	var p *bulwark.Problem
	if errors.As(err, &p) {
		for _, e := range p.Errors {
			list = append(list, e.Pointer+" "+e.Code)
		}
	}
	return list
}

type Base struct {
	Made string `json:"made" authz:"read=*"`
	Seen string `json:"seen" authz:"read=*,write=own"`
	Below
}

type Below struct {
	Low string `json:"low" authz:"read=*,write=own"`
}

type Side struct {
	Left string `json:"left" authz:"read=*,write=own"`
}

type hiddenBase struct {
	Inside string `json:"inside" authz:"read=*,write=own"`
}

type color struct{ name string }

func (c color) MarshalText() ([]byte, error) { return []byte(c.name), nil }

func (c *color) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("no color in " + string(text))
	}
	c.name = strings.ToLower(string(text))
	return nil
}

type own struct{ raw string }

func (o *own) UnmarshalJSON(text []byte) error {
	o.raw = string(text)
	return nil
}

type shapes struct {
	Base
	*Side
	hiddenBase
	Grid    [2]font                   `json:"grid" authz:"read=*,write=own"`
	UUID    [16]byte                  `json:"uuid" authz:"read=*,write=own"`
	Blob    []byte                    `json:"blob" authz:"read=*,write=own"`
	Rows    [][]font                  `json:"rows" authz:"read=*,write=own"`
	ByID    map[int]font              `json:"by_id" authz:"read=*,write=own"`
	ByText  map[color]*font           `json:"by_text" authz:"read=*,write=own"`
	Quoted  int                       `json:"quoted,string" authz:"read=*,write=own"`
	Raw     json.RawMessage           `json:"raw" authz:"read=*,write=own"`
	Own     own                       `json:"own" authz:"read=*,write=own"`
	Color   *color                    `json:"color" authz:"read=*,write=own"`
	Wait    time.Duration             `json:"wait" authz:"read=*,write=own"`
	Odd     fmt.Stringer              `json:"odd" authz:"read=*,write=own"`
	Tree    *tree                     `json:"tree" authz:"read=*,write=own"`
	Frees   map[string]any            `json:"frees" authz:"read=*,write=own"`
	Pointed ***font                   `json:"pointed" authz:"read=*,write=own"`
	Nested  map[string][]*cover       `json:"nested" authz:"read=*,write=own"`
	Sets    map[string]map[string]int `json:"sets" authz:"read=*,write=own"`
	Mapped  []mapped                  `json:"mapped" authz:"read=*,write=own"`
}

type mapped struct {
	M map[string]any `json:"m"`
}

type tree struct {
	Name string `json:"name"`
	Sub  *tree  `json:"sub"`
}

func TestDecodeForms(t *testing.T) {
	three := func(name string) ***font {
		one := &font{name}
		two := &one
		return &two
	}
	for name, test := range map[string]struct {
		method, body string
		start, want  shapes
		faults       []string
	}{
		"embedded":                      {"PATCH", `{"seen":"x","low":"y"}`, shapes{Base: Base{Made: "m"}}, shapes{Base: Base{Made: "m", Seen: "x", Below: Below{"y"}}}, nil},
		"embedded_reset":                {"PUT", `{}`, shapes{Base: Base{"m", "s", Below{"l"}}, Side: &Side{"l"}, hiddenBase: hiddenBase{"i"}}, shapes{Base: Base{Made: "m"}, Side: &Side{}}, nil},
		"embedded_forbidden":            {"PUT", `{"made":"x"}`, shapes{}, shapes{}, []string{"/made forbidden"}},
		"embedded_pointer":              {"PATCH", `{"left":"x"}`, shapes{Side: &Side{"l"}}, shapes{Side: &Side{"x"}}, nil},
		"embedded_pointer_nil":          {"PATCH", `{"left":"x"}`, shapes{}, shapes{Side: &Side{"x"}}, nil},
		"embedded_pointer_null":         {"PATCH", `{"left":null}`, shapes{}, shapes{}, nil},
		"embedded_unexported":           {"PATCH", `{"inside":"x"}`, shapes{}, shapes{hiddenBase: hiddenBase{"x"}}, nil},
		"array":                         {"PUT", `{"grid":[{"name":"a"}]}`, shapes{Grid: [2]font{{"x"}, {"y"}}}, shapes{Grid: [2]font{{"a"}, {}}}, nil},
		"array_long":                    {"PUT", `{"grid":[{},{},{}]}`, shapes{}, shapes{}, []string{"/grid type"}},
		"array_unknown":                 {"PUT", `{"grid":[{},{"NAME":1}]}`, shapes{}, shapes{}, []string{"/grid/1/NAME unknown"}},
		"uuid":                          {"PUT", `{"uuid":"00000000-0000-0000-0000-000000000001"}`, shapes{}, shapes{UUID: [16]byte{15: 1}}, nil},
		"blob":                          {"PUT", `{"blob":"eA=="}`, shapes{}, shapes{Blob: []byte("x")}, nil},
		"blob_wrong":                    {"PUT", `{"blob":"?"}`, shapes{}, shapes{}, []string{"/blob type"}},
		"rows":                          {"PATCH", `{"rows":[[{"name":"a"}],null,[]]}`, shapes{Rows: [][]font{{{"x"}}}}, shapes{Rows: [][]font{{{"a"}}, nil, {}}}, nil},
		"rows_unknown":                  {"PATCH", `{"rows":[[{"name":"a","x":1}]]}`, shapes{}, shapes{}, []string{"/rows/0/0/x unknown"}},
		"rows_type":                     {"PATCH", `{"rows":[[{"name":5}],5]}`, shapes{}, shapes{}, []string{"/rows/0/0/name type", "/rows/1 type"}},
		"int_key":                       {"PATCH", `{"by_id":{"2":{"name":"b"},"1":null}}`, shapes{ByID: map[int]font{1: {"a"}, 3: {"c"}}}, shapes{ByID: map[int]font{2: {"b"}, 3: {"c"}}}, nil},
		"int_key_wrong":                 {"PATCH", `{"by_id":{"x":{},"1.0":{}}}`, shapes{}, shapes{}, []string{"/by_id/1.0 type", "/by_id/x type"}},
		"text_key":                      {"PUT", `{"by_text":{"Red":{"name":"a"}}}`, shapes{}, shapes{ByText: map[color]*font{{"red"}: {"a"}}}, nil},
		"text_key_wrong":                {"PUT", `{"by_text":{"":{}}}`, shapes{}, shapes{}, []string{"/by_text/ type"}},
		"quoted":                        {"PUT", `{"quoted":"5"}`, shapes{}, shapes{Quoted: 5}, nil},
		"quoted_plain":                  {"PUT", `{"quoted":5}`, shapes{}, shapes{}, []string{"/quoted type"}},
		"raw":                           {"PATCH", `{"raw":{"b":[1],"a":null}}`, shapes{Raw: json.RawMessage(`{"z":1}`)}, shapes{Raw: json.RawMessage(`{"a":null,"b":[1]}`)}, nil},
		"own":                           {"PUT", `{"own":{"ANY":1}}`, shapes{}, shapes{Own: own{`{"ANY":1}`}}, nil},
		"own_null":                      {"PUT", `{"own":null}`, shapes{Own: own{"x"}}, shapes{}, nil},
		"color":                         {"PUT", `{"color":"Red"}`, shapes{Color: &color{"old"}}, shapes{Color: &color{"red"}}, nil},
		"color_type":                    {"PUT", `{"color":{"name":"s3cret"}}`, shapes{}, shapes{}, []string{"/color type"}},
		"duration":                      {"PUT", `{"wait":"PT1S"}`, shapes{}, shapes{Wait: time.Second}, nil},
		"interface":                     {"PUT", `{"odd":1}`, shapes{}, shapes{}, []string{"/odd type"}},
		"recursive":                     {"PATCH", `{"tree":{"sub":{"sub":{"name":"x"}}}}`, shapes{Tree: &tree{"a", &tree{"b", nil}}}, shapes{Tree: &tree{"a", &tree{"b", &tree{"x", nil}}}}, nil},
		"recursive_unknown":             {"PATCH", `{"tree":{"sub":{"Sub":{}}}}`, shapes{}, shapes{}, []string{"/tree/sub/Sub unknown"}},
		"typed_in_any":                  {"PATCH", `{"frees":{"a":{"c":"2"}}}`, shapes{Frees: map[string]any{"a": map[string]string{"b": "1"}, "d": 1}}, shapes{Frees: map[string]any{"a": map[string]any{"b": "1", "c": "2"}, "d": 1}}, nil},
		"pointers":                      {"PATCH", `{"pointed":{"name":"x"}}`, shapes{}, shapes{Pointed: three("x")}, nil},
		"pointers_unknown":              {"PATCH", `{"pointed":{"names":"x"}}`, shapes{}, shapes{}, []string{"/pointed/names unknown"}},
		"inner_in_containers":           {"PATCH", `{"nested":{"a":[{"text":"x"},null]}}`, shapes{Nested: map[string][]*cover{"b": {{"y", true}}}}, shapes{Nested: map[string][]*cover{"a": {{"x", false}, nil}, "b": {{"y", true}}}}, nil},
		"inner_in_containers_forbidden": {"PATCH", `{"nested":{"a":[{"approved":true}],"b":[{"text":"x"}]}}`, shapes{Nested: map[string][]*cover{"b": {{"y", true}}}}, shapes{}, []string{"/nested/a/0/approved forbidden", "/nested/b forbidden"}},
		"nulls_in_a_list":               {"PATCH", `{"mapped":[{"m":{"a":null}}],"frees":{"a":null}}`, shapes{}, shapes{Mapped: []mapped{{map[string]any{"a": nil}}}, Frees: map[string]any{}}, nil},
		"maps_in_maps":                  {"PATCH", `{"sets":{"a":{"x":null,"y":2},"b":null}}`, shapes{Sets: map[string]map[string]int{"a": {"x": 1}, "b": {}, "c": {"z": 3}}}, shapes{Sets: map[string]map[string]int{"a": {"y": 2}, "c": {"z": 3}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := fmt.Sprintf("%#v %v", test.start, deepText(test.start))
			got, err := decodeInto(t, test.method, test.body, test.start)
			if after := fmt.Sprintf("%#v %v", test.start, deepText(test.start)); after != before {
				t.Errorf("the granted object was changed from %s to %s", before, after)
			}
			if faults := faultsOf(err); err != nil != (test.faults != nil) || fmt.Sprint(faults) != fmt.Sprint(test.faults) {
				t.Fatalf("%v: errors are %q, want %q", err, faults, test.faults)
			}
			if err == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("the new state is %s, want %s", deepText(got), deepText(test.want))
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the cause repeats the value: %v", err)
			}
		})
	}
}

// deepText shows what is behind pointers as well.
func deepText(v shapes) string {
	text, err := json.Marshal(struct {
		shapes
		Odd    any `json:"odd"`
		ByText any `json:"by_text"`
		Own    any `json:"own"`
		Color  any `json:"color"`
	}{shapes: v, ByText: len(v.ByText), Own: v.Own.raw, Color: fmt.Sprintf("%+v", v.Color)})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Two keys of one map must not become the same key.
func TestDecodeSameKey(t *testing.T) {
	type twice struct {
		ByText map[dashed]*font `json:"by_text" authz:"read=*,write=own"`
	}
	_, err := decodeInto(t, "PUT", `{"by_text":{"a-b":{},"ab":{"name":"x"}}}`, twice{})
	if got := fmt.Sprint(faultsOf(err)); got != "[/by_text/ab type]" {
		t.Errorf("errors are %s", got)
	}
}

// dashed is a text without its dashes.
type dashed struct{ text string }

func (d dashed) MarshalText() ([]byte, error) { return []byte(d.text), nil }

func (d *dashed) UnmarshalText(text []byte) error {
	d.text = strings.ReplaceAll(string(text), "-", "")
	return nil
}

// Structs behind pointers, and what is in maps and slices, are copied on the
// way of a write. What the body does not touch is shared.
func TestDecodeLeavesTheObject(t *testing.T) {
	object := stored()
	next, err := decodePaper(t, "PATCH", `{"note":"x","layout":{"font":{"name":"x"}},"cover":{"text":"x"},"labels":{"x":"9"},"free":{"m":{"p":"9"}},"shares":{"bob":{"note":"x"}},"tags":["x"]}`, object)
	if err != nil || !reflect.DeepEqual(object, stored()) {
		t.Fatalf("the object is %+v, %v", object, err)
	}
	next.Labels["y"], next.Layout.Font.Name, next.Shares["bob"].Limit, *next.Note = "changed", "changed", 99, "changed"
	next.Free.(map[string]any)["m"].(map[string]any)["q"] = "changed"
	next.Tags[0], next.Cover.Approved = "changed", false
	if !reflect.DeepEqual(object, stored()) {
		t.Errorf("the object is %+v after a write to the new state", object)
	}
}

func decodePaper(t *testing.T, method, body string, object *paper) (*paper, error) {
	t.Helper()
	res := papers()
	res.Policy = paperPolicy(t)
	r := bodied(method, body, as("alice", "user"))
	g, err := res.Check(r, "update", object)
	if err != nil {
		t.Fatal(err)
	}
	next, err := authz.Decode(nil, r, g)
	if err != nil {
		return nil, err
	}
	return next.Value(), nil
}

type circle struct {
	Name string  `json:"name" authz:"read=*,write=own"`
	Next *circle `json:"next" authz:"read=*,write=own"`
	Held bool    `json:"held" authz:"read=*"`
}

type pointerToItself *pointerToItself

// Objects and types that contain themselves have an end.
func TestDecodeCircles(t *testing.T) {
	round := &circle{Name: "a", Held: true}
	round.Next = round
	next, err := decodeInto(t, "PUT", `{"name":"b"}`, round)
	if err != nil || next.Name != "b" || next.Next == nil || !next.Next.Held || round.Name != "a" {
		t.Errorf("%+v, %v", next, err)
	}
	_, err = decodeInto(t, "PATCH", `{"next":null}`, round)
	if got := fmt.Sprint(faultsOf(err)); got != "[/next forbidden]" {
		t.Errorf("errors are %s", got)
	}
	type odd struct {
		Self pointerToItself `json:"self" authz:"read=*,write=own"`
	}
	if _, err = decodeInto(t, "PUT", `{"self":1}`, odd{}); codeOf(err) != "authz.field_type" {
		t.Error(err)
	}
}

// An array of a merge patch is a value as a whole, with the nulls in it.
func TestDecodeNullsWithinAnArray(t *testing.T) {
	type row struct {
		M map[string]any `json:"m"`
	}
	type table struct {
		Rows []row `json:"rows" authz:"write=own"`
	}
	next, err := decodeInto(t, "PATCH", `{"rows":[{"m":{"a":null}}]}`, table{})
	if err != nil || fmt.Sprint(next.Rows) != "[{map[a:<nil>]}]" {
		t.Errorf("%v, %v", next, err)
	}
}

// A replacement that leaves out a struct does not write behind its embedded
// pointers.
func TestDecodeLeavesEmbeddedPointersOut(t *testing.T) {
	type Inner struct {
		Text string `json:"text"`
	}
	type outer struct{ *Inner }
	type holder struct {
		Outer outer `json:"outer" authz:"write=own"`
	}
	object := holder{outer{&Inner{"t"}}}
	next, err := decodeInto(t, "PUT", `{}`, object)
	if err != nil || next.Outer.Text != "" || object.Outer.Text != "t" {
		t.Errorf("%v, %v, and the object is %v", next.Outer.Inner, err, object.Outer.Inner)
	}
}

// A tangle leads to itself in two ways.
type tangle struct {
	Left  *tangle `json:"left" authz:"write=own"`
	Right *tangle `json:"right" authz:"write=own"`
	Held  bool    `json:"held" authz:"read=*"`
}

// The ways through a tangle are more than anybody can go.
func TestDecodeTangles(t *testing.T) {
	round := &tangle{Held: true}
	round.Left, round.Right = round, round
	next, err := decodeInto(t, "PUT", `{}`, round)
	if err != nil || !next.Held || next == round || round.Left != round || round.Right != round {
		t.Errorf("%+v, %v", next, err)
	}
	if !next.Left.Held || !next.Right.Held {
		t.Error("a field that the caller may not write was reset")
	}
}

// Models that lead to each other, as those of a database do. There are ten
// times ten million ways through them.
type (
	web0 struct {
		webs
		Locked string `json:"locked" authz:"read=*"`
	}
	web1 struct{ webs }
	web2 struct{ webs }
	web3 struct{ webs }
	web4 struct{ webs }
	web5 struct{ webs }
	web6 struct{ webs }
	web7 struct{ webs }
	web8 struct{ webs }
	web9 struct{ webs }
	weba struct{ webs }
	webb struct{ webs }
	webs struct {
		Web1 *web1 `json:"web1" authz:"write=own"`
		Web2 *web2 `json:"web2" authz:"write=own"`
		Web3 *web3 `json:"web3" authz:"write=own"`
		Web4 *web4 `json:"web4" authz:"write=own"`
		Web5 *web5 `json:"web5" authz:"write=own"`
		Web6 *web6 `json:"web6" authz:"write=own"`
		Web7 *web7 `json:"web7" authz:"write=own"`
		Web8 *web8 `json:"web8" authz:"write=own"`
		Web9 *web9 `json:"web9" authz:"write=own"`
		Weba *weba `json:"weba" authz:"write=own"`
		Webb *webb `json:"webb" authz:"write=own"`
		Free *web  `json:"free" authz:"write=own"`
	}
	web struct {
		Note string `json:"note" authz:"write=own"`
		Back *web0  `json:"back" authz:"write=own"`
	}
)

// What a null would remove is found once for each type, and not on each way
// from type to type.
func TestDecodeTypesThatLeadToEachOther(t *testing.T) {
	_, err := decodeInto(t, "PATCH", `{"free":null}`, &web0{webs: webs{Free: &web{Note: "n"}}})
	if got := fmt.Sprint(faultsOf(err)); got != "[/free forbidden]" {
		t.Errorf("errors are %s", got)
	}
	var p *bulwark.Problem
	if !errors.As(err, &p) || fmt.Sprint(p.Errors[0].Params["fields"]) != "[back]" {
		t.Error(err)
	}
}

type noted struct {
	Note string `json:"note" authz:"read=*,write=own"`
}

// A struct that reflection cannot copy is refused before anything is written.
func TestDecodeNeedsAnExportedPointer(t *testing.T) {
	type holder struct {
		*noted
		Title string `json:"title" authz:"read=*,write=own"`
	}
	object := &holder{noted: &noted{"n"}}
	for _, body := range []string{`{"note":"x"}`, `{}`} {
		_, err := decodeInto(t, "PUT", body, object)
		var config *bulwark.ConfigError
		if !errors.As(err, &config) || config.Field != "authz.Decode" || !strings.Contains(config.Reason, "embeds a pointer to the unexported struct noted") || object.Note != "n" {
			t.Errorf("%v, the object is %+v", err, object.noted)
		}
	}
}
