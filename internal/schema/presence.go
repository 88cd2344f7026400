package schema

import (
	"cmp"
	"slices"
	"strings"
)

// Rules about presence look at what the client has sent: required,
// dependentRequired, dependentSchemas, minProperties, maxProperties and
// propertyNames, also inside an if or a branch. For them, a default that was
// filled in is absent. Otherwise a default would fulfil or break a rule about
// what the client sends. Rules about values also apply to defaults.

// addition is a default that was filled in: the property of an object that the
// client has not sent.
type addition struct {
	of   uintptr
	name string
}

// additions are in order once all of them are known.
type additions []addition

func (a additions) sort() {
	slices.SortFunc(a, func(x, y addition) int {
		return cmp.Or(cmp.Compare(x.of, y.of), strings.Compare(x.name, y.name))
	})
}

// to returns the additions to one object.
func (a additions) to(object map[string]any) additions {
	if len(a) == 0 {
		return nil
	}
	of := identity(object)
	from, found := slices.BinarySearchFunc(a, of, func(x addition, of uintptr) int { return cmp.Compare(x.of, of) })
	if !found {
		return nil
	}
	to := from
	for to < len(a) && a[to].of == of {
		to++
	}
	return a[from:to]
}

// has reports whether the name is among the additions to one object.
func (a additions) has(name string) bool {
	return slices.ContainsFunc(a, func(x addition) bool { return x.name == name })
}

// conjunct returns the first of n and the schemas that hold together with it,
// through $ref and allOf, that is wanted.
func (n *node) conjunct(wanted func(*node) bool) *node {
	return n.search(wanted, maxDefaultDepth)
}

func (n *node) search(wanted func(*node) bool, depth int) *node {
	if n == nil || depth == 0 || wanted(n) {
		if depth == 0 {
			return nil
		}
		return n
	}
	if found := n.ref.search(wanted, depth-1); found != nil {
		return found
	}
	for _, sub := range n.allOf {
		if found := sub.search(wanted, depth-1); found != nil {
			return found
		}
	}
	return nil
}
