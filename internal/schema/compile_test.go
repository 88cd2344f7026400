package schema_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// mistakes returns what Compile says of a schema that it does not take.
func mistakes(t *testing.T, text string) []string {
	t.Helper()
	_, err := tryCompile(text, schema.Options{})
	if err == nil {
		t.Fatalf("%s compiles", text)
	}
	all := strings.Split(err.Error(), "\n")
	for _, mistake := range all {
		// The place comes first. What to write comes last.
		if !strings.HasPrefix(mistake, "test.json ") && !strings.HasPrefix(mistake, "b.json ") {
			t.Errorf("%q does not begin with the place", mistake)
		}
	}
	return all
}

func TestRefusesSchemas(t *testing.T) {
	tests := []struct {
		name, schema string
		want         []string // a part of each error, in order
	}{
		{"Misspelled", `{"type":"object","requierd":["a"]}`, []string{`/requierd is not a keyword of draft 2020-12; did you mean "required"?`}},
		{"WrongCase", `{"type":"string","maxlength":1}`, []string{`did you mean "maxLength"?`}},
		{"FarFromAnything", `{"frobnicate":1}`, []string{"/frobnicate is not a keyword of draft 2020-12"}},
		{"DeepAndSeveral", `{"allOf":[{"items":{"patern":"a"}}],"$defs":{"unused":{"formt":"x"}}}`, []string{"/$defs/unused/formt", "/allOf/0/items/patern"}},
		{"OlderDraft", `{"definitions":{}}`, []string{`write "$defs"`}},
		{"OpenAPI", `{"type":"string","nullable":true}`, []string{`["string", "null"]`}},
		{"Dialect", `{"$schema":"http://json-schema.org/draft-07/schema#"}`, []string{"at /$schema names another dialect; write"}},
		{"Encoding", `{"contentEncoding":"bsae64"}`, []string{`names an encoding that is not known; did you mean "base64"?`}},
		{"Format", `{"format":"emial"}`, []string{`did you mean "email"?`}},
		{"FormatNotAString", `{"format":1}`, []string{"names a format that is not known"}},
		{"Pattern", `{"pattern":"(?=a)"}`, []string{"/pattern does not compile"}},
		{"PatternProperties", `{"patternProperties":{"[":{}}}`, []string{"/patternProperties/[ does not compile"}},
		{"PatternNotAString", `{"pattern":1}`, []string{"/pattern is not a string"}},
		{"Type", `{"type":"text"}`, []string{"/type is not a type"}},
		{"NeverApplies", `{"type":"integer","minLength":1}`, []string{"/minLength never applies to type integer"}},
		{"NoValuePasses", `{"minLength":3,"maxLength":2}`, []string{"/minLength is more than maxLength"}},
		{"ThenWithoutIf", `{"then":{}}`, []string{`/then means nothing without "if"`}},
		{"RequiredMisspelled", `{"required":["emial"],"properties":{"email":{}}}`, []string{`names "emial", which properties does not declare; did you mean "email"?`}},
		{"NoSchema", `[]`, []string{"is not a schema"}},
		{"Empty", " ", []string{`test.json is empty; write a JSON Schema, such as {"type": "object"}`}},
		{"PropertyNoSchema", `{"properties":{"a":"string"}}`, []string{"/properties/a is not a schema"}},
		{"NotStrictJSON", `{"type":"string","type":"number"}`, []string{"duplicate name in an object at byte 17 (line 1, column 18)"}},
		{"PropertiesThatDifferByCase", `{"properties":{"id":{},"ID":{}}}`, []string{`declares "ID" and "id", which differ by case only`}},
		{"NotJSONInALaterLine", "{\n  \"type\": string\n}", []string{"invalid syntax at byte 12 (line 2, column 11)"}},
		{"TypeTwice", `{"type":["string","string"]}`, []string{"at /type names the type string twice; name each type once"}},
		{"ReferencesToNothing", `{"properties":{"a":{"items":{"$ref":"#/$defs/no"}},"b":{"$ref":"#anchor"},"c":{"$dynamicRef":"#none"},"d":{"$ref":"#/$defs/yes"}},"$defs":{"yes":{}}}`,
			[]string{`at /properties/a/items/$ref leads to "#/$defs/no", which is not in test.json; add it under $defs`,
				`at /properties/b/$ref leads to "#anchor", which`, `at /properties/c/$dynamicRef leads to "#none", which`}},
		{"ReferenceWithinAnID", `{"$defs":{"a":{"$id":"other.json","properties":{"x":{"$ref":"#/$defs/b"}}},"b":{}},"properties":{"y":{"$ref":"other.json"}}}`,
			[]string{"cannot be compiled"}},
		{"CircleBelow", `{"properties":{"a":{"allOf":[{"$ref":"#/properties/a"}]}}}`, []string{"leads back to its own schema for the same value; put the $ref under"}},
		{"NotAJSONPointer", `{"properties":{"a b":{"items":{"minLength":-1}}}}`, []string{"at /properties/a b/items/minLength is not valid in JSON Schema"}},
		{"HugeNumber", `{"maximum":1e1000001}`, []string{"number too long or out of range"}},
		{"KeywordOfTheWrongKind", `{"minLength":"1"}`, []string{"at /minLength is not valid in JSON Schema: expected integer"}},
		{"ReferenceToNothing", `{"$ref":"#/$defs/none"}`, []string{`at /$ref leads to "#/$defs/none", which is not in test.json`}},
		{"ReferenceToANetwork", `{"$ref":"https://example.com/s.json"}`, []string{`at /$ref leads to "https://example.com/s.json", which is not loaded`}},
		{"ReferenceToADisk", `{"$ref":"file:///etc/passwd"}`, []string{"is not loaded"}},
		{"Circle", `{"$ref":"#"}`, []string{"at /$ref leads back to its own schema"}},
		{"BadDefault", `{"properties":{"role":{"enum":["user"],"default":"guest"}}}`, []string{"at /properties/role/default is refused by its own schema"}},
		{"BadDefaultWithin", `{"properties":{"o":{"type":"object","properties":{"a":{"type":"string"}},"default":{"b":1}}}}`, []string{"/properties/o/default is refused"}},
		{"EndlessDefault", `{"properties":{"next":{"$ref":"#","default":{}}}}`, []string{"/properties/next/default leads to itself without end"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := mistakes(t, test.schema)
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
	for name, text := range map[string]string{
		"True":      `true`,
		"Extension": `{"x-go-name":"User"}`,
		"RequiredOfABase": `{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"lat":{"type":"number"}},"required":["lat","lng"]}],
			"$defs":{"base":{"properties":{"lng":{"type":"number"}}}}}`,
		"RequiredByThen":    `{"properties":{"from":{},"form":{}},"if":{"required":["from"]},"then":{"properties":{"from":{"type":"string"}},"required":["form"]}}`,
		"RequiredOfPattern": `{"properties":{"key1":{}},"patternProperties":{"^key[0-9]$":{}},"required":["key2"]}`,
		"Dialect":           `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`,
		"Circle":            `{"properties":{"next":{"$ref":"#"}}}`,
		"Anchors":           `{"$id":"urn:x:y","$anchor":"a","$defs":{"b":{"$anchor":"b"}},"properties":{"c":{"$ref":"#b"}}}`,
		"MetaData":          `{"title":"a","description":"b","examples":[1],"deprecated":true,"readOnly":true,"writeOnly":false,"$comment":"c"}`,
		"AMetaSchemaAsBody": `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
	} {
		t.Run(name, func(t *testing.T) {
			compile(t, text, schema.Options{})
		})
	}
	t.Run("BodyThatIsASchema", func(t *testing.T) {
		s := compile(t, `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, schema.Options{})
		check(t, s, `{"type":"string","properties":{"a":true}}`).passed(t)
		check(t, s, `{"type":"text"}`).refused(t, " schema")
	})
}

func TestDefaultsWithoutEndAreErrors(t *testing.T) {
	for name, text := range map[string]string{
		"Once":  `{"properties":{"a":{"$ref":"#"}},"default":{}}`,
		"Twice": `{"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"default":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := mistakes(t, text); len(got) != 1 || !strings.Contains(got[0], "/default leads to itself without end") {
				t.Errorf("got %q", got)
			}
		})
	}
	_, err := tryCompile(`{"properties":{"a":{"properties":{"b":{"default":[1,2,3,4,5,6]}},"default":{}}}}`, schema.Options{MaxSteps: 5})
	if err == nil || !strings.Contains(err.Error(), "takes more steps to fill in than MaxSteps") {
		t.Errorf("Compile = %v", err)
	}
}
