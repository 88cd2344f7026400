package authz

import "github.com/bulwark-go/bulwark/internal/fault"

// A relation is how an object stands to the caller of a pass: which reaches
// hold it. What a reach means may be expensive to find out, so each is found
// out when it is asked for, and once.
type relation[T any] struct {
	resource *Resource[T]
	object   T
	known    reaches // these have been found out
	holds    reaches // and these of them hold the object
}

// relate begins with the reaches that an engine has found.
func (res *Resource[T]) relate(p *pass, object T) relation[T] {
	return relation[T]{resource: res, object: object, known: p.by, holds: p.by}
}

// anyOf reports whether the object is within one of the reaches. It stops at
// the first, in the order of PolicyConfig.Reaches.
func (rel *relation[T]) anyOf(p *pass, set reaches) bool {
	if set&(reachAll|rel.holds) != 0 {
		return true
	}
	for bit := reachOwn; bit <= set&^rel.known && bit < reachCustom<<maxReaches; bit <<= 1 {
		if set&bit != 0 && rel.find(p, bit) {
			return true
		}
	}
	return false
}

// of returns those of the reaches that hold the object. The reach all says
// nothing about an object.
func (rel *relation[T]) of(p *pass, set reaches) reaches {
	for bit := reachOwn; bit <= set&^rel.known && bit < reachCustom<<maxReaches; bit <<= 1 {
		if set&bit != 0 {
			rel.find(p, bit)
		}
	}
	return set & rel.holds
}

// find finds out whether one reach holds the object.
func (rel *relation[T]) find(p *pass, bit reaches) bool {
	if rel.known&bit == 0 {
		rel.known |= bit
		if rel.within(p, bit) {
			rel.holds |= bit
		}
	}
	return rel.holds&bit != 0
}

func (rel *relation[T]) within(p *pass, bit reaches) bool {
	if bit == reachOwn {
		return rel.resource.owns(p, rel.object)
	}
	name := p.table.reachName(bit)
	predicate := rel.resource.Reaches[name]
	return name != "" && predicate != nil && predicate(p.caller, rel.object)
}

// relation returns the reaches that hold the object for the caller of the pass,
// whatever the grants are. It has reachOwn for the owner, a bit for each
// predicate of Resource.Reaches that holds, and those that an engine has found.
// A reach that the tags of T do not name is not asked for.
func (res *Resource[T]) relation(p *pass, object T) reaches {
	if nilable[T]() && fault.IsNil(object) {
		return p.by
	}
	rel := res.relate(p, object)
	set := p.by
	if fields := p.table.fields[structOf[T]()]; fields != nil {
		set |= fields.names
	}
	return rel.of(p, set)
}
