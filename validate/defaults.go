package validate

import (
	"fmt"
	"maps"
	"slices"
)

// Defaults are applied before a value is checked, so that what is checked is what the handler gets. They are taken from properties,
// items and prefixItems, through allOf and $ref; never from anyOf, oneOf and if, where which schema applies depends on the value.

// settleDefaults finds where values must be walked for defaults, completes each default with those within it, and returns what is
// wrong with them.
func settleDefaults(nodes []*node, steps int, open bool) []error {
	for changed := true; changed; { // until a fixed point: schemas refer to each other in circles
		changed = false
		for _, n := range nodes {
			if !n.fills && n.hasDefaults() {
				n.fills, changed = true, true
			}
		}
	}
	var errs []error
	for _, n := range nodes {
		if !n.optional {
			continue
		}
		filled, ok := n.fill(n.absent, maxDefaultDepth)
		if !ok {
			errs = append(errs, fmt.Errorf("at %s/default leads to itself without end", n.pointer))
			continue
		}
		e := newEvaluation(steps, open)
		if !e.run(n, filled) {
			errs = append(errs, fmt.Errorf("at %s/default is refused by its own schema", n.pointer))
			continue
		}
		n.whole, n.settled = filled, true
	}
	return errs
}

// maxDefaultDepth bounds how deep defaults stand within defaults.
const maxDefaultDepth = 32

// hasDefaults reports a default directly below n, or below a schema that is already known to have some.
func (n *node) hasDefaults() bool {
	found := func(sub *node) bool { return sub != nil && sub.fills }
	if found(n.ref) || slices.ContainsFunc(n.allOf, found) {
		return true
	}
	if n.object != nil {
		for _, p := range n.object.properties {
			if p.withDefault() != nil || p.fills {
				return true
			}
		}
	}
	return n.array != nil && (found(n.array.items) || slices.ContainsFunc(n.array.prefix, found))
}

// withDefault returns the schema that has the default of a property declared with n: n itself, or what it refers to.
func (n *node) withDefault() *node {
	for range maxDefaultDepth {
		if n == nil || n.optional {
			return n
		}
		n = n.ref
	}
	return nil
}

// fill returns v with what is missing in it. v itself is not modified: objects and arrays on the way to a default are copied. It
// reports false where defaults nest deeper than depth.
func (n *node) fill(v any, depth int) (any, bool) {
	f := filler{depth: depth}
	v = f.value(n, v)
	return v, !f.endless
}

type filler struct {
	depth   int
	endless bool
}

// value fills v by a schema and those in the same place.
func (f *filler) value(n *node, v any) any {
	if n == nil || !n.fills || f.endless {
		return v
	}
	switch container := v.(type) {
	case map[string]any:
		if n.object != nil {
			v = f.object(n.object, container)
		}
	case []any:
		if n.array != nil {
			v = f.array(n.array, container)
		}
	default:
		return v
	}
	v = f.value(n.ref, v)
	for _, sub := range n.allOf {
		v = f.value(sub, v)
	}
	return v
}

func (f *filler) object(rules *objectRules, object map[string]any) map[string]any {
	owned := false
	own := func() {
		if !owned {
			object, owned = maps.Clone(object), true
			if object == nil {
				object = map[string]any{}
			}
		}
	}
	for i := range rules.properties {
		p := &rules.properties[i]
		value, present := object[p.name]
		if !present {
			source := p.withDefault()
			if source == nil {
				continue
			}
			own()
			object[p.name] = f.fresh(source)
			continue
		}
		if filled := f.value(p.node, value); !same(filled, value) {
			own()
			object[p.name] = filled
		}
	}
	return object
}

// fresh returns a default for this request alone.
func (f *filler) fresh(source *node) any {
	if source.settled {
		return detached(source.whole)
	}
	if f.depth--; f.depth < 0 {
		f.endless = true
		return nil
	}
	v := f.value(source, detached(source.absent))
	f.depth++
	return v
}

func (f *filler) array(rules *arrayRules, items []any) []any {
	owned := false
	for i, item := range items {
		n := rules.items
		if i < len(rules.prefix) {
			n = rules.prefix[i]
		}
		if filled := f.value(n, item); !same(filled, item) {
			if !owned {
				items, owned = slices.Clone(items), true
			}
			items[i] = filled
		}
	}
	return items
}

// detached copies the arrays and objects of a default; its strings live as long as the schema.
func detached(v any) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = detached(v[i])
		}
		return items
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, value := range v {
			object[name] = detached(value)
		}
		return object
	}
	return v
}

// same reports whether filling has left a value as it was.
func same(a, b any) bool {
	switch a.(type) {
	case map[string]any, []any:
		return identity(a) == identity(b)
	}
	return true // only objects and arrays are filled
}
