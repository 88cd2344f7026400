package schema_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// A mistake in another document is reported with the name of that document, and
// a document that is not there with the place of the $ref.
func TestMistakesOfOtherDocuments(t *testing.T) {
	documents := map[string]string{
		"base.json":   `{"type":"object","properties":{"id":{"type":"integer"}}}`,
		"broken.json": "{\n\"type\": }",
		"wrong.json":  `{"minLength":"x"}`,
		"typo.json":   `{"maxLenght":1}`,
		"loose.json":  `{"properties":{"a":{"anyOf":[{"default":1}]}}}`,
		"nested.json": `{"$id":"nested.json","$defs":{"n":{"$ref":"missing.json#/x"}},"$ref":"#/$defs/n"}`,
	}
	compileFrom := func(text string) error {
		load := func(url string) (string, error) {
			text, ok := documents[strings.TrimPrefix(url, schema.Base)]
			if !ok {
				return "", errors.New("is not there")
			}
			return text, nil
		}
		_, err := schema.Compile(schema.Source{URL: schema.Base + "main.json", Text: text, Load: load}, schema.Options{MaxSteps: 1000})
		return err
	}
	if err := compileFrom(`{"properties":{"a":{"$ref":"base.json"}}}`); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ name, text, want string }{
		{"Missing", `{"properties":{"a":{"$ref":"missing.json"}}}`, `main.json at /properties/a/$ref leads to "missing.json", which is not there`},
		{"MissingFurtherOn", `{"items":{"$ref":"nested.json"}}`, `nested.json at /$defs/n/$ref leads to "missing.json", which is not there`},
		{"NotJSON", `{"items":{"$ref":"broken.json"}}`, "broken.json is not strict JSON: invalid syntax at byte 10 (line 2, column 9)"},
		{"NotASchema", `{"items":{"$ref":"wrong.json"}}`, "wrong.json at /minLength is not valid in JSON Schema: expected integer, but got string"},
		{"Misspelled", `{"items":{"$ref":"typo.json"}}`, `typo.json at /maxLenght is not a keyword of draft 2020-12; did you mean "maxLength"?`},
		{"NeverFilled", `{"properties":{"o":{"$ref":"loose.json"}}}`, "loose.json at /properties/a/anyOf/0/default can never be filled in"},
		{"NotInTheOtherDocument", `{"properties":{"a":{"$ref":"base.json#/$defs/none"}}}`, `main.json at /properties/a/$ref leads to "#/$defs/none", which is not in base.json`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := compileFrom(test.text)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Compile = %v, want %s", err, test.want)
			}
		})
	}
}

// Each number format holds exactly the numbers of the Go type.
func TestNumberFormats(t *testing.T) {
	for format, bounds := range map[string][2]string{ // the last that passes, the first that does not
		"int8": {"-128", "-129"}, "int16": {"32767", "32768"}, "int32": {"-2147483648", "-2147483649"}, "int64": {"9223372036854775807", "9223372036854775808"},
		"uint8": {"255", "256"}, "uint16": {"65535", "65536"}, "uint32": {"4294967295", "4294967296"}, "uint64": {"18446744073709551615", "-1"},
		"float": {"3.4e38", "3.5e38"}, "double": {"1.7e308", ""},
	} {
		s := compile(t, `{"type":"number","format":"`+format+`"}`, schema.Options{})
		check(t, s, bounds[0]).passed(t)
		if bounds[1] != "" {
			check(t, s, bounds[1]).refused(t, " format")
		}
	}
}

// The values of a list are named in a fault if they fit into an answer.
func TestAllowedValues(t *testing.T) {
	var many []string
	for i := range 33 {
		many = append(many, strconv.Itoa(i))
	}
	for name, test := range map[string]struct {
		schema, document string
		want             map[string]any
	}{
		"Few":     {`{"enum":["a","b"]}`, `"x"`, map[string]any{"allowed": []any{"a", "b"}}},
		"Objects": {`{"enum":[{"a":1}]}`, `"x"`, nil},
		"Many":    {`{"enum":[` + strings.Join(many, ",") + `]}`, `"x"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := check(t, compile(t, test.schema, schema.Options{}), test.document)
			if len(got.Faults) != 1 || got.Faults[0].Code != "enum" || !reflect.DeepEqual(got.Faults[0].Params, test.want) {
				t.Errorf("faults %+v", got.Faults)
			}
		})
	}
}
