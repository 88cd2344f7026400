package authz

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Explain says why [Policy.Decide] answers a query as it does. It names the
// caller's roles, the inherited roles, the grants and the condition of each
// grant. For a denial it names the nearest grants.
//
// Every name that is not of the ASCII letters, digits, "_", "-" and "." is
// quoted, so that no name can look like another line of the text. The text has
// at most 24 lines and 100 KiB: of many grants or roles the first are shown,
// and of a long chain of roles both ends. The text is for operators and for
// tests, and may change. Never send it to clients.
func (p *Policy) Explain(q Query) string {
	if !p.ready() {
		return "deny: the policy was made without NewPolicy\n"
	}
	t := p.table.Load()
	decision := t.decide(q)
	verdict := "deny"
	if decision.Allowed {
		verdict = "allow"
	}
	e := explanation{table: t, hints: newHints(), query: q, asked: permission{q.Resource, q.Action}}
	e.add("%s %s:%s:%s to %s", verdict, part(q.Resource), part(q.Action), part(q.Reach), e.who())
	switch decision.Reason {
	case "anonymous":
		e.add("  an anonymous caller has no grants")
	case "unknown_permission":
		e.add("  %s", e.unknown())
	case "granted":
		e.grants()
	default:
		e.miss()
	}
	return strings.Join(e.lines, "")
}

// maxLines bounds the lines of an explanation.
const maxLines = 24

// An explanation is the text of Explain on its way.
type explanation struct {
	table *table
	query Query
	asked permission
	hints hints
	lines []string
}

// add adds a line. Past the bound it adds nothing.
func (e *explanation) add(format string, args ...any) {
	switch {
	case len(e.lines) < maxLines-1:
		e.lines = append(e.lines, fmt.Sprintf(format, args...)+"\n")
	case len(e.lines) == maxLines-1:
		e.lines = append(e.lines, "  and more\n")
	}
}

func (e *explanation) full() bool { return len(e.lines) >= maxLines }

// who names the caller. Subject and issuer are always quoted.
func (e *explanation) who() string {
	caller := e.query.Principal
	switch {
	case known(caller):
		return identifier(caller.Subject) + " of " + identifier(caller.Issuer)
	case caller != nil:
		return "anonymous: " + errHalfKnown.Error()
	}
	return "anonymous"
}

// identifier quotes a subject or an issuer.
func identifier(text string) string {
	if quoted := part(text); quoted != text {
		return quoted
	}
	return strconv.Quote(text)
}

func (e *explanation) unknown() string {
	t, q := e.table, e.query
	switch {
	case t.actions[q.Resource] == nil:
		return "there is no resource " + part(q.Resource) + e.hints.nearest(q.Resource, slices.Sorted(maps.Keys(t.actions)))
	case !slices.Contains(t.actions[q.Resource], q.Action):
		return "there is no action " + part(q.Action) + " on " + part(q.Resource) + e.hints.nearest(q.Action, t.actions[q.Resource])
	}
	return "there is no reach " + part(q.Reach) + e.hints.nearest(q.Reach, t.reachNames)
}

// grants adds a way from each role of the caller to each grant.
func (e *explanation) grants() {
	want := e.table.reachBit(e.query.Reach)
	e.roles(func(r *role) {
		e.trace(r, want, func(path []string, g *grant) {
			e.add("  role %s grants %s: %s", chain(path), g, e.table.condition(g))
		})
	})
}

// miss adds what came nearest: the grants of the caller with another reach, or
// else the roles that grant the query.
func (e *explanation) miss() {
	if len(e.query.Principal.Roles) == 0 {
		e.add("  the caller has no roles")
	}
	near := false
	e.roles(func(r *role) {
		e.trace(r, every, func(path []string, g *grant) {
			near = true
			e.add("  nearest: role %s grants %s: %s, not %s", chain(path), g, e.table.condition(g), part(e.query.Reach))
		})
	})
	if near || e.full() {
		return
	}
	var able []string
	number, want := e.table.numbers[e.query.Resource][e.query.Action], e.table.reachBit(e.query.Reach)
	for _, name := range e.table.roleNames {
		if e.table.roles[name].grants[number]&want != 0 {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		e.add("  no role grants it")
		return
	}
	e.add("  nothing of the caller's grants %s:%s; roles that do: %s", part(e.asked.resource), part(e.asked.action), listed(able))
}

// roles calls see with each role of the caller, and adds a line for each role
// that the policy does not have.
func (e *explanation) roles(see func(r *role)) {
	seen := map[string]bool{}
	for _, name := range e.query.Principal.Roles {
		if e.full() {
			return
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		if r := e.table.roles[name]; r != nil {
			see(r)
			continue
		}
		e.add("  role %s is not in the policy%s", part(name), e.hints.nearest(name, e.table.roleNames))
	}
}

// trace calls see for each grant of r, and of what r inherits from, that covers
// the permission within one of the reaches, with one way there: in a diamond of
// roles the ways multiply. A role that has no such grant is not searched, so
// that each search adds a line, and the bound of the lines ends all of them.
func (e *explanation) trace(r *role, want reaches, see func(path []string, g *grant)) {
	number := e.table.numbers[e.query.Resource][e.query.Action]
	seen := map[*role]bool{}
	var path []string
	var walk func(r *role)
	walk = func(r *role) {
		if seen[r] || r.grants[number]&want == 0 || e.full() {
			return
		}
		seen[r] = true
		path = append(path, r.name)
		for _, g := range r.own {
			if g.covers(e.asked) && widen(g.reach)&want != 0 {
				see(path, g)
			}
		}
		for _, parent := range r.inherits {
			walk(parent)
		}
		path = path[:len(path)-1]
	}
	walk(r)
}

// condition says which objects a grant reaches.
func (t *table) condition(g *grant) string {
	switch g.reach {
	case reachAll:
		return "every object"
	case reachOwn:
		return "objects whose owner is the caller"
	}
	return "objects within " + part(t.reachText(g.reach))
}
