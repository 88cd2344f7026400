package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// A required property that no object can have is a mistake. A property is only
// named if it is certain that no schema of the object describes it.
func TestRequiredButNeverDescribed(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"Root", `{"type":"object","required":["nickname"],"properties":{"email":{}}}`, `at /required names "nickname", which no schema of the object describes`},
		{"Advice", `{"required":["nickname"],"properties":{"email":{}}}`, "declare it under properties, or take it out of required"},
		{"NoProperties", `{"type":"object","required":["nickname"]}`, `names "nickname"`},
		{"AllOf", `{"properties":{"email":{}},"allOf":[{"required":["nickname"]}]}`, `/allOf/0/required names "nickname"`},
		{"Reference", `{"$ref":"#/$defs/a","$defs":{"a":{"required":["nickname"],"properties":{"email":{}}}}}`, `/$defs/a/required names "nickname"`},
		{"Property", `{"properties":{"a":{"required":["nickname"],"properties":{"email":{}}}}}`, `/properties/a/required names "nickname"`},
		{"Items", `{"items":{"required":["nickname"],"properties":{"email":{}}}}`, `/items/required names "nickname"`},
		{"Values", `{"additionalProperties":{"required":["nickname"],"properties":{"email":{}}}}`, `/additionalProperties/required names "nickname"`},
		{"PatternForOthers", `{"required":["nickname"],"patternProperties":{"^x-":{}}}`, `names "nickname"`},
		{"UnevaluatedFalse", `{"required":["nickname"],"properties":{"email":{}},"unevaluatedProperties":false}`, `names "nickname"`},
		{"InACircle", `{"required":["nickname"],"properties":{"child":{"$ref":"#"}}}`, `at /required names "nickname"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mistakes(t, test.schema); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			compile(t, test.schema, schema.Options{Open: true})
		})
	}
	for _, test := range []struct{ name, schema, good string }{
		{"AllOf", `{"required":["a"],"allOf":[{"properties":{"a":{}}}]}`, `{"a":1}`},
		{"AllOfOfAnother", `{"allOf":[{"required":["a"]},{"properties":{"a":{}}}]}`, `{"a":1}`},
		{"AnyOf", `{"required":["a"],"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}`, `{"a":1}`},
		{"OneOf", `{"required":["a"],"oneOf":[{"properties":{"a":{}}},{"required":["b"],"properties":{"b":{}}}]}`, `{"a":1}`},
		{"Then", `{"required":["a"],"if":{"required":["a"]},"then":{"properties":{"a":{}}}}`, `{"a":1}`},
		{"Else", `{"required":["a"],"if":{"maxProperties":0},"else":{"properties":{"a":{}}}}`, `{"a":1}`},
		{"Reference", `{"required":["a"],"$ref":"#/$defs/a","$defs":{"a":{"properties":{"a":{}}}}}`, `{"a":1}`},
		{"RequiredByTheReference", `{"properties":{"a":{}},"$ref":"#/$defs/a","$defs":{"a":{"required":["a"]}}}`, `{"a":1}`},
		{"DynamicReference", `{"required":["a"],"$dynamicRef":"#n","$defs":{"n":{"$dynamicAnchor":"n","properties":{"a":{}}}}}`, `{"a":1}`},
		{"DependentSchemas", `{"required":["a","b"],"properties":{"b":{}},"dependentSchemas":{"b":{"properties":{"a":{}}}}}`, `{"a":1,"b":2}`},
		{"Pattern", `{"required":["a"],"patternProperties":{"^a":{}}}`, `{"a":1}`},
		{"AdditionalTrue", `{"required":["a"],"additionalProperties":true}`, `{"a":1}`},
		{"AdditionalOfAType", `{"required":["a"],"additionalProperties":{"type":"integer"}}`, `{"a":1}`},
		{"UnevaluatedTrue", `{"required":["a"],"unevaluatedProperties":true}`, `{"a":1}`},
		{"Enum", `{"required":["a"],"enum":[{"a":1},{"a":2}]}`, `{"a":1}`},
		{"Const", `{"required":["a"],"const":{"a":1}}`, `{"a":1}`},
		{"WithinAnOpenObject", `{"properties":{"o":{"required":["a"]}},"allOf":[{"additionalProperties":true}]}`, `{"o":{"a":1}}`},
		{"WithinABranch", `{"anyOf":[{"properties":{"o":{"required":["a"]}}},{"properties":{"o":{}}}]}`, `{"o":1}`},
		{"DescribedFromOutside", `{"properties":{"o":{"required":["a"]}},"allOf":[{"properties":{"o":{"properties":{"a":{}}}}}]}`, `{"o":{"a":1}}`},
		{"DescribedByAPatternOutside", `{"properties":{"o":{"required":["a"]}},"patternProperties":{"^o$":{"properties":{"a":{}}}}}`, `{"o":{"a":1}}`},
		{"ItemDescribedByPrefix", `{"prefixItems":[{"properties":{"a":{}}}],"items":{"properties":{"a":{}},"required":["a"]}}`, `[{"a":1},{"a":2}]`},
		{"Not", `{"properties":{"a":{}},"not":{"required":["b"]}}`, `{"a":1}`},
		{"InABranch", `{"anyOf":[{"required":["b"]},{"properties":{"a":{}}}]}`, `{"a":1}`},
		{"MetaSchema", `{"properties":{"o":{"required":["type"],"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`, `{"o":{"type":"string"}}`},
	} {
		t.Run("Possible/"+test.name, func(t *testing.T) {
			check(t, compile(t, test.schema, schema.Options{}), test.good).passed(t)
		})
	}
}

// The mistake of a $ref's document is reported with its name, once.
func TestNeverDescribedInAnotherDocument(t *testing.T) {
	load := func(string) (string, error) { return `{"required":["a"]}`, nil }
	_, err := schema.Compile(schema.Source{URL: schema.Base + "main.json", Text: `{"properties":{"x":{"$ref":"b.json"},"y":{"$ref":"b.json"}}}`, Load: load}, schema.Options{MaxSteps: 100})
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 1 || !strings.HasPrefix(err.Error(), `b.json at /required names "a"`) {
		t.Errorf("got %v", err)
	}
}
