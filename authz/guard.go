package authz

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// A Table holds the rules of a ServeMux that the application already has, by
// pattern, written exactly as it was registered.
type Table struct {
	// Policy is what the rules are compiled against. Required.
	Policy *Policy
	// Rules holds a rule for each pattern that may be used.
	Rules map[string]Rule
}

// Guard puts rules in front of a ServeMux that the application already has. It
// serves as a [Mux] does, without redirects, with its checks of the path (an
// encoded slash or a backslash is 400 on every route) and with its reading of
// hosts. A pattern that is not in the table is denied with 403, for everybody: a
// route that is added to mux later is closed until it has a rule. A pattern
// without a method is accepted here, and serves GET, HEAD, POST, PUT, PATCH and
// DELETE.
//
// Shutdown of what it returns closes those handlers of the patterns that are
// [bulwark.Shutdowner]s themselves, such as one of [Object].
//
// It returns every mistake at once: a rule that does not compile, a pattern that
// could never be served, such as one with an encoded slash, and one that is not
// registered with mux, which is why the routes come first.
func Guard(mux *http.ServeMux, table Table) (*Handler, error) {
	if mux == nil {
		return nil, &bulwark.ConfigError{Field: "authz.Guard", Reason: "the ServeMux is nil"}
	}
	if !table.Policy.ready() {
		return nil, &bulwark.ConfigError{Field: "authz.Table.Policy", Reason: "is missing; give it one of NewPolicy"}
	}
	g := &guard{mux: mux, routes: map[string]*guarded{}}
	guarding := &Handler{next: g}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(table.Rules)) {
		field := "authz.Table.Rules[" + pattern + "]"
		rt := &guarded{pattern: pattern, parsed: parsePattern(pattern)}
		fault := rt.parsed.fault()
		if rt.parsed.method != "" {
			fault = cmp.Or(methodFault(rt.parsed.method), fault)
		}
		if fault != "" {
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: pattern, Reason: fault})
			continue
		}
		h := registered(mux, rt)
		if h == nil {
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: pattern, Reason: "is not registered with the ServeMux; register the routes first and write the pattern as there"})
			continue
		}
		number, reasons := table.Policy.register(pattern, table.Rules[pattern])
		for _, reason := range reasons {
			errs = append(errs, &bulwark.ConfigError{Field: field, Value: table.Rules[pattern].String(), Reason: reason})
		}
		rt.gate = gate{table.Policy, number}
		g.routes[pattern] = rt
		guarding.closers.add(h, nil)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return guarding, nil
}

// registered returns the handler that mux has for the pattern, or nil. It asks
// for a path that only this pattern should match.
func registered(mux *http.ServeMux, rt *guarded) http.Handler {
	host, _, _ := strings.Cut(rt.parsed.path, "/")
	var path strings.Builder
	for _, segment := range rt.parsed.segments {
		path.WriteByte('/')
		name, wild := wildcardName(segment)
		switch {
		case name == "$":
		case segment == "" || strings.HasSuffix(name, "..."):
			// Deeper than any pattern with single wildcards in the same place.
			path.WriteString(strings.Repeat("bulwark-probe/", 32) + "bulwark-probe")
		case wild:
			path.WriteString("bulwark-probe")
		default:
			path.WriteString(segment)
		}
	}
	decoded, err := url.PathUnescape(path.String())
	if err != nil {
		return nil
	}
	method := rt.parsed.method
	if method == "" {
		method = http.MethodGet
	}
	h, pattern := mux.Handler(&http.Request{Method: method, Host: host, URL: &url.URL{Path: decoded, RawPath: path.String()}})
	if pattern != rt.pattern {
		return nil
	}
	return h
}

// guard is a ServeMux behind a table of rules.
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

// ServeHTTP matches once. The handler that was found is called directly, so that
// what runs is what was checked, with the very path values that were checked.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if host := canonicalHost(r.Host); host != r.Host {
		serveAs(host, g, w, r)
		return
	}
	h, pattern := g.mux.Handler(r)
	if pattern == "" {
		var c capture
		h.ServeHTTP(&c, r) // ServeMux's own 404 or 405
		bulwark.Deny(w, r, unmatched(allowed(c.allow(), r, g.reaches)))
		return
	}
	rt := g.routes[pattern]
	if rt == nil {
		bulwark.Deny(w, r, unlisted(pattern, r))
		return
	}
	values, ok := rt.parsed.match(r.URL.EscapedPath())
	if !ok { // a redirect
		bulwark.Deny(w, r, unmatched(nil))
		return
	}
	if rt.parsed.method == "" && !slices.Contains(methods(), r.Method) {
		bulwark.Deny(w, r, unmatched(methods()))
		return
	}
	r.Pattern = pattern
	r, s := bulwark.Enter(r)
	s.SetRoute(pattern)
	for i, wild := range rt.parsed.wild {
		r.SetPathValue(wild.name, values[i])
	}
	if !rt.parsed.safeValues(r) {
		bulwark.Deny(w, r, errPathValue())
		return
	}
	var p pass
	if err := rt.admit(r, &p); err != nil {
		bulwark.Deny(w, r, err)
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

// unlisted is the answer for a pattern without a rule, and for a redirect to one.
func unlisted(pattern string, r *http.Request) *bulwark.Problem {
	parsed := parsePattern(pattern)
	if _, ok := parsed.match(r.URL.EscapedPath()); !ok {
		return unmatched(nil)
	}
	return &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden", Reason: "authz.no_rule", Rule: pattern,
		Detail: "The caller is not allowed to do this."}
}
