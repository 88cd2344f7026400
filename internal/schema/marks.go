package schema

import (
	"cmp"
	"slices"
	"strings"
)

// A mark notes what a schema has said of a value in the document: which properties it declares, that a property or item is known, that
// all below is. Marks are what unevaluatedProperties, unevaluatedItems and the refusal of unknown properties are decided by. They form
// a trail, which is cut back where a branch turns out not to hold.
type mark struct {
	of    uintptr // identity of the object or array
	kind  markKind
	name  string       // of the property
	index int          // of the item; for markedItems how many from the first
	rules *objectRules // that declare
}

type markKind uint8

const (
	markedAll markKind = iota
	markedDeclared
	markedName
	markedItem
	markedItems
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

// known is what some marks say of one object or array. Those of single names and items are in sets: looking through the marks for each
// would cost the square.
type known struct {
	names    map[string]struct{}
	items    map[int]struct{}
	declared []*objectRules
	first    int
}

// known looks at the marks from start on.
func (e *evaluation) known(v any, start int) known {
	var k known
	of := identity(v)
	e.spend((len(e.marks) - start) / 16)
	for i := start; i < len(e.marks); i++ {
		m := &e.marks[i]
		if m.of != of {
			continue
		}
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
	}
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

// close refuses what no schema has described: unevaluatedProperties false on each object of the document, after all schemas that are
// about it. A subschema reached through allOf or $ref is thus not closed by itself. Names that differ from a declared one only by
// case are refused however open the schema is: many a reader takes one for the other.
func (e *evaluation) close(v any) bool {
	e.sortSpellings()
	slices.SortFunc(e.marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
	})
	if e.closeValue(v, e.open, false) {
		return true
	}
	if e.exhausted {
		return false
	}
	e.closeValue(v, e.open, true)
	return false
}

// closeValue closes v and what is in it; where open, only names that differ by case are refused. Without report, the first fault
// ends it, and names are looked at in no order.
func (e *evaluation) closeValue(v any, open, report bool) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0 || e.closeObject(v, open, report)
	case []any:
		open = open || len(v) > 0 && sealed(e.about(identityOf(v)))
		for i, item := range v {
			switch item.(type) {
			case map[string]any, []any:
				e.path = append(e.path, segment{"", i})
				ok = e.closeValue(item, open, report) && ok
				e.path = e.path[:len(e.path)-1]
			}
		}
	}
	return ok
}

func (e *evaluation) closeObject(object map[string]any, open, report bool) bool {
	of := identity(object)
	marks, spellings := e.about(of), e.spellingsOf(of)
	open = open || sealed(marks)
	if !report {
		for name, value := range object {
			if !e.closeMember(marks, spellings, name, value, open, false) {
				return false
			}
		}
		return true
	}
	bottom := len(e.names)
	names := e.sorted(object)
	defer func() { e.names = e.names[:bottom] }()
	for _, name := range names {
		e.closeMember(marks, spellings, name, object[name], open, true)
	}
	return true
}

func (e *evaluation) closeMember(marks []mark, spellings []spelled, name string, value any, open, report bool) bool {
	if e.misspells(spellings, name) || !open && !declares(marks, name) && !knows(marks, name) {
		return e.note(report, Fault{Code: codeUnknown, name: name, named: true})
	}
	switch value.(type) {
	case map[string]any, []any:
		e.path = append(e.path, segment{name, -1})
		ok := e.closeValue(value, open, report)
		e.path = e.path[:len(e.path)-1]
		return ok
	}
	return true
}

// about returns the marks of one object or array, once they are in order.
func (e *evaluation) about(of uintptr) []mark {
	from, found := slices.BinarySearchFunc(e.marks, of, func(m mark, of uintptr) int { return cmp.Compare(m.of, of) })
	if !found {
		return nil
	}
	to := from
	for to < len(e.marks) && e.marks[to].of == of {
		to++
	}
	return e.marks[from:to]
}

// sealed reports that all below is known.
func sealed(marks []mark) bool { return len(marks) > 0 && marks[0].kind == markedAll }

// knows reports a mark for this very name.
func knows(marks []mark, name string) bool {
	_, found := slices.BinarySearchFunc(marks, name, func(m mark, name string) int {
		return cmp.Or(cmp.Compare(m.kind, markedName), strings.Compare(m.name, name))
	})
	return found
}

// declares reports whether a schema of the object declares the name.
func declares(marks []mark, name string) bool {
	for i := range marks {
		switch m := &marks[i]; {
		case m.kind > markedDeclared: // they are in order
			return false
		case m.kind == markedDeclared && m.rules.property(name) != nil:
			return true
		}
	}
	return false
}
