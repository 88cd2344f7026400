package validate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// configErrors returns the errors of New, each as text, and fails where one is no ConfigError.
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
			t.Errorf("%v is no ConfigError of this package", err)
		}
		all = append(all, err.Error())
	}
	return all
}

func TestRefusesSchemas(t *testing.T) {
	tests := []struct {
		name, schema string
		want         []string // a part of each error, in order
	}{
		{"Misspelled", `{"type":"object","requierd":["a"]}`, []string{`/requierd is no keyword of draft 2020-12; did you mean "required"?`}},
		{"WrongCase", `{"type":"string","maxlength":1}`, []string{`did you mean "maxLength"?`}},
		{"FarFromAnything", `{"frobnicate":1}`, []string{"/frobnicate is no keyword of draft 2020-12"}},
		{"DeepAndSeveral", `{"allOf":[{"items":{"patern":"a"}}],"$defs":{"unused":{"formt":"x"}}}`, []string{"/$defs/unused/formt", "/allOf/0/items/patern"}},
		{"OlderDraft", `{"definitions":{}}`, []string{`write "$defs"`}},
		{"OpenAPI", `{"type":"string","nullable":true}`, []string{`["string", "null"]`}},
		{"Dialect", `{"$schema":"http://json-schema.org/draft-07/schema#"}`, []string{"/$schema must be"}},
		{"NotChecked", `{"contentEncoding":"base64"}`, []string{`write "format": "byte"`}},
		{"Format", `{"format":"emial"}`, []string{`did you mean "email"?`}},
		{"FormatNotAString", `{"format":1}`, []string{"names a format that is not known"}},
		{"Pattern", `{"pattern":"(?=a)"}`, []string{"/pattern does not compile"}},
		{"PatternProperties", `{"patternProperties":{"[":{}}}`, []string{"/patternProperties/[ does not compile"}},
		{"PatternNotAString", `{"pattern":1}`, []string{"/pattern is no string"}},
		{"Type", `{"type":"text"}`, []string{"/type is no type"}},
		{"NeverApplies", `{"type":"integer","minLength":1}`, []string{"/minLength never applies to type integer"}},
		{"NoValuePasses", `{"minLength":3,"maxLength":2}`, []string{"/minLength is more than maxLength"}},
		{"ThenWithoutIf", `{"then":{}}`, []string{`/then means nothing without "if"`}},
		{"RequiredMisspelled", `{"required":["emial"],"properties":{"email":{}}}`, []string{`names "emial", which properties does not declare; did you mean "email"?`}},
		{"NoSchema", `[]`, []string{"is no schema"}},
		{"PropertyNoSchema", `{"properties":{"a":"string"}}`, []string{"/properties/a is no schema"}},
		{"NotStrictJSON", `{"type":"string","type":"number"}`, []string{"duplicate name in an object at byte 17"}},
		{"PropertiesThatDifferByCase", `{"properties":{"id":{},"ID":{}}}`, []string{"duplicate name"}},
		{"HugeNumber", `{"maximum":1e1000001}`, []string{"number too long or out of range"}},
		{"KeywordOfTheWrongKind", `{"minLength":"1"}`, []string{"is no JSON Schema at"}},
		{"ReferenceToNothing", `{"$ref":"#/$defs/none"}`, []string{"cannot be compiled"}},
		{"ReferenceToANetwork", `{"$ref":"https://example.com/s.json"}`, []string{"is not loaded"}},
		{"ReferenceToADisk", `{"$ref":"file:///etc/passwd"}`, []string{"is not loaded"}},
		{"Circle", `{"$ref":"#"}`, []string{"infinite loop"}},
		{"BadDefault", `{"properties":{"role":{"enum":["user"],"default":"guest"}}}`, []string{"at /properties/role/default is refused by its own schema"}},
		{"BadDefaultWithin", `{"properties":{"o":{"type":"object","properties":{"a":{"type":"string"}},"default":{"b":1}}}}`, []string{"/properties/o/default is refused"}},
		{"EndlessDefault", `{"properties":{"next":{"$ref":"#","default":{}}}}`, []string{"/properties/next/default leads to itself without end"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := configErrors(t, validate.Config{Body: validate.SchemaJSON(test.schema)})
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

func TestAcceptsSchemas(t *testing.T) {
	for name, schema := range map[string]string{
		"True":              `true`,
		"Extension":         `{"x-go-name":"User"}`,
		"Dialect":           `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`,
		"Circle":            `{"properties":{"next":{"$ref":"#"}}}`,
		"Anchors":           `{"$id":"urn:x:y","$anchor":"a","$defs":{"b":{"$anchor":"b"}},"properties":{"c":{"$ref":"#b"}}}`,
		"MetaData":          `{"title":"a","description":"b","examples":[1],"deprecated":true,"readOnly":true,"writeOnly":false,"$comment":"c"}`,
		"AMetaSchemaAsBody": `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := validate.New(validate.Config{Body: validate.SchemaJSON(schema)}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("BodyThatIsASchema", func(t *testing.T) {
		config := validate.Config{Body: validate.SchemaJSON(`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`)}
		serve(t, config, post(`{"type":"string","properties":{"a":true}}`)).passed(t)
		o := serve(t, config, post(`{"type":"text"}`))
		o.refused(t, 422, "validate.invalid")
		sameList(t, o.faults(), []string{"body  schema"})
	})
}

func TestRefusesConfigs(t *testing.T) {
	body := validate.SchemaJSON(`{"type":"object"}`)
	tests := []struct {
		name   string
		config validate.Config
		want   []string
	}{
		{"Zero", validate.Config{}, []string{"validate.Body: is empty, and so are"}},
		{"Numbers", validate.Config{Body: body, MaxBody: -1, BodyTimeout: -time.Second, MaxErrors: -1, Limits: validate.Limits{Depth: -1, Keys: -1, Items: -1, Values: -1, String: -1, Name: -1, Steps: -1}},
			[]string{"MaxBody", "BodyTimeout", "MaxErrors", "Limits.Depth", "Limits.Keys", "Limits.Items", "Limits.Values", "Limits.String", "Limits.Name", "Limits.Steps"}},
		{"TooManyErrors", validate.Config{Body: body, MaxErrors: 101}, []string{"validate.MaxErrors: 101: is more than 100"}},
		{"Status", validate.Config{Body: body, Status: 200}, []string{"validate.Status: 200: must be 422 or 400"}},
		{"MediaTypes", validate.Config{Body: body, MediaTypes: []string{"application/json", "text/plain", "Application/JSON"}}, []string{"MediaTypes[1]: text/plain", "MediaTypes[2]"}},
		{"BodySettingsWithoutBody", validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{}}`), MaxBody: 1}, []string{"mean nothing"}},
		{"Formats", validate.Config{Body: body, Formats: map[string]func(string) bool{"email": func(string) bool { return true }, "x": nil}},
			[]string{"email: is built in", "x: needs a name and a function"}},
		{"AllPartsAtOnce", validate.Config{Body: validate.SchemaJSON(`{"a":1}`), Query: validate.SchemaJSON(`{"b":1}`), Path: validate.SchemaJSON(`{"c":1}`), Header: validate.SchemaJSON(`{"d":1}`)},
			[]string{"validate.Body: body.json at /a", "validate.Query: query.json at /b", "validate.Path: path.json at /c", "validate.Header: header.json at /d"}},
		{"QueryOfObjects", validate.Config{Query: validate.SchemaJSON(`{"type":"object","properties":{"a":{"type":"object"},"b":{"type":["integer","string"]},"c":{"type":"array","items":{"type":"array"}}}}`)},
			[]string{`declares "a", which needs exactly one type`, `declares "b", which needs exactly one type`, `declares "c", which is an array of what text cannot say`}},
		{"QueryNoObject", validate.Config{Query: validate.SchemaJSON(`{"type":"string"}`)}, []string{`must have "type": "object"`}},
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
