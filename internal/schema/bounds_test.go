package schema_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/schema"
)

// family is a tree whose children are declared three times over: by $ref, and
// twice in allOf.
const family = `{"$ref":"#/$defs/node","$defs":{
	"node":{"type":"object","allOf":[{"$ref":"#/$defs/base"},{"$ref":"#/$defs/base2"}],
		"properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer","default":1}}},
	"base":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"},"b":{"default":true}}},
	"base2":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"}}}}}`

const familyTree = `{"$ref":"#/$defs/node","$defs":{
	"node":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer","default":1}}}}}`

func nested(open, inner, shut string, depth int) string {
	return strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth)
}

// Filling in defaults costs each object once for each schema, and is paid for
// with the steps of checking.
func TestFillingIsBounded(t *testing.T) {
	t.Run("LinearInDepth", func(t *testing.T) {
		at := func(depth int) int {
			steps, _ := schema.Steps(familyTree, nested(`{"child":`, `{}`, `}`, depth))
			return steps
		}
		if one, ten := at(50)-at(40), at(150)-at(50); ten > 11*one {
			t.Errorf("ten levels take %d steps, a hundred %d", one, ten)
		}
	})
	t.Run("DeclaredThriceAndDeep", func(t *testing.T) {
		s := compile(t, family, schema.Options{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o := check(t, s, nested(`{"child":`, `{}`, `}`, 30))
		runtime.ReadMemStats(&after)
		o.passed(t)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
			t.Errorf("%d bytes were allocated", spent)
		}
	})
	t.Run("LongText", func(t *testing.T) {
		items := func(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }
		s := compile(t, `{"type":"array","items":{"type":"object","properties":{"text":{"default":"`+strings.Repeat("x", 32_000)+`"}}}}`,
			schema.Options{MaxSteps: 50_000})
		check(t, s, items(10)).passed(t)
		check(t, s, items(100)).tooComplex(t)
	})
}

// A pattern is paid for by the length of the string and by its own.
func TestPatternsCostSteps(t *testing.T) {
	const dear = `^(?:[a-z]+ ?){1,20}$`
	object := func(name string) string { return `{"` + name + `":1}` }
	tests := []struct {
		name, schema string
		document     func(string) string
	}{
		{"Pattern", `{"type":"string","pattern":"` + dear + `"}`, func(s string) string { return `"` + s + `"` }},
		{"PatternProperties", `{"patternProperties":{"` + dear + `":true}}`, object},
		{"PropertyNames", `{"propertyNames":{"pattern":"` + dear + `"},"additionalProperties":true}`, object},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			short, _ := schema.Steps(test.schema, test.document(strings.Repeat("ab", 32)))
			long, _ := schema.Steps(test.schema, test.document(strings.Repeat("ab", 32_000)))
			if short > 30 || long < 10_000 {
				t.Errorf("64 bytes take %d steps, 64,000 take %d", short, long)
			}
		})
	}
	t.Run("Ordinary", func(t *testing.T) {
		list := func(n int, item string) string { return "[" + strings.Repeat(`"`+item+`",`, n-1) + `"` + item + `"]` }
		for _, test := range []struct{ schema, document string }{
			{`{"type":"array","items":{"type":"string","pattern":"^[A-Za-z0-9_.-]{1,128}$"}}`, list(400, strings.Repeat("a-1_", 32))},
			{`{"type":"array","items":{"type":"string","pattern":"^[\\p{L}\\p{N} .,-]{1,200}$"}}`, list(800, strings.Repeat("Zoë, 12 St.", 5))},
			{`{"type":"string","pattern":"^(?s).{1,1000}"}`, `"` + strings.Repeat("some text ", 1_000) + `"`},
		} {
			check(t, compile(t, test.schema, schema.Options{}), test.document).passed(t)
		}
	})
	t.Run("Dear", func(t *testing.T) {
		for _, expression := range []string{dear, `^([a-z]+.)*[a-z]{1,50}!$`, `[a-z]{1,100}[0-9]$`} {
			s := compile(t, `{"type":"string","pattern":"`+expression+`"}`, schema.Options{})
			check(t, s, `"`+strings.Repeat("ab", 500_000)+`"`).tooComplex(t)
		}
	})
	t.Run("TooComplex", func(t *testing.T) {
		s := compile(t, tests[0].schema, schema.Options{})
		check(t, s, `"`+strings.Repeat("ab", 32_000)+`"`).passed(t)
		check(t, s, `"`+strings.Repeat("ab", 500_000)+`"`).tooComplex(t)
	})
	t.Run("WithinTheLength", func(t *testing.T) {
		s := compile(t, `{"type":"string","maxLength":64,"pattern":"`+dear+`"}`, schema.Options{})
		check(t, s, `"`+strings.Repeat("ab", 500_000)+`"`).refused(t, " max_length")
	})
}

// What is too long is refused for that alone: no pattern and no format looks at
// it.
func TestTooLongStringsAreNotLookedAt(t *testing.T) {
	looked := 0
	s := compile(t, `{"type":"string","maxLength":4,"minLength":2,"pattern":"^a+$","format":"mine"}`,
		schema.Options{Formats: map[string]func(string) bool{"mine": func(string) bool { looked++; return false }}})
	for _, test := range []struct {
		name, text string
		faults     []string
		looked     int
	}{
		{"Long", "bbbbb", []string{" max_length"}, 0},
		{"MuchTooLong", strings.Repeat("b", 100_000), []string{" max_length"}, 0},
		{"OfManyBytes", "😀😀😀😀😀", []string{" max_length"}, 0},
		{"JustOfManyBytes", "😀😀😀😀", []string{" format", " pattern"}, 1},
		{"Short", "b", []string{" format", " min_length", " pattern"}, 1},
		{"ShortOfManyBytes", "😀", []string{" format", " min_length", " pattern"}, 1},
		{"Within", "aa", []string{" format"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			looked = 0
			check(t, s, `"`+test.text+`"`).refused(t, test.faults...)
			if looked != test.looked {
				t.Errorf("the format looked %d times, want %d", looked, test.looked)
			}
		})
	}
}

// Which alternative was meant is seen by how deep a fault is, and not by a
// pointer that has been cut.
func TestAlternativeBelowALongName(t *testing.T) {
	name := strings.Repeat("n", 300)
	s := compile(t, `{"properties":{"`+name+`":{"oneOf":[
		{"type":"string"},{"type":"object","properties":{"a":{"maxLength":1}}}]}}}`, schema.Options{})
	check(t, s, `{"`+name+`":{"a":"xx"}}`).refused(t, " max_length")
}

// The work that the default of MaxSteps allows for patterns is what the comment
// of bytesPerStep says: so many bytes times instructions, however they are
// divided among strings.
func TestCaseValidate18WorkOfPatterns(t *testing.T) {
	const budget = 100_000 * 256 // bytes times instructions
	for _, expression := range []string{`^([a-z]+ ?)+$`, `^\\S+$`, `^(a|b)*$`, `^(?:[a-z]+ ?){1,20}$`} {
		text := `{"type":"array","items":{"type":"string","pattern":"` + expression + `"}}`
		s := compile(t, text, schema.Options{})
		size := schema.PatternSize(strings.ReplaceAll(expression, `\\`, `\`))
		for _, length := range []int{100, 10_000, 1 << 20} {
			item := strings.Repeat("ab", length/2)
			over := budget/size/length + 1
			o := check(t, s, `["`+strings.Repeat(item+`","`, over)+item+`"]`)
			o.tooComplex(t)
			if half := over / 3; half > 0 && length < 64<<10 {
				check(t, s, `["`+strings.Repeat(item+`","`, half)+item+`"]`).passed(t)
			}
		}
	}
	// A string of a megabyte against a pattern, without a maxLength.
	s := compile(t, `{"type":"string","pattern":"^([a-z]+ ?)+$"}`, schema.Options{})
	check(t, s, `"`+strings.Repeat("ab", 512<<10)+`"`).tooComplex(t)
	check(t, s, `"`+strings.Repeat("ab", 64<<10)+`"`).passed(t)
}

// Schemas apply each other up to a depth, because evaluation recurses. More
// steps do not raise the depth.
func TestNestingOfSchemasIsBounded(t *testing.T) {
	chain := func(length int) string {
		var defs strings.Builder
		for i := range length {
			fmt.Fprintf(&defs, `"d%d":{"$ref":"#/$defs/d%d"},`, i, i+1)
		}
		return fmt.Sprintf(`{"$ref":"#/$defs/d0","$defs":{%s"d%d":{"type":"string"}}}`, defs.String(), length)
	}
	options := schema.Options{MaxSteps: 1 << 30}
	check(t, compile(t, chain(4_000), options), `"a"`).passed(t)
	check(t, compile(t, chain(5_000), options), `"a"`).tooComplex(t)
}
