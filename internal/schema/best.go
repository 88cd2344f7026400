package schema

import "slices"

// rank is how far a value is from a branch of anyOf or oneOf. The branch with
// the least rank was probably meant. What counts, the most important first: the
// constants that are wrong (a discriminator), the properties that are missing
// or that the branch does not declare, the properties of a wrong type, all
// faults. Faults below a further choice do not tell branches apart, and count
// as faults alone.
type rank [4]int

// trial is a branch that was held against a value.
type trial struct {
	rank   rank
	faults []Fault
	marks  []mark
}

// best reports the faults of the branch that was probably meant, the first of
// several. If no branch is for values of this type, best reports that no branch
// fits.
func (e *evaluation) best(branches []*node, v any, report bool, code Code) bool {
	if !report || e.exhausted {
		return false
	}
	start, marked := len(e.faults), len(e.marks)
	var trials []trial
	for _, branch := range branches {
		e.branch(branch, v, true, true)
		e.onceFrom(start)
		if rank, meant := e.rank(v, e.faults[start:], marked); meant {
			trials = append(trials, trial{rank, slices.Clone(e.faults[start:]), slices.Clone(e.marks[marked:])})
		}
		e.faults, e.marks = e.faults[:start], e.marks[:marked]
	}
	if len(trials) == 0 {
		// Nothing is known of the value. Calling its properties unknown would
		// add no information.
		e.markAll(v)
		return e.fault(true, code, nil)
	}
	chosen := slices.MinFunc(trials, func(a, b trial) int { return slices.Compare(a.rank[:], b.rank[:]) })
	if chosen.rank[0] > 0 {
		for i := range chosen.faults {
			listAll(&chosen.faults[i], trials)
		}
	}
	for i := range chosen.faults {
		chosen.faults[i].union = len(e.path) + 1
	}
	e.faults = append(e.faults, chosen.faults...)
	e.marks = append(e.marks, chosen.marks...)
	return false
}

// rank ranks a branch by its faults and marks. It reports false for a branch
// that is not for values of this kind.
func (e *evaluation) rank(v any, faults []Fault, marked int) (r rank, meant bool) {
	here := len(e.path)
	for i := range faults {
		f := &faults[i]
		if f.depth == here && (f.Code == codeType || f.Code == codeForbidden) {
			return r, false
		}
		if f.union > here+1 {
			continue
		}
		switch f.Code {
		case codeConst, codeEnum:
			r[0]++
		case codeRequired, codeDependentRequired, codeUnknown:
			if f.depth == here+1 {
				r[1]++
			}
		case codeType, codeForbidden:
			if f.depth == here+1 {
				r[2]++
			}
		}
	}
	if object, ok := v.(map[string]any); ok && e.spend(len(object)/16) {
		known := e.known(object, marked)
		for name := range object {
			if !known.name(name) {
				r[1]++
			}
		}
	}
	r[3] = len(faults)
	return r, len(faults) > 0
}

// listAll makes a fault against the constants of one branch list those of all
// branches, in their order: none of them was met.
func listAll(f *Fault, trials []trial) {
	if f.Code != codeConst && f.Code != codeEnum {
		return
	}
	var all []any
	for _, t := range trials {
		for i := range t.faults {
			other := &t.faults[i]
			if other.Pointer != f.Pointer || other.Code != codeConst && other.Code != codeEnum {
				continue
			}
			allowed, ok := other.Params["allowed"].([]any)
			if !ok {
				return
			}
			for _, value := range allowed {
				if !slices.ContainsFunc(all, func(listed any) bool { return Equal(listed, value) }) {
					all = append(all, value)
				}
			}
		}
	}
	if len(all) > 1 {
		f.Code, f.Params = codeEnum, nil
		if all = scalars(all); all != nil {
			f.Params = map[string]any{"allowed": all}
		}
	}
}
