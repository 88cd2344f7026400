package authz

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

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

// layer is a compiled RouteConfig.
type layer struct{ gate }

func (l layer) Build() (bulwark.Layer, error) { return l, nil }
func (l layer) Kind() bulwark.Kind            { return bulwark.KindAuthz }

// Wrap puts the rule in front of next.
func (l layer) Wrap(next http.Handler) http.Handler {
	return &guest{next: &ruled{l.gate, next}}
}

// A guest is a handler, behind its rule, under a router that is not ours.
type guest struct {
	next      http.Handler
	pathValue func(*http.Request, string) string
	names     []string // for pathValue
	pattern   atomic.Pointer[guestPattern]
}

// guestPattern is the pattern that the router names, taken apart.
type guestPattern struct {
	text string
	pathPattern
}

// ServeHTTP does what a route of a Mux does, as far as it can be done here.
func (g *guest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, s := bulwark.Enter(r)
	if s.Route() == "" && r.Pattern != "" {
		s.SetRoute(r.Pattern)
	}
	if !g.safePath(r) {
		bulwark.Deny(w, r, errPathValue())
		return
	}
	g.next.ServeHTTP(w, r)
}

// safePath checks the whole path, because it is not known here what of it are
// values, and then those values that are known.
func (g *guest) safePath(r *http.Request) bool {
	if hidesSlash(r.URL) || strings.Contains(r.URL.Path, "//") || unsafeValue(r.URL.Path, true) {
		return false
	}
	parsed := g.parsed(r.Pattern)
	for _, w := range parsed.wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return false
		}
	}
	if g.pathValue != nil {
		for _, name := range g.names {
			value := g.pathValue(r, name)
			if unsafeValue(value, false) {
				return false
			}
			r.SetPathValue(name, value)
		}
	}
	return true
}

// parsed takes a pattern apart and remembers the last one: a route has one.
func (g *guest) parsed(pattern string) *guestPattern {
	if last := g.pattern.Load(); last != nil && last.text == pattern {
		return last
	}
	parsed := &guestPattern{text: pattern}
	if pattern != "" {
		parsed.pathPattern = parsePattern(pattern)
	}
	g.pattern.Store(parsed)
	return parsed
}

func join(reasons []string) string { return strings.Join(reasons, "; ") }
