package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// draft is the one dialect that is understood.
const draft = "https://json-schema.org/draft/2020-12/schema"

// instead says what to write in place of a keyword of another draft, of OpenAPI
// 3.0, or of JSON Schema that nothing would check.
var instead = map[string]string{
	"definitions":      `is of an older draft; write "$defs"`,
	"id":               `is of an older draft; write "$id"`,
	"dependencies":     `is of an older draft; write "dependentRequired" or "dependentSchemas"`,
	"additionalItems":  `is of an older draft; write "prefixItems" and "items"`,
	"$recursiveRef":    `is of an older draft; write "$dynamicRef"`,
	"$recursiveAnchor": `is of an older draft; write "$dynamicAnchor"`,
	"nullable":         `is of OpenAPI 3.0; write "type": ["string", "null"]`,
	"example":          `is of OpenAPI 3.0; write "examples"`,
	"discriminator":    `is of OpenAPI; write "oneOf" with a "const" in each branch`,
	"$vocabulary":      `belongs to a meta-schema`,
	"contentEncoding":  `is a description that nothing checks; write "format": "byte" for base64`,
	"contentMediaType": `is a description that nothing checks; say it in "description"`,
	"contentSchema":    `is a description that nothing checks; say it in "description"`,
}

// strictness finds the rules of a schema that would never apply. The
// specification lets unknown keywords and formats pass, so a misspelled rule is
// silently ignored.
type strictness struct {
	formats map[string]func(string) bool
	url     string
	errs    []error
}

// inspect returns everything that is wrong with a document, in a fixed order.
func (s strictness) inspect(url string, doc any) []error {
	s.url, s.errs = url, nil
	s.schema(doc, "")
	return s.errs
}

func (s *strictness) wrong(pointer, format string, args ...any) {
	if pointer == "" {
		pointer = "/"
	}
	name := strings.TrimPrefix(s.url, Base)
	s.errs = append(s.errs, fmt.Errorf("%s at %s %s", name, pointer, fmt.Sprintf(format, args...)))
}

func (s *strictness) schema(v any, pointer string) {
	schema, ok := v.(map[string]any)
	if !ok {
		if _, ok := v.(bool); !ok {
			s.wrong(pointer, "is not a schema; write an object, true or false")
		}
		return
	}
	types := s.types(schema, pointer)
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		s.keyword(name, schema[name], types, string(appendSegment([]byte(pointer), name)))
	}
	s.pairs(schema, pointer)
	s.names(schema, pointer)
	subschemas(schema, pointer, s.schema)
}

// types returns the declared types; none means any.
func (s *strictness) types(schema map[string]any, pointer string) Types {
	var set Types
	declared, ok := schema["type"]
	if !ok {
		return 0
	}
	list, ok := declared.([]any)
	if !ok {
		list = []any{declared}
	}
	for _, t := range list {
		name, _ := t.(string)
		if typeNamed(name) == 0 {
			s.wrong(pointer+"/type", "is not a type; write null, boolean, object, array, number, integer or string")
			return 0
		}
		set |= typeNamed(name)
	}
	return set
}

func (s *strictness) keyword(name string, value any, types Types, pointer string) {
	known, ok := keywords[name]
	switch {
	case !ok && strings.HasPrefix(name, "x-"):
	case !ok && instead[name] != "":
		s.wrong(pointer, "%s", instead[name])
	case !ok:
		s.wrong(pointer, "is not a keyword of draft 2020-12%s", similar(name, maps.Keys(keywords)))
	case known.applies != 0 && types != 0 && known.applies&types == 0:
		s.wrong(pointer, "never applies to type %s", strings.Join(types.names(), " or "))
	}
	switch name {
	case "$schema":
		if value != draft {
			s.wrong(pointer, "must be %q", draft)
		}
	case "format":
		format, _ := value.(string)
		if s.formats[format] == nil {
			s.wrong(pointer, "names a format that is not known%s; add your own to Config.Formats", similar(format, maps.Keys(s.formats)))
		}
	case "pattern":
		s.pattern(value, pointer)
	case "patternProperties":
		patterns, _ := value.(map[string]any)
		for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
			s.pattern(pattern, string(appendSegment([]byte(pointer), pattern)))
		}
	}
}

func (s *strictness) pattern(value any, pointer string) {
	pattern, ok := value.(string)
	if !ok {
		s.wrong(pointer, "is not a string")
		return
	}
	if _, err := regexp.Compile(pattern); err != nil {
		s.wrong(pointer, "does not compile as a regular expression of package regexp: %v", err)
	}
}

// pairs finds bounds that nothing can meet.
func (s *strictness) pairs(schema map[string]any, pointer string) {
	for _, pair := range [...][2]string{{"minLength", "maxLength"}, {"minItems", "maxItems"}, {"minProperties", "maxProperties"},
		{"minimum", "maximum"}, {"minContains", "maxContains"}} {
		low, ok := schema[pair[0]].(json.Number)
		high, also := schema[pair[1]].(json.Number)
		if ok && also && decimalOf(low).compare(decimalOf(high)) > 0 {
			s.wrong(pointer+"/"+pair[0], "is more than %s, so that no value passes", pair[1])
		}
	}
	for _, pair := range [...][2]string{{"then", "if"}, {"else", "if"}, {"minContains", "contains"}, {"maxContains", "contains"}} {
		_, ok := schema[pair[0]]
		if _, also := schema[pair[1]]; ok && !also {
			s.wrong(pointer+"/"+pair[0], "means nothing without %q", pair[1])
		}
	}
}

// names finds a required property that is probably misspelled: no property has
// this name, and one has a similar name.
func (s *strictness) names(schema map[string]any, pointer string) {
	declared, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, r := range required {
		name, _ := r.(string)
		if _, ok := declared[name]; ok {
			continue
		}
		if hint := similar(name, maps.Keys(declared)); hint != "" {
			s.wrong(pointer+"/required", "names %q, which properties does not declare%s", name, hint)
		}
	}
}
