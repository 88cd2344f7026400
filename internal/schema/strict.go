package schema

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// draft is the one dialect that is understood.
const draft = "https://json-schema.org/draft/2020-12/schema"

// instead says what to write in place of a keyword of another draft or of
// OpenAPI 3.0.
var instead = map[string]string{
	"definitions":      `is of an older draft; write "$defs"`,
	"id":               `is of an older draft; write "$id"`,
	"dependencies":     `is of an older draft; write "dependentRequired" or "dependentSchemas"`,
	"additionalItems":  `is of an older draft; write "prefixItems" and "items"`,
	"$recursiveRef":    `is of an older draft; write "$dynamicRef"`,
	"$recursiveAnchor": `is of an older draft; write "$dynamicAnchor"`,
	"nullable":         `is of OpenAPI 3.0; write "type": ["string", "null"]`,
	"$vocabulary":      `belongs to a meta-schema; remove it`,
}

// strictness finds the rules of a schema that would never apply. The
// specification lets unknown keywords and formats pass, so a misspelled rule is
// silently ignored.
type strictness struct {
	formats map[string]func(string) bool
	// seen are the schemas that were inspected, by URL and pointer. A reference
	// may lead to a place that is not a place for schemas.
	seen map[string]bool
	// declared are the names of all properties that were met.
	declared map[string]bool
	url      string
	errs     []error
}

// inspect returns everything that is wrong with the schema at a pointer in a
// document, and with the schemas in it, in a fixed order.
func (s strictness) inspect(url, pointer string, v any) []error {
	s.url, s.errs = url, nil
	if s.seen[url+"#"+pointer] {
		return nil
	}
	eachSchema(v, pointer, func(schema map[string]any, _ string) {
		properties, _ := schema["properties"].(map[string]any)
		for name := range properties {
			s.declared[name] = true
		}
	})
	s.schema(v, pointer)
	return s.errs
}

func (s *strictness) wrong(pointer, format string, args ...any) {
	s.errs = append(s.errs, mistake(s.url, pointer, format, args...))
}

func (s *strictness) schema(v any, pointer string) {
	at := s.url + "#" + pointer
	if s.seen[at] {
		return
	}
	s.seen[at] = true
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
		if set&typeNamed(name) != 0 {
			s.wrong(pointer+"/type", "names the type %s twice; name each type once", name)
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
		hint := similar(name, maps.Keys(keywords))
		if hint == "" {
			hint = `; remove it, or begin the name of an extension with "x-"`
		}
		s.wrong(pointer, "is not a keyword of draft 2020-12%s", hint)
	case known.applies != 0 && types != 0 && known.applies&types == 0:
		s.neverApplies(pointer, known.applies, types)
	}
	switch name {
	case "$schema":
		if value != draft {
			s.wrong(pointer, "names another dialect; write %q, or leave it out", draft)
		}
	case "format":
		s.format(value, types, pointer)
	case "contentEncoding":
		encoding, _ := value.(string)
		if !slices.Contains(encodings, encoding) {
			s.wrong(pointer, "names an encoding that is not known%s; write one of %s", similar(encoding, slices.Values(encodings)), strings.Join(encodings, ", "))
		}
	case "properties":
		s.spellings(value, pointer)
	case "pattern":
		s.pattern(value, pointer)
	case "patternProperties":
		patterns, _ := value.(map[string]any)
		for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
			s.pattern(pattern, string(appendSegment([]byte(pointer), pattern)))
		}
	}
}

// encodings are those of RFC 4648 and RFC 2045. Only base64 is asserted; the
// others describe.
var encodings = []string{"base64", "base64url", "base32", "base32hex", "base16", "quoted-printable", "7bit", "8bit", "binary"}

func (s *strictness) format(value any, types Types, pointer string) {
	format, _ := value.(string)
	var applies Types
	if s.formats[format] != nil {
		applies |= String
	}
	if numberFormats[format] != nil || s.formats[format] != nil && isForNumbers(format, types) {
		applies |= numeric
	}
	if applies == 0 {
		known := slices.Sorted(maps.Keys(s.formats))
		known = slices.AppendSeq(known, maps.Keys(numberFormats))
		s.wrong(pointer, "names a format that is not known%s; correct it, or add your own to Config.Formats", similar(format, slices.Values(known)))
		return
	}
	if types != 0 && types&applies == 0 {
		s.neverApplies(pointer, applies, types)
	}
}

// neverApplies refuses a keyword for values of some types in a schema that
// allows values of other types only.
func (s *strictness) neverApplies(pointer string, applies, types Types) {
	if applies == numeric {
		applies = Number
	}
	s.wrong(pointer, "never applies to type %s; remove it, or declare the type %s",
		strings.Join(types.names(), " or "), strings.Join(applies.names(), " or "))
}

// spellings finds properties that differ by case only: many readers take one
// for the other, and no body may have both.
func (s *strictness) spellings(value any, pointer string) {
	properties, _ := value.(map[string]any)
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		folded := jsondoc.Fold(name)
		if other, ok := seen[folded]; ok {
			s.wrong(pointer, "declares %q and %q, which differ by case only; keep one of them", other, name)
		}
		seen[folded] = name
	}
}

func (s *strictness) pattern(value any, pointer string) {
	pattern, ok := value.(string)
	if !ok {
		s.wrong(pointer, "is not a string; write a regular expression as package regexp reads it")
		return
	}
	if _, err := regexp.Compile(pattern); err != nil {
		s.wrong(pointer, "does not compile as a regular expression of package regexp, which has no lookahead and no back-references: %v", err)
	}
}

// pairs finds bounds that nothing can meet.
func (s *strictness) pairs(schema map[string]any, pointer string) {
	met := true
	for _, pair := range [...]struct {
		low, high string
		apart     int // how the two must compare
	}{
		{"minLength", "maxLength", 0}, {"minItems", "maxItems", 0}, {"minProperties", "maxProperties", 0}, {"minContains", "maxContains", 0},
		{"minContains", "maxItems", 0}, {"minimum", "maximum", 0}, {"minimum", "exclusiveMaximum", -1}, {"exclusiveMinimum", "maximum", -1},
		{"exclusiveMinimum", "exclusiveMaximum", -1},
	} {
		low, ok := schema[pair.low].(json.Number)
		high, also := schema[pair.high].(json.Number)
		if !ok || !also {
			continue
		}
		if by := decimalOf(low).compare(decimalOf(high)); by > 0 {
			met = false
			s.wrong(pointer+"/"+pair.low, "is more than %s, so that no value passes; lower it, or raise %s", pair.high, pair.high)
		} else if by > pair.apart {
			met = false
			s.wrong(pointer+"/"+pair.low, "is as much as %s, so that no value passes; lower it, or raise %s", pair.high, pair.high)
		}
	}
	if met {
		s.integers(schema, pointer)
	}
	required, _ := schema["required"].([]any)
	if most, ok := schema["maxProperties"].(json.Number); ok && !fewer(len(required), most) && !Equal(most, json.Number(strconv.Itoa(len(required)))) {
		s.wrong(pointer+"/required", "names more properties than maxProperties allows, so that no value passes; raise maxProperties")
	}
	s.closed(schema, required, pointer)
	for _, pair := range [...][2]string{{"then", "if"}, {"else", "if"}, {"minContains", "contains"}, {"maxContains", "contains"}} {
		_, ok := schema[pair[0]]
		if _, also := schema[pair[1]]; ok && !also {
			s.wrong(pointer+"/"+pair[0], "means nothing without %q; add it beside this keyword, or remove this keyword", pair[1])
		}
	}
}

// closed finds objects and arrays that must have more than they may.
func (s *strictness) closed(schema map[string]any, required []any, pointer string) {
	properties, _ := schema["properties"].(map[string]any)
	_, patterns := schema["patternProperties"]
	shut := schema["additionalProperties"] == false && !patterns
	for _, r := range required {
		name, _ := r.(string)
		described, declared := properties[name]
		if declared && described == false || !declared && shut {
			s.wrong(pointer+"/required", "names %q, which the schema forbids, so that no value passes; declare it under properties", name)
		}
	}
	if least, ok := schema["minProperties"].(json.Number); ok && shut && fewer(len(properties), least) {
		s.wrong(pointer+"/minProperties", "is more than the number of properties that are declared, so that no value passes; lower it, or declare more")
	}
	prefix, _ := schema["prefixItems"].([]any)
	if least, ok := schema["minItems"].(json.Number); ok && schema["items"] == false && fewer(len(prefix), least) {
		s.wrong(pointer+"/minItems", "is more than the number of prefixItems, so that no value passes; lower it, or let items describe the rest")
	}
}

// fewer reports whether a number of things is less than a bound.
func fewer(n int, bound json.Number) bool {
	return decimalOf(json.Number(strconv.Itoa(n))).compare(decimalOf(bound)) < 0
}

// names finds a required property that is probably misspelled: no property has
// this name, and one beside it has a similar name. A part of allOf, or a then,
// may require what another schema declares.
func (s *strictness) names(schema map[string]any, pointer string) {
	declared, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, r := range required {
		name, _ := r.(string)
		if s.declared[name] || describedByPattern(schema, name) {
			continue
		}
		if hint := similar(name, maps.Keys(declared)); hint != "" {
			s.wrong(pointer+"/required", "names %q, which properties does not declare%s", name, hint)
		}
	}
}

// describedByPattern reports whether a patternProperties of the schema is for
// the name.
func describedByPattern(schema map[string]any, name string) bool {
	patterns, _ := schema["patternProperties"].(map[string]any)
	for pattern := range patterns {
		if expression, err := regexp.Compile(pattern); err == nil && expression.MatchString(name) {
			return true
		}
	}
	return false
}
