package authz

import (
	"cmp"
	"slices"
	"strings"
)

// A Route describes one registered pattern; see [Mux.Routes].
type Route struct {
	// Method is the method of the registered pattern.
	Method string `json:"method"`
	// Pattern is the rest of the registered pattern: host and path.
	Pattern string `json:"pattern"`
	// Rule describes the rule, such as "role admin".
	Rule string `json:"rule"`
	// Public reports whether anonymous callers also pass.
	Public bool `json:"public,omitempty"`
	// Roles are the roles that are able to pass, sorted. For objects they have
	// their reach: "user (own)". A single "*" stands for every caller.
	Roles []string `json:"roles"`
	// Scopes are the OAuth scopes that any part of the rule asks for.
	Scopes []string `json:"scopes,omitempty"`
	// ACR are the authentication context classes that any part of the rule asks
	// for.
	ACR []string `json:"acr,omitempty"`
	// Factors are the methods that any part of the rule asks for; see
	// [Rule.Factor].
	Factors []string `json:"factors,omitempty"`
	// Weak says what the list cannot show: a check that the handler has to make
	// itself, or the routes of a sub-router. It is empty for other routes.
	Weak string `json:"weak,omitempty"`
}

// Admits reports whether a caller with only that role is able to pass the rule.
// The empty role is an anonymous caller. On a route for objects true means that
// the caller may reach some objects, and not that the caller reaches a
// particular object.
func (r Route) Admits(role string) bool {
	if role == "" || r.Public {
		return r.Public
	}
	return slices.ContainsFunc(r.Roles, func(entry string) bool {
		return entry == "*" || r.roleOf(entry) == role
	})
}

// roleOf cuts the reach off an entry of Roles. Only entries for objects have a
// reach. It is the last text in parentheses: the name of a role may end in
// parentheses, and the name of a reach may not.
func (r Route) roleOf(entry string) string {
	kind, _, _ := strings.Cut(r.Rule, " ")
	if i := strings.LastIndex(entry, " ("); i >= 0 && (kind == "object" || kind == "list" || kind == "create") {
		return entry[:i]
	}
	return entry
}

// Routes lists every route, with its rule and the roles that are able to pass
// it under the present policy. It is sorted by pattern and method.
func (m *Mux) Routes() []Route {
	if m == nil || !m.policy.ready() {
		return nil
	}
	m.mu.Lock()
	registered := slices.Clone(m.routes)
	m.mu.Unlock()
	t := m.policy.table.Load()
	routes := make([]Route, 0, len(registered))
	for _, rt := range registered {
		c := &t.checks[rt.number]
		route := Route{Method: rt.parsed.method, Pattern: rt.parsed.path, Rule: c.text, Public: c.kind == kindPublic, Roles: t.able(c)}
		route.Weak = strings.Join(slices.DeleteFunc([]string{rt.weak, c.weakness(t)}, func(s string) bool { return s == "" }), "; ")
		c.demands(&route)
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	return routes
}

// able lists the roles that pass a check, with any credential.
func (t *table) able(c *check) []string {
	if c.may(&held{}) {
		return []string{"*"}
	}
	able := []string{}
	for _, name := range t.roleNames {
		r := t.roles[name]
		h := held{n: 1}
		h.room[0] = r
		switch {
		case !c.may(&h):
		case c.kind >= kindObject:
			able = append(able, name+" ("+t.reachText(r.grants[c.number])+")")
		default:
			able = append(able, name)
		}
	}
	return able
}

// may is grants for a caller of whom only the roles are known.
func (c *check) may(h *held) bool {
	part := func(p check) bool { return p.may(h) }
	switch c.kind {
	case kindPublic, kindAuthenticated:
		return true
	case kindAll:
		return !slices.ContainsFunc(c.parts, func(p check) bool { return !p.may(h) })
	case kindAny:
		return slices.ContainsFunc(c.parts, part)
	case kindRole:
		return h.any(c.roles)
	case kindRequire:
		return c.hasNeeds(h)
	}
	return h.reaches(c.number) != 0
}

// engineDecides says that the list of roles is not the whole answer.
const engineDecides = "an engine decides"

// weakness says what a check leaves to the handler and to engines.
func (c *check) weakness(t *table) string {
	weak := c.unchecked(t)
	switch {
	case !c.engines:
		return weak
	case weak == "":
		return engineDecides
	}
	return weak + "; " + engineDecides
}

// unchecked says what a check leaves to the handler.
func (c *check) unchecked(t *table) string {
	for _, need := range c.needs {
		if need.reach != reachAll {
			return "the reach " + t.reachText(need.reach) + " is for the handler to check"
		}
	}
	for i := range c.parts {
		if weak := c.parts[i].unchecked(t); weak != "" {
			return weak
		}
	}
	return ""
}

// demands collects what the check asks of the credential.
func (c *check) demands(route *Route) {
	add := func(to *[]string, names []string) {
		for _, name := range names {
			if !slices.Contains(*to, name) {
				*to = append(*to, name)
			}
		}
	}
	add(&route.Scopes, c.scopes)
	add(&route.ACR, c.acr)
	for _, f := range c.factors {
		add(&route.Factors, []string{f.method})
	}
	for i := range c.parts {
		c.parts[i].demands(route)
	}
}
