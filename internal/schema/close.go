package schema

import (
	"cmp"
	"slices"
	"strings"
)

// close refuses the properties that no schema has described. It acts like
// unevaluatedProperties false on each object of the document, after all schemas
// for this object. So a subschema of allOf or $ref is not closed alone. A name
// that differs from a declared name only by case is refused even if the schema
// allows other properties, because many readers read it as the declared name.
func (e *evaluation) close(v any) bool {
	e.spread()
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

// closeValue closes v and the values in it. Where open, only names that differ
// by case are refused. Without report, it ends at the first fault and looks at
// the names in no order.
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
	if declared, misspelled := e.misspells(spellings, name); misspelled {
		return e.note(report, Fault{Code: codeUnknown, name: name, named: true, Params: map[string]any{"declared": declared}})
	}
	if !open && !declares(marks, name) && !knows(marks, name) {
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
