package schema

import "fmt"

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
				errs = append(errs, fmt.Errorf("at %s lists no value that its other rules let pass", orRoot(n.pointer)))
				continue
			}
		}
		if own := possible(n, maxDefaultDepth); own == 0 && !partEmpty(n) {
			errs = append(errs, fmt.Errorf("at %s allows no type: the types that it and its $ref and allOf declare have none in common", orRoot(n.pointer)))
		}
	}
	return errs
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "/"
	}
	return pointer
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

// partEmpty reports whether a part of n is named already.
func partEmpty(n *node) bool {
	if n.ref != nil && possible(n.ref, maxDefaultDepth) == 0 {
		return true
	}
	for _, sub := range n.allOf {
		if possible(sub, maxDefaultDepth) == 0 {
			return true
		}
	}
	return false
}
