package schema

import "slices"

// neverMet names schemas that no value meets: lists of values of which none
// passes the other rules beside the list, and types that have none in common
// with those of $ref and allOf.
func neverMet(nodes []*node, steps int) []error {
	var errs []error
	for _, n := range nodes {
		if listed := append(n.constant[:len(n.constant):len(n.constant)], n.enum...); n.enum != nil || n.constant != nil {
			met := false
			for _, value := range listed {
				e := newEvaluation(steps, true)
				met = met || e.apply(n, value, false) || e.exhausted
			}
			if !met {
				errs = append(errs, n.mistake("", "lists no value that the other rules of the schema allow, so that no value passes; correct enum, const or the rules beside them"))
				continue
			}
		}
		if low, high := apart(n); low != "" {
			if named(n, func(sub *node) bool { low, _ := apart(sub); return low != "" }) {
				continue
			}
			errs = append(errs, n.mistake("", "has a %s that excludes its %s, through $ref or allOf, so that no value passes; correct one of the two", low, high))
			continue
		}
		if own := possible(n, maxDefaultDepth); own == 0 && !named(n, func(sub *node) bool { return possible(sub, maxDefaultDepth) == 0 }) {
			errs = append(errs, n.mistake("", "allows no type, because the types that it and its $ref and allOf declare have none in common; declare the same type in each"))
		}
	}
	return errs
}

const anyType = Null | Boolean | Object | Array | Number | Integer | String

// possible returns the types that n, $ref and allOf have in common. An integer
// is a number.
func possible(n *node, depth int) Types {
	if n == nil || depth == 0 || n.refuses {
		return anyType
	}
	types := anyType
	if n.types != 0 {
		types = n.types
		if types&Number != 0 {
			types |= Integer
		}
	}
	types &= possible(n.ref, depth-1)
	for _, sub := range n.allOf {
		types &= possible(sub, depth-1)
	}
	return types
}

// named reports whether the mistake is that of a part of n, which is named
// already.
func named(n *node, mistaken func(*node) bool) bool {
	return n.ref != nil && mistaken(n.ref) || slices.ContainsFunc(n.allOf, mistaken)
}

// apart returns two bounds that exclude each other among those of n, $ref and
// allOf, or nothing. Bounds of one schema are compared by strictness.
func apart(n *node) (low, high string) {
	var all []*node
	n.conjunct(func(at *node) bool {
		all = append(all, at)
		return false
	})
	for _, a := range all {
		for _, b := range all {
			if low, high := excludes(a, b); a != b && low != "" {
				return low, high
			}
		}
	}
	return "", ""
}

// excludes compares the lower bounds of a with the upper bounds of b.
func excludes(a, b *node) (low, high string) {
	if x, y := a.numbers, b.numbers; x != nil && y != nil {
		for _, pair := range [...]struct {
			low, high           *bound
			lowName, highName   string
			bothMayBeTheirValue bool
		}{
			{x.min, y.max, "minimum", "maximum", true}, {x.min, y.below, "minimum", "exclusiveMaximum", false},
			{x.above, y.max, "exclusiveMinimum", "maximum", false}, {x.above, y.below, "exclusiveMinimum", "exclusiveMaximum", false},
		} {
			if pair.low == nil || pair.high == nil {
				continue
			}
			if by := pair.low.decimal.compare(pair.high.decimal); by > 0 || by == 0 && !pair.bothMayBeTheirValue {
				return pair.lowName, pair.highName
			}
		}
	}
	over := func(min, max int) bool { return max >= 0 && min > max }
	switch {
	case a.text != nil && b.text != nil && over(a.text.min, b.text.max):
		return "minLength", "maxLength"
	case a.array != nil && b.array != nil && over(a.array.min, b.array.max):
		return "minItems", "maxItems"
	case a.object != nil && b.object != nil && over(max(a.object.min, len(a.object.required)), b.object.max):
		return "minProperties or required", "maxProperties"
	}
	return "", ""
}
