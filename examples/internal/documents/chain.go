package documents

import (
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// chain returns the layers that every request passes through, outermost first.
// See routes.go for the rule, the limits and the body schema of each route.
func (a *App) chain() (*bulwark.Stack, error) {
	c := a.config
	edge := bulwark.Edge{Hosts: c.Hosts, BaseURL: c.BaseURL, HealthPaths: []string{"/health"}, HealthHosts: inside}
	if c.TrustUnixSocket {
		edge.TrustUnixSocket, edge.ForwardedHeader = true, "X-Forwarded-For"
	}
	return bulwark.Chain(
		audit.Config{Logger: c.Logger, Observers: []bulwark.Recorder{a.metrics, a.detector, a.journal, a.counters}},
		edge,
		headers.Config{HSTS: hsts},
		cors.Config{
			Origins:     c.Origins,
			Credentials: true,
			Methods:     []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
			Headers:     []string{"Authorization", "Content-Type"},
			Expose:      []string{"X-Total-Count", "RateLimit", "RateLimit-Policy", "Retry-After"},
			MaxAge:      24 * time.Hour,
		},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", Store: a.shared.Limits},
		auth.Config{
			Authenticators:   []auth.Authenticator{a.sessions, a.keys},
			Optional:         true, // each route says who may call it
			Realm:            "documents",
			ResourceMetadata: c.BaseURL + metadataPath,
			TrustedOrigins:   c.Origins,
		},
		ratelimit.Config{
			Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Store: a.shared.Limits,
			Tiers:     ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
			Anonymous: "unlimited", // the limit by address counts these requests
		},
	)
}

// inside has the networks of the service's own addresses. Balancers and
// orchestrators ask for /health by such an address in place of a host name.
var inside = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fd00::/8"),
}

// hsts does not send Strict-Transport-Security for loopback names. A browser
// would otherwise use https for every other program on this machine.
var hsts = headers.HSTS{ExceptLoopback: true}
