package introspection

import "github.com/bulwark-go/bulwark/auth"

var _ auth.Claimant = (*Introspector)(nil)

// Claim says that an Introspector claims every opaque token. The tokens of two
// endpoints cannot be told apart, so a layer may have only one Introspector.
func (i *Introspector) Claim() string { return "opaque Bearer tokens" }
