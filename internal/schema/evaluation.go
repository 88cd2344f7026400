package schema

import (
	"encoding/json"
	"slices"
)

// evaluation checks one value against one schema. It gives up after a number of
// steps. It remembers the results for parts of the value, so the work is at
// most the size of the value times the size of the schema.
type evaluation struct {
	open      bool            // unknown properties are allowed
	request   bool            // properties that are read only are refused, and there are some
	declared  map[string]bool // the names of properties in the schema
	added     additions
	given     int // steps
	steps     int // left
	depth     int
	exhausted bool

	path      []segment
	marks     []mark
	spellings []spelled
	names     []string // stack of names in order
	scope     []*resource
	faults    []Fault
	memories  map[recollection]*memory
	from      int // steps from which on memory is kept
	scopes    [][]*resource
	visits    int // walks through memories
	place     *place
	places    map[string]*place
	alone     map[*node]*place // those of one schema

	pathRoom     [16]segment
	markRoom     [16]mark
	spellingRoom [8]spelled
	namesRoom    [32]string
	addedRoom    [8]addition
}

// maxNesting bounds how deep schemas apply each other, because evaluation
// recurses. Steps do not raise this bound.
const maxNesting = 4_096

func newEvaluation(steps int, open bool) *evaluation {
	e := &evaluation{open: open, given: steps, steps: steps, from: firstSteps}
	e.path, e.marks, e.spellings, e.names = e.pathRoom[:0], e.markRoom[:0], e.spellingRoom[:0], e.namesRoom[:0]
	return e
}

// run reports whether v is valid by n. If not, faults holds the reasons, in a
// fixed order. After exhausted nothing is known of v.
func (e *evaluation) run(n *node, v any) bool {
	ok := e.value(n, v, true)
	if !e.exhausted {
		ok = e.close(v) && ok
	}
	e.onceFrom(0)
	return ok && !e.exhausted
}

// spend takes steps and reports whether there were enough.
func (e *evaluation) spend(steps int) bool {
	if e.steps -= steps; e.steps < 0 {
		e.exhausted = true
	}
	return !e.exhausted
}

// apply holds v against n. With report it notes every fault. Without report it
// ends at the first fault.
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
	if n.readOnly && e.request && len(e.path) > 0 {
		e.markAll(v)
		return e.fault(report, codeReadOnly, nil)
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
	// With a wrong type, all other faults of the value would only repeat that
	// the type is wrong.
	if n.types != 0 && !n.types.has(v) {
		e.markAll(v)
		return e.fault(report, codeType, n)
	}
	if e.remembers(n, v) {
		return e.recall(n, v, report)
	}
	return e.keywords(n, v, report)
}

// keywords holds v against the keywords of n itself.
func (e *evaluation) keywords(n *node, v any, report bool) bool {
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

// literals checks const and enum. A value that equals a literal of the schema
// is known to its last leaf.
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
		ok := n.fits == nil || n.fits(v) || e.fault(report, codeFormat, n)
		return (n.numbers == nil || e.number(n.numbers, v, report)) && ok
	}
	return true
}

// value holds a value against the schema for its place. Further schemas for the
// same place go through apply instead: for them "anything" adds no knowledge,
// while here it means that the whole value is known.
func (e *evaluation) value(n *node, v any, report bool) bool {
	if n.anything {
		e.markAll(v)
	}
	if n.spelling != nil {
		if object, ok := v.(map[string]any); ok {
			e.spellings = append(e.spellings, spelled{identity(object), n.spelling})
		}
	}
	if !e.request {
		return e.apply(n, v, report)
	}
	around := e.enter(n, v)
	ok := e.apply(n, v, report)
	e.place = around
	return ok
}

// leftOver checks unevaluatedProperties and unevaluatedItems. They come last,
// because they are for the properties and items that nothing else in this
// schema has described. The marks of this schema begin at start.
func (e *evaluation) leftOver(n *node, v any, start int, report bool) bool {
	switch v := v.(type) {
	case map[string]any:
		if n.object != nil && n.object.unevaluated != nil {
			return e.unevaluatedProperties(n.object.unevaluated, v, start, report)
		}
	case []any:
		if n.array != nil && n.array.unevaluated != nil {
			return e.unevaluatedItems(n.array.unevaluated, v, start, report)
		}
	}
	return true
}
