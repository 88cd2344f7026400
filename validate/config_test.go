package validate_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// configErrors returns the errors of New, each as text, and fails where one is
// no ConfigError.
func configErrors(t *testing.T, config validate.Config) []string {
	t.Helper()
	m, err := validate.New(config)
	if err == nil {
		t.Fatalf("New accepted it: %v", m)
	}
	var all []string
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Field, "validate.") {
			t.Errorf("%v is not a ConfigError of this package", err)
		}
		all = append(all, err.Error())
	}
	return all
}

func TestRefusesConfigs(t *testing.T) {
	body := validate.SchemaJSON(`{"type":"object"}`)
	tests := []struct {
		name   string
		config validate.Config
		want   []string
	}{
		{"Zero", validate.Config{}, []string{"validate.Body: is empty, and so are"}},
		{"Numbers", validate.Config{Body: body, MaxBodyBytes: -1, BodyTimeout: -time.Second, MaxErrors: -1, JSON: bulwark.JSONLimits{MaxDepth: -1, MaxKeys: -1, MaxItems: -1, MaxValues: -1, MaxStringBytes: -1, MaxNameBytes: -1}, MaxSteps: -1},
			[]string{"validate.MaxBodyBytes: -1", "validate.BodyTimeout: -1", "validate.JSON.MaxDepth: -1", "validate.JSON.MaxKeys: -1", "validate.JSON.MaxItems: -1",
				"validate.JSON.MaxValues: -1", "validate.JSON.MaxStringBytes: -1", "validate.JSON.MaxNameBytes: -1", "validate.MaxErrors: -1", "validate.MaxSteps: -1"}},
		{"TooManyErrors", validate.Config{Body: body, MaxErrors: 101}, []string{"validate.MaxErrors: 101: is more than 100"}},
		{"Status", validate.Config{Body: body, Status: 200}, []string{"validate.Status: 200: is not a status for refused values; write 422 or 400"}},
		{"MediaTypes", validate.Config{Body: body, MediaTypes: []string{"application/json", "text/plain", "Application/JSON"}}, []string{"MediaTypes[1]: text/plain", "MediaTypes[2]"}},
		{"BodySettingsWithoutBody", validate.Config{Path: validate.SchemaJSON(`{"properties":{"a":{"type":"string"}}}`), MaxBodyBytes: 1, OptionalBody: true}, []string{"mean nothing", "means nothing"}},
		{"Formats", validate.Config{Body: body, Formats: map[string]func(string) bool{"email": func(string) bool { return true }, "x": nil, "": func(string) bool { return true }}},
			[]string{"validate.Formats: has a format without a name", "validate.Formats: x: has no function; write one"}},
		{"URISchemes", validate.Config{Body: body, URISchemes: []string{"https", "HTTP", "ftp:", ""}}, []string{"URISchemes[1]: HTTP", "URISchemes[2]: ftp:", "URISchemes[3]"}},
		{"EmptySchema", validate.Config{Body: validate.SchemaJSON("")}, []string{"validate.Body: the schema of validate.Config.Body is empty; write a JSON Schema, such as"}},
		{"NoFileSystem", validate.Config{Body: validate.SchemaFS(nil, "user.json")}, []string{"validate.Body: user.json: has no file system; give SchemaFS one"}},
		{"NoFile", validate.Config{Body: validate.SchemaFS(fstest.MapFS{}, "user.json")}, []string{"validate.Body: user.json: cannot be read from the file system of SchemaFS: open user.json"}},
		{"NoPath", validate.Config{Body: validate.SchemaFS(fstest.MapFS{}, "/user.json")}, []string{"validate.Body: /user.json: is not a path within the file system of SchemaFS; write it"}},
		{"FileOfAReference", validate.Config{Body: validate.SchemaFS(fstest.MapFS{"a.json": {Data: []byte(`{"properties":{"x":{"$ref":"b.json"}}}`)}}, "a.json")},
			[]string{`validate.Body: a.json at /properties/x/$ref leads to "b.json", which cannot be read from the file system`}},
		{"MistakeInAnotherFile", validate.Config{Body: validate.SchemaFS(fstest.MapFS{"a.json": {Data: []byte(`{"properties":{"x":{"$ref":"b.json"}}}`)}, "b.json": {Data: []byte(`{"minLength":"x"}`)}}, "a.json")},
			[]string{"validate.Body: b.json at /minLength is not valid in JSON Schema"}},
		{"AllPartsAtOnce", validate.Config{Body: validate.SchemaJSON(`{"a":1}`), Query: validate.SchemaJSON(`{"b":1}`), Path: validate.SchemaJSON(`{"c":1}`), Header: validate.SchemaJSON(`{"d":1}`)},
			[]string{"validate.Body: the schema of validate.Config.Body at /a is not", "validate.Query: the schema of validate.Config.Query at /b", "validate.Path: the schema of validate.Config.Path at /c", "validate.Header: the schema of validate.Config.Header at /d"}},
		{"QueryOfObjects", validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{"a":{"type":"object"},"b":{"type":["integer","string"]},"c":{"type":"array","items":{"type":"array"}}}}`)},
			[]string{`declares "a", which needs exactly one type`, `declares "b", which needs exactly one type`, `declares "c", which is an array whose items cannot be read from text; declare exactly one type`}},
		{"QueryOfObjectsWithADefault", validate.Config{Query: validate.SchemaJSON(`{"properties":{"o":{"type":"object"},"limit":{"type":"integer","default":"10"}}}`)},
			[]string{"/properties/limit/default is refused by its own schema", `declares "o", which needs exactly one type`}},
		{"QueryRequiredAndOfObjects", validate.Config{Query: validate.SchemaJSON(`{"required":["page"],"properties":{"o":{"type":"object"}}}`)},
			[]string{`/required names "page"`, `declares "o", which needs exactly one type`}},
		{"QueryNoObject", validate.Config{Query: validate.SchemaJSON(`{"type":"string"}`)}, []string{`does not describe an object; write "type": "object"`}},
		{"PathArray", validate.Config{Path: validate.SchemaJSON(`{"properties":{"a":{"type":"array"}}}`)}, []string{"which a path cannot hold"}},
		{"PathEmpty", validate.Config{Path: validate.SchemaJSON(`{"type":"object"}`)}, []string{"declares no properties"}},
		{"HeaderNames", validate.Config{Header: validate.SchemaJSON(`{"properties":{"Host":{},"a b":{},"":{}}}`)}, []string{`declares ""`, `declares "Host"`, `declares "a b"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := configErrors(t, test.config)
			if len(got) != len(test.want) {
				t.Fatalf("got %d errors, want %d: %q", len(got), len(test.want), got)
			}
			for i := range got {
				if !strings.Contains(got[i], test.want[i]) {
					t.Errorf("error is %q, want %q in it", got[i], test.want[i])
				}
			}
		})
	}
}

// What the caller does to its Config afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	types := []string{"application/json"}
	formats := map[string]func(string) bool{"mine": func(s string) bool { return s == "mine" }}
	m := bulwark.Must(validate.New(validate.Config{Body: validate.SchemaJSON(`{"type":"string","format":"mine"}`), MediaTypes: types, Formats: formats}))
	types[0] = "text/plain"
	formats["mine"] = func(string) bool { return false }
	through(t, m, post(`"mine"`)).passed(t)
	through(t, m, post(`"other"`)).refused(t, 422, "validate.invalid")
}

// A required property that cannot be sent is a mistake, unless unknown
// properties pass.
func TestRequiredButUndeclared(t *testing.T) {
	config := validate.Config{Body: validate.SchemaJSON(`{"type":"object","required":["nickname"],"properties":{"email":{"type":"string"}}}`)}
	got := configErrors(t, config)
	if len(got) != 1 || !strings.Contains(got[0], `at /required names "nickname", which no schema of the object describes`) {
		t.Errorf("got %q", got)
	}
	config.InsecureUnknownProperties = true
	serve(t, config, post(`{"nickname":"x"}`)).passed(t)
}
