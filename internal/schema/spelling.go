package schema

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// spelling holds every name that the schemas for one place declare, whether
// they hold or not: all branches of allOf, anyOf, oneOf, not, if, then, else,
// $ref, $dynamicRef and dependentSchemas. A name that differs from one of them
// only by case is refused. Otherwise "KIND" would evade a rule about "kind" in
// an if or a not, and the reader behind would take it for "kind".
type spelling struct {
	id    int // in the order of the schemas
	names map[string]bool
	// folds are the names by their folded form, of several the least.
	folds map[string]string
}

// spelled notes that the names of a spelling are meant for an object of the
// document. Unlike a mark it is never removed: a branch may fail to hold just
// because of the name that is misspelled.
type spelled struct {
	of uintptr
	*spelling
}

// misspells returns the name that one of the spellings has in another case,
// where none of them has the name exactly.
func (e *evaluation) misspells(spellings []spelled, name string) (declared string, found bool) {
	if !e.spend(len(spellings)) {
		return "", true
	}
	folded := ""
	for i := range spellings {
		s := &spellings[i]
		if s.names[name] {
			return "", false
		}
		if folded == "" {
			folded = jsondoc.Fold(name)
		}
		if other, folds := s.folds[folded]; folds && !found {
			declared, found = other, true
		}
	}
	return declared, found
}

// sortSpellings puts the spellings in order, each once.
func (e *evaluation) sortSpellings() {
	slices.SortFunc(e.spellings, func(a, b spelled) int { return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.id, b.id)) })
	e.spellings = slices.Compact(e.spellings)
}

// spellingsOf returns the spellings for one object, once they are in order.
func (e *evaluation) spellingsOf(of uintptr) []spelled {
	from, found := slices.BinarySearchFunc(e.spellings, of, func(s spelled, of uintptr) int { return cmp.Compare(s.of, of) })
	if !found {
		return nil
	}
	to := from
	for to < len(e.spellings) && e.spellings[to].of == of {
		to++
	}
	return e.spellings[from:to]
}

// spellings collects the names for each schema that is the schema for a place,
// and not a further schema for the same place.
func (c *compiler) spellings(root *node) {
	all := c.all()
	id := 0
	settle := func(n *node) {
		if n == nil || n.spelling != nil {
			return
		}
		names := map[string]bool{}
		c.declared(n, names, map[*node]bool{})
		if len(names) == 0 {
			return
		}
		n.spelling = &spelling{id: id, names: names, folds: make(map[string]string, len(names))}
		id++
		for name := range names {
			folded := jsondoc.Fold(name)
			if other, ok := n.spelling.folds[folded]; !ok || name < other {
				n.spelling.folds[folded] = name
			}
		}
	}
	settle(root)
	for _, n := range all {
		if o := n.object; o != nil {
			for _, p := range o.properties {
				settle(p.node)
			}
			for _, p := range o.patterns {
				settle(p.node)
			}
			settle(o.additional)
			settle(o.unevaluated)
		}
		if a := n.array; a != nil {
			for _, item := range a.prefix {
				settle(item)
			}
			settle(a.items)
			settle(a.contains)
			settle(a.unevaluated)
		}
	}
}

// declared collects the names that n and all schemas for the same place
// declare, require or depend on.
func (c *compiler) declared(n *node, names map[string]bool, seen map[*node]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if o := n.object; o != nil {
		for _, p := range o.properties {
			names[p.name] = true
		}
		add(names, o.required)
		for _, rule := range o.dependentReq {
			add(names, []string{rule.name})
			add(names, rule.required)
		}
		for _, rule := range o.dependent {
			add(names, []string{rule.name})
			c.declared(rule.node, names, seen)
		}
	}
	for _, sub := range [...]*node{n.ref, n.dynamicRef, n.not, n.when, n.then, n.otherwise} {
		c.declared(sub, names, seen)
	}
	for _, list := range [...][]*node{n.allOf, n.anyOf, n.oneOf} {
		for _, sub := range list {
			c.declared(sub, names, seen)
		}
	}
	if n.anchor != "" { // which one is meant depends on the way there
		for _, key := range slices.Sorted(maps.Keys(c.resources)) {
			c.declared(c.resources[key].anchors[n.anchor], names, seen)
		}
	}
}

func add(names map[string]bool, more []string) {
	for _, name := range more {
		names[name] = true
	}
}
