package schema

import (
	"reflect"
	"slices"
)

// A mark notes what a schema knows of an object or array: the properties that
// it declares, that one property or item is known, or that everything below is
// known. Marks decide unevaluatedProperties, unevaluatedItems and the refusal
// of unknown properties. They form a trail, which is cut back where a branch
// turns out not to hold.
type mark struct {
	of    uintptr // identity of the object or array
	kind  markKind
	name  string       // of the property
	index int          // of the item; for markedItems how many from the first
	rules *objectRules // that declare
	// memory has further marks, of the same value and of the values in it.
	memory *memory
}

type markKind uint8

const (
	markedAll markKind = iota
	markedDeclared
	markedName
	markedItem
	markedItems
	markedMemory
)

func (e *evaluation) markName(object map[string]any, name string) {
	e.marks = append(e.marks, mark{of: identity(object), kind: markedName, name: name})
}

func (e *evaluation) markItem(items []any, i int) {
	e.marks = append(e.marks, mark{of: identityOf(items), kind: markedItem, index: i})
}

// markItems marks the first items.
func (e *evaluation) markItems(items []any, count int) {
	if count > 0 {
		e.marks = append(e.marks, mark{of: identityOf(items), kind: markedItems, index: count})
	}
}

func (e *evaluation) markDeclared(object map[string]any, rules *objectRules) {
	e.marks = append(e.marks, mark{of: identity(object), kind: markedDeclared, rules: rules})
}

func (e *evaluation) markAll(v any) {
	switch v.(type) {
	case map[string]any, []any:
		e.marks = append(e.marks, mark{of: identity(v), kind: markedAll})
	}
}

// known is the sum of the marks of one object or array. Single names and items
// are in sets, because looking through the marks for each would take quadratic
// time.
type known struct {
	names    map[string]struct{}
	items    map[int]struct{}
	declared []*objectRules
	first    int
}

// known sums up the marks of v from start on.
func (e *evaluation) known(v any, start int) known {
	var k known
	of := identity(v)
	e.spend((len(e.marks) - start) / 16)
	e.eachMark(e.marks[start:], of, func(m *mark) {
		switch m.kind {
		case markedDeclared:
			k.declared = append(k.declared, m.rules)
		case markedName:
			if k.names == nil {
				k.names = map[string]struct{}{}
			}
			k.names[m.name] = struct{}{}
		case markedItem:
			if k.items == nil {
				k.items = map[int]struct{}{}
			}
			k.items[m.index] = struct{}{}
		case markedItems:
			k.first = max(k.first, m.index)
		}
	})
	return k
}

func (k *known) name(name string) bool {
	if _, ok := k.names[name]; ok {
		return true
	}
	return slices.ContainsFunc(k.declared, func(rules *objectRules) bool { return rules.property(name) != nil })
}

func (k *known) item(i int) bool {
	_, ok := k.items[i]
	return ok || i < k.first
}

// identity tells one array or object of the document from another: each of them
// stands in one place.
func identity(v any) uintptr { return reflect.ValueOf(v).Pointer() }

// identityOf is identity without making an interface of the slice, which must
// have an element.
func identityOf(items []any) uintptr { return reflect.ValueOf(&items[0]).Pointer() }
