package authz

import (
	"math/bits"

	"github.com/bulwark-go/bulwark"
)

// A Query asks whether a caller may do something: [Policy.Decide] within a
// reach, and an [Engine] to one object. It has the parts of an evaluation
// request of the AuthZEN Authorization API 1.0.
type Query struct {
	// Principal is the caller. With a nil Principal the query is denied.
	Principal *bulwark.Principal
	// Resource is the kind of object, such as "document".
	Resource string
	// Action is the action on the object, such as "read".
	Action string
	// Reach says which objects: "all" asks for any object, "own" for the
	// objects that the caller owns. The policy denies an empty Reach. An engine
	// gets the name of the reach for which it is asked, such as "shared", or
	// "" for [Rule.Ask].
	Reach string
	// ID is the id of the object, as [Resource.ID] returns it. It is for
	// engines. It is empty if the query is not about one object.
	ID string
	// Properties are what [Resource.Properties] tells of the object. They are
	// for engines. Default: none.
	Properties map[string]any
	// Context is what else an engine may decide by, such as the time. The
	// routes leave it empty, and an Engine that decorates another one may set
	// it in a copy of the Query. Default: none.
	Context map[string]any
}

// A Decision is the answer to a [Query]. The zero Decision denies.
type Decision struct {
	// Allowed is the answer.
	Allowed bool
	// ID names the decision in the log of an engine. An engine that has such a
	// name sets it, in at most 64 bytes. [Policy.Decide] leaves it empty.
	ID string
	// Reason says why, in at most 128 bytes. [Policy.Decide] says one of:
	//
	//   - "granted": a role of the caller grants the query; see Role.
	//   - "anonymous": there is no Principal, or the Principal has no Issuer or
	//     no Subject.
	//   - "unknown_permission": [PolicyConfig] does not declare the resource,
	//     the action or the reach.
	//   - "not_granted": no role of the caller grants the query.
	//
	// [Policy.Explain] gives the details. An engine says what it likes. The
	// reason of an engine reaches the log alone, and never the client.
	Reason string
	// Role is the first role of the caller that grants the query. It is empty
	// if the query is denied, and if an engine has decided.
	Role string
	// Grants are the grants of Role that match the query, as PolicyConfig
	// writes them and in the order of their text. The grants that Role inherits
	// are included. Other roles of the caller may grant the query too, and
	// [Policy.Explain] shows all of them. Grants is empty if the query is
	// denied, and if an engine has decided. Decisions share the slice, so do
	// not modify it.
	Grants []string
}

// Decide answers a query from the compiled table. It does not allocate, and its
// time grows with the roles of the caller, and not with the policy. It decides
// about a reach and knows no object: [HandleObject], [HandleList] and
// [Resource.Check] decide whether an object is within the reach.
func (p *Policy) Decide(q Query) Decision {
	if !p.ready() {
		return Decision{Reason: "not_granted"}
	}
	return p.table.Load().decide(q)
}

func (t *table) decide(q Query) Decision {
	if !known(q.Principal) {
		return Decision{Reason: "anonymous"}
	}
	number, ok := t.numbers[q.Resource][q.Action]
	want := t.reachBit(q.Reach)
	if !ok || want == 0 {
		return Decision{Reason: "unknown_permission"}
	}
	for _, name := range q.Principal.Roles {
		if role := t.roles[name]; role != nil && role.grants[number]&want != 0 {
			grants := t.matches[role.matched[number]].texts[bits.TrailingZeros32(uint32(want))]
			return Decision{Allowed: true, Reason: "granted", Role: name, Grants: grants}
		}
	}
	return Decision{Reason: "not_granted"}
}

// known reports whether there is a caller. A principal without issuer or
// subject is a mistake of the code that made it. It counts as nobody, because
// two such principals would be the same caller.
func known(p *bulwark.Principal) bool { return p != nil && p.Subject != "" && p.Issuer != "" }
