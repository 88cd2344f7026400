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
}

func (g grant) covers(p permission) bool {
	return (g.resource == "*" || g.resource == p.resource) && (g.action == "*" || g.action == p.action)
}

// parseGrant reads a permission of a role and says what is wrong with it.
func (t *table) parseGrant(text string) (g grant, fault string) {
	if text == "*" {
		return grant{text, "*", "*", reachAll}, ""
	}
	segments := strings.Split(text, ":")
	switch len(segments) {
	case 2:
		if fault := t.missingReach(segments); fault != "" {
			return grant{}, fault
		}
		segments = []string{"*", segments[0], segments[1]}
	case 3:
	default:
		return grant{}, "is not a permission; write resource:action:reach, action:reach or *"
	}
	resource, action, reach := segments[0], segments[1], segments[2]
	switch {
	case reach == "*":
		return grant{}, "has * for its reach; write all for every object"
	case t.reachBit(reach) == 0:
		return grant{}, "has an undeclared reach" + nearest(reach, t.reachNames)
	case resource != "*" && t.actions[resource] == nil:
		return grant{}, "names an undeclared resource" + nearest(resource, slices.Sorted(maps.Keys(t.actions)))
	case action != "*" && !slices.Contains(t.actionsOf(resource), action):
		return grant{}, "names an undeclared action" + nearest(action, t.actionsOf(resource))
	}
	return grant{text, resource, action, t.reachBit(reach)}, ""
}

// missingReach recognises resource:action. Its author may believe that it means
// all, which it never does.
func (t *table) missingReach(segments []string) string {
	if t.actions[segments[0]] == nil || t.reachBit(segments[1]) != 0 {
		return ""
	}
	text := segments[0] + ":" + segments[1]
	return "has no reach; write " + text + ":own or " + text + ":all"
}

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
