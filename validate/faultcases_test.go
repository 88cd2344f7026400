package validate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// paramsOf lists the errors as "pointer code params".
func paramsOf(o outcome) []string {
	var all []string
	for _, e := range o.problem.Errors {
		params, _ := json.Marshal(e.Params)
		all = append(all, e.Pointer+" "+e.Code+" "+string(params))
	}
	return all
}

// Two rules that are broken in one place are two faults, and one rule that is
// broken by two ways is one.
func TestCaseValidate9TwoRules(t *testing.T) {
	for _, test := range []struct {
		name, schema, body string
		want               []string
	}{
		{"Patterns", `{"type":"string","allOf":[{"pattern":"[A-Z]"},{"pattern":"[0-9]"}]}`, `"abc"`, []string{` pattern {"pattern":"[A-Z]"}`, ` pattern {"pattern":"[0-9]"}`}},
		{"PatternsAndTheirOrder", `{"type":"string","pattern":"[0-9]","allOf":[{"pattern":"[A-Z]"},{"pattern":"[0-9]"}]}`, `"abc"`, []string{` pattern {"pattern":"[0-9]"}`, ` pattern {"pattern":"[A-Z]"}`}},
		{"Formats", `{"type":"string","allOf":[{"format":"uuid"},{"format":"email"}]}`, `"abc"`, []string{` format {"format":"uuid"}`, ` format {"format":"email"}`}},
		{"Limits", `{"type":"integer","minimum":3,"allOf":[{"minimum":5}]}`, `1`, []string{` minimum {"limit":3}`, ` minimum {"limit":5}`}},
		{"Same", `{"type":"integer","minimum":3,"allOf":[{"minimum":3}]}`, `1`, []string{` minimum {"limit":3}`}},
		{"SameRequired", `{"type":"object","properties":{"a":true},"required":["a"],"allOf":[{"required":["a"]}]}`, `{}`, []string{`/a required null`}},
		{"DependentRequired", `{"type":"object","properties":{"a":true,"b":true},"dependentRequired":{"a":["c"],"b":["c"]}}`, `{"a":1,"b":1}`,
			[]string{`/c dependent_required {"with":"a"}`, `/c dependent_required {"with":"b"}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := serve(t, validate.Config{Body: validate.SchemaJSON(test.schema)}, post(test.body))
			o.refused(t, 422, "validate.invalid")
			sameList(t, paramsOf(o), test.want)
		})
	}
}

// Where no branch has the constant, the values of all branches are allowed.
func TestCaseValidate10Allowed(t *testing.T) {
	branch := func(tag string) string {
		return `{"type":"object","required":["kind"],"properties":{"kind":` + tag + `}}`
	}
	for _, test := range []struct {
		name, schema, body string
		want               []string
	}{
		{"Const", `{"oneOf":[` + branch(`{"const":"card"}`) + `,` + branch(`{"const":"iban"}`) + `]}`, `{"kind":"x"}`, []string{`/kind enum {"allowed":["card","iban"]}`}},
		{"OrderOfBranches", `{"anyOf":[` + branch(`{"const":"z"}`) + `,` + branch(`{"enum":["m","a"]}`) + `,` + branch(`{"const":"z"}`) + `,` + branch(`{"const":1}`) + `]}`, `{"kind":"x"}`,
			[]string{`/kind enum {"allowed":["z","m","a",1]}`}},
		{"InPlace", `{"oneOf":[{"const":"a"},{"enum":["b","c"]}]}`, `"x"`, []string{` enum {"allowed":["a","b","c"]}`}},
		{"ThroughRef", `{"oneOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}],"$defs":{"a":` + branch(`{"const":"a"}`) + `,"b":` + branch(`{"const":"b"}`) + `}}`, `{"kind":"x"}`,
			[]string{`/kind enum {"allowed":["a","b"]}`}},
		{"UnionInAUnion", `{"oneOf":[{"oneOf":[` + branch(`{"const":"a"}`) + `,` + branch(`{"const":"b"}`) + `]},` + branch(`{"const":"c"}`) + `]}`, `{"kind":"x"}`,
			[]string{`/kind enum {"allowed":["a","b","c"]}`}},
		{"OneHasIt", `{"oneOf":[` + strings.Replace(branch(`{"const":"a"}`), `"required":["kind"]`, `"required":["kind","n"]`, 1) + `,` + branch(`{"const":"b"}`) + `]}`, `{"kind":"a"}`, []string{`/n required null`}},
		{"Alone", `{"oneOf":[` + branch(`{"const":"a"}`) + `]}`, `{"kind":"x"}`, []string{`/kind const {"allowed":["a"]}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := serve(t, validate.Config{Body: validate.SchemaJSON(test.schema)}, post(test.body))
			o.refused(t, 422, "validate.invalid")
			sameList(t, paramsOf(o), test.want)
		})
	}
}

// The checked body is found behind a reader that another layer has put around
// it, and only where the bytes are the same.
func TestCaseValidate13Wrappers(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(signUp)}))
	type reader struct {
		io.Reader
		io.Closer
	}
	tests := []struct {
		name  string
		wrap  func(http.Handler) http.Handler
		found bool
	}{
		{"MaxBytesHandler", func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) }, true},
		{"Twice", func(h http.Handler) http.Handler { return http.MaxBytesHandler(http.MaxBytesHandler(h, 1<<20), 1<<20) }, true},
		{"OwnReader", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = reader{io.TeeReader(r.Body, io.Discard), r.Body}
				h.ServeHTTP(w, r)
			})
		}, true},
		{"TooSmall", func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 10) }, false},
		{"OtherBytes", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = io.NopCloser(strings.NewReader(`{"role":"admin"}`))
				h.ServeHTTP(w, r)
			})
		}, false},
		{"MoreBytes", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = reader{io.MultiReader(r.Body, strings.NewReader(" ")), r.Body}
				h.ServeHTTP(w, r)
			})
		}, false},
		{"NoBody", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = nil
				h.ServeHTTP(w, r)
			})
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ran := false
			h := m.Wrap(test.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran = true
				for range 2 { // it can be asked again
					got, err := validate.BodyAs[user](r)
					if found := err == nil && got.Role == "user"; found != test.found {
						t.Errorf("BodyAs = %+v, %v", got, err)
					}
				}
				if text, err := io.ReadAll(orNone(r.Body)); test.found && (err != nil || !strings.Contains(string(text), `"role":"user"`)) {
					t.Errorf("the body is %q, %v", text, err)
				}
			})))
			h.ServeHTTP(httptest.NewRecorder(), post(goodUser))
			if !ran {
				t.Error("the handler did not run")
			}
		})
	}
}

func orNone(r io.Reader) io.Reader {
	if r == nil {
		return strings.NewReader("")
	}
	return r
}

// A fault of ours is a 500 with the event of a 500, whichever part it was in.
func TestCaseValidate19FaultsOfOurs(t *testing.T) {
	panics := map[string]func(string) bool{"mine": func(string) bool { panic("no " + secret) }}
	for name, test := range map[string]struct {
		config validate.Config
		r      *http.Request
	}{
		"Body":           {validate.Config{Body: validate.SchemaJSON(`{"type":"string","format":"mine"}`), Formats: panics}, post(`"x"`)},
		"Query":          {validate.Config{Query: validate.SchemaJSON(`{"properties":{"q":{"type":"string","format":"mine"}}}`), Formats: panics}, get("q=1")},
		"BuiltIn":        {validate.Config{Body: validate.SchemaJSON(`{"type":"string","format":"uri"}`), Formats: map[string]func(string) bool{"uri": panics["mine"]}}, post(`"x"`)},
		"PathValue":      {validate.Config{Path: validate.SchemaJSON(`{"properties":{"id":{"type":"string"}}}`), PathValue: func(*http.Request, string) string { panic("no") }}, get("")},
		"DefaultsByCase": {validate.Config{Body: validate.SchemaJSON(`{"properties":{"role":{}},"allOf":[{"properties":{"ROLE":{"default":"admin"}}}]}`)}, post(`{"role":"user"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			o := serve(t, test.config, test.r)
			o.refused(t, 500, "validate.unchecked")
			if o.events[0].Name != bulwark.SysUnavailable || strings.Contains(o.text, secret) {
				t.Errorf("event %s, answered %s", o.events[0].Name, o.text)
			}
		})
	}
}

// What a format accepts, the handler can bind.
func TestCaseValidate4Bind(t *testing.T) {
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{
		"at":{"type":"string","format":"date-time"},"day":{"type":"string","format":"date"},"time":{"type":"string","format":"time"},"for":{"type":"string","format":"duration"},
		"n":{"type":"integer","format":"int32"},"f":{"type":"number","format":"float"},"bytes":{"type":"string","contentEncoding":"base64"},"id":{"type":"string","format":"uuid"}}}`)}))
	for _, body := range []string{`{"at":"2016-12-31T23:59:60Z"}`, `{"at":"2025-03-14t15:09:26z"}`, `{"day":"2024-02-29"}`, `{"time":"23:59:60Z"}`, `{"for":"P1Y2M3DT4H"}`, `{"n":2147483647.0}`,
		`{"f":3.4e38}`, `{"bytes":"YQ=="}`, `{"id":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}`} {
		o := through(t, m, post(body))
		o.passed(t)
		if got, err := validate.BodyAs[struct {
			At    time.Time     `json:"at"`
			Day   time.Time     `json:"day"`
			Time  time.Time     `json:"time"`
			For   time.Duration `json:"for"`
			N     int32         `json:"n"`
			F     float32       `json:"f"`
			Bytes []byte        `json:"bytes"`
			ID    [16]byte      `json:"id"`
		}](o.seen); err != nil || reflect.ValueOf(got).IsZero() {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{`{"at":"2016-05-31T23:59:60Z"}`, `{"for":"P999999Y"}`, `{"n":2147483648}`, `{"f":3.5e38}`, `{"bytes":"YQ"}`, `{"id":"f81d4fae7dec11d0a76500a0c91e6bf6"}`} {
		through(t, m, post(body)).refused(t, 422, "validate.invalid")
	}
}

// A message names the fault that there is.
func TestCaseValidate23Messages(t *testing.T) {
	bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"type":"object","patternProperties":{"^A$":{"type":"string"},"^a$":{"type":"integer"}}}`)}))
	errs := configErrors(t, validate.Config{Body: validate.SchemaJSON(`{"type":"object","properties":{"dataType":{},"datatype":{}}}`)})
	if len(errs) != 1 || !strings.Contains(errs[0], `declares "dataType" and "datatype", which differ by case only`) {
		t.Errorf("got %q", errs)
	}
	m := bulwark.Must(validate.New(validate.Config{InsecureUnknownProperties: true, Body: validate.SchemaJSON(`{"type":"object","properties":{"datatype":{"type":"string"}}}`)}))
	o := through(t, m, post(`{"I":1,"i":2}`))
	o.refused(t, 400, "body.malformed")
	if !strings.Contains(o.problem.Detail, "differ by case only") {
		t.Errorf("detail is %q", o.problem.Detail)
	}
	o = through(t, m, post(`{"i":1,"i":2}`))
	o.refused(t, 400, "body.malformed")
	if !strings.Contains(o.problem.Detail, "duplicate name") {
		t.Errorf("detail is %q", o.problem.Detail)
	}
	o = through(t, m, post(`{"dataType":"x"}`))
	o.refused(t, 422, "validate.invalid")
	if e := o.problem.Errors[0]; e.Pointer != "/dataType" || e.Code != "unknown" || e.Detail != "Must be spelled datatype, in the same case." || fmt.Sprint(e.Params) != "map[declared:datatype]" {
		t.Errorf("error is %+v", e)
	}
	o = through(t, bulwark.Must(validate.New(validate.Config{Query: validate.SchemaJSON(listing)})), get("LIMIT=1"))
	if e := o.problem.Errors[0]; e.Detail != "Must be spelled limit, in the same case." {
		t.Errorf("error is %+v", e)
	}
}
