package documents

import (
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// chain is what every request passes, outermost first. What belongs to one
// route, its rule, its limits and the form of its body, stands in routes.go.
func (a *App) chain() (*bulwark.Stack, error) {
	c := a.config
	return bulwark.Chain(
		audit.Config{Logger: c.Logger},
		bulwark.Edge{Hosts: c.Hosts, BaseURL: c.BaseURL},
		headers.Config{HSTS: hsts},
		cors.Config{
			Origins:     c.Origins,
			Credentials: true,
			Methods:     []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
			Headers:     []string{"Authorization", "Content-Type"},
			Expose:      []string{"X-Total-Count", "RateLimit", "RateLimit-Policy", "Retry-After"},
			MaxAge:      24 * time.Hour,
		},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", Store: a.limits.store},
		auth.Config{
			Authenticators:   []auth.Authenticator{a.sessions, a.keys},
			Optional:         true, // each route says who may call it
			Realm:            "documents",
			ResourceMetadata: c.BaseURL + metadataPath,
			TrustedOrigins:   c.Origins,
		},
		ratelimit.Config{
			Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Store: a.limits.store,
			Tiers:     ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
			Anonymous: "unlimited", // the limit by address counts them
		},
	)
}

// hsts spares the loopback names, where it would pin other work on this
// machine.
var hsts = headers.HSTS{ExceptLoopback: true}
