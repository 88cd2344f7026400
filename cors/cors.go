package cors

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// The headers of the protocol (Fetch, HTTP responses).
const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	allowMethods     = "Access-Control-Allow-Methods"
	allowHeaders     = "Access-Control-Allow-Headers"
	exposeHeaders    = "Access-Control-Expose-Headers"
	maxAge           = "Access-Control-Max-Age"
	requestMethod    = "Access-Control-Request-Method"
)

var responseHeaders = [...]string{allowOrigin, allowCredentials, allowMethods, allowHeaders, exposeHeaders, maxAge}

// A Middleware is the layer; see the package. It is safe for concurrent use. One
// that was not made by [New] refuses every request with 500 "cors.unconfigured".
type Middleware struct {
	protocol protocol
	origins  *origins
	methods  map[string]struct{}

	exposed     string // the value of Access-Control-Expose-Headers, or empty
	maxAge      string // that of Access-Control-Max-Age
	credentials bool

	allowMethods string // for Debug
	allowHeaders string
	denyRefused  bool
	dryRun       bool
	debug        bool
}

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Kind returns "cors".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindCORS }

// Wrap answers preflights, and adds to the answers of next what lets allowed
// origins read them. A cors layer inside another replaces what the outer said.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if m == nil || m.origins == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, fault.Unmade("cors", "New"))
		})
	}
	preflights := m.protocol.around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.settle(w, r, next)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if _, ok := h[allowOrigin]; ok {
			forget(h)
		}
		origins := r.Header["Origin"]
		var asks []string
		if r.Method == http.MethodOptions {
			asks = r.Header[requestMethod]
		}
		if len(origins) > 1 || len(asks) > 1 {
			vary(h, "Origin, Access-Control-Request-Method")
			m.refuse(w, r, ambiguous(), next)
			return
		}
		// An OPTIONS without one of them is no preflight (Fetch, HTTP requests).
		origin := first(origins)
		if origin != "" && first(asks) != "" {
			preflights.ServeHTTP(w, r)
			return
		}
		m.actual(w, r, next, origin)
	})
}

// actual says who may read the answer of next. The answer to a request without
// Origin says that there could have been one, too: a cache must not give it to
// those who send one (Fetch, CORS protocol and HTTP caches).
func (m *Middleware) actual(w http.ResponseWriter, r *http.Request, next http.Handler, origin string) {
	h := w.Header()
	switch {
	case origin == "":
		vary(h, "Origin")
		next.ServeHTTP(w, r)
	case m.origins.allows(origin) && (r.Method == http.MethodOptions || m.lists(r.Method)):
		m.grant(h, origin)
		next.ServeHTTP(w, r)
	default:
		vary(h, "Origin")
		m.refuseActual(w, r, next, origin)
	}
}

// settle answers a preflight by what the protocol has put into the header.
func (m *Middleware) settle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	h := w.Header()
	method := first(r.Header[requestMethod])
	if _, granted := h[allowOrigin]; granted && m.lists(method) { // rs/cors allows OPTIONS always
		m.own(h)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	forget(h)
	ownVary(h, make([]string, 1))
	problem := m.refusal(first(r.Header["Origin"]), method, true)
	// A method that browsers do not look up in the list would be allowed by explaining.
	explicable := problem.Code == codeHeader || problem.Code == codeMethod && !safelisted(method)
	if m.debug && !m.dryRun && explicable {
		m.report(r, problem)
		m.explain(h, first(r.Header["Origin"]))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	m.refuse(w, r, problem, next)
}

func (m *Middleware) lists(method string) bool {
	_, ok := m.methods[method]
	return ok
}

// refuseActual lets a request through whose answer the page will not be able to
// read, or denies it.
func (m *Middleware) refuseActual(w http.ResponseWriter, r *http.Request, next http.Handler, origin string) {
	r, scope := bulwark.Enter(r)
	base := scope.BaseURL()
	if base != "" && origin == base {
		next.ServeHTTP(w, r)
		return
	}
	problem := m.refusal(origin, r.Method, false)
	if m.denyRefused {
		m.refuse(w, r, problem, next)
		return
	}
	// A page of this very host is one of ours, under another of our names. The
	// Host is the client's word where no Edge has checked it, so this saves an
	// event and grants nothing.
	if sameHost(origin, base, r.Host) {
		next.ServeHTTP(w, r)
		return
	}
	// Two events say more of such a request, and stand in its place.
	defer func() {
		if !scope.Reported(bulwark.MaliciousCSRF) && !scope.Reported(bulwark.AuthnLoginFail) {
			m.report(r, problem)
		}
	}()
	next.ServeHTTP(w, r)
}

// refuse denies a request, or, in a dry run, reports it and passes it on.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, problem *bulwark.Problem, next http.Handler) {
	if m.dryRun {
		m.report(r, problem)
		next.ServeHTTP(w, r)
		return
	}
	bulwark.Deny(w, r, problem)
}

// report records a refusal that is not answered as one.
func (m *Middleware) report(r *http.Request, problem *bulwark.Problem) {
	e := bulwark.Event{Name: problem.Event, Reason: problem.Code}
	n := copy(e.Attrs[:], problem.Attrs)
	if m.dryRun {
		e.Attrs[n] = slog.Bool("dry_run", true)
	}
	bulwark.Report(r, e)
}

// explain tells an allowed origin what it could ask for.
func (m *Middleware) explain(h http.Header, origin string) {
	if m.origins.any {
		origin = "*"
	}
	h[allowOrigin] = []string{origin}
	h[allowMethods] = []string{m.allowMethods}
	if m.allowHeaders != "" {
		h[allowHeaders] = []string{m.allowHeaders}
	}
	if m.credentials {
		h[allowCredentials] = []string{"true"}
	}
}

// safelisted methods pass a preflight that does not list them (Fetch,
// CORS-preflight fetch, step 7), so that explaining would be allowing.
func safelisted(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
}

// sameHost reports whether an origin is of the host, and of the scheme of base
// where there is one.
func sameHost(origin, base, host string) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	own, _, known := strings.Cut(base, "://")
	return ok && rest != "" && strings.EqualFold(rest, host) && (!known || scheme == own)
}

// first returns the first of at most one line, or nothing.
func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// forget takes back every permission.
func forget(h http.Header) {
	for _, name := range responseHeaders {
		delete(h, name)
	}
}

// vary adds to Vary, in a slice that belongs to this response alone.
func vary(h http.Header, names string) {
	if values, ok := h["Vary"]; ok {
		h["Vary"] = append(values[:len(values):len(values)], names)
		return
	}
	h["Vary"] = []string{names}
}

// grant lets an origin read the answer to an actual request, by the headers that
// rs/cors would set. One allocation holds all values, and they are this
// response's own.
func (m *Middleware) grant(h http.Header, origin string) {
	values := [...]string{"Origin", origin, m.exposed, "true"}
	if m.origins.any {
		values[1] = "*"
	}
	if others, ok := h["Vary"]; ok {
		h["Vary"] = append(others[:len(others):len(others)], "Origin")
	} else {
		h["Vary"] = values[0:1:1]
	}
	h[allowOrigin] = values[1:2:2]
	if m.exposed != "" {
		h[exposeHeaders] = values[2:3:3]
	}
	if m.credentials {
		h[allowCredentials] = values[3:4:4]
	}
}

// own puts the values that rs/cors shares between all preflights into slices of
// this response: otherwise who changes one changes those of everybody (rs/cors
// issue 198). Origin, method and headers are slices of the request, which ends here.
func (m *Middleware) own(h http.Header) {
	values := [...]string{"", "*", "true", m.maxAge}
	ownVary(h, values[0:1:1])
	if m.origins.any {
		h[allowOrigin] = values[1:2:2]
	}
	if m.credentials {
		h[allowCredentials] = values[2:3:3]
	}
	if m.maxAge != "" {
		h[maxAge] = values[3:4:4]
	}
}

// ownVary does so for Vary. With more than one line it has been appended to, and
// is of this response already.
func ownVary(h http.Header, room []string) {
	if vary := h["Vary"]; len(vary) == 1 {
		room[0] = vary[0]
		h["Vary"] = room
	}
}
