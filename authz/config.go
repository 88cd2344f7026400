package authz

import (
	"errors"

	"github.com/bulwark-go/bulwark"
)

// A RouteConfig is one rule as a layer, for one route of a router that the
// application already has:
//
//	admins := bulwark.Must(authz.RouteConfig{Policy: policy, Rule: authz.RequireRole("admin")}.Build())
//	router.With(admins.Wrap).Get("/admin/users", listUsers)
//
// It stands inside the authentication layer. A path in which anything could be
// read as another path is 400 "authz.path_value", as with a [Mux]: an encoded
// slash and a backslash always, whatever the router's pattern, and here an empty
// segment, too, since not every router cleans "//" away as ServeMux does. With
// any of them the router may choose the route of one path and the handler serve
// another.
//
// Nothing here finds the routes for which it was forgotten: [Mux] and [Guard] do.
type RouteConfig struct {
	// Policy is what the rule is compiled against. Required.
	Policy *Policy
	// Rule is the rule. Required.
	Rule Rule
}

// Build compiles the rule and returns its layer, of kind "authz".
func (c RouteConfig) Build() (bulwark.Layer, error) {
	if !c.Policy.ready() {
		return nil, &bulwark.ConfigError{Field: "authz.RouteConfig.Policy", Reason: "is missing; give it one of NewPolicy"}
	}
	number, reasons := c.Policy.register("RouteConfig", c.Rule)
	var errs []error
	for _, reason := range reasons {
		errs = append(errs, &bulwark.ConfigError{Field: "authz.RouteConfig.Rule", Value: c.Rule.String(), Reason: reason})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return layer{gate{c.Policy, number}}, nil
}
