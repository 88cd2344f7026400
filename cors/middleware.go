package cors

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A Middleware is the layer that [New] returns. It is safe for concurrent use.
// A Middleware that was not made by New refuses every request with 500
// "cors.unconfigured".
type Middleware struct {
	protocol protocol
	origins  *origins
	methods  []string // a few, and GET is the first as a rule: a map is slower

	exposed     string // the value of Access-Control-Expose-Headers, or empty
	maxAge      string // that of Access-Control-Max-Age
	credentials bool

	allowMethods string // for Debug
	allowHeaders string
	headers      []string // that pages may set
	wanted       wanted
	denyRefused  bool
	dryRun       bool
	debug        bool
}

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Kind returns "cors".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindCORS }

// Wrap answers preflights, and adds CORS headers to the answers of next, so
// that allowed origins can read them. Next is the router. A handler of the
// router would never see a preflight.
//
// A cors layer inside another cors layer replaces the headers of the outer
// layer. A ResponseWriter between the two layers, such as a compressor, must
// have the same header map and an Unwrap method. CORS headers of any other code
// are removed.
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
		around, within := response.Outer[*answer](w)
		if within {
			around.others = true // until this layer has decided
			withdraw(w.Header())
		}
		origins := r.Header["Origin"]
		var asks []string
		if r.Method == http.MethodOptions {
			asks = r.Header[requestMethod]
		}
		if len(origins) > 1 || len(asks) > 1 {
			withdraw(w.Header())
			vary(w.Header(), "Origin, Access-Control-Request-Method")
			m.refuse(w, r, ambiguous(), next)
			return
		}
		// An OPTIONS without one of them is not a preflight (Fetch, HTTP
		// requests).
		origin := first(origins)
		if origin != "" && first(asks) != "" {
			withdraw(w.Header()) // or rs/cors would seem to have granted it
			preflights.ServeHTTP(w, r)
			return
		}
		m.actual(w, r, next, origin)
	})
}

// actual says who may read the answer of next. The answer to a request without
// Origin says that there could have been an Origin: a cache must not give it to
// clients that send an Origin. Where everybody may read the answer, it says so
// to everybody, and a cache may give it to everybody (Fetch, CORS protocol and
// HTTP caches).
func (m *Middleware) actual(w http.ResponseWriter, r *http.Request, next http.Handler, origin string) {
	listed := r.Method == http.MethodOptions || m.lists(r.Method)
	switch {
	case listed && m.origins.any:
		m.serve(w, r, next, "*")
	case origin == "":
		m.serve(w, r, next, "")
	case listed && m.origins.allows(origin):
		m.serve(w, r, next, origin)
	default:
		m.refuseActual(w, r, next, origin)
	}
}

// settle answers a preflight, by the headers that the protocol has set.
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
	problem := m.refusal(r, first(r.Header["Origin"]), method, true)
	// A method that browsers do not look up in the list would be allowed by
	// explaining.
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
	return slices.Contains(m.methods, method)
}

// refuseActual denies a request, or lets it through without CORS headers, so
// that the page cannot read the answer.
func (m *Middleware) refuseActual(w http.ResponseWriter, r *http.Request, next http.Handler, origin string) {
	withdraw(w.Header())
	r, scope := bulwark.Enter(r)
	if ownPage(scope, origin) {
		m.serve(w, r, next, "")
		return
	}
	problem := m.refusal(r, origin, r.Method, false)
	// Where no Edge has checked the Host, it is the client's word.
	own := scope.Origin() == "" && sameHost(origin, scope.BaseURL(), r.Host)
	if m.denyRefused {
		if own && problem.Code == codeOrigin {
			problem.Err = errNoEdge
		}
		vary(w.Header(), "Origin")
		m.refuse(w, r, problem, next)
		return
	}
	// A page of this very host saves an event, and is granted nothing.
	if own {
		m.serve(w, r, next, "")
		return
	}
	// Two events say more of such a request, and stand in its place.
	defer func() {
		told := scope.Reported(w.Header(), bulwark.MaliciousCSRF, 0) || scope.Reported(w.Header(), bulwark.AuthnLoginFail, 0)
		if !told {
			m.report(r, problem)
		}
	}()
	m.serve(w, r, next, "")
}

// ownPage reports whether the page is a page of the service itself, at the host
// that Edge has accepted. Another host of the service is another origin. A
// proxy that ends TLS may be unknown to Edge, and may leave the port out of the
// Host. The scheme and port then come from the BaseURL, if it has the same
// host. Without an accepted host only the BaseURL is known.
func ownPage(scope *bulwark.Scope, origin string) bool {
	own, base := scope.Origin(), scope.BaseURL()
	if own == "" {
		return base != "" && origin == base
	}
	if origin == own || origin != base {
		return origin == own
	}
	host := hostOf(base)
	name, _ := splitPort(host)
	return hostOf(own) == host || hostOf(own) == name
}

// hostOf returns the host of an origin, with its port where it has one.
func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
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
