package schema

import (
	"iter"
	"slices"
)

// A Property is one that a schema declares for an object. It is for readers
// that make its value of text.
type Property struct {
	Name string
	n    *node
}

// Properties are the properties that the schema declares, itself and through
// every keyword that applies a schema to the same object. A name that several
// of these declare comes several times.
func (s *Schema) Properties() iter.Seq[Property] {
	return func(yield func(Property) bool) {
		for _, n := range s.root.place() {
			if n.object == nil {
				continue
			}
			for _, p := range n.object.properties {
				if !yield(Property{p.name, p.node}) {
					return
				}
			}
		}
	}
}

// place returns n and every schema that is applied to the same value, whether
// it has to hold or not, in a fixed order and each once.
func (n *node) place() []*node {
	var all []*node
	var walk func(n *node)
	walk = func(n *node) {
		if slices.Contains(all, n) {
			return
		}
		all = append(all, n)
		n.eachInPlace(walk)
	}
	walk(n)
	return all
}

// Types returns the types that the schema itself declares; none means any.
func (s *Schema) Types() Types { return s.root.types }

// Types returns the types that the property declares, itself or through the
// schemas for the same value; none means any.
func (p Property) Types() Types { return p.n.declaredTypes() }

// Listed returns the types of the values that the property lists.
func (p Property) Listed() (types Types) {
	for _, at := range p.n.place() {
		for _, values := range [...][]any{at.constant, at.enum} {
			for _, v := range values {
				types |= typeOf(v)
			}
		}
	}
	return types
}

// Items returns the types that the items of an array declare; none means any.
func (p Property) Items() (types Types) {
	for _, n := range p.n.place() {
		if n.array == nil {
			continue
		}
		for _, item := range n.array.parts() {
			types |= item.declaredTypes()
		}
	}
	return types
}

// parts returns the schemas for the items.
func (a *arrayRules) parts() []*node {
	parts := slices.Clone(a.prefix)
	for _, n := range [...]*node{a.items, a.contains, a.unevaluated} {
		if n != nil {
			parts = append(parts, n)
		}
	}
	return parts
}

func (n *node) declaredTypes() Types {
	if n.types != 0 {
		return n.types
	}
	var declared Types
	for _, at := range n.place() {
		declared |= at.types
	}
	return declared
}

// typeOf returns the type of a value; a number is a number.
func typeOf(v any) Types {
	for _, t := range typeNames {
		if t.set != Integer && t.set.has(v) {
			return t.set
		}
	}
	return 0
}

// Unmet returns why a value of this type can never meet the property, or why
// one of its rules never applies to such a value; items is the type of the
// items of an array. It is empty where there is no such rule.
func (p Property) Unmet(as, items Types) string {
	for _, n := range p.n.place() {
		if reason := n.unmet(as); reason != "" {
			return reason
		}
		if n.array == nil || as != Array {
			continue
		}
		for _, item := range n.array.parts() {
			if reason := (Property{n: item}).Unmet(items, 0); reason != "" {
				return "has items for which a schema " + reason
			}
		}
	}
	return ""
}

func (n *node) unmet(as Types) string {
	numbers, text := as&numeric != 0, as == String
	switch {
	case n.foreign != nil:
		return ""
	case n.types != 0 && n.types&as == 0 && !(numbers && n.types&numeric != 0):
		return "declares a type that its text is not read as; declare one and the same type everywhere"
	case !numbers && (n.numbers != nil || n.fits != nil && n.accepts == nil):
		return `has a rule for numbers, but its text is not read as a number; write "type": "integer" or "number" beside it`
	case !text && (n.text != nil || n.accepts != nil && n.fits == nil || n.base64):
		return `has a rule for strings, but its text is not read as a string; remove the rule, or write "type": "string"`
	case as != Array && n.array != nil:
		return `has a rule for arrays, but its text is not read as an array; remove the rule, or write "type": "array"`
	case n.object != nil:
		return "has a rule for objects, which a parameter cannot hold; remove the rule"
	}
	for _, values := range [...][]any{n.constant, n.enum} {
		if len(values) > 0 && !slices.ContainsFunc(values, as.has) {
			return "lists no value of the type that its text is read as; correct the type, or the values of enum or const"
		}
	}
	return ""
}

// UnmetByOthers is [Property.Unmet] for the properties that the schema
// describes without naming them, through patternProperties and the like.
func (s *Schema) UnmetByOthers(as Types) string {
	for _, n := range s.root.place() {
		if n.object == nil {
			continue
		}
		others := []*node{n.object.additional, n.object.unevaluated}
		for _, p := range n.object.patterns {
			others = append(others, p.node)
		}
		for _, other := range others {
			if other == nil {
				continue
			}
			if reason := (Property{n: other}).Unmet(as, 0); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// Matches reports whether a patternProperties of the schema describes the name.
func (s *Schema) Matches(name string) bool {
	return slices.ContainsFunc(s.patterns, func(p *pattern) bool { return p.MatchString(name) })
}

// patternsOf returns the patterns of names that a schema has for its object.
func patternsOf(root *node) []*pattern {
	var patterns []*pattern
	for _, n := range root.place() {
		if n.object == nil {
			continue
		}
		for _, p := range n.object.patterns {
			patterns = append(patterns, p.pattern)
		}
	}
	return patterns
}

// Default returns the default of the property, with the defaults within it.
func (p Property) Default() (any, bool) {
	source := p.n.withDefault()
	if source == nil || p.n.isReadOnly() {
		return nil, false
	}
	return source.whole, true
}

// Extension returns the value of a keyword that begins with "x-", or nil.
func (p Property) Extension(name string) any { return p.n.extensions[name] }
