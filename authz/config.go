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
// A route for which the Config was forgotten is open. [Mux] and [Guard] deny
// such routes.
type Config struct {
	// Policy has the roles and permissions that the Rule names. Required.
	Policy *Policy
	// Rule says who may use the route, such as RequireRole("admin"). Required.
	Rule Rule
	// PathValue returns a path value under a router that does not set
	// [http.Request.PathValue]. The values of all PathNames are checked as the
	// path values of a Mux are, and then set on the request. If PathValue
	// returns "" for a name of PathNames, the answer is 500
	// "authz.unconfigured". Default: the path values are those of
	// http.Request.PathValue.
	PathValue func(r *http.Request, name string) string
	// PathNames are the names with which PathValue is called. Every route that
	// has this Config must have wildcards of these names. Default: "id".
	PathNames []string
}

// namesAlone says what is wrong with PathNames without PathValue.
const namesAlone = "are the names for PathValue, which is missing; set PathValue, or leave PathNames out"

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
		faults.Add("Policy", "", "is missing; set it to a policy that NewPolicy made")
	}
	number, reasons := c.Policy.register("Config", c.Rule)
	for _, reason := range reasons {
		faults.Add("Rule", c.Rule.String(), reason)
	}
	if c.PathValue == nil && len(c.PathNames) > 0 {
		faults.Add("PathNames", "", namesAlone)
	}
	if err := faults.Err(); err != nil {
		if len(reasons) == 0 {
			c.Policy.forget(number)
		}
		return nil, err
	}
	m := &Middleware{gate: gate{c.Policy, number}}
	m.path.init("Config", c.PathValue, c.PathNames)
	return m, nil
}
