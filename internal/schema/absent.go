package schema

import "slices"

// maxAbsent bounds the work of [neverPresent], in schemas that are looked at.
// Beyond it, a mistake may stay unnoticed: the requests are then refused.
const maxAbsent = 1 << 22

// neverPresent names required properties that no object can have, because no
// schema of the object describes them and the properties of the object are
// closed. A schema in allOf may require what another schema declares, so all
// schemas for the object count.
func neverPresent(root *node) []error {
	var errs []error
	seen, told := map[string]bool{}, map[string]bool{}
	work := 0
	var walk func(s Schemas)
	walk = func(s Schemas) {
		key := s.Key()
		if work += len(s.all) + 1; s.open || len(s.certain) == 0 || seen[key] || work > maxAbsent {
			return
		}
		seen[key] = true
		var names []string
		for _, n := range s.certain {
			o := n.object
			if o == nil {
				continue
			}
			for _, name := range o.required {
				at := n.url + "#" + n.pointer + " " + name
				if s.Admits(name) || told[at] {
					continue
				}
				told[at] = true
				errs = append(errs, n.mistake("/required", `names %q, which no schema of the object describes, so that every object is refused; declare it under properties, or take it out of required`, name))
			}
			for _, p := range o.properties {
				names = append(names, p.name)
			}
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if work += len(s.all) + len(s.certain); work > maxAbsent {
				return
			}
			walk(s.Property(name))
		}
		walk(s.Values())
		walk(s.Items())
	}
	walk(schemasOf([]*node{root}, []*node{root}, false))
	return errs
}
