package validate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/validate"
)

// family is a tree whose children are declared three times over: by $ref, and twice in allOf.
const family = `{"$ref":"#/$defs/node","$defs":{
	"node":{"type":"object","allOf":[{"$ref":"#/$defs/base"},{"$ref":"#/$defs/base2"}],
		"properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer","default":1}}},
	"base":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"},"b":{"default":true}}},
	"base2":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"}}}}}`

const familyTree = `{"$ref":"#/$defs/node","$defs":{
	"node":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer","default":1}}}}}`

func nested(open, inner, shut string, depth int) string {
	return strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth)
}

// Filling in defaults costs each object once for each schema, and is paid for with the steps of checking.
func TestFillingIsBounded(t *testing.T) {
	t.Run("LinearInDepth", func(t *testing.T) {
		at := func(depth int) int {
			steps, _ := validate.Steps(familyTree, nested(`{"child":`, `{}`, `}`, depth))
			return steps
		}
		if one, ten := at(50)-at(40), at(150)-at(50); ten > 11*one {
			t.Errorf("ten levels take %d steps, a hundred %d", one, ten)
		}
	})
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
	t.Run("DeclaredThriceAndDeep", func(t *testing.T) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o := serve(t, validate.Config{Body: validate.SchemaJSON(family)}, post(nested(`{"child":`, `{}`, `}`, 30)))
		runtime.ReadMemStats(&after)
		o.refused(t, 400, "validate.too_complex") // checking applies each schema by each way, and gives up
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
			t.Errorf("%d bytes were allocated", spent)
		}
	})
	items := func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }
	wide := validate.SchemaJSON(`{"type":"array","items":{"type":"object","properties":{"list":{"default":[1,2,3,4,5,6,7,8]}}}}`)
	t.Run("EachValueOfADefault", func(t *testing.T) {
		config := validate.Config{Body: wide, Limits: validate.Limits{Steps: 1_500}}
		serve(t, config, post(items(30))).passed(t)
		o := serve(t, config, post(items(150)))
		o.refused(t, 400, "validate.too_complex")
		if o.events[0].Rule != "body" {
			t.Errorf("rule is %q", o.events[0].Rule)
		}
	})
	t.Run("LongText", func(t *testing.T) {
		long := validate.SchemaJSON(`{"type":"array","items":{"type":"object","properties":{"text":{"default":"` + strings.Repeat("x", 32_000) + `"}}}}`)
		config := validate.Config{Body: long, Limits: validate.Limits{Steps: 50_000}}
		serve(t, config, post(items(10))).passed(t)
		serve(t, config, post(items(100))).refused(t, 400, "validate.too_complex")
	})
	t.Run("Parameters", func(t *testing.T) {
		config := validate.Config{Limits: validate.Limits{Steps: 20},
			Query: validate.SchemaJSON(`{"properties":{"a":{"type":"array","items":{"type":"integer"},"default":[1,2,3,4]}}}`)}
		serve(t, config, get("")).passed(t)
		config.Limits.Steps = 12
		serve(t, config, get("")).refused(t, 400, "validate.too_complex")
	})
}

// Several schemas fill the same objects and arrays, each what it knows of, and nothing of the schema or the request is touched.
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

// A default that adds a name in another case than one that is there makes a body that no reader takes.
func TestDefaultInAnotherCase(t *testing.T) {
	config := validate.Config{Body: validate.SchemaJSON(`{"properties":{"role":{}},"allOf":[{"properties":{"ROLE":{"default":"admin"}}}]}`)}
	serve(t, config, post(`{"role":"user"}`)).refused(t, 400, "validate.unchecked")
}

func TestDefaultsWithoutEndAreErrors(t *testing.T) {
	for name, schema := range map[string]string{
		"Once":  `{"properties":{"a":{"$ref":"#"}},"default":{}}`,
		"Twice": `{"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"default":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validate.New(validate.Config{Body: validate.SchemaJSON(schema)})
			var fault *bulwark.ConfigError
			if !errors.As(err, &fault) || !strings.Contains(fault.Reason, "/default leads to itself without end") {
				t.Errorf("New = %v", err)
			}
		})
	}
	_, err := validate.New(validate.Config{Limits: validate.Limits{Steps: 5},
		Body: validate.SchemaJSON(`{"properties":{"a":{"properties":{"b":{"default":[1,2,3,4,5,6]}},"default":{}}}}`)})
	if err == nil || !strings.Contains(err.Error(), "takes more steps to fill in than Limits.Steps") {
		t.Errorf("New = %v", err)
	}
}

// However long a name is, its pointers are not, and a thousand faults below it do not write it a thousand times.
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
		m := bulwark.Must(validate.New(validate.Config{Body: schema, Limits: validate.Limits{Name: 1 << 20}}))
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
	// Which alternative was meant is seen by how deep a fault is, and not by a pointer that has been cut.
	t.Run("OfAnAlternative", func(t *testing.T) {
		name := strings.Repeat("n", 300)
		o := serve(t, validate.Config{Body: validate.SchemaJSON(`{"properties":{"` + name + `":{"oneOf":[
			{"type":"string"},{"type":"object","properties":{"a":{"maxLength":1}}}]}}}`)}, post(`{"`+name+`":{"a":"xx"}}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body  max_length"})
	})
}

// What is too long is refused for that alone: no pattern and no format looks at it.
func TestTooLongStringsAreNotLookedAt(t *testing.T) {
	looked := 0
	config := validate.Config{
		Body:    validate.SchemaJSON(`{"type":"string","maxLength":4,"minLength":2,"pattern":"^a+$","format":"mine"}`),
		Formats: map[string]func(string) bool{"mine": func(string) bool { looked++; return false }},
	}
	for _, test := range []struct {
		name, text string
		faults     []string
		looked     int
	}{
		{"Long", "bbbbb", []string{"body  max_length"}, 0},
		{"MuchTooLong", strings.Repeat("b", 100_000), []string{"body  max_length"}, 0},
		{"OfManyBytes", "😀😀😀😀😀", []string{"body  max_length"}, 0},
		{"JustOfManyBytes", "😀😀😀😀", []string{"body  format", "body  pattern"}, 1},
		{"Short", "b", []string{"body  format", "body  min_length", "body  pattern"}, 1},
		{"ShortOfManyBytes", "😀", []string{"body  format", "body  min_length", "body  pattern"}, 1},
		{"Within", "aa", []string{"body  format"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			looked = 0
			o := serve(t, config, post(`"`+test.text+`"`))
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), test.faults)
			if looked != test.looked {
				t.Errorf("the format looked %d times, want %d", looked, test.looked)
			}
		})
	}
}

// A pattern is paid for by the length of the string and by its own.
func TestPatternsCostSteps(t *testing.T) {
	const dear = `^(?:[a-z]+ ?){1,20}$`
	object := func(name string) string { return `{"` + name + `":1}` }
	tests := []struct {
		name, schema string
		document     func(string) string
	}{
		{"Pattern", `{"type":"string","pattern":"` + dear + `"}`, func(s string) string { return `"` + s + `"` }},
		{"PatternProperties", `{"patternProperties":{"` + dear + `":true}}`, object},
		{"PropertyNames", `{"propertyNames":{"pattern":"` + dear + `"},"additionalProperties":true}`, object},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			short, _ := validate.Steps(test.schema, test.document(strings.Repeat("ab", 32)))
			long, _ := validate.Steps(test.schema, test.document(strings.Repeat("ab", 32_000)))
			if short > 20 || long < 10_000 {
				t.Errorf("64 bytes take %d steps, 64,000 take %d", short, long)
			}
		})
	}
	t.Run("Ordinary", func(t *testing.T) {
		list := func(n int, item string) string { return "[" + strings.Repeat(`"`+item+`",`, n-1) + `"` + item + `"]` }
		for _, test := range []struct{ schema, document string }{
			{`{"type":"array","items":{"type":"string","pattern":"^[A-Za-z0-9_.-]{1,128}$"}}`, list(400, strings.Repeat("a-1_", 32))},
			{`{"type":"array","items":{"type":"string","pattern":"^[\\p{L}\\p{N} .,-]{1,200}$"}}`, list(800, strings.Repeat("Zoë, 12 St.", 5))},
			{`{"type":"string","pattern":"^(?s).{1,1000}"}`, `"` + strings.Repeat("some text ", 2_000) + `"`},
		} {
			serve(t, validate.Config{Body: validate.SchemaJSON(test.schema)}, post(test.document)).passed(t)
		}
	})
	t.Run("Dear", func(t *testing.T) {
		for _, expression := range []string{dear, `^([a-z]+.)*[a-z]{1,50}!$`, `[a-z]{1,100}[0-9]$`} {
			config := validate.Config{Body: validate.SchemaJSON(`{"type":"string","pattern":"` + expression + `"}`)}
			serve(t, config, post(`"`+strings.Repeat("ab", 500_000)+`"`)).refused(t, 400, "validate.too_complex")
		}
	})
	t.Run("TooComplex", func(t *testing.T) {
		config := validate.Config{Body: validate.SchemaJSON(tests[0].schema)}
		serve(t, config, post(`"`+strings.Repeat("ab", 32_000)+`"`)).passed(t)
		serve(t, config, post(`"`+strings.Repeat("ab", 500_000)+`"`)).refused(t, 400, "validate.too_complex")
	})
	t.Run("WithinTheLength", func(t *testing.T) {
		config := validate.Config{Body: validate.SchemaJSON(`{"type":"string","maxLength":64,"pattern":"` + dear + `"}`)}
		serve(t, config, post(`"`+strings.Repeat("ab", 500_000)+`"`)).refused(t, 422, "validate.invalid")
	})
}

// A name in another case evades no rule, however open the schema, and in whatever branch the rule stands.
func TestNamesInAnotherCase(t *testing.T) {
	open := func(rules string) string { return `{"type":"object","additionalProperties":true,` + rules + `}` }
	tests := []struct{ name, schema, bad, good, fault string }{
		{"If", open(`"if":{"required":["kind"],"properties":{"kind":{"const":"x"}}},"then":{"properties":{"amount":{"maximum":9}}}`),
			`{"KIND":"x","amount":10}`, `{"kind":"y","amount":10}`, "/KIND"},
		{"Then", open(`"if":{"required":["kind"]},"then":{"properties":{"amount":{"maximum":9}}}`), `{"kind":1,"Amount":10}`, `{"other":1}`, "/Amount"},
		{"Else", open(`"if":{"required":["kind"]},"then":true,"else":{"properties":{"amount":{"maximum":9}}}`), `{"kind":1,"Amount":10}`, `{"kind":1,"amount":10}`, "/Amount"},
		{"Not", open(`"not":{"required":["role"],"properties":{"role":{"const":"admin"}}}`), `{"ROLE":"admin"}`, `{"role":"user"}`, "/ROLE"},
		{"RequiredAlone", open(`"not":{"required":["role"]}`), `{"Role":1}`, `{"rôle":1}`, "/Role"},
		{"LongS", open(`"not":{"required":["status"]}`), `{"ſtatus":1}`, `{"state":1}`, "/ſtatus"},
		{"AnyOf", open(`"anyOf":[{"required":["a"]},{"properties":{"b":{"type":"string"}}}]`), `{"a":1,"B":1}`, `{"a":1,"b":1}`, "/B"},
		{"OneOf", open(`"oneOf":[{"required":["a"]},{"properties":{"b":{"type":"string"}},"required":["b"]}]`), `{"a":1,"B":1}`, `{"a":1,"b":1}`, "/B"},
		{"AllOf", open(`"allOf":[{"properties":{"b":{"type":"string"}}}]`), `{"B":1}`, `{"b":"1"}`, "/B"},
		{"Ref", open(`"$defs":{"d":{"properties":{"b":{"type":"string"}}}},"not":{"not":{"$ref":"#/$defs/d"}}`), `{"B":1}`, `{"b":"1"}`, "/B"},
		{"DynamicRef", open(`"$defs":{"d":{"$dynamicAnchor":"d","properties":{"b":{"type":"string"}}}},"not":{"not":{"$dynamicRef":"#d"}}`), `{"B":1}`, `{"b":"1"}`, "/B"},
		{"DependentSchemas", open(`"dependentSchemas":{"a":{"properties":{"b":{"type":"string"}}}}`), `{"A":1,"b":1}`, `{"a":1,"b":"1"}`, "/A"},
		{"WithinDependentSchemas", open(`"dependentSchemas":{"a":{"properties":{"b":{"type":"string"}}}}`), `{"B":1}`, `{"b":1}`, "/B"},
		{"DependentRequired", open(`"dependentRequired":{"a":["b"]}`), `{"A":1}`, `{"a":1,"b":1}`, "/A"},
		{"DependentRequiredNames", open(`"dependentRequired":{"a":["b"]}`), `{"B":1}`, `{"b":1}`, "/B"},
		{"BelowAnIf", open(`"if":{"required":["pay"],"properties":{"pay":{"required":["kind"],"properties":{"kind":{"const":"x"}}}}},"then":{"properties":{"amount":{"maximum":9}}}`),
			`{"pay":{"KIND":"x"},"amount":10}`, `{"pay":{"kind":"y"},"amount":10}`, "/pay/KIND"},
		{"InAnArrayBelowANot", open(`"not":{"properties":{"l":{"contains":{"required":["role"]}}},"required":["l"]}`), `{"l":[{"ROLE":1}]}`, `{"l":[{"x":1}]}`, "/l/0/ROLE"},
		{"BothAreDeclared", open(`"properties":{"a":true},"anyOf":[{"properties":{"A":true}},true]`), `{"À":1,"B":{"a":1},"Á":2,"c":{"x":1}}`, `{"A":1}`, ""},
		{"Elsewhere", open(`"properties":{"o":{"type":"object","additionalProperties":true}},"required":["o"]`), `{"O":{}}`, `{"o":{"O":1}}`, "/O"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(test.schema)}))
			through(t, m, post(test.good)).passed(t)
			o := through(t, m, post(test.bad))
			if test.fault == "" {
				o.passed(t)
				return
			}
			o.refused(t, 422, "validate.invalid")
			if all := strings.Join(o.faults(), ", "); !strings.Contains(all, "body "+test.fault+" unknown") {
				t.Errorf("faults are %s", all)
			}
		})
	}
	t.Run("CostsSteps", func(t *testing.T) {
		var names strings.Builder
		for i := range 500 {
			fmt.Fprintf(&names, `,"n%d":1`, i)
		}
		document := "{" + names.String()[1:] + "}"
		with, _ := validate.Steps(`{"type":"object","unevaluatedProperties":{},"required":["n1"]}`, document)
		without, _ := validate.Steps(`{"type":"object","unevaluatedProperties":{}}`, document)
		if with < without+500 {
			t.Errorf("comparing 500 names takes %d steps", with-without)
		}
	})
	t.Run("TooComplex", func(t *testing.T) {
		config := validate.Config{Limits: validate.Limits{Steps: 7}, Body: validate.SchemaJSON(`{"type":"object","required":["a"],"properties":{"a":true,"b":true,"c":true,"d":true}}`)}
		serve(t, config, post(`{"a":1}`)).passed(t)
		serve(t, config, post(`{"a":1,"b":1,"c":1,"d":1}`)).refused(t, 400, "validate.too_complex")
	})
}

// A default of a parameter must be what a reader of the query or header gets from it.
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

// Exact arithmetic costs steps, and never a power of ten.
func TestArithmeticIsBounded(t *testing.T) {
	t.Run("MultipleOf", func(t *testing.T) {
		numbers := func(n int, number string) string { return "[" + strings.Repeat(number+",", n-1) + number + "]" }
		short, _ := validate.Steps(`{"items":{"multipleOf":3}}`, numbers(100, "3"))
		long, _ := validate.Steps(`{"items":{"multipleOf":3}}`, numbers(100, strings.Repeat("3", 64)))
		if long < short+300 {
			t.Errorf("short numbers take %d steps, long ones %d", short, long)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 1_000 {
			validate.Divides("1e308", "1.234567e-300")
		}
		runtime.ReadMemStats(&after)
		if spent := (after.TotalAlloc - before.TotalAlloc) / 1_000; spent > 4_096 {
			t.Errorf("a division allocates %d bytes", spent)
		}
	})
	t.Run("UniqueItems", func(t *testing.T) {
		const schema = `{"$ref":"#/$defs/l","$defs":{"l":{"uniqueItems":true,"items":{"$ref":"#/$defs/l"}}}}`
		// On each level the values of all levels below are looked at.
		at := func(depth int) int {
			steps, _ := validate.Steps(schema, nested("[", "1", "]", depth))
			return steps
		}
		if got := at(200) - at(100); got < 200*200/2-100*100/2 {
			t.Errorf("a hundred levels more take %d steps", got)
		}
		few, _ := validate.Steps(`{"uniqueItems":true,"items":true}`, `["a","b"]`)
		text, _ := validate.Steps(`{"uniqueItems":true,"items":true}`, `["a","`+strings.Repeat("b", 32_000)+`"]`)
		if text < few+1_000 {
			t.Errorf("short text takes %d steps, long text %d", few, text)
		}
		config := validate.Config{Body: validate.SchemaJSON(`{"uniqueItems":true,"items":true}`)}
		serve(t, config, post(`[{"a":[1,2]},{"a":[1.0,2]}]`)).refused(t, 422, "validate.invalid")
		serve(t, config, post(`[{"a":[1,2]},{"a":[2,1]}]`)).passed(t)
	})
}

// Whether a number is a multiple is what package math/big says.
func FuzzDivides(f *testing.F) {
	for _, pair := range [][2]string{{"0", "3"}, {"9", "3"}, {"10", "3"}, {"19.99", "0.01"}, {"0.075", "0.01"}, {"1e308", "1e-300"}, {"5", "10"},
		{"-1e20", "1e19"}, {"1e20", "7"}, {"123456789012345678901234567890", "10"}, {"0.5", "2.5"}, {"2.5e1", "0.5"}, {"1e2", "8"}, {"1e3", "8"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := jsondoc.DecodeValue([]byte(a), jsondoc.Limits{})
		y, errY := jsondoc.DecodeValue([]byte(b), jsondoc.Limits{})
		n, isNumber := x.(json.Number)
		m, isNumberToo := y.(json.Number)
		if errX != nil || errY != nil || !isNumber || !isNumberToo {
			return
		}
		numerator, _ := new(big.Rat).SetString(n.String())
		divisor, _ := new(big.Rat).SetString(m.String())
		if divisor.Sign() <= 0 {
			return
		}
		if got, want := validate.Divides(n, m), new(big.Rat).Quo(numerator, divisor).IsInt(); got != want {
			t.Errorf("%s is a multiple of %s: %v", n, m, got)
		}
	})
}
