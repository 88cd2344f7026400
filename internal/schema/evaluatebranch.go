package schema

// inPlace applies the schemas that are about the same value.
func (e *evaluation) inPlace(n *node, v any, report bool) bool {
	ok := true
	if n.ref != nil {
		ok = e.apply(n.ref, v, report)
	}
	if n.dynamicRef != nil && (ok || report) {
		ok = e.apply(e.dynamic(n), v, report) && ok
	}
	for _, sub := range n.allOf {
		if !ok && !report {
			return false
		}
		ok = e.apply(sub, v, report) && ok
	}
	if n.not != nil && (ok || report) {
		ok = e.not(n.not, v, report) && ok
	}
	if len(n.anyOf) > 0 && (ok || report) {
		ok = e.anyOf(n, v, report) && ok
	}
	if len(n.oneOf) > 0 && (ok || report) {
		ok = e.oneOf(n, v, report) && ok
	}
	if n.when != nil && (ok || report) {
		ok = e.conditional(n, v, report) && ok
	}
	return ok
}

// try reports whether a branch of anyOf or oneOf holds. If not, its marks are
// removed.
func (e *evaluation) try(n *node, v any) bool {
	start := len(e.marks)
	if e.branch(n, v, false, true) {
		return true
	}
	e.marks = e.marks[:start]
	return false
}

func (e *evaluation) not(n *node, v any, report bool) bool {
	start := len(e.marks)
	holds := e.condition(n, v)
	e.marks = e.marks[:start]
	return !holds || e.fault(report, codeNot, nil)
}

func (e *evaluation) conditional(n *node, v any, report bool) bool {
	branch := n.otherwise
	if e.condition(n.when, v) {
		branch = n.then
	}
	return branch == nil || e.branch(branch, v, report, false)
}

// anyOf tries all branches, also after one of them holds, because every branch
// that holds adds to what is known (JSON Schema Core, section 11.1).
func (e *evaluation) anyOf(n *node, v any, report bool) bool {
	held := false
	for _, branch := range n.anyOf {
		held = e.try(branch, v) || held
	}
	return held || e.best(n.anyOf, v, report, codeAnyOf)
}

func (e *evaluation) oneOf(n *node, v any, report bool) bool {
	held := 0
	for _, branch := range n.oneOf {
		if e.try(branch, v) {
			held++
		}
	}
	switch held {
	case 0:
		return e.best(n.oneOf, v, report, codeOneOf)
	case 1:
		return true
	}
	return e.note(report, Fault{Code: codeOneOf, Params: map[string]any{"matched": held}})
}

// dynamic returns the schema that $dynamicRef leads to: the outermost schema in
// scope that has the anchor (JSON Schema Core, section 8.2.3.2).
func (e *evaluation) dynamic(n *node) *node {
	if n.anchor == "" {
		return n.dynamicRef
	}
	for _, home := range e.scope {
		if target := home.anchors[n.anchor]; target != nil {
			return target
		}
	}
	return n.dynamicRef
}
