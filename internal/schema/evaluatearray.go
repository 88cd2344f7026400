package schema

func (e *evaluation) array(rules *arrayRules, items []any, report bool) bool {
	ok := true
	if len(items) < rules.min {
		ok = e.limit(report, codeMinItems, rules.min)
	}
	if rules.max >= 0 && len(items) > rules.max {
		ok = e.limit(report, codeMaxItems, rules.max)
	}
	if rules.unique && e.spend(workOfRepeated(items)) {
		if earlier, later, found := repeated(items); found {
			ok = e.note(report, Fault{Code: codeUniqueItems, Params: map[string]any{"first": earlier, "second": later}})
		}
	}
	if rules.items != nil {
		e.markItems(items, len(items))
	} else {
		e.markItems(items, min(len(items), len(rules.prefix)))
	}
	for i, item := range items {
		n := rules.items
		if i < len(rules.prefix) {
			n = rules.prefix[i]
		}
		if n == nil {
			break
		}
		if !ok && !report {
			return false
		}
		ok = e.element(n, i, item, report) && ok
	}
	if (ok || report) && rules.contains != nil {
		ok = e.contains(rules, items, report) && ok
	}
	return ok
}

// element holds an item of an array against a schema.
func (e *evaluation) element(n *node, i int, v any, report bool) bool {
	e.path = append(e.path, segment{"", i})
	ok := e.value(n, v, report)
	e.path = e.path[:len(e.path)-1]
	return ok
}

func (e *evaluation) contains(rules *arrayRules, items []any, report bool) bool {
	matched := 0
	for i, item := range items {
		start := len(e.marks)
		if e.element(rules.contains, i, item, false) {
			matched++
			e.markItem(items, i)
		} else {
			e.marks = e.marks[:start]
		}
	}
	if matched < rules.minContains {
		return e.limit(report, codeMinContains, rules.minContains)
	}
	if rules.maxContains >= 0 && matched > rules.maxContains {
		return e.limit(report, codeMaxContains, rules.maxContains)
	}
	return true
}

func (e *evaluation) unevaluatedItems(n *node, items []any, start int, report bool) bool {
	ok := true
	known := e.known(items, start)
	for i, item := range items {
		if !ok && !report || !e.spend(1) {
			return false
		}
		if known.item(i) {
			continue
		}
		e.markItem(items, i)
		ok = e.element(n, i, item, report) && ok
	}
	return ok
}
