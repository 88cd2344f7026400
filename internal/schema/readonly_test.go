package schema_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// Whether a property may be left out because it is read only is decided for
// the place where it is required: what another branch says does not count, and
// a condition asks what was sent.
func TestCaseValidate2Places(t *testing.T) {
	const ro = `{"type":"string","readOnly":true}`
	type doc struct {
		text string
		want []string // faults; none is valid
	}
	tests := []struct {
		name, schema string
		docs         []doc
	}{
		{"OtherBranch", `{"oneOf":[{"required":["k"],"properties":{"k":{"const":"a"},"role":` + ro + `}},
			{"required":["k","role"],"properties":{"k":{"const":"b"},"role":{"type":"string"}}}]}`,
			[]doc{{`{"k":"b"}`, []string{"/role required"}}, {`{"k":"b","role":"x"}`, nil}, {`{"k":"a"}`, nil}, {`{"k":"a","role":"x"}`, []string{"/role read_only"}}}},
		{"OtherBranchBelow", `{"anyOf":[{"properties":{"item":{"required":["x"],"properties":{"role":` + ro + `,"x":true}}}},
			{"properties":{"item":{"required":["role"],"properties":{"role":{"type":"string"}}}}}]}`,
			[]doc{{`{"item":{}}`, []string{"/item/x required"}}, {`{"item":{"role":"x"}}`, nil}}},
		{"ThenAndElse", `{"required":["k"],"properties":{"k":{"enum":["a","b"]}},"if":{"properties":{"k":{"const":"a"}}},"then":{"properties":{"role":` + ro + `}},
			"else":{"required":["role"],"properties":{"role":{"type":"string"}}}}`,
			[]doc{{`{"k":"a"}`, nil}, {`{"k":"b"}`, []string{"/role required"}}, {`{"k":"b","role":"x"}`, nil}}},
		{"OwnBranch", `{"oneOf":[{"required":["id","k"],"properties":{"id":` + ro + `,"k":{"const":"a"}}},{"required":["id"],"properties":{"id":` + ro + `,"l":{"const":1}},"dependentRequired":{"l":["id"]},"minProperties":1}]}`,
			[]doc{{`{"k":"a"}`, []string{" one_of"}}, {`{"l":1}`, nil}}},
		{"BranchesOfABase", `{"properties":{"id":` + ro + `,"a":{"type":"string"},"b":{"type":"string"}},"oneOf":[{"required":["id","a"]},{"required":["id","b"]}]}`,
			[]doc{{`{"a":"x"}`, nil}, {`{"b":"x"}`, nil}, {`{"a":"x","b":"x"}`, []string{" one_of"}}, {`{}`, []string{"/a required"}}}},
		{"BranchesThatAskForPresence", `{"properties":{"id":` + ro + `,"a":{"type":"string"}},"oneOf":[{"required":["a"]},{"required":["id"]}]}`,
			[]doc{{`{"a":"x"}`, nil}, {`{}`, []string{"/a required"}}}},
		{"Not", `{"properties":{"id":` + ro + `,"a":{"type":"string"}},"not":{"required":["id"]}}`, []doc{{`{"a":"x"}`, nil}}},
		{"NotBelow", `{"properties":{"item":{"properties":{"id":` + ro + `}}},"not":{"required":["item"],"properties":{"item":{"required":["id"]}}}}`, []doc{{`{"item":{}}`, nil}}},
		{"If", `{"properties":{"id":` + ro + `,"x":{"type":"string"}},"if":{"required":["id"]},"then":{"required":["x"]}}`, []doc{{`{}`, nil}}},
		{"ThenOfABase", `{"properties":{"id":` + ro + `,"x":{"type":"string"}},"if":{"required":["x"]},"then":{"required":["id"]}}`, []doc{{`{"x":"x"}`, nil}}},
		{"DependentSchemasOfABase", `{"properties":{"id":` + ro + `,"x":{"type":"string"}},"dependentSchemas":{"x":{"required":["id"]}}}`, []doc{{`{"x":"x"}`, nil}}},
		{"AllOfEitherOrder", `{"allOf":[{"properties":{"item":{"required":["role","n"]}}},{"properties":{"item":{"properties":{"role":` + ro + `,"n":true}}}},{"properties":{"item":{"required":["role"]}}}]}`,
			[]doc{{`{"item":{"n":1}}`, nil}, {`{"item":{}}`, []string{"/item/n required"}}}},
		{"MemberOfABase", `{"properties":{"item":{"properties":{"role":` + ro + `,"n":true}}},"anyOf":[{"required":["item"],"properties":{"item":{"required":["role","n"]}}}]}`,
			[]doc{{`{"item":{"n":1}}`, nil}, {`{"item":{}}`, []string{"/item/n required"}}}},
		{"Items", `{"type":"array","items":{"allOf":[{"required":["id"]},{"properties":{"id":` + ro + `}}]}}`, []doc{{`[{},{}]`, nil}, {`[{"id":"x"}]`, []string{"/0/id read_only"}}}},
		{"PatternProperties", `{"required":["x-a"],"patternProperties":{"^x-":{"readOnly":true}}}`, []doc{{`{}`, nil}, {`{"x-a":1}`, []string{"/x-a read_only"}}}},
		{"AdditionalProperties", `{"required":["a","b"],"properties":{"b":true},"additionalProperties":{"readOnly":true}}`, []doc{{`{"b":1}`, nil}, {`{}`, []string{"/b required"}}, {`{"a":1,"b":1}`, []string{"/a read_only"}}}},
		{"UnevaluatedProperties", `{"required":["a"],"unevaluatedProperties":{"readOnly":true}}`, []doc{{`{}`, nil}, {`{"a":1}`, []string{"/a read_only"}}}},
		{"DynamicRef", `{"$id":"https://example.com/t","$dynamicAnchor":"n","required":["id"],"properties":{"id":` + ro + `,"kids":{"items":{"$dynamicRef":"#n"}}}}`,
			[]doc{{`{"kids":[{"kids":[]}]}`, nil}, {`{"kids":[{"id":"x"}]}`, []string{"/kids/0/id read_only"}}}},
		{"SharedBase", `{"oneOf":[{"allOf":[{"$ref":"#/$defs/base"},{"required":["k"],"properties":{"id":` + ro + `,"k":{"const":"a"}}}]},
			{"required":["k"],"properties":{"k":{"type":"string"},"id":true},"allOf":[{"$ref":"#/$defs/base"}]}],"$defs":{"base":{"required":["id"]}}}`,
			[]doc{{`{"k":"b"}`, []string{"/id required"}}, {`{"k":"b","id":"x"}`, nil}, {`{"k":"a"}`, nil}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := compile(t, test.schema, schema.Options{Request: true})
			for _, d := range test.docs {
				with, without, valid := schema.WithMemory(s, valueOf(t, d.text))
				if valid != [2]bool{len(d.want) == 0, len(d.want) == 0} || !reflect.DeepEqual(with, without) {
					t.Errorf("%s: %v with memory %v, without %v", d.text, valid, with, without)
				}
				o := check(t, s, d.text)
				if len(d.want) == 0 {
					o.passed(t)
					continue
				}
				o.refused(t, d.want...)
			}
		})
	}
}

// A read-only property in each branch does not make a tree of alternatives
// dear.
func TestCaseValidate2Unions(t *testing.T) {
	for _, u := range unions() {
		text := strings.ReplaceAll(u.schema, `"field":{"type":"string"}`, `"field":{"type":"string"},"id":{"readOnly":true}`)
		if text == u.schema {
			continue
		}
		t.Run(u.name, func(t *testing.T) {
			s := compile(t, text, schema.Options{Request: true})
			for _, depth := range []int{1, 8, 31} {
				check(t, s, nested(u.open, u.leaf, u.shut, depth)).passed(t)
				o := check(t, s, nested(u.open, u.wrong, u.shut, depth))
				if o.err != nil || len(o.Faults) != 1 || string(o.Faults[0].Code) != u.code {
					t.Errorf("depth %d: %s, %v", depth, fmt.Sprint(o.faults()), o.err)
				}
			}
		})
	}
}
