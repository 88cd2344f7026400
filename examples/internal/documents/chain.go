package documents

import (
	"net/http"
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
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", Store: a.limits},
		auth.Config{
			Authenticators:   []auth.Authenticator{a.sessions, a.keys},
			Optional:         true, // each route says who may call it
			Realm:            "documents",
			ResourceMetadata: c.BaseURL + metadataPath,
			TrustedOrigins:   c.Origins,
		},
		ratelimit.Config{
			Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Store: a.limits,
			Tiers:     ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
			Anonymous: "unlimited", // the limit by address counts them
		},
	)
}

// hsts spares the loopback names, where it would pin other work on this
// machine.
var hsts = headers.HSTS{ExceptLoopback: true}

// openLimits makes the limits of single routes. All limits share one store.
func (a *App) openLimits() (err error) {
	a.limits = &ratelimit.MemoryStore{Max: 1 << 16}
	// A limit by account alone would let anybody lock its owner out, so it is
	// ten times that of one account from one address.
	if a.perLogin, err = ratelimit.New(ratelimit.Config{Name: "login-account-address", Rate: "10/hour", Store: a.limits}); err != nil {
		return err
	}
	a.perPerson, err = ratelimit.New(ratelimit.Config{Name: "login-account", Rate: "100/hour", Store: a.limits})
	return err
}

// loginLimit counts wrong passwords by address. What is no login at all is not
// counted, or any page could lock its visitors out by sending garbage.
func (a *App) loginLimit() ratelimit.Config {
	return ratelimit.Config{Name: "login-address", Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures, Store: a.limits,
		Success: func(_ *http.Request, status int) bool { return status != http.StatusUnauthorized }}
}

// signUpLimit counts sign-ups by address: those that made an account, and those
// that found out that there is one.
func (a *App) signUpLimit() ratelimit.Config {
	return ratelimit.Config{Name: "sign-up", Key: ratelimit.ByIP, Rate: "20/hour", Count: ratelimit.Failures, Store: a.limits,
		Success: func(_ *http.Request, status int) bool {
			return status != http.StatusCreated && status != http.StatusConflict
		}}
}
