package authz

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// compile makes a table of a configuration and says everything that is wrong.
func compile(c PolicyConfig) (*table, error) {
	b := builder{faults: fault.In("authz"), table: &table{
		numbers: map[string]map[string]int{}, actions: map[string][]string{}, roles: map[string]*role{},
		reachNames: []string{"all", "own"}, readers: everybody(), plans: newPlans(nil),
	}}
	b.declareResources(c.Resources)
	b.declareReaches(c.Reaches)
	b.declareRoles(c.Roles)
	for _, name := range b.roleNames {
		b.inherit(b.roles[name], c.Roles[name].Inherits)
		b.grant(b.roles[name], c.Roles[name].Grants)
	}
	b.refuseCycles()
	if err := b.faults.Err(); err != nil {
		return nil, err
	}
	done := make([]bool, len(b.roleNames))
	for _, name := range b.roleNames {
		b.flatten(b.roles[name], done)
	}
	return b.table, nil
}

// A builder compiles one configuration.
type builder struct {
	*table
	faults *fault.List
}

func (b *builder) declareResources(resources map[string][]string) {
	if len(resources) == 0 {
		b.faults.Add("Resources", "", `is empty; declare each kind of object with its actions, for example "document": {"read", "delete"}`)
	}
	for _, resource := range slices.Sorted(maps.Keys(resources)) {
		field := "Resources[" + resource + "]"
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
			at := fmt.Sprintf("%s[%d]", field, i)
			reason := nameFault(action)
			if reason == "" && slices.Contains(b.actions[resource], action) {
				reason = duplicate
			}
			if reason != "" {
				b.faults.Add(at, action, reason)
				continue
			}
			b.actions[resource] = append(b.actions[resource], action)
			b.numbers[resource][action] = len(b.permissions)
			b.permissions = append(b.permissions, permission{resource, action})
		}
		slices.Sort(b.actions[resource])
	}
}

const duplicate = "is a duplicate; remove one of the two"

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
			b.faults.Add(fmt.Sprintf("Reaches[%d]", i), name, reason)
			continue
		}
		b.reachNames = append(b.reachNames, name)
	}
}

func (b *builder) declareRoles(roles Roles) {
	if len(roles) == 0 {
		b.faults.Add("Roles", "", "is empty, so that nobody may do anything; declare at least one role")
	}
	b.roleNames = slices.Sorted(maps.Keys(roles))
	for i, name := range b.roleNames {
		switch {
		case name == "", len(name) > maxRoleName, strings.ContainsFunc(name, isControl):
			b.faults.Add("Roles["+name+"]", name, "is not a valid name of a role; write 1 to 128 bytes without control characters")
		case name == "*":
			b.faults.Add("Roles[*]", name, `is not a valid name of a role; write a name such as "admin", and "*" in its Grants`)
		}
		b.roles[name] = &role{name: name, number: i,
			grants: make([]reaches, len(b.permissions)), lineage: make([]bool, len(b.roleNames))}
	}
}

func (b *builder) inherit(r *role, parents []string) {
	for i, parent := range parents {
		field := fmt.Sprintf("Roles[%s].Inherits[%d]", r.name, i)
		from := b.roles[parent]
		switch {
		case from == nil:
			b.faults.Add(field, parent, "is not a role of the policy"+nearest(parent, b.roleNames))
		case slices.Contains(r.inherits, from):
			b.faults.Add(field, parent, duplicate)
		default:
			r.inherits = append(r.inherits, from)
		}
	}
}

func (b *builder) grant(r *role, grants []string) {
	for i, text := range grants {
		field := fmt.Sprintf("Roles[%s].Grants[%d]", r.name, i)
		parsed, reason := b.parseGrant(text)
		same := func(other grant) bool {
			return other.resource == parsed.resource && other.action == parsed.action && other.reach == parsed.reach
		}
		if reason == "" && slices.ContainsFunc(r.own, same) {
			reason = duplicate
		}
		if reason != "" {
			b.faults.Add(field, text, reason)
			continue
		}
		r.own = append(r.own, parsed)
	}
}

// refuseCycles reports each cycle once, when a walk in the order of names meets
// it.
func (b *builder) refuseCycles() {
	const walking, walked = 1, 2
	state := make([]int, len(b.roleNames))
	var path []string
	var walk func(r *role)
	walk = func(r *role) {
		state[r.number] = walking
		path = append(path, r.name)
		for _, parent := range r.inherits {
			switch state[parent.number] {
			case walking:
				from := slices.Index(path, parent.name)
				b.faults.Add("Roles["+r.name+"].Inherits", parent.name,
					"is a cycle: "+strings.Join(append(slices.Clone(path[from:]), parent.name), " inherits ")+"; remove one of these Inherits")
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
}

// flatten gives a role its own grants and those of its parents, which are
// flattened first. Cycles have been refused before.
func (b *builder) flatten(r *role, done []bool) {
	if done[r.number] {
		return
	}
	done[r.number] = true
	r.lineage[r.number] = true
	for _, g := range r.own {
		for i, p := range b.permissions {
			if g.covers(p) {
				r.grants[i] |= widen(g.reach)
			}
		}
	}
	for _, parent := range r.inherits {
		b.flatten(parent, done)
		for i := range r.grants {
			r.grants[i] |= parent.grants[i]
		}
		for i := range r.lineage {
			r.lineage[i] = r.lineage[i] || parent.lineage[i]
		}
	}
}
