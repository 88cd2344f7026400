package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unsafe"
)

// Defaults are applied before a value is checked, so that what is checked is what the handler gets. They are taken from properties,
// items and prefixItems, through allOf and $ref; never from anyOf, oneOf and if, where which schema applies depends on the value. What
// filling costs is taken from the same steps as checking.

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
		f := filler{steps: steps, depth: maxDefaultDepth}
		filled := f.value(n, n.absent)
		switch {
		case f.endless:
			errs = append(errs, fmt.Errorf("at %s/default leads to itself without end", n.pointer))
			continue
		case f.spent():
			errs = append(errs, fmt.Errorf("at %s/default takes more steps to fill in than Limits.Steps", n.pointer))
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

// filler fills in what is missing in one value. The value itself is not modified: objects and arrays on the way to a default are
// copied, each once, and the copies are filled in place. A schema fills an object or array once, by however many ways it leads there:
// a child that is declared beside $ref and again in allOf would otherwise be filled twice on each level, and so 2^depth times.
type filler struct {
	steps   int // left
	depth   int // of defaults within defaults at New, which have no end in a schema whose default needs itself
	endless bool

	room   [16]filling // what most requests need
	count  int
	visits map[filling]struct{}
}

// filling is an object or array that a schema fills; without a schema it is one that is a copy of ours.
type filling struct {
	n  *node
	of unsafe.Pointer // and not uintptr: what is kept here is not freed, and its address not given to another
}

// first notes a visit and reports whether there was none before.
func (f *filler) first(n *node, container any) bool {
	v := filling{n, reflect.ValueOf(container).UnsafePointer()}
	if f.visited(v) {
		return false
	}
	switch {
	case f.count < len(f.room):
		f.room[f.count] = v
	case f.visits == nil:
		f.visits = map[filling]struct{}{v: {}}
	default:
		f.visits[v] = struct{}{}
	}
	f.count++
	return true
}

func (f *filler) visited(v filling) bool {
	if slices.Contains(f.room[:min(f.count, len(f.room))], v) {
		return true
	}
	_, found := f.visits[v]
	return found
}

// ours reports whether a container is a copy, which may be modified.
func (f *filler) ours(container any) bool {
	return f.visited(filling{nil, reflect.ValueOf(container).UnsafePointer()})
}

// spend takes steps and reports whether there were enough.
func (f *filler) spend(steps int) bool {
	f.steps -= steps
	return f.steps >= 0
}

// spent reports that the steps did not suffice. The value is then of no use.
func (f *filler) spent() bool { return f.steps < 0 }

// value fills v by a schema and those in the same place.
func (f *filler) value(n *node, v any) any {
	if n == nil || !n.fills || f.endless || f.spent() {
		return v
	}
	switch container := v.(type) {
	case map[string]any:
		if container != nil && !f.first(n, container) {
			return v
		}
		if n.object != nil && f.spend(1+len(n.object.properties)/8) {
			v = f.object(n.object, container)
		}
	case []any:
		if len(container) == 0 || !f.first(n, container) {
			return v
		}
		if n.array != nil && f.spend(1+len(container)) {
			v = f.array(n.array, container)
		}
	default:
		return v
	}
	f.first(n, v)
	v = f.value(n.ref, v)
	for _, sub := range n.allOf {
		v = f.value(sub, v)
	}
	return v
}

func (f *filler) object(rules *objectRules, object map[string]any) map[string]any {
	own := func() {
		if object != nil && f.ours(object) {
			return
		}
		f.spend(len(object) / 8)
		if object = maps.Clone(object); object == nil {
			object = map[string]any{}
		}
		f.first(nil, object)
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
		if !f.spend(source.weight) {
			return nil
		}
		return detached(source.whole)
	}
	if f.depth--; f.depth < 0 {
		f.endless = true
	}
	if f.endless || !f.spend(weight(source.absent)) {
		return nil
	}
	v := f.value(source, detached(source.absent))
	f.depth++
	return v
}

func (f *filler) array(rules *arrayRules, items []any) []any {
	for i, item := range items {
		n := rules.items
		if i < len(rules.prefix) {
			n = rules.prefix[i]
		}
		if filled := f.value(n, item); !same(filled, item) {
			if !f.ours(items) {
				items = slices.Clone(items)
				f.first(nil, items)
			}
			items[i] = filled
		}
	}
	return items
}

// weight counts the values in v, and their text at 32 bytes a step: what a request pays for a default, which may be much longer than
// what the client has sent to get it.
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
