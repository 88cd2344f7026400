package authz

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Guard puts rules in front of a ServeMux that the application already has:
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /admin/users", listUsers)
//	guarded, err := authz.Guard(mux, policy, map[string]authz.Rule{
//		"GET /admin/users": authz.RequireRole("admin"),
//	})
//
// The keys of rules are the patterns, written exactly as they were registered
// with mux. Register the routes first.
//
// Guard serves as a [Mux] does: without redirects, with the same checks of the
// path and with the same reading of hosts. A pattern without a rule is denied
// with 403, for everybody. A route that is added to mux later is also denied. A
// pattern without a method is accepted here, and serves GET, HEAD, POST, PUT,
// PATCH and DELETE.
//
// Guard returns every mistake at once, each as a *[bulwark.ConfigError]:
//
//   - a rule that does not compile;
//   - a pattern that is not registered with mux;
//   - a pattern that could never be served, such as a pattern with an encoded
//     slash.
//
// If a handler of mux is itself a [bulwark.Shutdowner], such as a Handler of
// [Object], then [Handler.Shutdown] closes it.
func Guard(mux *http.ServeMux, policy *Policy, rules map[string]Rule) (*Handler, error) {
	faults := fault.In("authz.Guard")
	if mux == nil {
		faults.Add("mux", "", "is nil; give it the ServeMux with the routes")
	}
	if !policy.ready() {
		faults.Add("policy", "", "is missing; give it a policy that NewPolicy made")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	g := &guard{mux: mux, routes: map[string]*guarded{}}
	guarding := &Handler{next: g}
	var numbers []int // of the rules
	for _, pattern := range slices.Sorted(maps.Keys(rules)) {
		field := "rules[" + pattern + "]"
		rt := &guarded{pattern: pattern, parsed: parsePattern(pattern)}
		h, reason := rt.find(mux)
		if reason != "" {
			faults.Add(field, "", reason)
		}
		number, reasons := policy.register(pattern, rules[pattern])
		for _, reason := range reasons {
			faults.Add(field, rules[pattern].String(), reason)
		}
		if len(reasons) == 0 {
			numbers = append(numbers, number)
		}
		rt.gate = gate{policy, number}
		g.routes[pattern] = rt
		guarding.closers.add(h, nil)
	}
	if err := faults.Err(); err != nil {
		for _, number := range numbers {
			policy.forget(number)
		}
		return nil, err
	}
	return guarding, nil
}

// guard is a ServeMux behind rules by pattern.
type guard struct {
	mux    *http.ServeMux
	routes map[string]*guarded
}

// guarded is a pattern that has a rule.
type guarded struct {
	gate
	pattern string
	parsed  pathPattern
}

// find returns the handler that mux has for the pattern, or what is wrong with
// the pattern. It asks for a path that only this pattern should match.
func (rt *guarded) find(mux *http.ServeMux) (h http.Handler, reason string) {
	if rt.parsed.method != "" {
		reason = methodFault(rt.parsed.method)
	}
	if reason = cmp.Or(reason, rt.parsed.fault()); reason != "" {
		return nil, reason
	}
	const unregistered = "is not registered with the ServeMux; register the route before Guard, and write the pattern exactly as there"
	for _, depth := range depths {
		probe, err := rt.parsed.probe(depth)
		if err != nil {
			break
		}
		if h, pattern := mux.Handler(probe); pattern == rt.pattern {
			return h, ""
		}
	}
	return nil, unregistered
}

// ServeHTTP matches once, and calls the handler that was found directly. So the
// handler that runs, and its path values, are those that were checked.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if host := canonicalHost(r.Host); host != r.Host {
		serveAs(host, g, w, r)
		return
	}
	h, pattern := g.mux.Handler(r)
	if pattern == "" {
		var c capture
		h.ServeHTTP(&c, r) // ServeMux's own 404 or 405
		bulwark.Deny(w, r, unmatched(allowed(c.allow(), r, g.reaches), errNoPattern))
		return
	}
	rt := g.routes[pattern]
	if rt == nil {
		bulwark.Deny(w, r, unlisted(pattern, r))
		return
	}
	values, ok := rt.parsed.match(r.URL.EscapedPath())
	if !ok { // a redirect
		bulwark.Deny(w, r, unmatched(nil, errRedirect))
		return
	}
	if rt.parsed.method == "" && !slices.Contains(methods(), r.Method) {
		bulwark.Deny(w, r, unmatched(methods(), nil))
		return
	}
	r.Pattern = pattern
	r, s := bulwark.Enter(r)
	s.SetRoute(pattern)
	if len(rt.parsed.wild) > 0 {
		r = unshared(r)
	}
	for i, wild := range rt.parsed.wild {
		r.SetPathValue(wild.name, values[i])
	}
	if err := rt.parsed.safeValues(r); err != nil {
		bulwark.Deny(w, r, pathValue(err))
		return
	}
	var p pass
	if err := rt.admit(r, &p); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if rt.policy.samples(&p) {
		p.sample(r, every, slog.Attr{})
	}
	if p.check.deferred {
		rt.serveLate(h, w, r, p.check.text, p.caller)
		return
	}
	h.ServeHTTP(w, r)
}

// reaches reports whether a request would be dispatched to a listed pattern.
func (g *guard) reaches(r *http.Request) bool {
	_, pattern := g.mux.Handler(r)
	rt := g.routes[pattern]
	if rt == nil {
		return false
	}
	_, ok := rt.parsed.match(r.URL.EscapedPath())
	return ok
}

// unlisted is the answer for a pattern without a rule, and for a redirect to
// one. For a redirect of CONNECT, ServeMux returns the path that the client has
// sent, in place of a pattern. The path may hold a space, and no registered
// pattern has a space but behind its method.
func unlisted(pattern string, r *http.Request) *bulwark.Problem {
	parsed := parsePattern(pattern)
	if _, ok := parsed.match(r.URL.EscapedPath()); !ok || strings.HasPrefix(parsed.method, "/") {
		return unmatched(nil, errRedirect)
	}
	return &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden", Log: bulwark.ProblemLog{Reason: "authz.no_rule", Rule: pattern},
		Detail: "The caller is not allowed to do this.", Err: errNoRule}
}

var errNoRule = errors.New("the map rules that Guard was given has no rule for this pattern; add one, such as authz.Public or authz.RequireRole")
