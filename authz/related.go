package authz

import (
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// maxObjectID bounds the id of an object in a query, in bytes.
const maxObjectID = 1024

// judge reports whether the caller's grants of the action of the pass reach the
// object. If not, visible reports whether the caller's grants of the permission
// read reach it. That permission is -1 if nobody asks about reading. An engine
// is asked only if the policy does not reach the object. The error is the
// refusal if an engine that could have let the caller through did not answer.
func (res *Resource[T]) judge(p *pass, r *http.Request, object T, read int) (ok, visible bool, err error) {
	if res.within(p, p.check.number, object) {
		return true, true, nil
	}
	if len(res.Engines) == 0 {
		return false, res.within(p, read, object), nil
	}
	in := inquire(r)
	defer in.end()
	if by := res.related(in, p, p.check.number, object); by != 0 {
		p.by, p.said = by, in.yes
		return true, true, nil
	}
	if in.failed == nil && read != p.check.number {
		visible = res.within(p, read, object) || res.related(in, p, read, object) != 0
	}
	p.said = in.no
	if in.failed != nil && !visible {
		return false, false, in.outage(r, p.check)
	}
	return false, visible, nil
}

// related returns the first reach within which an engine finds the object, or
// 0. It asks for the reaches in which the permission is granted, in the order
// of PolicyConfig.Reaches.
func (res *Resource[T]) related(in *inquiry, p *pass, number int, object T) reaches {
	set := res.engineReaches(p, number)
	if set == 0 {
		return 0
	}
	q, ok := res.query(p, number, object)
	if !ok {
		return 0
	}
	for i, name := range p.table.reachNames[2:] {
		q.Reach = name
		if bit := reachCustom << i; set&bit != 0 && in.ask(res.Engines[name], q) == passed {
			return bit
		}
	}
	return 0
}

// engineReaches returns the reaches in which a permission is granted to the
// caller and which an engine decides.
func (res *Resource[T]) engineReaches(p *pass, number int) (set reaches) {
	granted := p.held.reaches(number)
	for i, name := range p.table.reachNames[2:] {
		if bit := reachCustom << i; granted&bit != 0 && !fault.IsNil(res.Engines[name]) {
			set |= bit
		}
	}
	return set
}

// query asks about an object, without a reach. It is false for an object that
// an engine cannot know. An id that is not UTF-8 would become the id of another
// object on its way through JSON.
func (res *Resource[T]) query(p *pass, number int, object T) (q Query, ok bool) {
	id := res.ID(object)
	if id == "" || len(id) > maxObjectID || !utf8.ValidString(id) {
		return Query{}, false
	}
	q = Query{Principal: p.caller, Resource: res.Name, Action: p.table.permissions[number].action, ID: id}
	if res.Properties != nil {
		q.Properties = res.Properties(object)
	}
	return q, true
}

// engineFaults says what is wrong with the engines of a resource.
func (res *Resource[T]) engineFaults() (reasons []string) {
	if len(res.Engines) > 0 && res.ID == nil {
		reasons = append(reasons, "is of a resource with Engines and without ID; set Resource.ID")
	}
	for _, name := range slices.Sorted(maps.Keys(res.Engines)) {
		_, policy := res.Engines[name].(policyEngine)
		switch _, predicate := res.Reaches[name]; {
		case fault.IsNil(res.Engines[name]):
			reasons = append(reasons, "is of a resource whose Engines["+part(name)+"] is nil; give it an Engine, or remove the entry")
		case policy:
			reasons = append(reasons, "is of a resource whose Engines["+part(name)+"] is the policy, which knows no objects; give it an engine that does, or remove the entry")
		case predicate:
			reasons = append(reasons, "is of a resource that has "+part(name)+" in both Reaches and Engines; remove one of the two")
		}
	}
	return reasons
}
