package headers

import (
	"context"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// outermost is the answer to a request.
var outermost bulwark.Slot[*answer]

// within is the key of the answer to a sub-request that shares the scope of the
// request around it. That answer is in its context.
type within struct{}

// answerOf returns the answer to the request that ctx belongs to, or nil. The
// outermost is in the scope, and all within it are in contexts, the nearest of
// which is the request's own. An answer in the context of a request around
// another scope is not the answer to this one.
func answerOf(ctx context.Context, scope *bulwark.Scope) *answer {
	held, ok := outermost.Get(scope)
	if !ok {
		return nil // and then there is none in a context either
	}
	if sub, ok := ctx.Value(within{}).(*answer); ok && sub.around == held {
		return sub
	}
	return held
}

// answer is what the layers of this package have set on one response. Its
// values are those of this response alone: with shared ones, a handler that
// changes a value in place would change everybody's (as in rs/cors issue 198).
// One allocation holds them all.
type answer struct {
	writer *response.Writer
	around *answer   // the outermost of the scope, for all within it
	layer  *compiled // the innermost so far
	nonce  string
	set    uint16 // bits of fields
	values [fields]string
}

// apply sets the headers of a layer, and removes what a layer outside has set
// and this one has not.
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

// BeforeHeader puts Cache-Control back where it is missing: http.ServeContent
// and its like remove it from errors since Go 1.23, and an error is what a
// cache must not keep either.
func (a *answer) BeforeHeader(h http.Header, _ int) {
	if _, ok := h["Cache-Control"]; !ok && a.layer.cacheControl != "" {
		h["Cache-Control"] = []string{a.layer.cacheControl}
	}
}
