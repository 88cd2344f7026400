package authz

import "github.com/bulwark-go/bulwark"

// A Query asks [Policy.Decide] whether a caller may do something within a
// reach.
type Query struct {
	// Principal is the caller. With a nil Principal the query is denied.
	Principal *bulwark.Principal
	// Resource is the kind of object, such as "document".
	Resource string
	// Action is the action on the object, such as "read".
	Action string
	// Reach says which objects: "all" asks for any object, "own" for the
	// objects that the caller owns. An empty Reach is denied.
	Reach string
}

// A Decision is the answer to a [Query]. The zero Decision denies.
type Decision struct {
	// Allowed is the answer.
	Allowed bool
	// Reason is one of:
	//
	//   - "granted": a role of the caller grants the query; see Role.
	//   - "anonymous": there is no Principal, or the Principal has no Issuer or
	//     no Subject.
	//   - "unknown_permission": [PolicyConfig] does not declare the resource,
	//     the action or the reach.
	//   - "not_granted": no role of the caller grants the query.
	//
	// [Policy.Explain] gives the details.
	Reason string
	// Role is the first role of the caller that grants the query. It is empty
	// if the query is denied.
	Role string
}

// Decide answers a query from the compiled table. It does not allocate, and its
// time does not grow with the policy. It decides about a reach and knows no
// object: [HandleObject], [HandleList] and [Resource.Check] decide whether an
// object is within the reach.
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
			return Decision{Allowed: true, Reason: "granted", Role: name}
		}
	}
	return Decision{Reason: "not_granted"}
}

// known reports whether there is a caller. A principal without issuer or
// subject is a mistake of the code that made it. It counts as nobody, because
// two such principals would be the same caller.
func known(p *bulwark.Principal) bool { return p != nil && p.Subject != "" && p.Issuer != "" }
