package validate_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// A parameter is read by the types that any schema declares for it; a rule that
// can never apply to its text is an error.
func TestCaseValidate7Parameters(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"BoundWithoutAType", `{"type":"object","properties":{"limit":{"minimum":1,"maximum":100}}}`, `declares "limit", which has a rule for numbers`},
		{"MultipleOf", `{"properties":{"p":{"multipleOf":5}}}`, "has a rule for numbers"},
		{"FormatOfANumber", `{"properties":{"p":{"format":"int32"}}}`, "has a rule for numbers"},
		{"BoundInABranch", `{"properties":{"p":{"type":"string"}},"anyOf":[{"properties":{"p":{"maximum":3}}},true]}`, "has a rule for numbers"},
		{"BoundThroughRef", `{"properties":{"p":{"$ref":"#/$defs/b"}},"$defs":{"b":{"exclusiveMaximum":3}}}`, "has a rule for numbers"},
		{"BoundInNot", `{"properties":{"p":{"not":{"minimum":5}}}}`, "has a rule for numbers"},
		{"PatternOfANumber", `{"properties":{"p":{"type":"integer"}},"allOf":[{"properties":{"p":{"pattern":"^1"}}}]}`, "has a rule for strings"},
		{"ItemsOfAString", `{"properties":{"p":{"items":{"type":"integer"}}}}`, "has a rule for arrays"},
		{"BoundOfItems", `{"properties":{"p":{"type":"array","items":{"maximum":3}}}}`, "has items for which a schema has a rule for numbers"},
		{"BoundOfContains", `{"properties":{"p":{"type":"array","items":{"type":"string"},"contains":{"minimum":3}}}}`, "has items for which a schema has a rule for numbers"},
		{"EnumOfNumbersForAString", `{"properties":{"p":{"type":"string"}},"oneOf":[{"properties":{"p":{"enum":[1,2]}}},true]}`, "lists no value of the type"},
		{"TwoTypes", `{"oneOf":[{"properties":{"p":{"type":"integer"}}},{"properties":{"p":{"type":"string"}}}]}`, "needs exactly one type"},
		{"PatternProperties", `{"patternProperties":{"^n":{"type":"integer"}}}`, "without naming them"},
		{"AdditionalProperties", `{"additionalProperties":{"maximum":3}}`, "without naming them"},
		{"Object", `{"properties":{"p":{"minProperties":1}}}`, "has a rule for objects"},
	} {
		for part, config := range map[string]validate.Config{"Query": {Query: validate.SchemaJSON(test.schema)}, "Header": {Header: validate.SchemaJSON(test.schema)}} {
			t.Run(test.name+"/"+part, func(t *testing.T) {
				got := configErrors(t, config)
				if !strings.Contains(got[0], test.want) || !strings.HasPrefix(got[0], "validate."+part) {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
	}
	const place = `{"type":"object","oneOf":[{"properties":{"lat":{"type":"number"}},"required":["lat"]},{"properties":{"place":{"type":"string"}},"required":["place"]}]}`
	for _, test := range []struct {
		name, schema, good, bad string
		want                    map[string]any
		faults                  []string
	}{
		{"OneOf", place, "lat=1.5", "lat=x", map[string]any{"lat": json.Number("1.5")}, []string{"query /lat type"}},
		{"OneOfOther", place, "place=1.5", "place=a&lat=1", map[string]any{"place": "1.5"}, []string{"query  one_of"}},
		{"AnyOf", `{"anyOf":[{"properties":{"n":{"type":"integer","maximum":3}}}]}`, "n=3", "n=4", map[string]any{"n": json.Number("3")}, []string{"query /n maximum"}},
		{"Then", `{"if":{"required":["n"]},"then":{"properties":{"n":{"type":"integer","maximum":3}}}}`, "n=3", "n=4", map[string]any{"n": json.Number("3")}, []string{"query /n maximum"}},
		{"DependentSchemas", `{"properties":{"a":{"type":"string"}},"dependentSchemas":{"a":{"properties":{"n":{"type":"boolean"}}}}}`, "a=1&n=true", "a=1&n=1",
			map[string]any{"a": "1", "n": true}, []string{"query /n type"}},
		{"AnyOfOfTheProperty", `{"properties":{"n":{"anyOf":[{"type":"integer","maximum":3},{"type":"integer","minimum":9}]}}}`, "n=9", "n=4",
			map[string]any{"n": json.Number("9")}, []string{"query /n maximum"}},
		{"Enum", `{"properties":{"n":{"enum":[1,2]}}}`, "n=2", "n=3", map[string]any{"n": json.Number("2")}, []string{"query /n enum"}},
		{"Not", `{"properties":{"n":{"type":"integer","not":{"const":5}}}}`, "n=4", "n=5", map[string]any{"n": json.Number("4")}, []string{"query /n not"}},
		{"IntegerAndNumber", `{"properties":{"n":{"type":"number"}},"allOf":[{"properties":{"n":{"type":"integer"}}}]}`, "n=4", "n=4.5", map[string]any{"n": json.Number("4")}, []string{"query /n type"}},
		{"Format", `{"properties":{"n":{"type":"integer","format":"int32"}}}`, "n=4", "n=4294967296", map[string]any{"n": json.Number("4")}, []string{"query /n format"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(test.schema)}))
			o := through(t, m, get(test.good))
			o.passed(t)
			if got, err := validate.QueryAs[map[string]any](o.seen); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("QueryAs = %v, %v", got, err)
			}
			o = through(t, m, get(test.bad))
			o.refused(t, 422, "validate.invalid")
			sameList(t, o.faults(), test.faults)
		})
	}
	t.Run("PathOfABranch", func(t *testing.T) {
		m := bulwark.Must(validate.New(validate.Config{Path: validate.SchemaJSON(`{"anyOf":[{"properties":{"id":{"type":"integer","maximum":9}}}]}`)}))
		r := httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("id", "10")
		o := through(t, m, r)
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"path /id maximum"})
	})
}

// What InsecureUnknownProperties lets through may be repeated.
func TestCaseValidate8Repeated(t *testing.T) {
	config := validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{"q":{"type":"string"}}}`), InsecureUnknownProperties: true}
	o := serve(t, config, get("utm=1&utm=2&ref=x"))
	o.passed(t)
	got, err := validate.QueryAs[map[string]any](o.seen)
	if want := map[string]any{"utm": []any{"1", "2"}, "ref": "x"}; err != nil || !reflect.DeepEqual(got, want) || o.seen.URL.RawQuery != "utm=1&utm=2&ref=x" {
		t.Errorf("QueryAs = %v, %v, query %s", got, err, o.seen.URL.RawQuery)
	}
	o = serve(t, config, get("q=1&q=2"))
	o.refused(t, 422, "validate.invalid")
	sameList(t, o.faults(), []string{"query /q repeated"})
	config.InsecureUnknownProperties = false
	o = serve(t, config, get("utm=1&utm=2"))
	o.refused(t, 422, "validate.invalid")
	sameList(t, o.faults(), []string{"query /utm repeated", "query /utm unknown"})
}

// A field that Connection names, and a field of one connection, do not reach an
// upstream.
func TestCaseValidate16Connection(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Header: validate.SchemaJSON(`{"type":"object","required":["X-Tenant"],"properties":{"X-Tenant":{"enum":["a","b"]},"x-limit":{"type":"integer","default":5}}}`)}))
	request := func(connection ...string) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Tenant"] = []string{"a"}
		r.Header["Connection"] = connection
		return r
	}
	for _, connection := range [][]string{{"X-Tenant, close"}, {"close", "x-tenant"}, {"keep-alive,\tX-TENANT"}, {"X-Limit"}, {",,X-Tenant,"}} {
		o := through(t, m, request(connection...))
		o.refused(t, 400, "validate.malformed_header")
	}
	for _, connection := range [][]string{nil, {"close"}, {"keep-alive, X-Other"}, {"X-Tenants"}, {"Upgrade"}} {
		through(t, m, request(connection...)).passed(t)
	}
	for _, name := range []string{"Connection", "TE", "Keep-Alive", "upgrade", "Trailer", "Transfer-Encoding", "Proxy-Authorization", "Proxy-Connection"} {
		got := configErrors(t, validate.Config{Header: validate.SchemaJSON(`{"properties":{"` + name + `":{"type":"string"}}}`)})
		if len(got) != 1 || !strings.Contains(got[0], "a field of one connection") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// No name makes a reader see another name.
func TestCaseValidate17Names(t *testing.T) {
	body := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"o":{"type":"object","additionalProperties":{"type":"string"}}}}`)}))
	query := bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{}}`)}))
	for _, r := range []rune{'\u202e', '\u2066', '\u200f', '\u061c', '\u2028', '\u2029', '\u0085', '\u001b', '\n', '\ufeff'} {
		name := "<img src=x onerror=alert(1)>" + string(r) + "a/b~"
		quoted, _ := json.Marshal(name)
		for _, o := range []outcome{
			through(t, body, post(`{`+string(quoted)+`:1}`)),
			through(t, body, post(`{"o":{`+string(quoted)+`:1}}`)),
			through(t, query, get(url.QueryEscape(name)+"=1&"+url.QueryEscape(name)+"=2")),
		} {
			o.refused(t, 422, "validate.invalid")
			for _, e := range o.problem.Errors {
				if strings.ContainsRune(e.Pointer, r) || !strings.HasSuffix(e.Pointer, "a~1b~0") {
					t.Errorf("pointer is %q", e.Pointer)
				}
			}
			if r != '\n' && strings.ContainsRune(o.text, r) || strings.Contains(o.text, "<img") {
				t.Errorf("answered %q", o.text)
			}
		}
	}
	o := through(t, body, post(`{"ключ":1,"👩‍🚀":1}`))
	sameList(t, o.faults(), []string{"body /ключ unknown", "body /👩‍🚀 unknown"})
}
