package validate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/validate"
)

// family is a tree whose children are declared three times over: by $ref, and
// twice in allOf.
const family = `{"$ref":"#/$defs/node","$defs":{
	"node":{"type":"object","allOf":[{"$ref":"#/$defs/base"},{"$ref":"#/$defs/base2"}],
		"properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer","default":1}}},
	"base":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"},"b":{"default":true}}},
	"base2":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"}}}}}`

func nested(open, inner, shut string, depth int) string {
	return strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth)
}

// Filling in defaults costs each object once for each schema, and is paid for
// with the steps of checking.
func TestFillingIsBounded(t *testing.T) {
	t.Run("DeclaredThrice", func(t *testing.T) {
		for _, depth := range []int{1, 3} {
			o := serve(t, validate.Config{Body: validate.SchemaJSON(family)}, post(nested(`{"child":`, `{}`, `}`, depth)))
			o.passed(t)
			want := nested(`{"b":true,"child":`, `{"b":true,"n":1}`, `,"n":1}`, depth)
			if o.body != want {
				t.Errorf("body is %s, want %s", o.body, want)
			}
		}
	})
	items := func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }
	wide := validate.SchemaJSON(`{"type":"array","items":{"type":"object","properties":{"list":{"default":[1,2,3,4,5,6,7,8]}}}}`)
	t.Run("EachValueOfADefault", func(t *testing.T) {
		config := validate.Config{Body: wide, MaxSteps: 1_500}
		serve(t, config, post(items(30))).passed(t)
		o := serve(t, config, post(items(150)))
		o.refused(t, 400, "validate.too_complex")
		if o.events[0].Rule != "body" {
			t.Errorf("rule is %q", o.events[0].Rule)
		}
	})
	t.Run("Parameters", func(t *testing.T) {
		config := validate.Config{MaxSteps: 20,
			Query: validate.SchemaJSON(`{"properties":{"a":{"type":"array","items":{"type":"integer"},"default":[1,2,3,4]}}}`)}
		serve(t, config, get("")).passed(t)
		config.MaxSteps = 12
		serve(t, config, get("")).refused(t, 400, "validate.too_complex")
	})
}

// Several schemas fill the same objects and arrays, each what it knows of, and
// nothing of the schema or the request is touched.
func TestSeveralSchemasFillTheSame(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{
		"type":"object",
		"properties":{"o":{"type":"object","properties":{"a":{"default":1},"list":{"items":{"properties":{"x":{"default":"x"}}}}}}},
		"allOf":[
			{"properties":{"o":{"properties":{"b":{"default":{}}}}}},
			{"properties":{"o":{"properties":{"b":{"properties":{"c":{"default":[{}]}}},"list":{"items":{"properties":{"y":{"default":"y"}}}}}}}},
			{"properties":{"o":{"properties":{"b":{"properties":{"c":{"items":{"properties":{"d":{"default":4}}}}}}}}}}]}`)}))
	outer := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"additionalProperties":true}`)}))
	for range 3 {
		r, err := outer.Check(post(`{"o":{"list":[{"x":0},{}]}}`))
		if err != nil {
			t.Fatal(err)
		}
		o := through(t, m, r)
		o.passed(t)
		if want := `{"o":{"a":1,"b":{"c":[{"d":4}]},"list":[{"x":0,"y":"y"},{"x":"x","y":"y"}]}}`; o.body != want {
			t.Fatalf("body is %s, want %s", o.body, want)
		}
		before, err := validate.BodyAs[map[string]any](r)
		if want := map[string]any{"o": map[string]any{"list": []any{map[string]any{"x": json.Number("0")}, map[string]any{}}}}; err != nil || !reflect.DeepEqual(before, want) {
			t.Fatalf("the outer layer's body is %v, %v", before, err)
		}
	}
}

// A default that adds a name in another case than one that is there makes a
// body that no reader takes.
func TestDefaultInAnotherCase(t *testing.T) {
	config := validate.Config{Body: validate.SchemaJSON(`{"properties":{"role":{}},"allOf":[{"properties":{"ROLE":{"default":"admin"}}}]}`)}
	serve(t, config, post(`{"role":"user"}`)).refused(t, 500, "validate.unchecked")
}

// However long a name is, its pointers are not, and a thousand faults below it
// do not write it a thousand times.
func TestLongNames(t *testing.T) {
	schema := validate.SchemaJSON(`{"type":"object","properties":{"labels":{"type":"object","additionalProperties":{"type":"object","additionalProperties":{"type":"string"}}}}}`)
	var faults strings.Builder
	for i := range 900 {
		fmt.Fprintf(&faults, `,"k%d":1`, i)
	}
	hostile := `{"labels":{"` + strings.Repeat("x", 900_000) + `":{` + faults.String()[1:] + `}}}`
	t.Run("AreTooComplex", func(t *testing.T) {
		o := serve(t, validate.Config{Body: schema}, post(hostile))
		o.refused(t, 400, "body.too_complex")
		if o.events[0].Rule != "name" {
			t.Errorf("rule is %q", o.events[0].Rule)
		}
	})
	t.Run("AreNotWrittenOut", func(t *testing.T) {
		if race.Enabled {
			t.Skip("it counts allocations")
		}
		m := bulwark.Must(validate.New(validate.Config{Body: schema, JSON: bulwark.JSONLimits{MaxNameBytes: 1 << 20}}))
		r := post(hostile)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := m.Check(r)
		runtime.ReadMemStats(&after)
		var p *bulwark.Problem
		if !errors.As(err, &p) || p.Code != "validate.invalid" || len(p.Errors) != 1 || p.Errors[0].Pointer != "/labels" {
			t.Fatalf("Check = %+v", p)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16<<20 {
			t.Errorf("%d bytes were allocated", spent)
		}
	})
	t.Run("OfAnEscapedName", func(t *testing.T) {
		o := serve(t, validate.Config{Body: schema}, post(`{"labels":{"`+strings.Repeat("~", 150)+`":{"a":1}}}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body /labels type"})
	})
	t.Run("OfAParameter", func(t *testing.T) {
		name := strings.Repeat("n", 300)
		config := validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{}}`)}
		o := serve(t, config, get(name+"=1&"+name+"=2"))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"query  repeated", "query  unknown"})
		serve(t, config, get(strings.Repeat("n", 1_025)+"=1")).refused(t, 400, "validate.too_complex")
	})
}

// A default of a parameter must be what a reader of the query or header gets
// from it.
func TestDefaultsThatParametersCannotSay(t *testing.T) {
	list := func(item, more string) string {
		return `{"type":"array","items":{"type":"string"},"default":["` + item + `"]` + more + `}`
	}
	tests := []struct {
		name, property string
		query, header  bool
	}{
		{"Plain", list("a b", ""), true, true},
		{"Comma", list("a,b", ""), true, false},
		{"CommaExploded", list("a,b", `,"x-explode":false`), false, false},
		{"SpaceBefore", list(" a", ""), true, false},
		{"TabAfter", list(`a\t`, ""), true, false},
		{"SpaceNotExploded", list(" a", `,"x-explode":false`), true, false},
		{"EmptyItem", list("", ""), true, false},
		{"EmptyItemNotExploded", list("", `,"x-explode":false`), true, false},
		{"Empty", `{"type":"array","items":{"type":"string"},"default":[]}`, true, true},
		{"EmptyNotExploded", `{"type":"array","items":{"type":"string"},"x-explode":false,"default":[]}`, true, true},
		{"LineBreak", `{"type":"string","default":"a\r\nX-Admin: 1"}`, true, false},
		{"Surrounded", `{"type":"string","default":" a"}`, true, false},
		{"Exponent", `{"type":"integer","default":1e3}`, false, false},
		{"Number", `{"type":"number","default":1.50}`, true, true},
		{"ThroughRef", `{"$ref":"#/$defs/l"}`, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			schema := validate.SchemaJSON(`{"properties":{"p":` + test.property + `},"$defs":{"l":{"type":"array","items":{"type":"string"},"x-explode":false,"default":["a,b"]}}}`)
			for in, want := range map[string]bool{"Query": test.query, "Header": test.header} {
				config := validate.Config{Query: schema}
				if in == "Header" {
					config = validate.Config{Header: schema}
				}
				_, err := validate.New(config)
				if (err == nil) != want {
					t.Errorf("%s: New = %v", in, err)
				}
				if err != nil && (!errors.As(err, new(*bulwark.ConfigError)) || !strings.Contains(err.Error(), `declares "p", whose default`)) {
					t.Errorf("%s: New = %v", in, err)
				}
			}
		})
	}
	t.Run("InAllOfToo", func(t *testing.T) {
		_, err := validate.New(validate.Config{Header: validate.SchemaJSON(`{"properties":{"p":{"type":"array","items":{"type":"string"}}},"allOf":[{"properties":{"p":{"default":["a,b"]}}}]}`)})
		if err == nil {
			t.Error("New takes it")
		}
	})
	t.Run("EmptyListsAddNothing", func(t *testing.T) {
		config := validate.Config{Query: validate.SchemaJSON(`{"properties":{
			"a":{"type":"array","items":{"type":"string"},"default":[]},
			"b":{"type":"array","items":{"type":"string"},"x-explode":false,"default":[]},
			"c":{"type":"integer","default":1}}}`)}
		o := serve(t, config, get("c=2"))
		o.passed(t)
		if o.seen.URL.RawQuery != "c=2" {
			t.Errorf("the query is %q", o.seen.URL.RawQuery)
		}
		got, err := validate.QueryAs[map[string]any](o.seen)
		if want := map[string]any{"a": []any{}, "b": []any{}, "c": json.Number("2")}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("QueryAs = %v, %v", got, err)
		}
		if values, err := url.ParseQuery(serve(t, config, get("")).seen.URL.RawQuery); err != nil || !reflect.DeepEqual(values, url.Values{"c": {"1"}}) {
			t.Errorf("the query is %v, %v", values, err)
		}
	})
	t.Run("EmptyListInAHeader", func(t *testing.T) {
		config := validate.Config{Header: validate.SchemaJSON(`{"properties":{"X-List":{"type":"array","items":{"type":"string"},"default":[]}}}`)}
		o := serve(t, config, httptest.NewRequest(http.MethodGet, "/", nil))
		o.passed(t)
		again := serve(t, config, o.seen)
		again.passed(t)
		if got, err := validate.HeaderAs[map[string][]string](again.seen); err != nil || len(got["X-List"]) != 0 {
			t.Errorf("HeaderAs = %v, %v", got, err)
		}
	})
}
