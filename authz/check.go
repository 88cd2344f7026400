package authz

import (
	"slices"
	"strings"
	"time"
)

// A check is a rule compiled against one table. The names of the rule have
// become numbers.
type check struct {
	kind    kind
	text    string
	roles   []bool // by role number: passes
	needs   []need // all of them
	number  int    // of the permission on objects
	read    int    // of the permission that makes objects visible, or -1
	parts   []check
	scopes  []string
	acr     []string
	maxAge  time.Duration
	factors []factor
	// deferred holds the answer back until a Resource.Check.
	deferred bool
	asks     []asking
	engines  bool // it or a part of it asks an engine
}

// A need is a permission within a reach.
type need struct {
	number int
	reach  reaches
}

// check compiles a rule, or says everything that is wrong with it.
func (t *table) check(rule Rule) (check, []string) {
	c := check{kind: rule.kind, text: rule.String(), scopes: rule.scopes, acr: rule.acr, maxAge: rule.maxAge, factors: rule.factors, asks: rule.asks}
	reasons := slices.Clone(rule.faults)
	wrong := func(reason string) { reasons = append(reasons, reason) }
	for _, scope := range rule.scopes {
		if !scopeToken(scope) {
			wrong("names a scope with a space, a quotation mark, a backslash or another character that scopes cannot have (RFC 6749 section 3.3); write one argument for each scope")
		}
	}
	switch rule.kind {
	case kindPublic:
		if strings.TrimSpace(rule.names[0]) == "" {
			wrong(`is public without a reason; write why, for example Public("liveness probe")`)
		}
		if len(rule.asks) > 0 {
			wrong("is Public with Ask, and nobody would be asked about; leave Ask out, or write Authenticated in place of Public")
		}
		if len(rule.scopes) > 0 || len(rule.acr) > 0 || rule.maxAge != 0 || len(rule.factors) > 0 {
			wrong("is Public with Scopes, StepUp or Factor; leave them out, or write Authenticated in place of Public")
		}
	case kindAuthenticated:
	case kindDeferred:
		c.deferred = true
	case kindRole:
		reasons = append(reasons, t.compileRoles(&c, rule.names)...)
	case kindRequire:
		reasons = append(reasons, t.compileNeeds(&c, rule.names)...)
	case kindAll, kindAny:
		if rule.size == 0 {
			wrong("has no rules; give All or Any at least one rule")
		}
		reasons = append(reasons, t.compileParts(&c, rule.parts)...)
	case kindObject, kindList, kindCreate:
		reasons = append(reasons, t.compileObject(&c, rule)...)
	default:
		reasons = append(reasons, rule.zeroFault()...)
	}
	c.engines = c.asksAny()
	return c, reasons
}

func (t *table) compileRoles(c *check, names []string) (reasons []string) {
	if len(names) == 0 {
		reasons = append(reasons, `names no role; write for example RequireRole("admin")`)
	}
	c.roles = make([]bool, len(t.roleNames))
	for _, name := range names {
		wanted := t.roles[name]
		if wanted == nil {
			reasons = append(reasons, part(name)+" is not a role of the policy"+nearest(name, t.roleNames))
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
		reasons = append(reasons, `names no permission; write for example Require("document:read:all")`)
	}
	hints := newHints()
	for _, text := range names {
		g, fault := t.parseGrant(text, &hints)
		switch {
		case fault != "":
			reasons = append(reasons, segments(text)+" "+fault)
		case strings.Contains(text, "*"):
			reasons = append(reasons, text+" has a *, which only Role.Grants may have; write a permission without *")
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
	for _, rule := range rules {
		if rule.kind == kindPublic {
			reasons = append(reasons, "has Public inside All or Any; use Public alone, or leave it out")
		}
		part, more := t.check(rule)
		c.parts = append(c.parts, part)
		reasons = append(reasons, more...)
	}
	if c.deferred = hasDeferred(c.parts); c.deferred && c.kind == kindAny {
		reasons = append(reasons, deferredInAny)
	}
	return reasons
}

func (t *table) compileObject(c *check, rule Rule) (reasons []string) {
	resource, action := rule.names[0], rule.names[1]
	hints := newHints()
	parsed, fault := t.parseGrant(resource+":"+action+":own", &hints)
	if fault != "" || parsed.resource == "*" || parsed.action == "*" {
		if fault == "" {
			fault = "has a *, which only Role.Grants may have; name a resource in Resource.Name and an action in Can"
		}
		return []string{part(resource) + ":" + part(action) + " " + fault}
	}
	c.number = t.numbers[resource][action]
	c.read = -1
	if number, ok := t.numbers[resource]["read"]; ok {
		c.read = number
	}
	for _, name := range rule.custom {
		if t.reachBit(name) < reachCustom {
			reasons = append(reasons, "has a predicate for the reach "+part(name)+", which is not in PolicyConfig.Reaches"+nearest(name, t.reachNames[2:]))
		}
	}
	for _, name := range rule.engines {
		if t.reachBit(name) < reachCustom {
			reasons = append(reasons, "has an engine for the reach "+part(name)+", which is not in PolicyConfig.Reaches"+nearest(name, t.reachNames[2:]))
		}
	}
	return append(reasons, t.missingPredicates(resource, action, slices.Concat(rule.custom, rule.engines))...)
}

// missingPredicates finds grants of this permission that could never let
// anybody in, because the resource does not say what their reach means.
func (t *table) missingPredicates(resource, action string, custom []string) (reasons []string) {
	for _, name := range t.roleNames {
		for _, g := range t.roles[name].own {
			reach := t.reachText(g.reach)
			if g.resource == resource && g.action == action && g.reach >= reachCustom && !slices.Contains(custom, reach) {
				reasons = append(reasons, "role "+part(name)+" is granted "+g.String()+", but Resource.Reaches has no predicate for "+part(reach)+", and Resource.Engines no engine; add one of them, or remove the grant")
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
