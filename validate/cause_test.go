package validate_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// causeOf returns the attribute "error" of the one event.
func causeOf(t *testing.T, o outcome) string {
	t.Helper()
	for _, a := range o.events[0].Attrs {
		if a.Key == "error" {
			return a.Value.String()
		}
	}
	t.Errorf("the event has no error: %+v", o.events[0])
	return ""
}

// A refusal that a field of the Config decides names the field in the log, and
// the bound that it sets. Neither the log nor the answer has a submitted value.
func TestCausesNameTheField(t *testing.T) {
	anything := validate.SchemaJSON(`true`)
	list := validate.SchemaJSON(`{"type":"object","properties":{"n":{"type":"array","items":{"type":"string"}}}}`)
	numbers := validate.SchemaJSON(`{"properties":{"n":{"type":"integer"}}}`)
	form := post("n=s3cret")
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	with := func(r *http.Request, name, value string) *http.Request {
		r.Header.Set(name, value)
		return r
	}
	tests := []struct {
		name   string
		config validate.Config
		r      *http.Request
		code   string
		want   []string // parts of the error
	}{
		{"BodyRefused", validate.Config{Body: numbers}, post(`{"n":"s3cret"}`), "validate.invalid", []string{"validate.Config.Body", "the rule type"}},
		{"BodyUnknown", validate.Config{Body: numbers}, post(`{"s3cret":1}`), "validate.invalid", []string{"validate.Config.Body", "must be described in the schema"}},
		{"QueryRefused", validate.Config{Query: numbers}, get("n=s3cret"), "validate.invalid", []string{"validate.Config.Query"}},
		{"HeaderRefused", validate.Config{Header: numbers}, with(get(""), "n", "s3cret"), "validate.invalid", []string{"validate.Config.Header"}},
		{"PathRefused", validate.Config{Path: numbers, PathValue: func(*http.Request, string) string { return "s3cret" }}, get(""), "validate.invalid", []string{"validate.Config.Path"}},
		{"Steps", validate.Config{Body: validate.SchemaJSON(`{"items":{"type":["string","integer"]}}`), MaxSteps: 3}, post(`["s3cret",2,3,4,5,6]`), "validate.too_complex", []string{"the body", "validate.Config.MaxSteps (3)"}},
		{"StepsOfThePath", validate.Config{Path: validate.SchemaJSON(`{"properties":{"n":{"type":"string","pattern":"a"}}}`), MaxSteps: 1, PathValue: func(*http.Request, string) string { return "s3cret" }}, get(""), "validate.too_complex",
			[]string{"the path", "validate.Config.MaxSteps (1)"}},
		{"StepsOfTheHeader", validate.Config{Header: validate.SchemaJSON(`{"properties":{"n":{"type":"string","pattern":"a"}}}`), MaxSteps: 1}, with(get(""), "n", "s3cret"), "validate.too_complex",
			[]string{"the header", "validate.Config.MaxSteps (1)"}},
		{"Parameters", validate.Config{Query: list, JSON: bulwark.JSONLimits{MaxKeys: 1}}, get("a=s3cret&b=2"), "validate.too_complex", []string{"at most 1 parameters", "validate.Config.JSON.MaxKeys"}},
		{"Name", validate.Config{Query: list, JSON: bulwark.JSONLimits{MaxNameBytes: 5}}, get("s3cret=1"), "validate.too_complex", []string{"at most 5 bytes", "validate.Config.JSON.MaxNameBytes"}},
		{"Items", validate.Config{Query: list, JSON: bulwark.JSONLimits{MaxItems: 1}}, get("n=s3cret&n=2"), "validate.too_complex", []string{"at most 1 items", "validate.Config.JSON.MaxItems"}},
		{"HeaderItems", validate.Config{Header: list, JSON: bulwark.JSONLimits{MaxItems: 1}}, with(get(""), "n", "s3cret,2"), "validate.too_complex", []string{"the header may have at most 1 items", "validate.Config.JSON.MaxItems"}},
		{"Connection", validate.Config{Header: numbers}, with(get(""), "Connection", "N"), "validate.malformed_header", []string{"validate.Config.Header"}},
		{"Form", validate.Config{Query: numbers}, form, "body.ambiguous_parameter", []string{"validate.Config.Query"}},
		{"NoBody", validate.Config{Body: anything}, get(""), "body.required", []string{"validate.Config.Body", "OptionalBody"}},
		{"MediaType", validate.Config{Body: anything}, with(post(`"s3cret"`), "Content-Type", "text/s3cret"), "body.unsupported_media_type",
			[]string{"application/json, application/merge-patch+json", "MediaTypes of validate.Config"}},
		{"TooLarge", validate.Config{Body: anything, MaxBodyBytes: 4}, post(`"s3cret"`), "body.too_large", []string{"MaxBodyBytes of validate.Config (4)"}},
		{"TooDeep", validate.Config{Body: anything, JSON: bulwark.JSONLimits{MaxDepth: 1}}, post(`[["s3cret"]]`), "body.too_complex", []string{"at most 1 levels", "JSON.MaxDepth of validate.Config"}},
		{"PanicOfAFormat", validate.Config{Body: validate.SchemaJSON(`{"type":"string","format":"mine"}`), Formats: map[string]func(string) bool{"mine": func(string) bool { panic("no") }}},
			post(`"s3cret"`), "validate.unchecked", []string{"validate.Config.Formats", "validate.Config.PathValue", "no"}},
		{"DefaultsByCase", validate.Config{Body: validate.SchemaJSON(`{"properties":{"role":{}},"allOf":[{"properties":{"ROLE":{"default":"admin"}}}]}`)},
			post(`{"role":"s3cret"}`), "validate.unchecked", []string{"the defaults of validate.Config.Body"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := serve(t, test.config, test.r)
			if o.problem.Code != test.code {
				t.Fatalf("answered %s, want %s", o.text, test.code)
			}
			got := causeOf(t, o)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the error is %q, want %q in it", got, want)
				}
			}
			if strings.Contains(got, "s3cret") || strings.Contains(o.problem.Detail, "s3cret") {
				t.Errorf("a submitted value is in %q or %q", got, o.problem.Detail)
			}
		})
	}
}

// A bound of a query is a sentence that names the bound.
func TestDetailNamesTheBound(t *testing.T) {
	schema := validate.SchemaJSON(`{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}`)
	o := serve(t, validate.Config{Query: schema, JSON: bulwark.JSONLimits{MaxKeys: 1}}, get("a=1&b=2"))
	o.refused(t, 400, "validate.too_complex")
	if want := fmt.Sprintf("The query may have at most %d parameters.", 1); o.problem.Detail != want {
		t.Errorf("detail %q, want %q", o.problem.Detail, want)
	}
}

// The log has the place of the first fault if the schema has each name in it. A
// name that the client has chosen is not logged.
func TestFirstFaultInTheLog(t *testing.T) {
	body := func(schema string) validate.Config { return validate.Config{Body: validate.SchemaJSON(schema)} }
	const order = `{"properties":{"parts":{"items":{"required":["id"],"properties":{"id":{"type":"integer"}}}},"by/name":{"additionalProperties":{"type":"integer"}}},"patternProperties":{"^x-":{"type":"integer"}}}`
	for _, test := range []struct {
		name   string
		config validate.Config
		r      *http.Request
		want   string
	}{
		{"Root", body(`{"type":"object"}`), post(`1`), "body type"},
		{"Declared", body(`{"properties":{"email":{"type":"string"}}}`), post(`{"email":1}`), "body /email type"},
		{"Missing", body(signUp), post(`{}`), "body /email required"},
		{"MissingInAnItem", body(order), post(`{"parts":[{"id":1},{}]}`), "body /parts/1/id required"},
		{"InAnItem", body(order), post(`{"parts":[{"id":"s3cret"}]}`), "body /parts/0/id type"},
		{"Unknown", body(order), post(`{"s3cret":1}`), "body unknown"},
		{"UnknownInAnItem", body(order), post(`{"parts":[{"id":1,"s3cret":1}]}`), "body unknown"},
		{"KeyOfAMap", body(order), post(`{"by/name":{"s3cret":"x"}}`), "body type"},
		{"NumberAsKeyOfAMap", body(order), post(`{"by/name":{"4915112345678":"x"}}`), "body type"},
		{"Pattern", body(order), post(`{"x-s3cret":"x"}`), "body type"},
		{"NameThatLooksLikeAnIndex", body(`{"allOf":[{"items":{"type":"integer"}},{"additionalProperties":{"type":"integer"}}]}`), post(`{"0":"x"}`), "body type"},
		{"Query", validate.Config{Query: validate.SchemaJSON(`{"properties":{"limit":{"type":"integer"}}}`)}, get("limit=s3cret"), "query /limit type"},
		{"QueryRepeated", validate.Config{Query: validate.SchemaJSON(`{"properties":{"limit":{"type":"integer"}}}`)}, get("limit=1&limit=2"), "query /limit repeated"},
		{"QueryUnknown", validate.Config{Query: validate.SchemaJSON(`{"properties":{"limit":{"type":"integer"}}}`)}, get("s3cret=1"), "query unknown"},
		{"QueryRepeatedUnknown", validate.Config{Query: validate.SchemaJSON(`{"patternProperties":{"^s":{"type":"string"}}}`)}, get("s3cret=1&s3cret=2"), "query repeated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := serve(t, test.config, test.r)
			o.refused(t, 422, "validate.invalid")
			var got string
			for _, a := range o.events[0].Attrs {
				if a.Key == "first" {
					got = a.Value.String()
				}
			}
			if got != test.want {
				t.Errorf("first is %q, want %q", got, test.want)
			}
		})
	}
}
