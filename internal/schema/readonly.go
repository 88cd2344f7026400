package schema

import (
	"maps"
	"slices"
)

// A property that is read only is not required from a client, because OpenAPI
// applies "required" only to answers. The place of "required" decides which
// schemas can make the property read only: the schemas of the same branch, and
// the schemas around it. A schema of another branch cannot, because the
// property may tell the branches apart. Under not and if, a property that is
// read only stays required, because not and if look at what was sent.

// place is an object as the schemas that hold together for it see it: the
// schema for this object, those of $ref and allOf, and those of the branches
// that lead to the schema at hand.
type place struct {
	own   []*node // of the innermost branch
	outer []*node // around it
	// alternative is set in a branch of anyOf or oneOf.
	alternative bool

	members  map[member]*place
	branches map[branch]*place
}

type member struct {
	name string
	n    *node
}

type branch struct {
	n           *node
	alternative bool
}

// enter sets the place for v, which n is the schema for, and returns the place
// to leave to.
func (e *evaluation) enter(n *node, v any) (around *place) {
	around, e.place = e.place, nil
	if _, ok := v.(map[string]any); !ok {
		return around
	}
	if around == nil { // the root, an item of an array, or below a condition
		if e.place = e.alone[n]; e.place == nil {
			e.place = e.intern(n.together, nil, false)
			if e.alone == nil {
				e.alone = map[*node]*place{}
			}
			e.alone[n] = e.place
		}
		return around
	}
	at := member{e.path[len(e.path)-1].name, n}
	if e.place = around.members[at]; e.place != nil {
		return around
	}
	nodes := slices.Clone(n.together)
	for _, other := range slices.Concat(around.own, around.outer) {
		if other.object == nil {
			continue
		}
		if p := other.object.property(at.name); p != nil {
			nodes = append(nodes, p.together...)
		}
	}
	e.place = e.intern(nodes, nil, false)
	if around.members == nil {
		around.members = map[member]*place{}
	}
	around.members[at] = e.place
	return around
}

// branch applies a schema that holds for some values only.
func (e *evaluation) branch(n *node, v any, report, alternative bool) bool {
	around := e.place
	if around == nil {
		return e.apply(n, v, report)
	}
	at := branch{n, alternative}
	inside := around.branches[at]
	if inside == nil {
		inside = e.intern(n.together, slices.Concat(around.outer, around.own), alternative)
		if around.branches == nil {
			around.branches = map[branch]*place{}
		}
		around.branches[at] = inside
	}
	e.place = inside
	ok := e.apply(n, v, report)
	e.place = around
	return ok
}

// condition reports whether a schema holds that asks what was sent. If not, its
// marks are removed.
func (e *evaluation) condition(n *node, v any) bool {
	around, start := e.place, len(e.marks)
	e.place = nil
	holds := e.apply(n, v, false)
	if e.place = around; !holds {
		e.marks = e.marks[:start]
	}
	return holds
}

// intern returns the one place of these schemas, so that what is remembered
// for a place is found again.
func (e *evaluation) intern(own, outer []*node, alternative bool) *place {
	own, outer = ordered(own), ordered(outer)
	e.spend((len(own) + len(outer)) / 8)
	key := make([]byte, 0, 4*(len(own)+len(outer)+1))
	for _, list := range [...][]*node{own, outer} {
		for _, n := range list {
			key = append(key, byte(n.id>>24), byte(n.id>>16), byte(n.id>>8), byte(n.id))
		}
		key = append(key, 0xff, 0xff, 0xff, 0xff)
	}
	if alternative {
		key = append(key, 1)
	}
	p := e.places[string(key)]
	if p == nil {
		p = &place{own: own, outer: outer, alternative: alternative}
		if e.places == nil {
			e.places = map[string]*place{}
		}
		e.places[string(key)] = p
	}
	return p
}

// ordered returns the schemas in order, each once.
func ordered(nodes []*node) []*node {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b *node) int { return a.id - b.id })
	return slices.Compact(nodes)
}

// mayOmit reports whether a property of a list of required ones is not asked
// for, because it is read only. In a branch of anyOf or oneOf that requires
// nothing else, the list asks what was sent.
func (e *evaluation) mayOmit(required []string, name string) bool {
	p := e.place
	switch {
	case p == nil:
		return false
	case waived(p.own, name):
		return true
	case !waived(p.outer, name):
		return false
	}
	return !p.alternative || slices.ContainsFunc(required, func(other string) bool {
		return !waived(p.own, other) && !waived(p.outer, other)
	})
}

// waived reports whether one of the schemas says that the property is read
// only.
func waived(nodes []*node, name string) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.object != nil && n.object.locks(name) })
}

// locks reports whether the schema for a property is read only.
func (o *objectRules) locks(name string) bool {
	described := o.property(name) != nil
	if described && o.property(name).isReadOnly() {
		return true
	}
	for _, p := range o.patterns {
		if p.pattern.MatchString(name) {
			if described = true; p.isReadOnly() {
				return true
			}
		}
	}
	return !described && (o.additional.isReadOnly() || o.unevaluated.isReadOnly())
}

// isReadOnly reports whether n, or a schema that it refers to by $ref or allOf,
// is read only.
func (n *node) isReadOnly() bool {
	return n.conjunct(func(at *node) bool { return at.readOnly }) != nil
}

// gather finds, for each schema, those that hold together with it. It reports
// whether any schema is read only; without one nobody asks.
func (c *compiler) gather() bool {
	all := c.all()
	if !slices.ContainsFunc(all, func(n *node) bool { return n.readOnly }) {
		return false
	}
	for i, n := range all {
		n.id = i
	}
	for _, n := range all {
		seen := map[*node]bool{}
		var walk func(at *node)
		walk = func(at *node) {
			if at == nil || seen[at] {
				return
			}
			seen[at] = true
			n.together = append(n.together, at)
			walk(at.ref)
			walk(at.dynamicRef)
			for _, sub := range at.allOf {
				walk(sub)
			}
			if at.anchor == "" {
				return
			}
			for _, key := range slices.Sorted(maps.Keys(c.resources)) { // any of them may be meant
				walk(c.resources[key].anchors[at.anchor])
			}
		}
		walk(n)
	}
	return true
}
