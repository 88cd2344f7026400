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
// rule is an argument, so that a route without a rule cannot be registered. A
// request that no route serves is denied.
//
//	mux := authz.NewMux(policy)
//	mux.Handle("GET /health", authz.Public("liveness probe"), health)
//	mux.Handle("GET /admin/users", authz.RequireRole("admin"), listUsers)
//	read := documents.Can("read")
//	authz.HandleObject(mux, "GET /documents/{id}", read, getDocument)
//
// # Patterns
//
// A Mux is stricter than ServeMux:
//
//   - A pattern must name its method, in capitals. Without a method it would
//     accept TRACE and FOO. GET also serves HEAD.
//   - A Mux does not redirect. A path that ServeMux would clean, or to which it
//     would add a slash, is 404.
//   - An unknown path is 404. A known path with another method is 405 with
//     Allow. Both answers are the same for everybody.
//
// A pattern may name a host, in lower case and without a port. The Host of a
// request is compared, and passed on, in lower case and without a trailing dot.
//
// A host in a pattern does not keep other requests out. A request with another
// Host is served by a route without a host, under the rule of that route. The
// same happens to a request with a method that the routes of the host do not
// have. Therefore name all hosts in [bulwark.Edge].Hosts, and give a route
// without a host a rule that is strict enough for its handler.
//
// # Paths
//
// A path that could be read as another path is 400 "authz.path_value". The path
// is checked before the rule, on every route. Refused are:
//
//   - an encoded slash (%2F);
//   - a backslash, encoded or not;
//   - in a path value: a segment that is "." or "..", also with ";" and more
//     text behind it;
//   - in a path value: a control character or invalid UTF-8;
//   - in a path value: a dot, slash, backslash or NUL that is encoded twice.
//
// An encoded slash is refused because the routes are matched before it is
// decoded, and the handler reads the path afterwards. If "/files/private/" has
// a rule of its own, then "/files/private%2Fkey" would pass with the rule of
// "/files/". Put a name that has a slash into the query or the body, or give
// the route a [SlashIn].
//
// # Wrong registrations
//
// A wrong registration panics, as with ServeMux. The panic value is one error
// that lists every mistake, and its Unwrap() []error returns them. A mistake is
// a *[bulwark.ConfigError] with a path such as "authz.Mux(POST
// /users).layers[1]". A mistake in the Config of a layer has the path that the
// New of the layer reports, such as "ratelimit(caller).Rate". If the Build of a
// foreign layer returns an error of another type, then that error is wrapped
// with the path in front.
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
// Every function that registers a route takes layers, outermost first. A layer
// is a Config, or a Middleware that New has made. The layers run after the rule
// has passed.
//
// A Config that is given to two routes makes two layers with two states. To
// share one state between routes, such as the count of a rate limit, call New
// once and give the Middleware to each route. Two limits with one name that are
// not the same layer are refused. [Mux.Shutdown] closes the layers.
//
// A Mux is safe for concurrent use. Routes may be added while the Mux serves.
// The zero Mux, and the Mux of a nil policy, answers 500 "authz.unconfigured".
type Mux struct {
	policy   *Policy
	mux      http.ServeMux
	captures sync.Pool // of *capture

	mu      sync.Mutex
	routes  []*route
	slashed []*route // those with SlashIn
}

// NewMux returns a Mux without routes, which denies every request.
func NewMux(policy *Policy) *Mux { return &Mux{policy: policy} }

// Handle registers h for the pattern, behind the rule. It panics if the
// registration is wrong; see [Mux].
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
// The path is checked as on every route. The part after the prefix is checked
// as the path value of a pattern with {name...}. In addition, these are 400: a
// semicolon, a question mark or a number sign, encoded or not, and any octet
// that is encoded twice. Otherwise a sub-router that drops path parameters
// could serve "/admin;x/keys" as "/admin/keys", without the rule of "/admin/".
// A pattern of [Mux.Handle] that ends in a slash is checked in the same way.
//
// [Mux.Routes] shows the routes as weak, because it cannot see the routes of
// the sub-router.
func (m *Mux) Mount(prefix string, rule Rule, h http.Handler, layers ...bulwark.Builder) {
	reg := m.registration(prefix)
	reg.serves(h)
	reg.inside(layers)
	wrong := ""
	if strings.ContainsAny(prefix, " \t{") || !strings.HasSuffix(prefix, "/") {
		wrong = `is not a prefix to mount under; write it without method and wildcards and with a slash at the end, such as "/debug/"`
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

// Shutdown drains and closes the layers of the routes, whether a route built
// them or New made them before. It also closes each handler that is itself a
// [bulwark.Shutdowner], such as a Mux that is mounted.
//
// A layer of several routes is closed once. Within a route the innermost layer
// is closed first. Each layer gets half of the time that is left, and the last
// layer gets all of it. Shutdown returns all errors. A layer that panics does
// not keep the others open.
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
		reg.faults.Add("", "", "the Mux was made without a policy; call NewMux with a policy that NewPolicy made")
	}
	return reg
}

// register adds the routes of one call, or panics.
func (m *Mux) register(reg *registration, e entry) {
	routes := make([]*route, len(e.patterns))
	for i, pattern := range e.patterns {
		routes[i] = &route{pattern: pattern, parsed: parsePattern(pattern), weak: e.weak, handler: e.handler, layers: reg.layers, stack: reg.stack, mux: m, slashed: reg.slashed}
	}
	// The patterns of a Mount differ in nothing but the method.
	if wrong := cmp.Or(e.wrong, patternFault(&routes[0].parsed, e.patterns[0])); wrong != "" {
		reg.faults.Add("", "", wrong)
	}
	reg.slashes(&routes[0].parsed)
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
		if p.limit == "" {
			continue
		}
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
		if rt.slashed != "" {
			m.slashed = append(m.slashed, rt) // behind the end of what readers have
		}
	}
}

// ServeHTTP dispatches r to the route that matches.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// ServeMux answers a request that it does not dispatch, for example with a
	// redirect. It is given a writer that keeps such an answer from the client.
	// A route takes the real writer out of it again. So the request is matched
	// once.
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
	why := errNoPattern
	if r.Pattern != "" { // ServeMux also sets it for a redirect
		why = errRedirect
	}
	r.Pattern = ""
	bulwark.Deny(w, r, unmatched(allowed(c.allow(), r, m.reaches), why))
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
	mux     *Mux
	slashed string // the wildcard of the SlashIn, if any

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
	if err := rt.safeValues(r); err != nil {
		bulwark.Deny(c.inner, r, pathValue(err))
		return
	}
	rt.ruled.ServeHTTP(c.inner, r)
}

// safeValues returns an error if the path of r could be read as another path.
func (rt *route) safeValues(r *http.Request) error {
	if rt.slashed != "" && hidesSlash(r.URL) {
		return rt.safeSlashes(r)
	}
	return rt.parsed.safeValues(r)
}
