package schema_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// One rule at a time: the code, the parameters and the sentence for it, and a
// value that just passes.
func TestRules(t *testing.T) {
	tests := []struct {
		schema, bad, good string
		want              string // pointer, code, parameters and detail
	}{
		{`{"type":"string"}`, `1`, `"1"`, ` type {"expected":["string"]} Must be of type string.`},
		{`{"type":["integer","null"]}`, `1.5`, `1.0`, ` type {"expected":["null","integer"]} Must be of type null or integer.`},
		{`{"type":"boolean"}`, `0`, `true`, ` type {"expected":["boolean"]} Must be of type boolean.`},
		{`{"const":"a"}`, `"b"`, `"a"`, ` const {"allowed":["a"]} Must be the one value that is allowed.`},
		{`{"const":{"a":[1]}}`, `{"a":[2]}`, `{"a":[1.0]}`, ` const null Must be the one value that is allowed.; /a unknown null Is not known here; leave it out.`},
		{`{"enum":["a",1]}`, `2`, `1.0`, ` enum {"allowed":["a",1]} Must be one of the values that are allowed.`},
		{`{"enum":[[1]]}`, `2`, `[1]`, ` enum null Must be one of the values that are allowed.`},
		{`{"format":"uuid"}`, `"x"`, `1`, ` format {"format":"uuid"} Must be a valid uuid.`},
		{`{"pattern":"^a+$"}`, `"b"`, `"aa"`, ` pattern {"pattern":"^a+$"} Must match the pattern.`},
		{`{"minLength":2}`, `"😀"`, `"😀😀"`, ` min_length {"limit":2} Must have at least 2 characters.`},
		{`{"maxLength":2}`, `"äöü"`, `"äö"`, ` max_length {"limit":2} Must have at most 2 characters.`},
		{`{"minimum":1.5}`, `1.4999999999999999999999`, `1.5`, ` minimum {"limit":1.5} Must be 1.5 or more.`},
		{`{"maximum":9007199254740993}`, `9007199254740994`, `9007199254740993`, ` maximum {"limit":9007199254740993} Must be 9007199254740993 or less.`},
		{`{"exclusiveMinimum":0}`, `-0.0`, `1e-300`, ` exclusive_minimum {"limit":0} Must be more than 0.`},
		{`{"exclusiveMaximum":-1}`, `-1.0`, `-1.0000001`, ` exclusive_maximum {"limit":-1} Must be less than -1.`},
		{`{"multipleOf":0.01}`, `0.075`, `19.99`, ` multiple_of {"limit":0.01} Must be a multiple of 0.01.`},
		{`{"multipleOf":3}`, `10`, `-9`, ` multiple_of {"limit":3} Must be a multiple of 3.`},
		{`{"minItems":2}`, `[1]`, `[1,2]`, ` min_items {"limit":2} Must have at least 2 items.`},
		{`{"maxItems":1}`, `[1,2]`, `[1]`, ` max_items {"limit":1} Must have at most 1 items.`},
		{`{"uniqueItems":true}`, `[1,"a",1.0]`, `[1,"1",true,[1],[2]]`, ` unique_items {"first":0,"second":2} Must not hold the same item twice.`},
		{`{"contains":{"type":"integer"}}`, `["a"]`, `["a",1]`, ` min_contains {"limit":1} Must have at least 1 items of the required kind.`},
		{`{"contains":{"type":"integer"},"maxContains":1}`, `[1,2]`, `[1,"a"]`, ` max_contains {"limit":1} Must have at most 1 items of the limited kind.`},
		{`{"prefixItems":[{"type":"integer"}],"items":false}`, `[1,2]`, `[1]`, `/1 forbidden null Is not allowed here; leave it out.`},
		{`{"prefixItems":[{"type":"integer"}],"unevaluatedItems":false}`, `[1,2]`, `[1]`, `/1 forbidden null Is not allowed here; leave it out.`},
		{`{"minProperties":1,"additionalProperties":true}`, `{}`, `{"a":1}`, ` min_properties {"limit":1} Must have at least 1 properties.`},
		{`{"maxProperties":1,"additionalProperties":true}`, `{"a":1,"b":2}`, `{"a":1}`, ` max_properties {"limit":1} Must have at most 1 properties.`},
		{`{"propertyNames":{"pattern":"^[a-z]+$"},"additionalProperties":true}`, `{"A":1}`, `{"a":1}`, `/A property_name null Must have a name that is allowed.`},
		{`{"additionalProperties":false}`, `{"a":1}`, `{}`, `/a unknown null Is not known here; leave it out.`},
		{`{"unevaluatedProperties":false,"properties":{"b":{}}}`, `{"a":1}`, `{"b":1}`, `/a unknown null Is not known here; leave it out.`},
		{`{"unevaluatedProperties":{"type":"integer"}}`, `{"a":"x"}`, `{"a":1}`, `/a type {"expected":["integer"]} Must be of type integer.`},
		{`{"dependentRequired":{"a":["b"]},"additionalProperties":true}`, `{"a":1}`, `{"a":1,"b":1}`, `/b dependent_required {"with":"a"} Is required together with a.`},
		{`{"properties":{"a":false}}`, `{"a":1}`, `{}`, `/a forbidden null Is not allowed here; leave it out.`},
		{`{"not":{"type":"string"}}`, `"a"`, `1`, ` not null Must not be of the excluded kind.`},
		{`{"anyOf":[{"type":"string"},{"type":"integer"}]}`, `true`, `1`, ` any_of null Must fit at least one of the alternatives.`},
		{`{"anyOf":[{"type":"string"},{"type":"integer","maximum":3}]}`, `4`, `3`, ` maximum {"limit":3} Must be 3 or less.`},
		{`{"oneOf":[{"type":"integer"},{"minimum":2}]}`, `3`, `1`, ` one_of {"matched":2} Must fit exactly one of the alternatives.`},
		{`{"oneOf":[{"type":"string"},{"type":"array"}]}`, `{"a":1}`, `"a"`, ` one_of null Must fit exactly one of the alternatives.`},
		{`{"if":{"type":"integer"},"then":{"maximum":1},"else":{"type":"string"}}`, `2`, `1`, ` maximum {"limit":1} Must be 1 or less.`},
		{`{"patternProperties":{"^n":{"type":"integer"}}}`, `{"na":"x"}`, `{"na":1}`, `/na type {"expected":["integer"]} Must be of type integer.`},
	}
	for _, test := range tests {
		t.Run(strings.NewReplacer(" ", "", "/", "|").Replace(test.schema), func(t *testing.T) {
			s := compile(t, test.schema, schema.Options{})
			check(t, s, test.good).passed(t)
			o := check(t, s, test.bad)
			if o.err != nil || !reflect.DeepEqual(o.Value, valueOf(t, test.bad)) || o.Changed {
				t.Errorf("Check = %+v, %v", o.Result, o.err)
			}
			var got []string
			for _, f := range o.Faults {
				text, _ := json.Marshal(f.Params)
				got = append(got, fmt.Sprintf("%s %s %s %s", f.Pointer, f.Code, text, f.Detail()))
			}
			if joined := strings.Join(got, "; "); joined != test.want {
				t.Errorf("got  %s\nwant %s", joined, test.want)
			}
		})
	}
}

// An alternative that was probably meant is the one whose faults are reported.
func TestBestBranch(t *testing.T) {
	const alternatives = `{"oneOf":[
		{"type":"string"},
		{"type":"object","required":["kind","radius","color"],"properties":{"kind":{"const":"circle"},"radius":{"type":"number"},"color":{"type":"string"}}},
		{"type":"object","required":["kind","side"],"properties":{"kind":{"const":"square"},"side":{"type":"number"}}}]}`
	tests := []struct {
		name, body string
		want       []string
	}{
		{"ByConstant", `{"kind":"circle"}`, []string{"/color required", "/radius required"}},
		{"OtherConstant", `{"kind":"square","side":"x"}`, []string{"/side type"}},
		{"NoConstant", `{"radius":1,"color":"red"}`, []string{"/kind required"}},
		{"NoneOfThisType", `17`, []string{" one_of"}},
		{"UnknownInTheBest", `{"kind":"square","side":1,"radius":1}`, []string{"/radius unknown"}},
	}
	s := compile(t, alternatives, schema.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, s, test.body).refused(t, test.want...)
		})
	}
}

func TestUniqueItemsOfMany(t *testing.T) {
	s := compile(t, `{"type":"array","uniqueItems":true,"items":true}`, schema.Options{})
	var items []string
	for i := range 500 {
		// Equal as floats, different as numbers.
		items = append(items, fmt.Sprintf("1.0000000000000000000000000%03d1", i))
	}
	items = append(items, `{"a":1,"b":[null,true,false,"x"]}`, `{"b":[null,true,false]}`, `null`, `true`, `false`, `"x"`, `[]`, `{}`, `0`)
	check(t, s, "["+strings.Join(items, ",")+"]").passed(t)
	for _, twice := range []string{`{"b":[null,true,false,"x"],"a":1.0}`, `-0.0`, `1.00000000000000000000000004991`, `10000000000000000000000000000001e-31`} {
		o := check(t, s, "["+strings.Join(append(items, twice), ",")+"]")
		if twice == `10000000000000000000000000000001e-31` {
			o.passed(t)
			continue
		}
		o.refused(t, " unique_items")
	}
}
