package recipes

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// tenantOf is the tenant of the caller, from a claim of the verified token.
func tenantOf(r *http.Request) string {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	claim, _ := caller.Claim("tenant")
	tenant, _ := claim.(string)
	return tenant
}

// oneRateForAll has the same limits for each tenant.
func oneRateForAll(log bulwark.Builder, tokens auth.Authenticator) (*bulwark.Stack, error) {
	return bulwark.Chain(
		log,
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}},
		ratelimit.Config{Name: "tenant", Key: ratelimit.KeyFunc(tenantOf), Rate: "5/minute", MaxKeys: 10_000},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "3/minute", MaxKeys: 100_000},
	)
}

// limitMembers is the layer of the routes that need a caller. The rule refuses
// an anonymous request with 401, before the limit asks for its tenant.
func limitMembers(policy *authz.Policy) (bulwark.Layer, error) {
	return bulwark.Chain(
		authz.Config{Policy: policy, Rule: authz.Authenticated()},
		ratelimit.Config{Name: "tenant", Key: ratelimit.KeyFunc(tenantOf), Rate: "5/minute", MaxKeys: 10_000},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "3/minute", MaxKeys: 100_000, AuthOutside: true},
	)
}

// withLogin has one route for everybody. All other routes need a caller.
func withLogin(log bulwark.Builder, tokens auth.Authenticator, policy *authz.Policy, login, api http.Handler) (http.Handler, error) {
	stack, err := bulwark.Chain(
		log,
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}, Optional: true},
	)
	if err != nil {
		return nil, err
	}
	members, err := limitMembers(policy)
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	routes.Handle("POST /login", login)
	routes.Handle("/", members.Wrap(api))
	return stack.Wrap(routes), nil
}

// A Plan is what a tenant pays for.
type Plan struct {
	Tenant ratelimit.Rate // for all callers of the tenant together
	Caller ratelimit.Rate // for each caller
}

// tenantPlans are the rates by the name of the plan.
var tenantPlans = map[string]Plan{
	"free": {Tenant: "5/minute", Caller: "3/minute"},
	"paid": {Tenant: "50/minute", Caller: "30/minute"},
}

// limitTenants is the layer of the limits. It stands inside the auth layer.
// planOf returns the plan of a tenant, and false if there is no such tenant.
func limitTenants(plans map[string]Plan, planOf func(tenant string) (plan string, ok bool)) (bulwark.Layer, error) {
	store := &ratelimit.MemoryStore{Max: 100_000}
	limits := map[string]bulwark.Layer{}
	var wrong []error
	for name, plan := range plans {
		limit, err := bulwark.Chain(
			ratelimit.Config{Name: "tenant-" + name, Key: ratelimit.KeyFunc(tenantOf), Rate: plan.Tenant, Store: store},
			ratelimit.Config{Name: "caller-" + name, Key: ratelimit.ByPrincipal, Rate: plan.Caller, Store: store, AuthOutside: true},
		)
		limits[name], wrong = limit, append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return bulwark.LayerFunc(func(next http.Handler) http.Handler {
		limited := map[string]http.Handler{}
		for name, limit := range limits {
			limited[name] = limit.Wrap(next)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			plan, ok := planOf(tenantOf(r))
			handler := limited[plan]
			if !ok || handler == nil {
				bulwark.Deny(w, r, &bulwark.Problem{
					Status: http.StatusForbidden,
					Code:   "tenants.unknown",
					Detail: "This tenant cannot use the service.",
					Log:    bulwark.ProblemLog{Event: bulwark.AuthzFail},
				})
				return
			}
			handler.ServeHTTP(w, r)
		})
	}), nil
}

// planForEach has the limits of the plan of each tenant.
func planForEach(log bulwark.Builder, tokens auth.Authenticator, planOf func(string) (string, bool)) (*bulwark.Stack, error) {
	limits, err := limitTenants(tenantPlans, planOf)
	if err != nil {
		return nil, err
	}
	return bulwark.Chain(
		log,
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}},
		limits,
	)
}

// tenantTest asks a service as callers of tenants.
type tenantTest struct {
	t       *testing.T
	issuer  *authtest.Issuer
	events  *bulwarktest.Recorder
	handler http.Handler
}

func (c *tenantTest) open(stack *bulwark.Stack, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	c.handler = stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") }))
}

func (c *tenantTest) verifier() *jwt.Verifier {
	config := c.issuer.Config()
	config.Keys = jwt.RemoteKeys(c.issuer.KeysURL(), jwt.RemoteConfig{Transport: c.issuer.Transport()})
	return bulwark.Must(jwt.New(config))
}

func (c *tenantTest) send(tenant any, caller string) *http.Response {
	r := httptest.NewRequest("GET", "https://api.example.com/", nil)
	r.Header.Set("Authorization", "Bearer "+c.issuer.Token(authtest.Claims{"sub": caller, "tenant": tenant}))
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Result()
}

// passes sends requests until one is refused, and returns how many passed.
func (c *tenantTest) passes(tenant any, caller string) (n int, refused *http.Response) {
	for ; n < 100; n++ {
		if res := c.send(tenant, caller); res.StatusCode != http.StatusOK {
			return n, res
		}
	}
	return n, nil
}

// refusal asserts the one event since the last one.
func (c *tenantTest) refusal(name bulwark.EventName, reason, rule string) {
	c.t.Helper()
	events := c.events.Take()
	if len(events) != 1 || events[0].Name != name || events[0].Reason != reason || events[0].Rule != rule {
		c.t.Errorf("events %+v, want %s %s %s", events, name, reason, rule)
	}
}

// tenantExceeded is what bob gets when his tenant has used up its share.
const tenantExceeded = `HTTP/1.1 429 Too Many Requests
Content-Type: application/problem+json
Retry-After: 12
RateLimit-Policy: "address";q=600;w=60
RateLimit-Policy: "tenant";q=5;w=60
RateLimit-Policy: "caller";q=3;w=60
RateLimit: "address";r=593;t=1
RateLimit: "tenant";r=0;t=12
RateLimit: "caller";r=1;t=20

{
  "code": "ratelimit.exceeded",
  "detail": "Too many requests. Try again after the number of seconds in Retry-After.",
  "status": 429,
  "title": "Request cannot be satisfied as assigned quota has been exceeded",
  "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
  "violated-policies": [
    "tenant"
  ]
}
`

// tenantUnknown is what the caller of a tenant without a plan gets.
const tenantUnknown = `HTTP/1.1 403 Forbidden
Content-Type: application/problem+json

{
  "code": "tenants.unknown",
  "detail": "This tenant cannot use the service.",
  "status": 403,
  "title": "Forbidden",
  "type": "about:blank"
}
`

func tenantBubble(t *testing.T, f func(*tenantTest)) {
	issuer := authtest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		f(&tenantTest{t: t, issuer: issuer, events: &bulwarktest.Recorder{}})
	})
}

func TestOneRateForAllTenants(t *testing.T) {
	tenantBubble(t, func(c *tenantTest) {
		c.open(oneRateForAll(c.events, c.verifier()))
		if n, _ := c.passes("acme", "alice"); n != 3 {
			t.Errorf("%d requests of one caller pass, want 3", n)
		}
		c.refusal(bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", "caller")
		// What was refused to alice has cost acme nothing.
		n, refused := c.passes("acme", "bob")
		if n != 2 {
			t.Errorf("%d requests of the next caller pass, want 2", n)
		}
		c.refusal(bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", "tenant")
		if got := shown(t, refused, "Content-Type", "Retry-After", "RateLimit-Policy", "RateLimit"); got != tenantExceeded {
			t.Errorf("the answer to bob:\n%s", got)
		}
		if n, _ := c.passes("other", "alice"); n != 0 {
			t.Errorf("%d requests of a caller with a token of another tenant pass, want 0", n)
		}
		c.events.Take()
		if n, _ := c.passes("other", "carol"); n != 3 {
			t.Errorf("%d requests of another tenant pass, want 3", n)
		}
		c.events.Take()
		time.Sleep(time.Minute)
		if n, _ := c.passes("acme", "alice"); n != 3 {
			t.Errorf("%d requests pass a minute later, want 3", n)
		}
		c.events.Take()
		for _, tenant := range []any{nil, "", 7} {
			if res := c.send(tenant, "dave"); res.StatusCode != http.StatusBadRequest {
				t.Errorf("tenant %v: %d", tenant, res.StatusCode)
			}
			c.refusal(bulwark.InputValidationFail, "ratelimit.key", "tenant")
		}
	})
}

// With Optional, an anonymous request reaches the public route, and the limits
// of tenants count callers alone.
func TestTenantsBesideALogin(t *testing.T) {
	tenantBubble(t, func(c *tenantTest) {
		policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
			Resources: map[string][]string{"document": {"read"}},
			Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
		}))
		hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
		h, err := withLogin(c.events, c.verifier(), policy, hello, hello)
		if err != nil {
			t.Fatal(err)
		}
		c.handler = h
		for range 10 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("POST", "https://api.example.com/login", nil))
			if w.Code != http.StatusOK {
				t.Errorf("a login: %d %s", w.Code, w.Body)
			}
			w = httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/", nil))
			if w.Code != http.StatusUnauthorized {
				t.Errorf("nobody: %d %s", w.Code, w.Body)
			}
			c.refusal(bulwark.AuthzFail, "authz.unauthenticated", "authenticated")
		}
		if n, _ := c.passes("acme", "alice"); n != 3 {
			t.Errorf("%d requests of one caller pass, want 3", n)
		}
		c.refusal(bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", "caller")
		if n, _ := c.passes("acme", "bob"); n != 2 {
			t.Errorf("%d requests of the next caller pass, want 2", n)
		}
		c.refusal(bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", "tenant")
	})
}

// An anonymous request does not have a tenant, so a limit by tenant directly
// behind an optional auth layer refuses all of them.
func TestTenantsBehindOptional(t *testing.T) {
	tenantBubble(t, func(c *tenantTest) {
		c.open(bulwark.Chain(
			c.events,
			auth.Config{Authenticators: []auth.Authenticator{c.verifier()}, Optional: true},
			ratelimit.Config{Name: "tenant", Key: ratelimit.KeyFunc(tenantOf), Rate: "5/minute"},
		))
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, httptest.NewRequest("POST", "https://api.example.com/login", nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%d: the page need not warn of it", w.Code)
		}
		c.refusal(bulwark.InputValidationFail, "ratelimit.key", "tenant")
	})
}

func TestAPlanForEachTenant(t *testing.T) {
	tenantBubble(t, func(c *tenantTest) {
		plans := map[string]string{"acme": "paid", "small": "free", "odd": "gold"}
		c.open(planForEach(c.events, c.verifier(), func(tenant string) (string, bool) {
			plan, ok := plans[tenant]
			return plan, ok
		}))
		for _, test := range []struct {
			tenant, caller string
			want           int
			rule           string
		}{
			{"small", "alice", 3, "caller-free"},
			{"small", "bob", 2, "tenant-free"},
			{"acme", "carol", 30, "caller-paid"},
			{"acme", "dave", 20, "tenant-paid"},
		} {
			if n, _ := c.passes(test.tenant, test.caller); n != test.want {
				t.Errorf("%s of %s: %d requests pass, want %d", test.caller, test.tenant, n, test.want)
			}
			c.refusal(bulwark.ExcessRateLimitExceeded, "ratelimit.exceeded", test.rule)
		}
		for _, tenant := range []any{"gone", "odd", nil} {
			res := c.send(tenant, "mallory")
			if got := shown(t, res, "Content-Type"); got != tenantUnknown {
				t.Errorf("tenant %v:\n%s", tenant, got)
			}
			c.refusal(bulwark.AuthzFail, "tenants.unknown", "")
		}
		plans["small"] = "paid" // takes effect at once
		if n, _ := c.passes("small", "alice"); n != 30 {
			t.Errorf("%d requests pass with a new plan, want 30", n)
		}
	})
}

// TestCallersOfEachTenant counts a caller of two tenants apart for each.
func TestCallersOfEachTenant(t *testing.T) {
	tenantBubble(t, func(c *tenantTest) {
		c.open(bulwark.Chain(
			c.events,
			auth.Config{Authenticators: []auth.Authenticator{c.verifier()}},
			ratelimit.Config{Name: "caller", Key: ratelimit.Join(ratelimit.ByPrincipal, ratelimit.KeyFunc(tenantOf)), Rate: "3/minute"},
		))
		for _, tenant := range []string{"acme", "other"} {
			if n, _ := c.passes(tenant, "alice"); n != 3 {
				t.Errorf("%d requests of alice of %s pass, want 3", n, tenant)
			}
		}
	})
}

func TestAWrongPlanIsAnErrorOfLimitTenants(t *testing.T) {
	_, err := limitTenants(map[string]Plan{"free": {Tenant: "5 a minute", Caller: "3/minute"}}, nil)
	var wrong *bulwark.ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "ratelimit(tenant-free).Rate" {
		t.Errorf("%v", err)
	}
}
