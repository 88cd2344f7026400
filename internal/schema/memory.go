package schema

import (
	"reflect"
	"slices"
)

// memory is what applying a schema to one array or object has found. A value
// stands in one place of the document, so that applying the schema again would
// find the same. Without memory the work for a tree of alternatives is a power
// of its depth: each branch that is tried looks at the whole tree below.
type memory struct {
	holds bool
	// reported is set where the faults were gathered as well.
	reported bool
	marks    []mark
	faults   []Fault
	// visit is the last walk through marks that came here, so that no walk
	// comes twice.
	visit int
}

// recollection is what a memory is of.
type recollection struct {
	n     *node
	of    uintptr
	scope int    // of a schema that depends on the dynamic scope
	place *place // which decides what is required
}

// firstSteps is the work after which memory begins. Most values need less, and
// are checked without.
const firstSteps = 256

// remembers reports whether the result of applying n to v is kept. A schema
// that only one other schema leads to is applied once for each time that the
// other one is.
func (e *evaluation) remembers(n *node, v any) bool {
	if !n.shared || e.given-e.steps < e.from {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0 // empty ones have no identity
	}
	return false
}

// recall holds v against the keywords of n, or remembers what came of it.
func (e *evaluation) recall(n *node, v any, report bool) bool {
	key := recollection{n, identity(v), e.scopeFor(n), e.place}
	if m := e.memories[key]; m != nil && (m.holds || m.reported || !report) {
		e.marks = append(e.marks, mark{of: key.of, kind: markedMemory, memory: m})
		if report && len(m.faults) > 0 && e.spend(len(m.faults)/4) {
			e.faults = append(e.faults, m.faults[:min(len(m.faults), maxFaults-len(e.faults))]...)
		}
		return m.holds
	}
	marked, faulted := len(e.marks), len(e.faults)
	m := &memory{holds: e.keywords(n, v, report)}
	if e.exhausted {
		return false
	}
	if m.holds || report {
		m.marks = slices.Clone(e.marks[marked:])
	}
	if m.reported = report; report {
		e.onceFrom(faulted)
		m.faults = slices.Clone(e.faults[faulted:])
	}
	e.marks = append(e.marks[:marked], mark{of: key.of, kind: markedMemory, memory: m})
	if e.memories == nil {
		e.memories = map[recollection]*memory{}
	}
	e.memories[key] = m
	return m.holds
}

// onceFrom keeps each fault from start on once. Several schemas may lead to the
// same faults below, and several of those to these: they would be many.
func (e *evaluation) onceFrom(start int) {
	found := e.faults[start:]
	if len(found) < 2 || !e.spend(len(found)/4) {
		return
	}
	type place struct {
		pointer string
		code    Code
	}
	seen := make(map[place][]map[string]any, len(found))
	kept := found[:0]
	for _, f := range found {
		at := place{f.Pointer, f.Code}
		if slices.ContainsFunc(seen[at], func(params map[string]any) bool { return reflect.DeepEqual(params, f.Params) }) {
			continue
		}
		seen[at] = append(seen[at], f.Params)
		kept = append(kept, f)
	}
	e.faults = e.faults[:start+len(kept)]
}

// scopeFor numbers the dynamic scopes for a schema that depends on them. For
// $dynamicRef two scopes are the same if they enter the same resources for the
// first time in the same order.
func (e *evaluation) scopeFor(n *node) int {
	if !n.dynamic {
		return 0
	}
	var entered []*resource
	for _, home := range e.scope {
		if !slices.Contains(entered, home) {
			entered = append(entered, home)
		}
	}
	e.spend(len(e.scope) / 16)
	for i, known := range e.scopes {
		if slices.Equal(known, entered) {
			return i + 1
		}
	}
	e.scopes = append(e.scopes, entered)
	return len(e.scopes)
}

// eachMark calls visit for the marks of one object or array, also for those in
// memories.
func (e *evaluation) eachMark(marks []mark, of uintptr, visit func(*mark)) {
	e.visits++
	e.walk(marks, func(m *mark) bool { return m.of == of }, visit)
}

// spread puts the marks that stand in memories into the list of marks.
func (e *evaluation) spread() {
	if !slices.ContainsFunc(e.marks, func(m mark) bool { return m.kind == markedMemory }) {
		return
	}
	e.visits++
	var all []mark
	e.walk(e.marks, func(*mark) bool { return true }, func(m *mark) { all = append(all, *m) })
	e.marks = all
}

func (e *evaluation) walk(marks []mark, wanted func(*mark) bool, visit func(*mark)) {
	for i := range marks {
		m := &marks[i]
		switch {
		case !wanted(m):
		case m.kind != markedMemory:
			visit(m)
		case m.memory.visit != e.visits:
			m.memory.visit = e.visits
			e.walk(m.memory.marks, wanted, visit)
		}
	}
}

// share finds the schemas that several schemas lead to. On every circle there
// is one of them. It also finds the schemas that depend on the dynamic scope.
func (c *compiler) share(root *node) {
	ways := map[*node]int{root: 1}
	all := c.all()
	for _, n := range all {
		n.each(func(sub *node) { ways[sub]++ })
		if n.anchor == "" {
			continue
		}
		n.dynamic = true
		for _, r := range c.resources {
			ways[r.anchors[n.anchor]] += 2
		}
	}
	for changed := true; changed; {
		changed = false
		for _, n := range all {
			if n.dynamic {
				continue
			}
			n.each(func(sub *node) { n.dynamic = n.dynamic || sub.dynamic })
			changed = changed || n.dynamic
		}
	}
	for n, count := range ways {
		if n != nil {
			n.shared = count > 1
		}
	}
	for _, n := range all {
		if n.object != nil {
			n.object.byPrice = slices.Clone(n.object.properties)
			slices.SortStableFunc(n.object.byPrice, func(a, b property) int { return a.price() - b.price() })
		}
	}
}

// price orders the properties of an object. What tells alternatives apart and
// costs little is looked at first: a const or enum, then values without parts,
// then the rest.
func (n *node) price() int {
	switch {
	case n.listed():
		return 0
	case n.types != 0 && n.types&(Object|Array) == 0:
		return 1
	case n.shared || n.array != nil || n.types&Array != 0:
		return 3
	}
	return 2
}

// listed reports whether n lists its values, itself or through $ref and allOf.
func (n *node) listed() bool {
	for at, depth := n, 0; at != nil && depth < maxDefaultDepth; at, depth = at.ref, depth+1 {
		if at.constant != nil || at.enum != nil || slices.ContainsFunc(at.allOf, func(sub *node) bool { return sub.constant != nil || sub.enum != nil }) {
			return true
		}
	}
	return false
}

// each calls visit for every schema that n applies, to the same value or to a
// part of it.
func (n *node) each(visit func(sub *node)) {
	some := func(list ...*node) {
		for _, sub := range list {
			if sub != nil {
				visit(sub)
			}
		}
	}
	n.eachInPlace(visit)
	if o := n.object; o != nil {
		for _, p := range o.properties {
			some(p.node)
		}
		for _, p := range o.patterns {
			some(p.node)
		}
		some(o.additional, o.names, o.unevaluated)
	}
	if a := n.array; a != nil {
		some(a.prefix...)
		some(a.items, a.contains, a.unevaluated)
	}
}

// eachInPlace calls visit for every schema that n applies to the same value.
func (n *node) eachInPlace(visit func(sub *node)) {
	for _, sub := range [...]*node{n.ref, n.dynamicRef, n.not, n.when, n.then, n.otherwise} {
		if sub != nil {
			visit(sub)
		}
	}
	for _, list := range [...][]*node{n.allOf, n.anyOf, n.oneOf} {
		for _, sub := range list {
			visit(sub)
		}
	}
	if n.object != nil {
		for _, p := range n.object.dependent {
			visit(p.node)
		}
	}
}
