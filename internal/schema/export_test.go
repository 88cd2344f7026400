package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// Suite is a schema compiled as the conformance suites expect it. Formats are
// asserted or not. Unknown properties pass, and the mistakes that Compile
// refuses are ignored.
type Suite struct {
	n     *node
	steps int
}

// CompileSuite compiles text under url; load returns the text of other
// documents.
func CompileSuite(url, text string, assertFormats bool, load func(url string) (string, error)) (*Suite, error) {
	known := formats
	if !assertFormats {
		known = nil
	}
	c := newCompiler(load, known, func(_, _ string, _ any) []error { return nil })
	n, err := c.compile(url, text)
	if err != nil {
		return nil, err
	}
	return &Suite{n, 1_000_000}, nil
}

// Valid reports whether v is valid, both while gathering faults and while not,
// and both with memory from the first step on and without.
func (s *Suite) Valid(v any) (valid, agreed bool) {
	var got []bool
	var faults [][]Fault
	for _, report := range [...]bool{true, false} {
		for _, from := range [...]int{0, s.steps} {
			e := newEvaluation(s.steps, true)
			e.from = from
			holds := e.value(s.n, v, report) && !e.exhausted
			if report && holds != (len(e.faults) == 0) {
				return holds, false
			}
			e.onceFrom(0)
			got, faults = append(got, holds), append(faults, e.faults)
		}
	}
	return got[0], slices.Equal(got, []bool{got[0], got[0], got[0], got[0]}) && reflect.DeepEqual(faults[0], faults[1])
}

// IsFormat asks a built-in format.
func IsFormat(name, s string) bool { return formats[name](s) }

// IsInteger reports whether n is a whole number.
func IsInteger(n json.Number) bool { return isInteger(n) }

// Compare is how a number is compared with a bound of a schema.
func Compare(n, bound json.Number) int { return newBound(exactNumber(bound), bound).compare(n) }

// Divides reports whether n is a multiple of a bound.
func Divides(n, bound json.Number) bool { return newBound(exactNumber(bound), bound).divides(n) }

func exactNumber(n json.Number) *big.Rat {
	exact, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return exact
}

// Steps returns how many steps filling in the defaults of a document and
// checking it take.
func Steps(text, document string) (steps int, valid bool) {
	const plenty = 1 << 40
	s, err := Compile(Source{URL: Base + "steps.json", Text: text}, Options{MaxSteps: plenty})
	if err != nil {
		panic(err)
	}
	value, err := jsondoc.DecodeValue([]byte(document), jsondoc.Limits{Depth: 1_000, Keys: 10_000, Items: 10_000, Values: 100_000, Name: 1 << 20})
	if err != nil {
		panic(err)
	}
	f := filler{steps: plenty}
	filled := f.value(s.root, value)
	f.added.sort()
	e := newEvaluation(f.steps, false)
	e.added = f.added
	valid = e.run(s.root, filled)
	return plenty - e.steps, valid
}

// PatternSize is the number of instructions that a pattern is priced by.
func PatternSize(expression string) int { return newPattern(regexp.MustCompile(expression)).size }

// WithMemory checks a document with memory from the first step on, and without.
func WithMemory(s *Schema, v any) (with, without []Fault, valid [2]bool) {
	var got [2][]Fault
	for i, from := range [...]int{0, s.steps} {
		e := newEvaluation(s.steps, s.open)
		e.from, e.request = from, s.request
		valid[i] = e.run(s.root, v)
		if e.exhausted {
			return nil, nil, [2]bool{}
		}
		got[i] = e.faults
	}
	return got[0], got[1], valid
}

// Keywords returns the keywords that Compile knows.
func Keywords() []string { return slices.Sorted(maps.Keys(keywords)) }

// FormatNames returns the names of the built-in formats.
func FormatNames() []string {
	return slices.Concat(slices.Sorted(maps.Keys(formats)), slices.Sorted(maps.Keys(numberFormats)))
}

// Codes returns the codes of faults.
func Codes() []string {
	var codes []string
	for code := range detail {
		codes = append(codes, string(code))
	}
	return codes
}
