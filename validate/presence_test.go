package validate_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// A readOnly property is the service's: a request that has it is refused, and
// none needs it.
func TestCaseValidate2ReadOnly(t *testing.T) {
	tests := []struct {
		name, schema, good, bad string
		faults                  []string
	}{
		{"Property", `{"type":"object","required":["role","name"],"properties":{"name":{"type":"string"},"role":{"type":"string","readOnly":true}}}`,
			`{"name":"x"}`, `{"name":"x","role":"admin"}`, []string{"body /role read_only"}},
		{"ThroughRef", `{"type":"object","required":["id"],"properties":{"id":{"$ref":"#/$defs/id"}},"$defs":{"id":{"type":"integer","readOnly":true}}}`,
			`{}`, `{"id":1}`, []string{"body /id read_only"}},
		{"ThroughAllOf", `{"type":"object","required":["id"],"properties":{"id":{"allOf":[{"type":"integer"},{"readOnly":true}]}}}`,
			`{}`, `{"id":1}`, []string{"body /id read_only"}},
		{"RequiredElsewhere", `{"type":"object","allOf":[{"$ref":"#/$defs/base"},{"required":["id","name"]}],"$defs":{"base":{"properties":{"id":{"readOnly":true},"name":{"type":"string"}}}}}`,
			`{"name":"a"}`, `{"id":null}`, []string{"body /id read_only", "body /name required"}},
		{"Nested", `{"type":"object","properties":{"o":{"type":"object","required":["id"],"properties":{"id":{"type":"integer","readOnly":true}}},
			"l":{"type":"array","items":{"type":"object","properties":{"at":{"type":"string","readOnly":true}}}}}}`,
			`{"o":{},"l":[{}]}`, `{"o":{"id":1},"l":[{},{"at":"x"}]}`, []string{"body /l/1/at read_only", "body /o/id read_only"}},
		{"InABranch", `{"type":"object","oneOf":[{"required":["kind","id"],"properties":{"kind":{"const":"a"},"id":{"readOnly":true}}},{"required":["kind"],"properties":{"kind":{"const":"b"}}}]}`,
			`{"kind":"a"}`, `{"kind":"a","id":1}`, []string{"body /id read_only"}},
		{"DependentRequired", `{"type":"object","dependentRequired":{"a":["id"]},"properties":{"a":true,"id":{"type":"string","readOnly":true}}}`,
			`{"a":1}`, `{"a":1,"id":"x"}`, []string{"body /id read_only"}},
		{"WholeObject", `{"type":"object","properties":{"links":{"type":"object","readOnly":true,"properties":{"self":{"type":"string"}}}}}`,
			`{}`, `{"links":{"self":"x"}}`, []string{"body /links read_only"}},
		{"WriteOnly", `{"type":"object","required":["password"],"properties":{"password":{"type":"string","writeOnly":true}}}`,
			`{"password":"x"}`, `{}`, []string{"body /password required"}},
		{"BranchOfNothingElse", `{"type":"object","properties":{"id":{"readOnly":true},"a":{"type":"string"}},"anyOf":[{"required":["id"]},{"required":["a","id"]}]}`,
			`{"a":"x"}`, `{}`, []string{"body /id required"}},
		{"ReadOnlyFalse", `{"type":"object","required":["a"],"properties":{"a":{"type":"string","readOnly":false}}}`,
			`{"a":"x"}`, `{}`, []string{"body /a required"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(test.schema)}))
			through(t, m, post(test.good)).passed(t)
			o := through(t, m, post(test.bad))
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), test.faults)
			open := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(test.schema), InsecureUnknownProperties: true}))
			through(t, open, post(test.bad)).refused(t, 422, "validate.invalid")
		})
	}
	t.Run("DefaultOfTheService", func(t *testing.T) {
		o := serve(t, validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"role":{"type":"string","readOnly":true,"default":"user"}}}`)}, post(`{}`))
		o.passed(t)
		if o.body != `{}` {
			t.Errorf("body is %s", o.body)
		}
	})
	t.Run("Query", func(t *testing.T) {
		config := validate.Config{Query: validate.SchemaJSON(`{"type":"object","required":["id"],"properties":{"id":{"type":"integer","readOnly":true}}}`)}
		serve(t, config, get("")).passed(t)
		o := serve(t, config, get("id=1"))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"query /id read_only"})
	})
}

// Rules about presence are decided on what was sent.
func TestCaseValidate20Presence(t *testing.T) {
	tests := []struct {
		name, schema string
		good         []string // what was sent, then what the handler reads
		bad          string
		faults       []string
	}{
		{"DependentRequired", `{"properties":{"channel":{"type":"string"},"profile":{"type":"string","default":"d"}},"dependentRequired":{"profile":["channel"]}}`,
			[]string{`{}`, `{"profile":"d"}`}, `{"profile":"d"}`, []string{"body /channel dependent_required"}},
		{"RequiredByADependency", `{"properties":{"a":{"type":"string"},"b":{"type":"string","default":"d"}},"dependentRequired":{"a":["b"]}}`,
			[]string{`{"a":"x","b":"y"}`, `{"a":"x","b":"y"}`}, `{"a":"x"}`, []string{"body /b dependent_required"}},
		{"MaxProperties", `{"maxProperties":1,"properties":{"a":{"type":"string","default":"x"},"b":{"type":"string","default":"x"}}}`,
			[]string{`{"a":"y"}`, `{"a":"y","b":"x"}`}, `{"a":"y","b":"y"}`, []string{"body  max_properties"}},
		{"PropertyNames", `{"propertyNames":{"pattern":"^[a-z]+$"},"properties":{"a":{"type":"string"},"userId":{"type":"string","default":"x"}}}`,
			[]string{`{"a":"y"}`, `{"a":"y","userId":"x"}`}, `{"userId":"x"}`, []string{"body /userId property_name"}},
		{"MinProperties", `{"minProperties":1,"properties":{"a":{"type":"string","default":"x"},"b":{"type":"string"}}}`,
			[]string{`{"b":"y"}`, `{"a":"x","b":"y"}`}, `{}`, []string{"body  min_properties"}},
		{"Required", `{"required":["v"],"properties":{"v":{"type":"integer","default":1}}}`,
			[]string{`{"v":2}`, `{"v":2}`}, `{}`, []string{"body /v required"}},
		{"RequiredInAllOf", `{"allOf":[{"required":["v"]}],"properties":{"v":{"type":"integer","default":1}}}`,
			[]string{`{"v":2}`, `{"v":2}`}, `{}`, []string{"body /v required"}},
		{"DependentSchemas", `{"properties":{"a":{"default":1},"b":{"type":"string"}},"dependentSchemas":{"a":{"required":["b"]}}}`,
			[]string{`{}`, `{"a":1}`}, `{"a":2}`, []string{"body /b required"}},
		{"IfThen", `{"properties":{"a":{"default":1},"b":{"type":"string"}},"if":{"required":["a"]},"then":{"required":["b"]}}`,
			[]string{`{}`, `{"a":1}`}, `{"a":2}`, []string{"body /b required"}},
		{"OneOfRequired", `{"properties":{"a":{"default":1},"b":{"type":"string"}},"oneOf":[{"required":["a"]},{"required":["b"]}]}`,
			[]string{`{"b":"x"}`, `{"a":1,"b":"x"}`}, `{}`, []string{"body /a required"}},
		{"Not", `{"properties":{"a":{"default":1},"b":{"type":"string"}},"not":{"required":["a","b"]}}`,
			[]string{`{"b":"x"}`, `{"a":1,"b":"x"}`}, `{"a":1,"b":"x"}`, []string{"body  not"}},
		{"Nested", `{"properties":{"l":{"type":"array","items":{"type":"object","maxProperties":1,"properties":{"a":{"default":1},"b":{"default":2}}}}}}`,
			[]string{`{"l":[{},{"a":3}]}`, `{"l":[{"a":1,"b":2},{"a":3,"b":2}]}`}, `{"l":[{"a":1,"b":2}]}`, []string{"body /l/0 max_properties"}},
		{"WithinADefault", `{"properties":{"o":{"type":"object","default":{},"maxProperties":0,"properties":{"a":{"default":1}}}}}`,
			[]string{`{}`, `{"o":{"a":1}}`}, `{"o":{"a":1}}`, []string{"body /o max_properties"}},
		{"ValuesHoldForDefaults", `{"properties":{"a":{"type":"integer","default":1}},"if":{"properties":{"a":{"const":1}}},"then":{"properties":{"b":{"type":"string"}},"required":["b"]}}`,
			[]string{`{"a":2}`, `{"a":2}`}, `{}`, []string{"body /b required"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(test.schema)}))
			o := through(t, m, post(test.good[0]))
			o.passed(t)
			if o.body != test.good[1] {
				t.Errorf("the handler reads %s, want %s", o.body, test.good[1])
			}
			o = through(t, m, post(test.bad))
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), test.faults)
		})
	}
	t.Run("Query", func(t *testing.T) {
		config := validate.Config{Query: validate.SchemaJSON(`{"type":"object","required":["limit"],"properties":{"limit":{"type":"integer","default":10}}}`)}
		o := serve(t, config, get(""))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"query /limit required"})
	})
}

// A patch leaves alone what it does not name: no default is filled in.
func TestCaseValidate3Patch(t *testing.T) {
	const schema = `{"type":"object","properties":{"title":{"type":"string"},"visibility":{"enum":["public","private"],"default":"public"},
		"o":{"type":"object","properties":{"n":{"type":"integer","default":1}}}}}`
	m := bulwark.Must(validate.New(validate.Config{MediaTypes: []string{"application/json", "application/merge-patch+json", "application/vnd.acme.merge-patch+json"}, Body: validate.SchemaJSON(schema)}))
	for _, test := range []struct {
		name, method, contentType string
		filled                    bool
	}{
		{"MergePatch", "PATCH", "application/merge-patch+json", false},
		{"MergePatchByPut", "PUT", "application/merge-patch+json; charset=utf-8", false},
		{"OwnMergePatch", "POST", "application/vnd.acme.merge-patch+json", false},
		{"PatchOfJSON", "PATCH", "application/json", false},
		{"Put", "PUT", "application/json", true},
		{"Post", "POST", "application/json", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			const sent = `{"title":"x","o":{}}`
			r := httptest.NewRequest(test.method, "/", strings.NewReader(sent))
			r.Header.Set("Content-Type", test.contentType)
			o := through(t, m, r)
			o.passed(t)
			want := sent
			if test.filled {
				want = `{"o":{"n":1},"title":"x","visibility":"public"}`
			}
			if o.body != want {
				t.Errorf("the handler reads %s, want %s", o.body, want)
			}
			got, err := validate.BodyAs[map[string]any](o.seen)
			if _, present := got["visibility"]; err != nil || present != test.filled {
				t.Errorf("BodyAs = %v, %v", got, err)
			}
		})
	}
	t.Run("RulesHold", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(`{"visibility":"secret","x":1}`))
		r.Header.Set("Content-Type", "application/merge-patch+json")
		o := through(t, m, r)
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body /visibility enum", "body /x unknown"})
	})
}
