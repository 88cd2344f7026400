package authz

import "github.com/bulwark-go/bulwark"

// A Query asks whether a caller may do something within a reach.
type Query struct {
	// Principal is the caller; nil is nobody, who may do nothing.
	Principal *bulwark.Principal
	// Resource is the kind of object, such as "document".
	Resource string
	// Action is what is to be done, such as "read".
	Action string
	// Reach is which objects: "all" asks for any object, "own" for those that
	// the caller owns. Empty is no reach, and is denied.
	Reach string
}

// A Decision is the answer to a [Query]. The zero Decision denies.
type Decision struct {
	// Allowed is the answer.
	Allowed bool
	// Reason is "granted", "anonymous", "unknown_permission" or "not_granted".
	Reason string
	// Role is the first of the caller's roles that grants it.
	Role string
}

// Decide answers a query from the compiled table, without allocating and in a
// time that does not grow with the policy. It decides about a reach and knows
// no object: whether an object is within that reach is checked by
// [HandleObject], [HandleList] and [Resource.Check].
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
// subject is a fault of whoever made it, and taken for nobody: two of them
// would be the same caller.
func known(p *bulwark.Principal) bool { return p != nil && p.Subject != "" && p.Issuer != "" }
