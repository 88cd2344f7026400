package schema_test

import (
	"fmt"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

func TestProperties(t *testing.T) {
	s := compile(t, `{
		"type": "object",
		"properties": {
			"b": {"$ref": "#/$defs/n", "x-explode": false},
			"a": {"type": "array", "items": {"allOf": [{"type": "string"}]}, "default": []}
		},
		"$ref": "#/$defs/page",
		"allOf": [{"properties": {"d": {"default": {}, "properties": {"e": {"default": 1}}}}}],
		"anyOf": [{"properties": {"e": {"enum": [1, 2]}}}],
		"$defs": {
			"n": {"type": ["integer", "null"], "default": 7, "x-explode": true},
			"page": {"properties": {"c": {}, "a": {"type": "integer"}}}
		}
	}`, schema.Options{})
	var got []string
	for p := range s.Properties() {
		standard, ok := p.Default()
		got = append(got, fmt.Sprint(p.Name, " ", p.Types() == 0, p.Types() == schema.Array, p.Types() == schema.Integer|schema.Null, p.Items() == schema.String,
			" ", standard, " ", ok, " ", p.Extension("x-explode")))
	}
	sameList(t, got, []string{
		"a false true false true [] true <nil>",
		"b false false true false 7 true false",
		"a false false false false <nil> false <nil>",
		"c true false false false <nil> false <nil>",
		"d true false false false map[e:1] true <nil>",
		"e true false false false <nil> false <nil>",
	})
	if s.Types() != schema.Object {
		t.Errorf("the types of the schema itself are %v", s.Types())
	}
}

// A reader may stop anywhere: among the properties of the schema, of what it
// refers to, and of allOf.
func TestPropertiesStop(t *testing.T) {
	s := compile(t, `{"properties":{"a":{}},"$ref":"#/$defs/b","allOf":[{"properties":{"c":{}}},{"properties":{"d":{}}}],
		"$defs":{"b":{"properties":{"b":{}}}}}`, schema.Options{})
	for _, last := range []string{"a", "b", "c", "d"} {
		var names string
		for p := range s.Properties() {
			if names += p.Name; p.Name == last {
				break
			}
		}
		if want := "abcd"[:last[0]-'a'+1]; names != want {
			t.Errorf("stopped at %s: %s, want %s", last, names, want)
		}
	}
}
