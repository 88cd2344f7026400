package schema

import "iter"

// A Property is one that a schema declares for an object. It is for readers
// that make its value of text.
type Property struct {
	Name string
	n    *node
}

// Properties are the properties that the schema declares, itself and through
// $ref and allOf. A name that several of these declare comes several times.
func (s *Schema) Properties() iter.Seq[Property] {
	return func(yield func(Property) bool) { s.root.properties(yield) }
}

func (n *node) properties(yield func(Property) bool) bool {
	if n == nil {
		return true
	}
	if n.object != nil {
		for _, p := range n.object.properties {
			if !yield(Property{p.name, p.node}) {
				return false
			}
		}
	}
	if !n.ref.properties(yield) {
		return false
	}
	for _, sub := range n.allOf {
		if !sub.properties(yield) {
			return false
		}
	}
	return true
}

// Types returns the types that the schema itself declares; none means any.
func (s *Schema) Types() Types { return s.root.types }

// Types returns the types that the property declares, itself or through $ref
// and allOf; none means any.
func (p Property) Types() Types { return p.n.declaredTypes() }

// Items returns the types that the items of an array declare; none means any.
func (p Property) Items() Types {
	for n := p.n; n != nil; n = n.ref {
		if n.array != nil && n.array.items != nil {
			return n.array.items.declaredTypes()
		}
	}
	return 0
}

func (n *node) declaredTypes() Types {
	if n == nil {
		return 0
	}
	if n.types != 0 {
		return n.types
	}
	if types := n.ref.declaredTypes(); types != 0 {
		return types
	}
	for _, sub := range n.allOf {
		if types := sub.declaredTypes(); types != 0 {
			return types
		}
	}
	return 0
}

// Default returns the default of the property, with the defaults within it.
func (p Property) Default() (any, bool) {
	source := p.n.withDefault()
	if source == nil {
		return nil, false
	}
	return source.whole, true
}

// Extension returns the value of a keyword that begins with "x-", or nil.
func (p Property) Extension(name string) any { return p.n.extensions[name] }
