package schema

import "slices"

func (e *evaluation) object(rules *objectRules, object map[string]any, report bool) bool {
	ok := true
	added := e.added.to(object)
	if len(object)-len(added) < rules.min {
		ok = e.limit(report, codeMinProperties, rules.min)
	}
	if rules.max >= 0 && len(object)-len(added) > rules.max {
		ok = e.limit(report, codeMaxProperties, rules.max)
	}
	if !e.spend((len(rules.required) + len(rules.properties)) / 16) {
		return false
	}
	for _, name := range rules.required {
		if _, present := object[name]; (!present || added.has(name)) && !e.mayOmit(rules.required, name) {
			ok = e.note(report, Fault{Code: codeRequired, name: name, named: true})
		}
	}
	if len(rules.properties) > 0 {
		e.markDeclared(object, rules)
	}
	for i := range rules.byPrice {
		if !ok && !report {
			return false
		}
		p := &rules.byPrice[i]
		if value, present := object[p.name]; present {
			ok = e.member(p.node, p.name, value, report) && ok
		}
	}
	if rules.looksAtOthers && (ok || report) {
		ok = e.others(rules, object, added, report) && ok
	}
	for i := range rules.dependentReq {
		ok = e.dependentRequired(&rules.dependentReq[i], object, added, report) && ok
	}
	for i := range rules.dependent {
		if !ok && !report {
			return false
		}
		if _, present := object[rules.dependent[i].name]; present && !added.has(rules.dependent[i].name) {
			ok = e.branch(rules.dependent[i].node, object, report, false) && ok
		}
	}
	return ok
}

// member holds the value of a property against a schema.
func (e *evaluation) member(n *node, name string, v any, report bool) bool {
	e.path = append(e.path, segment{name, -1})
	ok := e.value(n, v, report)
	e.path = e.path[:len(e.path)-1]
	return ok
}

// others checks the keywords that look at every property, not only at those
// known by name: propertyNames, patternProperties and additionalProperties.
func (e *evaluation) others(rules *objectRules, object map[string]any, added additions, report bool) bool {
	ok := true
	bottom := len(e.names)
	names := e.sorted(object)
	defer func() { e.names = e.names[:bottom] }()
	for _, name := range names {
		if !ok && !report || !e.spend(1) {
			return false
		}
		if rules.names != nil && !added.has(name) && !e.member(rules.names, name, name, false) {
			ok = e.note(report, Fault{Code: codePropertyName, name: name, named: true})
		}
		_, matched := rules.index[name]
		for i := range rules.patterns {
			p := &rules.patterns[i]
			if e.matches(p.pattern, name) {
				matched = true
				e.markName(object, name)
				ok = e.member(p.node, name, object[name], report) && ok
			}
		}
		if matched || rules.additional == nil {
			continue
		}
		e.markName(object, name)
		ok = e.remaining(rules.additional, name, object[name], report) && ok
	}
	return ok
}

// remaining holds a property against the schema for all properties that nothing
// else describes. Where this schema is false, the property is unknown.
func (e *evaluation) remaining(n *node, name string, v any, report bool) bool {
	if n.refuses {
		return e.note(report, Fault{Code: codeUnknown, name: name, named: true})
	}
	return e.member(n, name, v, report)
}

func (e *evaluation) dependentRequired(rule *dependentRequired, object map[string]any, added additions, report bool) bool {
	if _, present := object[rule.name]; !present || added.has(rule.name) {
		return true
	}
	ok := true
	for _, name := range rule.required {
		if _, present := object[name]; (!present || added.has(name)) && !e.mayOmit(rule.required, name) {
			ok = e.note(report, Fault{Code: codeDependentRequired, name: name, named: true, Params: map[string]any{"with": rule.name}})
		}
	}
	return ok
}

func (e *evaluation) unevaluatedProperties(n *node, object map[string]any, start int, report bool) bool {
	ok := true
	known := e.known(object, start)
	bottom := len(e.names)
	names := e.sorted(object)
	defer func() { e.names = e.names[:bottom] }()
	for _, name := range names {
		if !ok && !report || !e.spend(1) {
			return false
		}
		if known.name(name) {
			continue
		}
		e.markName(object, name)
		ok = e.remaining(n, name, object[name], report) && ok
	}
	return ok
}

// sorted puts the names of an object in order on top of the stack of names.
func (e *evaluation) sorted(object map[string]any) []string {
	bottom := len(e.names)
	for name := range object {
		e.names = append(e.names, name)
	}
	names := e.names[bottom:]
	slices.Sort(names)
	return names
}
