package schema

import (
	"maps"
	"reflect"
	"slices"
	"unsafe"
)

// filler fills in the defaults that are missing in one value. The value itself
// is not modified: objects and arrays on the way to a default are copied, each
// once, and the copies are filled in place.
//
// A schema fills an object or array once, even where several ways lead there. A
// child that is declared beside $ref and again in allOf would otherwise be
// filled twice on each level, and so 2^depth times.
type filler struct {
	steps int // left
	// depth is how many defaults may stand within each other while Compile
	// settles them. They have no end in a schema whose default needs itself.
	depth   int
	endless bool

	added additions
	// moving is set where additions stand in a default that was copied.
	moving bool

	room   [16]filling // what most requests need
	count  int
	visits map[filling]struct{}
}

// filling is an object or array that a schema fills. Without a schema it is a
// copy of ours.
type filling struct {
	n *node
	// of is not a uintptr: the object must not be freed while it stands here,
	// or another object could get its address.
	of unsafe.Pointer
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

// spent reports that there were not enough steps. The value must then not be
// used.
func (f *filler) spent() bool { return f.steps < 0 }

// value fills v by a schema and by the further schemas for the same place.
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
		before := object
		if object = maps.Clone(object); object == nil {
			object = map[string]any{}
		}
		f.first(nil, object)
		f.move(before, object)
	}
	for i := range rules.properties {
		p := &rules.properties[i]
		value, present := object[p.name]
		if !present {
			source := p.withDefault()
			if source == nil || p.isReadOnly() {
				continue
			}
			own()
			object[p.name] = f.value(p.node, f.fresh(source))
			f.added = append(f.added, addition{identity(object), p.name})
			continue
		}
		if filled := f.value(p.node, value); !same(filled, value) {
			own()
			object[p.name] = filled
		}
	}
	return object
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

// fresh returns a default for this request alone.
func (f *filler) fresh(source *node) any {
	if source.settled {
		if !f.spend(source.weight) {
			return nil
		}
		return f.detached(source.whole, source.added)
	}
	if f.depth--; f.depth < 0 {
		f.endless = true
	}
	if f.endless || !f.spend(weight(source.absent)) {
		return nil
	}
	v := f.value(source, f.detached(source.absent, nil))
	f.depth++
	return v
}

// detached copies the arrays and objects of a default, and what is known of
// the additions within it. Its strings live as long as the schema.
func (f *filler) detached(v any, added additions) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = f.detached(v[i], added)
		}
		return items
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, value := range v {
			object[name] = f.detached(value, added)
		}
		for _, a := range added.to(v) {
			f.added = append(f.added, addition{identity(object), a.name})
		}
		f.moving = f.moving || len(added) > 0
		return object
	}
	return v
}

// move notes the additions to an object for its copy. An object of the client
// has none before it is copied.
func (f *filler) move(before, after map[string]any) {
	if !f.moving || before == nil {
		return
	}
	of := identity(before)
	f.spend(len(f.added) / 16)
	for _, a := range f.added {
		if a.of == of {
			f.added = append(f.added, addition{identity(after), a.name})
		}
	}
}

// same reports whether filling has left a value as it was.
func same(a, b any) bool {
	switch a.(type) {
	case map[string]any, []any:
		return identity(a) == identity(b)
	}
	return true // only objects and arrays are filled
}
