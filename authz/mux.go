package authz

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// A Mux routes requests as [http.ServeMux] does, and each route has a rule. The
// rule is an argument, so that a route without a rule cannot be written.
// Whatever matches no route is denied.
//
// # Patterns
//
// A Mux differs from ServeMux where ServeMux is generous. A pattern must name
// its method, in capitals: a pattern without a method would accept TRACE and
// FOO. GET also serves HEAD. Nothing is redirected: a path that ServeMux would
// clean, or give a trailing slash, is 404. An unknown route is 404. A known
// route with another method is 405 with Allow. Both answers are the same for
// everybody.
//
// A pattern may name a host, in lower case and without a port. The Host of a
// request is compared, and handed on, in lower case and without a trailing dot.
// The host chooses the route and fences nothing. A request with another Host,
// or with a method that the routes of that host do not have, meets the route
// without a host, and the rule of that route. Name all hosts in
// [bulwark.Edge].Hosts. Do not give a route without a host a looser rule than
// its handler can stand.
//
// # Paths
//
// A path that could be read as another path is 400 "authz.path_value", before
// the rule is looked at. On every route, {name...} and trailing slashes
// included, that is a path with an encoded slash (%2F) or with a backslash,
// encoded or not. The routes are matched before such a slash is decoded, and
// the handler reads the path after it: "/files/private%2Fkey" would pass with
// the rule of "/files/" where "/files/private/" has another rule. A path value
// is also refused with a segment that is "." or ".." (cut at ";"), with a
// control character, with invalid UTF-8, and with a dot, slash, backslash or
// NUL that is encoded twice. A name with a slash in it belongs into the query
// or the body.
//
// # Wrong registrations
//
// A wrong registration panics, as with ServeMux. The panic value is one error
// that lists every mistake, and its Unwrap() []error returns them. A mistake is
// a *[bulwark.ConfigError] with a path such as "authz.Mux(POST
// /users).layers[1]". The fields of a layer keep the path that they have in the
// layer's own New. If the Build of a foreign layer returns an error of another
// type, then that error is wrapped with the path in front.
//
//	defer func() {
//		if err, ok := recover().(interface{ Unwrap() []error }); ok {
//			for _, err := range err.Unwrap() {
//				log.Print(err)
//			}
//		}
//	}()
//
// # Layers
//
// Every handle takes layers, outermost first, as Configs or as Middlewares that
// are already made. They run after the rule has passed. A Config that is given
// to two routes makes two layers with two states. Layers that several routes
// share, such as a rate limit, are made once with New and given to each route.
// Two limits of one name that are not the same layer are refused.
// [Mux.Shutdown] closes the layers.
//
// A Mux is safe for concurrent use. Routes may be added while the Mux serves.
// The zero Mux, and the Mux of a nil policy, answers 500 "authz.unconfigured".
type Mux struct {
	policy   *Policy
	mux      http.ServeMux
	captures sync.Pool // of *capture

	mu     sync.Mutex
	routes []*route
}

// NewMux returns a Mux without routes, which denies everything.
func NewMux(policy *Policy) *Mux { return &Mux{policy: policy} }

// Handle registers h for the pattern, behind the rule.
func (m *Mux) Handle(pattern string, rule Rule, h http.Handler, layers ...bulwark.Builder) {
	reg := m.registration(pattern)
	reg.serves(h)
	reg.inside(layers)
	m.register(reg, entry{
		argument: "rule", rule: rule, patterns: []string{pattern}, handler: h,
		serve: func(g gate) http.Handler { return reg.ruledBy(g, h) },
	})
}

// Mount registers a whole sub-router under one rule, for GET, HEAD, POST, PUT,
// PATCH and DELETE. The prefix has no method and ends in a slash. It is not
// stripped from the path.
//
// The path is checked as on every route, and the rest of the path as a
// {name...} value. In addition, each of these is 400, encoded or not: a slash
// that is encoded, a backslash, a semicolon, a question mark, a number sign,
// and an octet that is encoded twice. So the sub-router sees no path of a more
// specific route whose rule was not asked, even if it drops path parameters
// ("/admin;x/keys"). A pattern of [Mux.Handle] that ends in a slash is checked
// in the same way.
//
// Nobody can see from here how the sub-router reads the path, so [Mux.Routes]
// shows the routes as weak.
func (m *Mux) Mount(prefix string, rule Rule, h http.Handler, layers ...bulwark.Builder) {
	reg := m.registration(prefix)
	reg.serves(h)
	reg.inside(layers)
	wrong := ""
	if strings.ContainsAny(prefix, " \t{") || !strings.HasSuffix(prefix, "/") {
		wrong = "is no prefix to mount under; write it without method and wildcards and with a slash at the end"
	}
	var patterns []string
	for _, method := range methods() {
		if method != http.MethodHead {
			patterns = append(patterns, method+" "+prefix)
		}
	}
	m.register(reg, entry{
		argument: "rule", rule: rule, patterns: patterns, wrong: wrong, handler: h, weak: "mounted: its own routes are not listed",
		serve: func(g gate) http.Handler { return reg.ruledBy(g, h) },
	})
}

// Shutdown drains and closes the layers of the routes: those that a route built
// and those that were made with New before. It also closes handlers that are
// [bulwark.Shutdowner]s themselves, such as a Mux that is mounted. A layer of
// several routes is closed once. Within a route the innermost layer is closed
// first. Each layer gets half of the time that is left, and the last layer gets
// all of it. Shutdown returns all errors. A layer that panics does not keep the
// others open.
//
// Give the Mux to transport.Serve before the Stack around it, so that the inner
// layers close first.
func (m *Mux) Shutdown(ctx context.Context) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	routes := slices.Clone(m.routes)
	m.mu.Unlock()
	var held closers
	for _, rt := range routes {
		held.add(rt.handler, rt.stack)
	}
	return shutdown.All(ctx, held...)
}

// An entry is what one call registers.
type entry struct {
	argument string // that holds the rule: "rule" or "access"
	rule     Rule
	patterns []string
	wrong    string // with the patterns, if that is known already
	weak     string
	handler  http.Handler // if it is one by itself
	serve    func(gate) http.Handler
}

// registration begins a registration for the pattern.
func (m *Mux) registration(pattern string) *registration {
	var policy *Policy
	if m != nil {
		policy = m.policy
	}
	reg := newRegistration("Mux("+pattern+")", policy)
	if !policy.ready() {
		reg.faults.Add("", "", "the Mux was made without a policy; use NewMux with one of NewPolicy")
	}
	return reg
}

// register adds the routes of one call, or panics.
func (m *Mux) register(reg *registration, e entry) {
	routes := make([]*route, len(e.patterns))
	for i, pattern := range e.patterns {
		routes[i] = &route{pattern: pattern, parsed: parsePattern(pattern), weak: e.weak, handler: e.handler, layers: reg.layers, stack: reg.stack}
	}
	// The patterns of a Mount differ in nothing but the method.
	if wrong := cmp.Or(e.wrong, patternFault(&routes[0].parsed, e.patterns[0])); wrong != "" {
		reg.faults.Add("", "", wrong)
	}
	reg.admits(e.argument, e.rule, e.patterns...)
	if reg.faults.Err() == nil {
		for i, rt := range routes { // before the lock: layers are not our code
			g := reg.gate(i)
			rt.number, rt.ruled = g.number, e.serve(g)
		}
	}
	if m != nil {
		m.add(reg, routes)
	}
	reg.refuse()
}

// add puts the routes into service, if nothing is wrong with them nor with how
// they stand to the routes that are there.
func (m *Mux) add(reg *registration, routes []*route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range reg.layers {
		for _, rt := range m.routes {
			reg.clash(p, rt.layers, rt.pattern)
		}
	}
	if reg.faults.Err() != nil {
		return
	}
	for i, rt := range routes {
		if fault := tryHandle(&m.mux, rt.pattern, rt); fault != "" {
			reg.faults.Add("", "", fault)
			reg.numbers = reg.numbers[i:] // those before it are relied upon
			return
		}
		m.routes = append(m.routes, rt)
	}
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
	r.Pattern = "" // ServeMux also sets it for a redirect
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

	// For Shutdown and for the names of limits.
	handler http.Handler
	layers  []placed
	stack   *bulwark.Stack
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
