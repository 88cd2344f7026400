package authz

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/bulwark-go/bulwark"
)

// A Mux routes requests as [http.ServeMux] does, and each route has a rule: the
// rule is an argument, so that a route without one cannot be written. Whatever
// matches no route is denied.
//
// It differs from ServeMux where ServeMux is generous. A pattern must name its
// method, in capitals (without one it would accept TRACE and FOO); GET serves
// HEAD, too. Nothing is redirected: a path that ServeMux would clean, or give a
// trailing slash, is 404. An unknown route is 404 and a known one with another
// method 405 with Allow, for anybody.
//
// A path that could be read as another one is 400 "authz.path_value" before the
// rule is looked at. On every route that is a path with an encoded slash (%2F)
// or a backslash, encoded or not, {name...} and trailing slashes included: the
// routes are matched before such a slash is decoded and the handler reads the
// path after it, so that "/files/private%2Fkey" would pass with the rule of
// "/files/" where "/files/private/" has another. It is also a path value with a
// segment that is "." or ".." (cut at ";"), with a control character, with
// invalid UTF-8, or with a dot, slash, backslash or NUL that is encoded twice.
// A name with a slash in it belongs into the query or the body.
//
// A pattern may name a host, in lower case and without a port; the Host of a
// request is compared, and handed on, in lower case and without a trailing dot.
// The host chooses the route and fences nothing: whoever sends another Host, or
// a method that the routes of that host do not have, meets the route without a
// host, and its rule. Name all hosts in [bulwark.Edge].Hosts, and give routes
// without a host no looser rule than handlers that look at r.Host can stand.
//
// A wrong registration panics with a *[bulwark.ConfigError] that names the
// pattern. Routes may be added while the Mux serves. The zero Mux, and one of a
// nil policy, answers 500 "authz.unconfigured".
type Mux struct {
	policy   *Policy
	mux      http.ServeMux
	captures sync.Pool // of *capture

	mu     sync.Mutex
	routes []*route
}

// NewMux returns a Mux without routes, which denies everything.
func NewMux(policy *Policy) *Mux { return &Mux{policy: policy} }

// Handle registers h for the pattern, behind the rule. The layers run after the
// rule has passed, outermost first.
func (m *Mux) Handle(pattern string, rule Rule, h http.Handler, layers ...bulwark.Layer) {
	m.register(pattern, rule, "", func(g gate) (http.Handler, error) { return g.before(h, layers) })
}

// Mount registers a whole sub-router under one rule, for GET, HEAD, POST, PUT,
// PATCH and DELETE. The prefix has no method and ends in a slash; it is not
// stripped from the path. The path is checked as on every route, and the rest of
// it as a {name...} value would be: an encoded slash or a backslash is 400, so
// that the sub-router sees no prefix, and no more specific mount, that the rules
// have not seen. What it does with the path cannot be seen from here, so
// [Mux.Routes] shows the routes as weak.
func (m *Mux) Mount(prefix string, rule Rule, h http.Handler, layers ...bulwark.Layer) {
	if strings.ContainsAny(prefix, " \t{") || !strings.HasSuffix(prefix, "/") {
		refuse(prefix, "is no prefix to mount under; write it without method and wildcards and with a slash at the end")
	}
	for _, method := range methods() {
		if method == http.MethodHead {
			continue
		}
		m.register(method+" "+prefix, rule, "mounted: its own routes are not listed", func(g gate) (http.Handler, error) { return g.before(h, layers) })
	}
}

// refuse is the panic of a wrong registration.
func refuse(pattern string, reasons ...string) {
	panic(&bulwark.ConfigError{Field: "authz.Mux", Value: pattern, Reason: strings.Join(reasons, "; ")})
}

// register adds a route. Its handler is built from the compiled rule, and
// enforces it.
func (m *Mux) register(pattern string, rule Rule, weak string, build func(gate) (http.Handler, error)) {
	if m == nil || !m.policy.ready() {
		refuse(pattern, "the Mux was made without a policy; use NewMux with one of NewPolicy")
	}
	rt := &route{pattern: pattern, parsed: parsePattern(pattern), weak: weak}
	if fault := cmp.Or(methodFault(rt.parsed.method), rt.parsed.fault()); fault != "" {
		refuse(pattern, fault)
	}
	number, reasons := m.policy.register(pattern, rule)
	if len(reasons) > 0 {
		refuse(pattern, append([]string{rule.String()}, reasons...)...)
	}
	rt.number = number
	err := m.mount(rt, build)
	if err != nil {
		m.policy.forget(number)
		refuse(pattern, err.Error())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes = append(m.routes, rt)
}

// mount builds the handler and gives the route to ServeMux, whose panics become
// errors.
func (m *Mux) mount(rt *route, build func(gate) (http.Handler, error)) (err error) {
	if rt.ruled, err = build(gate{m.policy, rt.number}); err != nil {
		return err
	}
	defer func() {
		if fault := recover(); fault != nil {
			// ServeMux tells where it was called, which is always here.
			err = errors.New(registeredAt.ReplaceAllString(fmt.Sprint(fault), ""))
		}
	}()
	m.mux.Handle(rt.pattern, rt)
	return nil
}

var registeredAt = regexp.MustCompile(` \(registered at [^)]*\)`)

// wrapped returns h inside its layers.
func wrapped(h http.Handler, layers []bulwark.Layer) (http.Handler, error) {
	if f, ok := h.(http.HandlerFunc); h == nil || ok && f == nil {
		return nil, errors.New("the handler is nil")
	}
	parts := make([]bulwark.Builder, len(layers))
	for i, layer := range layers {
		parts[i] = layer
	}
	stack, err := bulwark.Chain(parts...)
	if err != nil {
		return nil, err
	}
	return stack.Wrap(h), nil
}

// ServeHTTP dispatches r to the route that matches.
//
// ServeMux answers by itself what it does not dispatch, with redirects among
// it. It is given a writer that keeps those answers from the client; a route
// takes the real writer out of it again. So the request is matched once.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m == nil || !m.policy.ready() {
		bulwark.Deny(w, r, errUnmade)
		return
	}
	if host := canonicalHost(r.Host); host != r.Host {
		serveAs(host, m, w, r)
		return
	}
	c, _ := m.captures.Get().(*capture)
	if c == nil {
		c = new(capture)
	}
	c.inner = w
	m.mux.ServeHTTP(c, r)
	if c.dispatched {
		*c = capture{}
		m.captures.Put(c)
		return
	}
	r.Pattern = "" // ServeMux sets it for a redirect, too
	bulwark.Deny(w, r, unmatched(allowed(c.allow(), r, m.reaches)))
}

// reaches reports whether a request is dispatched to a route, not redirected.
func (m *Mux) reaches(r *http.Request) bool {
	h, _ := m.mux.Handler(r)
	_, ok := h.(*route)
	return ok
}

// A route is one pattern. ruled is its handler, behind its rule.
type route struct {
	pattern string
	parsed  pathPattern
	number  int // of the rule
	weak    string
	ruled   http.Handler
}

// ServeHTTP is called by ServeMux, with path values set.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, ok := w.(*capture)
	if !ok { // the ServeMux is ours alone
		bulwark.Deny(w, r, errUnmade)
		return
	}
	c.dispatched = true
	r, s := bulwark.Enter(r)
	s.SetRoute(rt.pattern)
	if !rt.parsed.safeValues(r) {
		bulwark.Deny(c.inner, r, errPathValue())
		return
	}
	rt.ruled.ServeHTTP(c.inner, r)
}
