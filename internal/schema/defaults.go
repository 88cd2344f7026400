package schema

import (
	"encoding/json"
	"slices"
)

// Defaults are applied before a value is checked, so that the handler gets the
// value that was checked. They are taken from properties, items and
// prefixItems, through allOf and $ref. Defaults inside anyOf, oneOf and if are
// errors, because the value decides which of their schemas applies.
// Filling and checking share the same steps.

// settleDefaults finds the schemas whose values must be walked for defaults,
// and completes each default with the defaults within it. It returns the
// mistakes.
func settleDefaults(nodes []*node, steps int, open bool) []error {
	// Schemas refer to each other in circles: repeat until nothing changes.
	for changed := true; changed; {
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
		f := filler{steps: steps, depth: maxDefaultDepth}
		filled := f.value(n, n.absent)
		switch {
		case f.endless:
			errs = append(errs, n.mistake("/default", "leads to itself without end; remove the default within it"))
			continue
		case f.spent():
			errs = append(errs, n.mistake("/default", "takes more steps to fill in than MaxSteps; make it smaller, or raise MaxSteps of the Config"))
			continue
		}
		f.added.sort()
		e := newEvaluation(steps, open)
		e.added = f.added
		if !e.run(n, filled) {
			errs = append(errs, n.mistake("/default", "is refused by its own schema; write a value that the rules beside it allow"))
			continue
		}
		n.whole, n.added, n.settled, n.weight = filled, f.added, true, weight(filled)
	}
	for _, n := range nodes {
		if n.object == nil {
			continue
		}
		for i := range n.object.properties {
			p := &n.object.properties[i]
			source := p.withDefault()
			if source == nil || source == p.node || !source.settled {
				continue
			}
			e := newEvaluation(steps, open)
			e.added = source.added
			if !e.run(p.node, source.whole) {
				errs = append(errs, source.mistake("/default", "is refused by the schema of the property at %s; write a value that both allow", p.pointer))
			}
		}
	}
	return errs
}

// maxDefaultDepth bounds how deep defaults stand within defaults.
const maxDefaultDepth = 32

// hasDefaults reports a default directly below n, or below a schema that is
// already known to have some.
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

// withDefault returns the schema that has the default of a property declared
// with n: n itself, or what it refers to by $ref or allOf.
func (n *node) withDefault() *node {
	return n.conjunct(func(at *node) bool { return at.optional })
}

// neverFilled names the defaults that no value can get: those of schemas that
// are not the schema of a property, and those below a keyword that asks the
// value which schema applies. A default that is read only is for answers.
func neverFilled(root *node, nodes []*node) []error {
	reached, filled := map[*node]bool{}, map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || reached[n] {
			return
		}
		reached[n] = true
		walk(n.ref)
		for _, sub := range n.allOf {
			walk(sub)
		}
		if n.object != nil {
			for _, p := range n.object.properties {
				p.conjunct(func(at *node) bool {
					filled[at] = true
					return false
				})
				walk(p.node)
			}
		}
		if n.array != nil {
			walk(n.array.items)
			for _, item := range n.array.prefix {
				walk(item)
			}
		}
	}
	walk(root)
	var errs []error
	for _, n := range nodes {
		if n.optional && !filled[n] && !n.readOnly {
			errs = append(errs, n.mistake("/default", "can never be filled in, because only a property has a default, and not below a keyword that looks at the value, such as anyOf, oneOf and if; "+
				"move it to a property that is reached through properties, items, prefixItems, allOf and $ref, or remove it, or set DescriptiveDefaults in the Config"))
		}
	}
	return errs
}

// weight is the price of a default in steps: its values, and its text at 32
// bytes a step. A default may be much longer than the text that a client sends
// to get it.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return 1 + len(v)/32
	case json.Number:
		return 1 + len(v)/32
	case []any:
		sum := 1
		for _, item := range v {
			sum += weight(item)
		}
		return sum
	case map[string]any:
		sum := 1
		for name, value := range v {
			sum += len(name)/32 + weight(value)
		}
		return sum
	}
	return 1
}
