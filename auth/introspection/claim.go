package introspection

import "github.com/bulwark-go/bulwark/auth"

var _ auth.Claimant = (*Introspector)(nil)

// Claim says that every opaque token is claimed: nobody can tell the tokens of
// two endpoints apart, so that there is one Introspector in a layer.
func (i *Introspector) Claim() string { return "opaque Bearer tokens" }
