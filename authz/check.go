package authz

import (
	"slices"
	"strings"
	"time"
)

// A check is a rule compiled against one table. Whatever it names has become a
// number there.
type check struct {
	kind   kind
	text   string
	roles  []bool // by role number: passes
	needs  []need // all of them
	number int    // of the permission on objects
	read   int    // of the permission that makes objects visible, or -1
	parts  []check
	scopes []string
	acr    []string
	maxAge time.Duration
}

// A need is a permission within a reach.
type need struct {
	number int
	reach  reaches
}

// check compiles a rule, or says everything that is wrong with it.
func (t *table) check(rule Rule) (check, []string) {
	c := check{kind: rule.kind, text: rule.String(), scopes: rule.scopes, acr: rule.acr, maxAge: rule.maxAge}
	reasons := slices.Clone(rule.faults)
	wrong := func(reason string) { reasons = append(reasons, reason) }
	for _, scope := range rule.scopes {
		if !scopeToken(scope) {
			wrong("names a scope that is no scope-token (RFC 6749 section 3.3)")
		}
	}
	switch rule.kind {
	case kindPublic:
		if strings.TrimSpace(rule.names[0]) == "" {
			wrong("is public without a reason; say why")
		}
		if len(rule.scopes) > 0 || len(rule.acr) > 0 || rule.maxAge != 0 {
			wrong("is public and asks for something; leave one of the two out")
		}
	case kindAuthenticated:
	case kindRole:
		reasons = append(reasons, t.compileRoles(&c, rule.names)...)
	case kindRequire:
		reasons = append(reasons, t.compileNeeds(&c, rule.names)...)
	case kindAll, kindAny:
		reasons = append(reasons, t.compileParts(&c, rule.parts)...)
	case kindObject, kindList, kindCreate:
		reasons = append(reasons, t.compileObject(&c, rule)...)
	default:
		reasons = append(reasons, rule.zeroFault()...)
	}
	return c, reasons
}

func (t *table) compileRoles(c *check, names []string) (reasons []string) {
	if len(names) == 0 {
		reasons = append(reasons, "names no role")
	}
	c.roles = make([]bool, len(t.roleNames))
	for _, name := range names {
		wanted := t.roles[name]
		if wanted == nil {
			reasons = append(reasons, name+" is no role"+nearest(name, t.roleNames))
			continue
		}
		for _, r := range t.roles {
			c.roles[r.number] = c.roles[r.number] || r.lineage[wanted.number]
		}
	}
	return reasons
}

func (t *table) compileNeeds(c *check, names []string) (reasons []string) {
	if len(names) == 0 {
		reasons = append(reasons, "names no permission")
	}
	for _, text := range names {
		g, fault := t.parseGrant(text)
		switch {
		case fault != "":
			reasons = append(reasons, text+" "+fault)
		case strings.Contains(text, "*"):
			reasons = append(reasons, text+" is for grants; require a permission by name")
		}
		for i, p := range t.permissions {
			if fault == "" && g.covers(p) {
				c.needs = append(c.needs, need{i, g.reach})
			}
		}
	}
	return reasons
}

func (t *table) compileParts(c *check, rules []Rule) (reasons []string) {
	if len(rules) == 0 {
		reasons = append(reasons, "is made of no rules")
	}
	for _, rule := range rules {
		if rule.kind == kindPublic {
			reasons = append(reasons, "Public stands alone, not inside All or Any")
		}
		part, more := t.check(rule)
		c.parts = append(c.parts, part)
		reasons = append(reasons, more...)
	}
	return reasons
}

func (t *table) compileObject(c *check, rule Rule) (reasons []string) {
	resource, action := rule.names[0], rule.names[1]
	parsed, fault := t.parseGrant(resource + ":" + action + ":own")
	if fault != "" || parsed.resource == "*" || parsed.action == "*" {
		if fault == "" {
			fault = "is for grants; name a resource and an action"
		}
		return []string{resource + ":" + action + " " + fault}
	}
	c.number = t.numbers[resource][action]
	c.read = -1
	if number, ok := t.numbers[resource]["read"]; ok {
		c.read = number
	}
	for _, name := range rule.custom {
		if t.reachBit(name) < reachCustom {
			reasons = append(reasons, "has a predicate for the reach "+name+", which the policy does not declare"+nearest(name, t.reachNames[2:]))
		}
	}
	return append(reasons, t.missingPredicates(resource, action, rule.custom)...)
}

// missingPredicates finds grants by name that could never let anybody in,
// because the resource does not say what their reach means.
func (t *table) missingPredicates(resource, action string, custom []string) (reasons []string) {
	for _, name := range t.roleNames {
		for _, g := range t.roles[name].own {
			reach := t.reachText(g.reach)
			if g.resource == resource && g.action == action && g.reach >= reachCustom && !slices.Contains(custom, reach) {
				reasons = append(reasons, "role "+name+" is granted "+g.text+", but the resource has no predicate for "+reach+" in Reaches")
			}
		}
	}
	return reasons
}

// scopeToken reports whether s is a scope-token (RFC 6749 section 3.3).
func scopeToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return s != ""
}
