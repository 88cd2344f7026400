package schema

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Defaults are applied before a value is checked, so that the handler gets the
// value that was checked. They are taken from properties, items and
// prefixItems, through allOf and $ref. Defaults inside anyOf, oneOf and if are
// not applied, because the value decides which of their schemas applies.
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
			errs = append(errs, fmt.Errorf("at %s/default leads to itself without end", n.pointer))
			continue
		case f.spent():
			errs = append(errs, fmt.Errorf("at %s/default takes more steps to fill in than MaxSteps", n.pointer))
			continue
		}
		e := newEvaluation(steps, open)
		if !e.run(n, filled) {
			errs = append(errs, fmt.Errorf("at %s/default is refused by its own schema", n.pointer))
			continue
		}
		n.whole, n.settled, n.weight = filled, true, weight(filled)
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
// with n: n itself, or what it refers to.
func (n *node) withDefault() *node {
	for range maxDefaultDepth {
		if n == nil || n.optional {
			return n
		}
		n = n.ref
	}
	return nil
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

// detached copies the arrays and objects of a default; its strings live as long
// as the schema.
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
