package authz

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// maxName bounds the name of a resource, action or reach in bytes.
const maxName = 64

// nameFault says what is wrong with the name of a resource, action or reach.
func nameFault(name string) string {
	if name == "" || len(name) > maxName {
		return "is no name; write 1 to 64 letters, digits, _, - or ."
	}
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' && c != '.' {
			return "is no name; write letters, digits, _, - or ."
		}
	}
	return ""
}

func isControl(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }

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
		return grant{}, "is no permission; write resource:action:reach, action:reach or *"
	}
	resource, action, reach := segments[0], segments[1], segments[2]
	switch {
	case reach == "*":
		return grant{}, "has no reach; write all for every object"
	case t.reachBit(reach) == 0:
		return grant{}, "has an undeclared reach" + nearest(reach, t.reachNames)
	case resource != "*" && t.actions[resource] == nil:
		return grant{}, "names an undeclared resource" + nearest(resource, slices.Sorted(maps.Keys(t.actions)))
	case action != "*" && !slices.Contains(t.actionsOf(resource), action):
		return grant{}, "names an undeclared action" + nearest(action, t.actionsOf(resource))
	}
	return grant{text, resource, action, t.reachBit(reach)}, ""
}

// missingReach recognises resource:action, whose author believes that it means
// all. It never does.
func (t *table) missingReach(segments []string) string {
	if t.actions[segments[0]] == nil || t.reachBit(segments[1]) != 0 {
		return ""
	}
	text := segments[0] + ":" + segments[1]
	return "has no reach; write " + text + ":own or " + text + ":all"
}

// actionsOf returns the actions of a resource, or of all of them for "*", sorted.
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

// nearest returns a hint at the name that was probably meant.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/3+2
	for _, candidate := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return "; there are: " + strings.Join(names[:min(len(names), 8)], ", ")
	}
	return "; did you mean " + best + "?"
}

// editDistance counts the bytes to insert, remove, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	if len(a) > maxRoleName || len(b) > maxRoleName {
		return maxRoleName // a start with absurd names need not be slow too
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
