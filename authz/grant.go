package authz

import (
	"maps"
	"slices"
	"strings"
)

// A grant is a parsed permission of a role. "*" stands for any resource or
// action.
type grant struct {
	text             string
	resource, action string
	reach            reaches
	number           uint32 // its place among all grants of the policy, sorted by text
}

// String returns the text of the grant, in which every segment that is not a
// plain name is quoted.
func (g *grant) String() string { return segments(g.text) }

func (g *grant) covers(p permission) bool {
	return (g.resource == "*" || g.resource == p.resource) && (g.action == "*" || g.action == p.action)
}

// parseGrant reads a permission of a role and says what is wrong with it.
func (t *table) parseGrant(text string, h *hints) (g grant, fault string) {
	if text == "*" {
		return grant{text: text, resource: "*", action: "*", reach: reachAll}, ""
	}
	parts := strings.Split(text, ":")
	switch len(parts) {
	case 2:
		if t.lacksReach(parts) {
			return grant{}, missingReach(text)
		}
		parts = []string{"*", parts[0], parts[1]}
	case 3:
	default:
		return grant{}, noPermission
	}
	resource, action, reach := parts[0], parts[1], parts[2]
	switch {
	case reach == "*":
		return grant{}, "has * for its reach; write all for every object"
	case reach == "" && (resource == "" || action == ""):
		return grant{}, noPermission
	case reach == "":
		return grant{}, missingReach(strings.TrimSuffix(text, ":"))
	case partialStar(resource), partialStar(action):
		return grant{}, "has a * in a part of a name; a * stands for a whole resource or a whole action"
	case t.reachBit(reach) == 0:
		return grant{}, "has an undeclared reach" + h.nearest(reach, t.reachNames)
	case resource != "*" && t.actions[resource] == nil:
		return grant{}, "names an undeclared resource" + h.nearest(resource, slices.Sorted(maps.Keys(t.actions)))
	case action != "*" && !slices.Contains(t.actionsOf(resource), action):
		return grant{}, "names an undeclared action" + h.nearest(action, t.actionsOf(resource))
	}
	return grant{text: text, resource: resource, action: action, reach: t.reachBit(reach)}, ""
}

const noPermission = "is not a permission; write resource:action:reach, action:reach or *"

// lacksReach recognises resource:action. Its author may believe that it means
// all, which it never does.
func (t *table) lacksReach(parts []string) bool {
	first, second := parts[0], parts[1]
	if t.reachBit(second) != 0 {
		return false
	}
	return t.actions[first] != nil || second != "*" && slices.Contains(t.actionsOf("*"), second)
}

func missingReach(text string) string {
	return "has no reach; write " + segments(text) + ":own or " + segments(text) + ":all"
}

func partialStar(name string) bool { return name != "*" && strings.Contains(name, "*") }

// actionsOf returns the actions of a resource, or of all resources for "*",
// sorted.
func (t *table) actionsOf(resource string) []string {
	if resource != "*" {
		return t.actions[resource]
	}
	var all []string
	for _, actions := range t.actions {
		all = append(all, actions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
