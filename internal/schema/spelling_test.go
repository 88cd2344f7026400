package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// A name in another case does not evade a rule, in an open schema and in every
// branch.
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
			s := compile(t, test.schema, schema.Options{})
			check(t, s, test.good).passed(t)
			o := check(t, s, test.bad)
			if test.fault == "" {
				o.passed(t)
				return
			}
			if got := o.faults(); o.err != nil || !slices.Contains(got, test.fault+" unknown") {
				t.Errorf("faults are %q, %v", got, o.err)
			}
		})
	}
	t.Run("CostsSteps", func(t *testing.T) {
		var names strings.Builder
		for i := range 500 {
			fmt.Fprintf(&names, `,"n%d":1`, i)
		}
		document := "{" + names.String()[1:] + "}"
		with, _ := schema.Steps(`{"type":"object","unevaluatedProperties":{},"required":["n1"]}`, document)
		without, _ := schema.Steps(`{"type":"object","unevaluatedProperties":{}}`, document)
		if with < without+500 {
			t.Errorf("comparing 500 names takes %d steps", with-without)
		}
	})
	t.Run("TooComplex", func(t *testing.T) {
		s := compile(t, `{"type":"object","required":["a"],"properties":{"a":true,"b":true,"c":true,"d":true}}`, schema.Options{MaxSteps: 7})
		check(t, s, `{"a":1}`).passed(t)
		check(t, s, `{"a":1,"b":1,"c":1,"d":1}`).tooComplex(t)
	})
}
