package authz

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config is one rule for one route of a router that the application already
// has:
//
//	admins := bulwark.Must(authz.New(authz.Config{
//		Policy: policy,
//		Rule:   authz.RequireRole("admin"),
//	}))
//	router.With(admins.Wrap).Get("/admin/users", listUsers)
//
// No Config finds the routes for which it was forgotten. [Mux] and [Guard] do.
type Config struct {
	// Policy is what the rule is compiled against. Required.
	Policy *Policy
	// Rule is the rule. Required.
	Rule Rule
	// PathValue returns a path value under a router that does not set
	// [http.Request.PathValue]. The values named in PathNames are checked as
	// those of a Mux are, and then set on the request. Optional.
	PathValue func(r *http.Request, name string) string
	// PathNames are the names for PathValue. Default: "id".
	PathNames []string
}

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// New compiles the rule and returns its layer. It returns every mistake at
// once, each a *[bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	faults := fault.In("authz")
	if !c.Policy.ready() {
		faults.Add("Policy", "", "is missing; give it one of NewPolicy")
	}
	number, reasons := c.Policy.register("Config", c.Rule)
	for _, reason := range reasons {
		faults.Add("Rule", c.Rule.String(), reason)
	}
	if c.PathValue == nil && len(c.PathNames) > 0 {
		faults.Add("PathNames", "", "are for PathValue, which is missing")
	}
	if err := faults.Err(); err != nil {
		if len(reasons) == 0 {
			c.Policy.forget(number)
		}
		return nil, err
	}
	m := &Middleware{gate: gate{c.Policy, number}}
	m.path.init(c.PathValue, c.PathNames)
	return m, nil
}
