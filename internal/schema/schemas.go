package schema

import (
	"fmt"
	"maps"
	"slices"
)

// Schemas are the schemas that apply to one value, in every branch. They answer
// questions about the names of an object before there is an object.
type Schemas struct {
	// certain are the schemas that the value must meet, and all are these and
	// the schemas of every branch.
	certain, all []*node
	// open is set if the value may have properties that no schema describes.
	open bool
}

// Schemas returns the schemas for the value as a whole.
func (s *Schema) Schemas() Schemas {
	return schemasOf([]*node{s.root}, []*node{s.root}, s.open)
}

// schemasOf collects the schemas for a value from the schemas for its place.
func schemasOf(certain, possible []*node, open bool) Schemas {
	s := Schemas{open: open}
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		s.all = append(s.all, n)
		// The last two describe the whole value, and an anchor stands for a
		// schema that depends on the way there.
		s.open = s.open || n.anything || n.foreign != nil || n.anchor != "" || n.constant != nil || n.enum != nil
		n.eachInPlace(walk)
	}
	for _, n := range possible {
		walk(n)
	}
	held := map[*node]bool{}
	var hold func(n *node)
	hold = func(n *node) {
		if n == nil || held[n] {
			return
		}
		held[n] = true
		s.certain = append(s.certain, n)
		hold(n.ref)
		for _, sub := range n.allOf {
			hold(sub)
		}
	}
	for _, n := range certain {
		hold(n)
	}
	return s
}

// Declared returns the names under properties, sorted.
func (s Schemas) Declared() []string { return slices.Sorted(maps.Keys(s.declared())) }

func (s Schemas) declared() map[string]bool {
	names := map[string]bool{}
	for _, n := range s.all {
		if n.object != nil {
			for _, p := range n.object.properties {
				names[p.name] = true
			}
		}
	}
	return names
}

// Known returns the names that a schema declares, requires or depends on. Any
// other name that differs from one of these only by case is refused.
func (s Schemas) Known() map[string]bool {
	names := s.declared()
	for _, n := range s.all {
		if n.object != nil {
			n.object.eachNamed(func(name string) { names[name] = true })
		}
	}
	return names
}

// namesOf returns the names that the schemas declare, require or depend on.
func namesOf(all []*node) map[string]bool { return Schemas{all: all}.Known() }

// eachNamed calls visit for the names that the rules require or depend on.
func (o *objectRules) eachNamed(visit func(name string)) {
	each := func(names []string) {
		for _, name := range names {
			visit(name)
		}
	}
	each(o.required)
	for _, rule := range o.dependentReq {
		visit(rule.name)
		each(rule.required)
	}
	for _, rule := range o.dependent {
		visit(rule.name)
	}
}

// Admits reports whether an object may have a property of this name. If it
// reports false, every object with the property is refused.
func (s Schemas) Admits(name string) bool {
	return s.open || slices.ContainsFunc(s.all, func(n *node) bool { return n.object != nil && n.object.admits(name) })
}

func (o *objectRules) admits(name string) bool {
	return o.property(name) != nil || o.additional != nil && !o.additional.refuses || o.unevaluated != nil && !o.unevaluated.refuses ||
		slices.ContainsFunc(o.patterns, func(p patternProperty) bool { return p.pattern.MatchString(name) })
}

// Property returns the schemas for the value of a property.
func (s Schemas) Property(name string) Schemas {
	return s.below(func(n *node, add func(...*node)) {
		if n.object == nil {
			return
		}
		if described := n.object.property(name); described != nil {
			add(described)
		}
	}, func(n *node, add func(...*node)) {
		if o := n.object; o != nil {
			add(o.property(name), o.additional, o.unevaluated)
			for _, p := range o.patterns {
				add(p.node)
			}
		}
	})
}

// Values returns the schemas for the properties of an object that no schema
// names.
func (s Schemas) Values() Schemas {
	return s.below(func(n *node, add func(...*node)) {
		if n.object != nil {
			add(n.object.additional)
		}
	}, func(n *node, add func(...*node)) {
		if o := n.object; o != nil {
			add(o.additional, o.unevaluated)
			for _, p := range o.patterns {
				add(p.node)
			}
			for _, p := range o.properties {
				add(p.node)
			}
		}
	})
}

// Items returns the schemas for the items of an array.
func (s Schemas) Items() Schemas {
	return s.below(func(n *node, add func(...*node)) {
		if n.array != nil {
			add(n.array.items)
		}
	}, func(n *node, add func(...*node)) {
		if n.array != nil {
			add(n.array.parts()...)
		}
	})
}

// below collects the schemas for a part of the value.
func (s Schemas) below(certain, possible func(n *node, add func(...*node))) Schemas {
	gather := func(from []*node, parts func(n *node, add func(...*node))) (all []*node) {
		for _, n := range from {
			parts(n, func(found ...*node) {
				for _, sub := range found {
					if sub != nil {
						all = append(all, sub)
					}
				}
			})
		}
		return all
	}
	return schemasOf(gather(s.certain, certain), gather(s.all, possible), s.open)
}

// Empty reports whether no schema applies to the value.
func (s Schemas) Empty() bool { return len(s.all) == 0 }

// Key is the same text for the same schemas.
func (s Schemas) Key() string { return fmt.Sprint(s.open, s.certain, s.all) }
