package schema

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// evaluation is one value being held against one schema. It gives up after a number of steps: what a schema with anyOf in a cycle
// makes of a document may be exponential in its depth.
type evaluation struct {
	open      bool // unknown properties are allowed
	steps     int  // left
	depth     int
	exhausted bool

	path      []segment
	marks     []mark
	spellings []spelled
	names     []string // stack of names in order
	scope     []*resource
	faults    []Fault

	pathRoom     [16]segment
	markRoom     [16]mark
	spellingRoom [8]spelled
	namesRoom    [32]string
}

// maxNesting bounds how deep schemas apply each other, whatever the steps allow: evaluation recurses.
const maxNesting = 4_096

// segment is one step of the way to a value.
type segment struct {
	name  string
	index int // -1 for a name
}

func newEvaluation(steps int, open bool) *evaluation {
	e := &evaluation{open: open, steps: steps}
	e.path, e.marks, e.spellings, e.names = e.pathRoom[:0], e.markRoom[:0], e.spellingRoom[:0], e.namesRoom[:0]
	return e
}

// run reports whether v is what n describes. If it is not, faults says why, in a fixed order; exhausted means that it is not known.
func (e *evaluation) run(n *node, v any) bool {
	ok := e.value(n, v, true)
	if !e.exhausted {
		ok = e.close(v) && ok
	}
	return ok && !e.exhausted
}

// spend takes steps and reports whether there were enough.
func (e *evaluation) spend(steps int) bool {
	if e.steps -= steps; e.steps < 0 {
		e.exhausted = true
	}
	return !e.exhausted
}

// apply holds v against n. With report every fault is noted, otherwise the first one ends it.
func (e *evaluation) apply(n *node, v any, report bool) bool {
	if e.depth++; e.depth > maxNesting {
		e.exhausted = true
	}
	defer func() { e.depth-- }()
	if !e.spend(1) {
		return false
	}
	if n.refuses {
		e.markAll(v)
		return e.fault(report, codeForbidden, nil)
	}
	if n.anything {
		return true
	}
	if n.foreign != nil {
		e.markAll(v)
		return n.foreign(v) || e.fault(report, codeSchema, nil)
	}
	if n.home != nil && (len(e.scope) == 0 || e.scope[len(e.scope)-1] != n.home) {
		e.scope = append(e.scope, n.home)
		defer func() { e.scope = e.scope[:len(e.scope)-1] }()
	}
	// What stands beside a wrong type, or within it, would only repeat that it is wrong.
	if n.types != 0 && !n.types.has(v) {
		e.markAll(v)
		return e.fault(report, codeType, n)
	}
	start := len(e.marks)
	ok := e.literals(n, v, report)
	if ok || report {
		ok = e.byType(n, v, report) && ok
	}
	if ok || report {
		ok = e.inPlace(n, v, report) && ok
	}
	if ok || report {
		ok = e.leftOver(n, v, start, report) && ok
	}
	return ok
}

// literals checks const and enum. A value that is written in the schema is known to its last leaf.
func (e *evaluation) literals(n *node, v any, report bool) bool {
	if len(n.constant) > 0 {
		if !Equal(n.constant[0], v) {
			return e.fault(report, codeConst, n)
		}
		e.markAll(v)
	}
	if n.enum != nil {
		e.spend(len(n.enum))
		if !slices.ContainsFunc(n.enum, func(allowed any) bool { return Equal(allowed, v) }) {
			return e.fault(report, codeEnum, n)
		}
		e.markAll(v)
	}
	return true
}

func (e *evaluation) byType(n *node, v any, report bool) bool {
	switch v := v.(type) {
	case string:
		return e.string(n, v, report)
	case map[string]any:
		return n.object == nil || e.object(n.object, v, report)
	case []any:
		return n.array == nil || e.array(n.array, v, report)
	case json.Number:
		return n.numbers == nil || e.number(n.numbers, v, report)
	}
	return true
}

func (e *evaluation) string(n *node, s string, report bool) bool {
	if !e.spend(len(s) / 256) {
		return false
	}
	ok := true
	if rules := n.text; rules != nil {
		// A string that is too long is not looked at any further: patterns and formats cost its length. A character has at most four
		// bytes, so that it need not be counted either where it is much too long.
		if rules.max >= 0 && (len(s)/4 > rules.max || len(s) > rules.max && utf8.RuneCountInString(s) > rules.max) {
			return e.limit(report, codeMaxLength, rules.max)
		}
		if len(s) < rules.min || rules.min > 0 && len(s)/4 < rules.min && utf8.RuneCountInString(s) < rules.min {
			ok = e.limit(report, codeMinLength, rules.min)
		}
		if rules.pattern != nil && !e.matches(rules.pattern, s) {
			ok = e.fault(report, codePattern, n)
		}
	}
	if e.exhausted {
		return false
	}
	if n.accepts != nil && !n.accepts(s) {
		ok = e.fault(report, codeFormat, n)
	}
	return ok
}

// bytesPerStep is how many bytes, times instructions of a pattern, are matched in one step. Package regexp takes some 10 ns for each
// at worst, so that the default of Limits.Steps is half a second; most patterns take a small part of that.
const bytesPerStep = 512

// matches pays for a pattern and then asks it. Package regexp is linear in the string, and in the pattern.
func (e *evaluation) matches(p *pattern, s string) bool {
	return e.spend(1+len(s)*p.size/bytesPerStep) && p.MatchString(s)
}

func (e *evaluation) number(rules *numberRules, v json.Number, report bool) bool {
	for _, b := range [...]*bound{rules.min, rules.above, rules.max, rules.below, rules.multiple} {
		if b != nil && !e.spend(b.work(v)) {
			return false
		}
	}
	ok := true
	if rules.min != nil && rules.min.compare(v) < 0 {
		ok = e.limit(report, codeMinimum, rules.min.text)
	}
	if rules.above != nil && rules.above.compare(v) <= 0 {
		ok = e.limit(report, codeExclusiveMinimum, rules.above.text)
	}
	if rules.max != nil && rules.max.compare(v) > 0 {
		ok = e.limit(report, codeMaximum, rules.max.text)
	}
	if rules.below != nil && rules.below.compare(v) >= 0 {
		ok = e.limit(report, codeExclusiveMaximum, rules.below.text)
	}
	if rules.multiple != nil && !rules.multiple.divides(v) {
		ok = e.limit(report, codeMultipleOf, rules.multiple.text)
	}
	return ok
}

// value holds a value against a schema for it, as opposed to one more schema in the same place: there, "anything" adds nothing to
// what is known, and here it means all below.
func (e *evaluation) value(n *node, v any, report bool) bool {
	if n.anything {
		e.markAll(v)
	}
	if n.spelling != nil {
		if object, ok := v.(map[string]any); ok {
			e.spellings = append(e.spellings, spelled{identity(object), n.spelling})
		}
	}
	return e.apply(n, v, report)
}

// member holds the value of a property against a schema.
func (e *evaluation) member(n *node, name string, v any, report bool) bool {
	e.path = append(e.path, segment{name, -1})
	ok := e.value(n, v, report)
	e.path = e.path[:len(e.path)-1]
	return ok
}

// element holds an item of an array against a schema.
func (e *evaluation) element(n *node, i int, v any, report bool) bool {
	e.path = append(e.path, segment{"", i})
	ok := e.value(n, v, report)
	e.path = e.path[:len(e.path)-1]
	return ok
}

func (e *evaluation) array(rules *arrayRules, items []any, report bool) bool {
	ok := true
	if len(items) < rules.min {
		ok = e.limit(report, codeMinItems, rules.min)
	}
	if rules.max >= 0 && len(items) > rules.max {
		ok = e.limit(report, codeMaxItems, rules.max)
	}
	if rules.unique && e.spend(workOfRepeated(items)) {
		if earlier, later, found := repeated(items); found {
			ok = e.note(report, Fault{Code: codeUniqueItems, Params: map[string]any{"first": earlier, "second": later}})
		}
	}
	if rules.items != nil {
		e.markItems(items, len(items))
	} else {
		e.markItems(items, min(len(items), len(rules.prefix)))
	}
	for i, item := range items {
		n := rules.items
		if i < len(rules.prefix) {
			n = rules.prefix[i]
		}
		if n == nil {
			break
		}
		if !ok && !report {
			return false
		}
		ok = e.element(n, i, item, report) && ok
	}
	if (ok || report) && rules.contains != nil {
		ok = e.contains(rules, items, report) && ok
	}
	return ok
}

func (e *evaluation) contains(rules *arrayRules, items []any, report bool) bool {
	matched := 0
	for i, item := range items {
		start := len(e.marks)
		if e.element(rules.contains, i, item, false) {
			matched++
			e.markItem(items, i)
		} else {
			e.marks = e.marks[:start]
		}
	}
	if matched < rules.minContains {
		return e.limit(report, codeMinContains, rules.minContains)
	}
	if rules.maxContains >= 0 && matched > rules.maxContains {
		return e.limit(report, codeMaxContains, rules.maxContains)
	}
	return true
}

// identity tells one array or object of the document from another: each stands in one place.
func identity(v any) uintptr { return reflect.ValueOf(v).Pointer() }

// identityOf is identity without making an interface of the slice, which must have an element.
func identityOf(items []any) uintptr { return reflect.ValueOf(&items[0]).Pointer() }

// pointer writes the way to the value at hand, or to its property, as RFC 6901 has it. It ends where it would become longer than
// MaxPointer, and nothing beyond that is looked at: names are the client's.
func (e *evaluation) pointer(f *Fault) string {
	var room [MaxPointer]byte
	out, ok := room[:0], true
	for i := 0; i < len(e.path) && ok; i++ {
		name := e.path[i].name
		if index := e.path[i].index; index >= 0 {
			name = strconv.Itoa(index)
		}
		out, ok = jsondoc.AppendSegment(out, name, MaxPointer)
	}
	if f.named && ok {
		out, _ = jsondoc.AppendSegment(out, f.name, MaxPointer)
	}
	return string(out)
}

// appendSegment appends to a pointer within a schema, whose author is trusted with the length of names.
func appendSegment(out []byte, name string) []byte {
	out, _ = jsondoc.AppendSegment(out, name, math.MaxInt)
	return out
}
