package headers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A Middleware is the layer; see the package. It is safe for concurrent use. One
// that was not made by [New] refuses every request with 500 "headers.unconfigured".
type Middleware struct{ compiled *compiled }

// compiled is a Config as the requests need it.
type compiled struct {
	static         []entry // but for those that TLS is needed for
	csp            policy
	reportOnly     policy
	hsts           string
	endpoints      string
	exceptLoopback bool
	cacheControl   string
	nonce          bool // some policy has one
}

type entry struct {
	field field
	value string
}

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Kind returns "headers".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindHeaders }

// Wrap sets the headers before next runs, so that next can change them.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if m == nil || m.compiled == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, fault.Unmade("headers", "New"))
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		w, watched := response.Of(w)
		outer := answerOf(r.Context(), scope)
		if outer != nil && outer.writer == watched { // a layer of this package stands outside
			outer.apply(m.compiled, w.Header(), scope, r)
			next.ServeHTTP(w, r)
			return
		}
		own := &answer{writer: watched}
		if outer == nil {
			scope.Set(slot{}, own)
		} else {
			// A sub-request of a handler whose answer is another: the scope is that
			// handler's too, and that of the sub-requests beside this one.
			r = r.WithContext(context.WithValue(r.Context(), slot{}, own))
		}
		watched.BeforeHeader(own)
		own.apply(m.compiled, w.Header(), scope, r)
		next.ServeHTTP(w, r)
		watched.Finish()
	})
}

// slot is the key of an answer: in the scope of a request, or for a sub-request in
// its context.
type slot struct{}

// answerOf returns the answer to the request that ctx belongs to, or nil. The
// outermost is in the scope, and all within it are in contexts, the nearest of
// which is the request's own.
func answerOf(ctx context.Context, scope *bulwark.Scope) *answer {
	held, _ := scope.Get(slot{}).(*answer)
	if held == nil {
		return nil // and then there is none in a context either
	}
	if sub, ok := ctx.Value(slot{}).(*answer); ok {
		return sub
	}
	return held
}

// answer is what the layers of this package have set on one response. Its values
// are those of this response alone: with shared ones, a handler that changes a
// value in place would change everybody's (as in rs/cors issue 198). One
// allocation holds them all.
type answer struct {
	writer *response.Writer
	layer  *compiled // the innermost so far
	nonce  string
	set    uint16 // bits of fields
	values [fields]string
}

// apply sets the headers of a layer, and removes what a layer outside has set and
// this one has not.
func (a *answer) apply(c *compiled, h http.Header, scope *bulwark.Scope, r *http.Request) {
	before := a.set
	a.layer, a.nonce, a.set = c, "", 0
	secure := scope.Secure()
	if c.nonce {
		a.nonce = newNonce()
	}
	for _, e := range c.static {
		a.put(h, e.field, e.value)
	}
	if c.csp.sent() {
		a.put(h, securityPolicy, splice(c.csp.over(secure), a.nonce))
	}
	if c.reportOnly.sent() {
		a.put(h, policyReportOnly, splice(c.reportOnly.over(secure), a.nonce))
	}
	if c.endpoints != "" && secure { // browsers ignore it elsewhere (Reporting API, 3.2)
		a.put(h, reportingEndpoints, c.endpoints)
	}
	// Over plain http browsers must ignore it (RFC 6797 section 8.1).
	if c.hsts != "" && secure && !(c.exceptLoopback && loopback(r.Host)) {
		a.put(h, transportSecurity, c.hsts)
	}
	for f, gone := field(0), before&^a.set; gone != 0; f, gone = f+1, gone>>1 {
		if gone&1 != 0 {
			delete(h, names[f])
		}
	}
}

func (a *answer) put(h http.Header, f field, value string) {
	a.values[f] = value
	a.set |= 1 << f
	h[names[f]] = a.values[f : f+1 : f+1]
}

// BeforeHeader puts Cache-Control back where it is missing: http.ServeContent and
// its like remove it from errors since Go 1.23, and an error is what a cache must
// not keep either.
func (a *answer) BeforeHeader(h http.Header, _ int) {
	if _, ok := h["Cache-Control"]; !ok && a.layer.cacheControl != "" {
		h["Cache-Control"] = []string{a.layer.cacheControl}
	}
}

// Nonce returns the nonce of the response to the request that ctx belongs to: the
// value for the nonce attributes of its script and style elements. It is 24
// characters of the URL-safe base64 alphabet, of 18 random bytes, new for each
// response. It is empty where the layer's policies have no 'nonce'.
//
// The answer to a sub-request, which a handler sends with its own context through
// a headers layer again, has a nonce of its own. Sub-requests may run side by side
// if there is a headers layer around that handler, too; without one they share
// what they are known by, and one could get the nonce of another.
func Nonce(ctx context.Context) string {
	scope, ok := ctx.(*bulwark.Scope)
	if !ok {
		// Somebody has derived a context; the scope is found inside it.
		_, scope = bulwark.Enter(new(http.Request).WithContext(ctx))
	}
	if a := answerOf(ctx, scope); a != nil {
		return a.nonce
	}
	return ""
}

func newNonce() string {
	var raw [18]byte
	var text [24]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	base64.RawURLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}
