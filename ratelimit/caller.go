package ratelimit

import (
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/nat64"
)

// caller is whose quota a request uses, and which.
type caller struct {
	principal *bulwark.Principal
	addr      netip.Addr
	quota     *quota
	space     byte
}

// identify finds the caller and its quota.
func (m *Middleware) identify(r *http.Request, scope *bulwark.Scope) (caller, error) {
	c := caller{quota: m.rate}
	if m.byPrincipal {
		p, ok := bulwark.PrincipalFrom(r.Context())
		switch {
		case ok:
			c.principal, c.quota = p, m.tier(p.Tier)
			if m.own != nil && p.Subject != "" { // without a subject the request is refused
				c.quota = m.own.of(r.Context(), p, c.quota)
			}
		case bulwark.Settled(r.Context()):
			c.space, c.quota = spaceAnonymous, m.anonymous
		default:
			return c, &bulwark.ConfigError{Field: "ratelimit(" + m.name + ").Key",
				Reason: "needs a principal, and no auth layer has seen the request; put the limit inside the auth layer, or set Key to ratelimit.ByIP"}
		}
	}
	if c.quota.unlimited || !m.byIP && c.space != spaceAnonymous {
		return c, nil
	}
	if c.addr = nat64.Client(bulwark.ClientIP(r)); !c.addr.IsValid() {
		return c, m.unknownAddress(errNoAddress)
	}
	return c, nil
}

// tier is the quota of a principal's tier.
func (m *Middleware) tier(name string) *quota {
	if q, ok := m.tiers[name]; ok {
		return q
	}
	return m.rate
}
