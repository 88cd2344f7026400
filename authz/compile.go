package authz

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// compile makes a table of a configuration and says everything that is wrong.
func compile(c PolicyConfig) (*table, error) {
	b := builder{faults: fault.In("authz"), grants: map[string]*grant{}, hints: newHints(), table: &table{
		numbers: map[string]map[string]int{}, actions: map[string][]string{}, roles: map[string]*role{},
		reachNames: []string{"all", "own"}, readers: everybody(), plans: newPlans(nil),
	}}
	b.declareResources(c.Resources)
	b.declareReaches(c.Reaches)
	b.declareRoles(c.Roles)
	if len(c.Roles) > maxSize || len(b.permissions) > maxSize {
		return nil, b.faults.Err()
	}
	b.declareSample(c.SampleAllows)
	for _, name := range b.roleNames {
		b.inherit(b.roles[name], c.Roles[name].Inherits)
		b.grant(b.roles[name], c.Roles[name].Grants)
	}
	b.refuseCycles()
	b.refuseWork()
	if err := b.faults.Err(); err != nil {
		return nil, err
	}
	m := newMatcher(b.table, b.grants)
	done := make([]bool, len(b.roleNames))
	for _, name := range b.roleNames {
		b.flatten(b.roles[name], m, done)
	}
	if m.full() {
		b.faults.Add("Roles", "", manyMatches)
		return nil, b.faults.Err()
	}
	b.matches = m.matches
	return b.table, nil
}

// A builder compiles one configuration.
type builder struct {
	*table
	faults *fault.List
	grants map[string]*grant // by text
	hints  hints
}

func (b *builder) declareResources(resources map[string][]string) {
	if len(resources) == 0 {
		b.faults.Add("Resources", "", `is empty; declare each kind of object with its actions, for example "document": {"read", "delete"}`)
	}
	for _, resource := range slices.Sorted(maps.Keys(resources)) {
		field := "Resources[" + part(resource) + "]"
		if reason := nameFault(resource); reason != "" {
			b.faults.Add(field, resource, reason)
			continue
		}
		if len(resources[resource]) == 0 {
			b.faults.Add(field, "", `has no actions; name the actions on it, for example "read"`)
		}
		b.actions[resource] = []string{}
		b.numbers[resource] = map[string]int{}
		for i, action := range resources[resource] {
			reason := nameFault(action)
			if _, twice := b.numbers[resource][action]; reason == "" && twice {
				reason = duplicate
			}
			if reason != "" {
				b.faults.AddAt(field, i, action, reason)
				continue
			}
			b.actions[resource] = append(b.actions[resource], action)
			b.numbers[resource][action] = len(b.permissions)
			b.permissions = append(b.permissions, permission{resource, action})
		}
		slices.Sort(b.actions[resource])
	}
	if len(b.permissions) > maxSize {
		b.faults.Add("Resources", "", fmt.Sprintf("has %d actions; write at most %d over all resources", len(b.permissions), maxSize))
	}
}

const manyMatches = "has roles whose grants overlap in too many ways, which would take more than 64 MiB; give fewer roles a grant with * or without a resource beside their other grants"

const duplicate = "is a duplicate; remove one of the two"

// maxSize bounds the roles, and the actions over all resources. A table has 8
// bytes for each action of each role, and a byte for each pair of roles.
const maxSize = 4096

func (b *builder) declareReaches(names []string) {
	if len(names) > maxReaches {
		b.faults.Add("Reaches", "", fmt.Sprintf("has %d entries; write at most %d", len(names), maxReaches))
		names = names[:maxReaches]
	}
	for i, name := range names {
		reason := nameFault(name)
		switch {
		case reason != "":
		case name == "own" || name == "all":
			reason = "always exists; leave it out"
		case name == "issuer" || name == "subject":
			reason = "is the name of an entry of Reach.Match that holds the owner; choose another name"
		case slices.Contains(b.reachNames, name):
			reason = duplicate
		}
		if reason != "" {
			b.faults.AddAt("Reaches", i, name, reason)
			continue
		}
		b.reachNames = append(b.reachNames, name)
	}
}

func (b *builder) declareSample(n int) {
	if n < 0 {
		b.faults.Add("SampleAllows", fmt.Sprint(n), "is negative; write 0 for no events, 1 for each allowed decision, or 1000 for one of a thousand")
		return
	}
	b.sample = uint64(n)
}

func (b *builder) declareRoles(roles Roles) {
	if len(roles) == 0 {
		b.faults.Add("Roles", "", "is empty, so that nobody may do anything; declare at least one role")
	}
	if len(roles) > maxSize {
		b.faults.Add("Roles", "", fmt.Sprintf("has %d entries; write at most %d", len(roles), maxSize))
	}
	b.roleNames = slices.Sorted(maps.Keys(roles))
	for i, name := range b.roleNames {
		if reason := roleFault(name); reason != "" {
			b.faults.Add("Roles["+part(name)+"]", name, reason)
		}
		b.roles[name] = &role{name: name, number: i}
	}
}

func (b *builder) inherit(r *role, parents []string) {
	has := make(map[*role]bool, len(parents))
	for i, parent := range parents {
		from, reason := b.roles[parent], ""
		switch {
		case from == nil:
			reason = "is not a role of the policy" + b.hints.nearest(parent, b.roleNames)
		case has[from]:
			reason = duplicate
		}
		if reason != "" {
			b.faults.AddAt("Roles["+part(r.name)+"].Inherits", i, parent, reason)
			continue
		}
		has[from] = true
		r.inherits = append(r.inherits, from)
	}
}

func (b *builder) grant(r *role, grants []string) {
	has := make(map[grant]*grant, len(grants)) // by what they mean
	for i, text := range grants {
		g, reason := b.parsed(text)
		meaning := grant{resource: g.resource, action: g.action, reach: g.reach}
		if other := has[meaning]; reason == "" && other != nil {
			reason = repeats(g, other)
		}
		if reason != "" {
			b.faults.AddAt("Roles["+part(r.name)+"].Grants", i, text, reason)
			continue
		}
		has[meaning] = g
		r.own = append(r.own, g)
	}
	r.own = slices.Clip(r.own)
}

// parsed reads a permission. The roles that have it share the grant.
func (b *builder) parsed(text string) (*grant, string) {
	if g := b.grants[text]; g != nil {
		return g, ""
	}
	g, reason := b.parseGrant(text, &b.hints)
	if reason == "" {
		b.grants[text] = &g
	}
	return &g, reason
}

// repeats says that the role has the grant already, perhaps in other words. A
// grant beside a wider one is not a mistake: the wider one may go later.
func repeats(g, other *grant) string {
	if g.text == other.text {
		return duplicate
	}
	return "is a duplicate of " + other.String() + "; remove one of the two"
}

// maxCycles bounds the cycles that are told. Among roles that all inherit from
// each other there are millions.
const maxCycles = 64

// refuseCycles reports each cycle once, when a walk in the order of names meets
// it. Of many cycles it reports the first.
func (b *builder) refuseCycles() {
	const walking, walked = 1, 2
	state := make([]int, len(b.roleNames))
	var path []string
	found := 0
	var walk func(r *role)
	walk = func(r *role) {
		state[r.number] = walking
		path = append(path, r.name)
		for _, parent := range r.inherits {
			switch state[parent.number] {
			case walking:
				if found++; found > maxCycles {
					continue
				}
				from := slices.Index(path, parent.name)
				cycle := chain(append(slices.Clone(path[from:]), parent.name))
				b.faults.Add("Roles["+part(r.name)+"].Inherits", parent.name, "is a cycle: "+cycle+"; remove one of these Inherits")
			case 0:
				walk(parent)
			}
		}
		path = path[:len(path)-1]
		state[r.number] = walked
	}
	for _, name := range b.roleNames {
		if r := b.roles[name]; state[r.number] == 0 {
			walk(r)
		}
	}
	if more := found - maxCycles; more > 0 {
		b.faults.Add("Roles", "", fmt.Sprintf("has %d cycles more; remove the cycles above first", more))
	}
}

// maxWork bounds the steps in which the roles get the grants of their parents.
// It is about a second.
const maxWork = 1 << 28

// refuseWork reports roles that inherit from too many others. Each action of
// each parent of each role is a step.
func (b *builder) refuseWork() {
	parents := 0
	for _, r := range b.roles {
		parents += len(r.inherits)
	}
	if len(b.permissions) > 0 && parents > maxWork/len(b.permissions) {
		b.faults.Add("Roles", "", fmt.Sprintf("has %d Inherits, which is too many for the %d actions of Resources; remove each parent that another parent inherits from", parents, len(b.permissions)))
	}
}

// flatten gives a role its own grants and those of its parents, which are
// flattened first. Cycles have been refused before.
func (b *builder) flatten(r *role, m *matcher, done []bool) {
	if done[r.number] || m.full() {
		return
	}
	done[r.number] = true
	r.grants, r.matched = make([]reaches, len(b.permissions)), make([]uint32, len(b.permissions))
	r.lineage = make([]bool, len(b.roleNames))
	r.lineage[r.number] = true
	for _, g := range r.own {
		single := m.single(g)
		b.covered(g, func(number int) {
			r.grants[number] |= widen(g.reach)
			r.matched[number] = m.union(r.matched[number], single)
		})
	}
	for _, parent := range r.inherits {
		b.flatten(parent, m, done)
		for i := range r.grants {
			r.grants[i] |= parent.grants[i]
			r.matched[i] = m.union(r.matched[i], parent.matched[i])
		}
		for i := range r.lineage {
			r.lineage[i] = r.lineage[i] || parent.lineage[i]
		}
	}
}

// covered calls visit with the number of each permission that a grant covers.
func (t *table) covered(g *grant, visit func(number int)) {
	if g.resource != "*" && g.action != "*" {
		visit(t.numbers[g.resource][g.action])
		return
	}
	for i, p := range t.permissions {
		if g.covers(p) {
			visit(i)
		}
	}
}
