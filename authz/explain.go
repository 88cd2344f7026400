package authz

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Explain says why [Policy.Decide] answers a query as it does. It names the
// caller's role, the inherited roles, the grant and the condition of the grant.
// For a denial it names the nearest grant. The text is for operators and for
// tests, and may change. Never send it to clients.
func (p *Policy) Explain(q Query) string {
	if !p.ready() {
		return "deny: the policy was made without NewPolicy\n"
	}
	t := p.table.Load()
	decision := t.decide(q)
	var b strings.Builder
	verdict := "deny"
	if decision.Allowed {
		verdict = "allow"
	}
	who := "anonymous"
	switch {
	case known(q.Principal):
		who = fmt.Sprintf("%q of %q", q.Principal.Subject, q.Principal.Issuer)
	case q.Principal != nil:
		who = "anonymous: " + errHalfKnown.Error()
	}
	fmt.Fprintf(&b, "%s %s:%s:%s to %s\n", verdict, part(q.Resource), part(q.Action), part(q.Reach), who)
	switch decision.Reason {
	case "anonymous":
		b.WriteString("  an anonymous caller has no grants\n")
	case "unknown_permission":
		b.WriteString("  " + t.explainUnknown(q) + "\n")
	case "granted":
		t.explainGrants(&b, q)
	default:
		t.explainMiss(&b, q)
	}
	return b.String()
}

func (t *table) explainUnknown(q Query) string {
	switch {
	case t.actions[q.Resource] == nil:
		return "there is no resource " + part(q.Resource) + nearest(q.Resource, slices.Sorted(maps.Keys(t.actions)))
	case !slices.Contains(t.actions[q.Resource], q.Action):
		return "there is no action " + part(q.Action) + " on " + q.Resource + nearest(q.Action, t.actions[q.Resource])
	}
	return "there is no reach " + part(q.Reach) + nearest(q.Reach, t.reachNames)
}

// part returns a part of a query. A text that cannot be a name of a policy is
// quoted: a query may come from outside, and may hold a line that looks like a
// verdict.
func part(text string) string {
	if nameFault(text) == "" || text == "*" {
		return text
	}
	return strconv.Quote(text)
}

// explainGrants writes every way from a role of the caller to a grant.
func (t *table) explainGrants(b *strings.Builder, q Query) {
	want := t.reachBit(q.Reach)
	for _, name := range q.Principal.Roles {
		trace(t.roles[name], nil, map[*role]bool{}, func(path []string, g grant) {
			if g.covers(permission{q.Resource, q.Action}) && widen(g.reach)&want != 0 {
				fmt.Fprintf(b, "  role %s grants %s: %s\n", strings.Join(path, " inherits "), g.text, condition(t, g))
			}
		})
	}
}

// explainMiss writes what came nearest: a grant of the caller with another
// reach, or else the roles that grant it.
func (t *table) explainMiss(b *strings.Builder, q Query) {
	asked := permission{q.Resource, q.Action}
	if len(q.Principal.Roles) == 0 {
		b.WriteString("  the caller has no roles\n")
	}
	near := false
	for _, name := range q.Principal.Roles {
		if t.roles[name] == nil {
			fmt.Fprintf(b, "  role %q is not in the policy%s\n", name, nearest(name, t.roleNames))
			continue
		}
		trace(t.roles[name], nil, map[*role]bool{}, func(path []string, g grant) {
			if g.covers(asked) {
				near = true
				fmt.Fprintf(b, "  nearest: role %s grants %s: %s, not %s\n", strings.Join(path, " inherits "), g.text, condition(t, g), q.Reach)
			}
		})
	}
	if near {
		return
	}
	var able []string
	for _, name := range t.roleNames {
		if t.roles[name].grants[t.numbers[q.Resource][q.Action]]&t.reachBit(q.Reach) != 0 {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		b.WriteString("  no role grants it\n")
		return
	}
	fmt.Fprintf(b, "  nothing of the caller's grants %s; roles that do: %s\n", asked, strings.Join(able, ", "))
}

// trace calls see for each grant of r and of what it inherits from, with one
// way there: in a diamond of roles the ways multiply.
func trace(r *role, path []string, seen map[*role]bool, see func(path []string, g grant)) {
	if r == nil || seen[r] {
		return
	}
	seen[r] = true
	path = append(path, r.name)
	for _, g := range r.own {
		see(path, g)
	}
	for _, parent := range r.inherits {
		trace(parent, path, seen, see)
	}
}

// condition says which objects a grant reaches.
func condition(t *table, g grant) string {
	switch g.reach {
	case reachAll:
		return "every object"
	case reachOwn:
		return "objects whose owner is the caller"
	}
	return "objects within " + t.reachText(g.reach)
}
