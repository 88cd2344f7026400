// Package terms compares two authenticators of one issuer. A service may accept
// the signed and the opaque tokens of an issuer side by side, if a token is
// revoked, and bound to its client, in the same way whichever form it has.
package terms

import "reflect"

// Terms are how an authenticator accepts the tokens of its issuer.
type Terms struct {
	Kind          string // of tokens, such as "signed"
	Revocations   any    // nil for none
	DPoP          any    // nil for none
	MutualTLS     bool
	Unbound       bool
	Clients       bool // that have no subject are callers, by ClientClaim
	MaxTokenBytes int
}

// A Party is an authenticator with terms.
type Party interface{ Terms() Terms }

// The kinds of tokens. Two dots tell them apart.
const (
	Signed = "signed"
	Opaque = "opaque"
)

// Differ returns the field of the Config in which the terms of two
// authenticators of different kinds differ, or "".
func (t Terms) Differ(other Terms) string {
	switch {
	case !same(t.Revocations, other.Revocations):
		return "Revocations"
	case !same(t.DPoP, other.DPoP):
		return "DPoP"
	case t.MutualTLS != other.MutualTLS:
		return "MutualTLS"
	case t.Unbound != other.Unbound:
		return "InsecureUnbound"
	case t.Clients != other.Clients:
		// A person could pass for a client by the form that keeps no name back.
		return "ClientClaim"
	case t.MaxTokenBytes != other.MaxTokenBytes:
		// A signed token that is too long for one would go to the other.
		return "MaxTokenBytes"
	}
	return ""
}

// same reports whether a and b are one value. Two values of a type that cannot
// be compared are not.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
