package headers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// outermost is the answer to a request, in the scope of the request.
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
	head   bool        // no page comes with the answer
	told   atomic.Bool // somebody has asked for the nonce
	set    mask
	values [fields]string
}

// is reports whether w writes this answer. The ResponseWriter of other code may
// stand between, such as a compressor: it has the same header.
func (a *answer) is(w http.ResponseWriter, watched *response.Writer) bool {
	return a.writer == watched || a.writer.Sends(w.Header())
}

// apply sets the headers of a layer, and removes what a layer outside has set
// and this one has not.
func (a *answer) apply(c *compiled, h http.Header, scope *bulwark.Scope, r *http.Request) {
	before := a.set
	a.layer, a.nonce, a.set, a.head = c, "", 0, r.Method == http.MethodHead
	a.told.Store(false)
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
	for gone := before &^ a.set; gone != 0; gone &= gone - 1 {
		delete(h, names[gone.first()])
	}
}

func (a *answer) put(h http.Header, f field, value string) {
	a.values[f] = value
	a.set |= 1 << f
	h[names[f]] = a.values[f : f+1 : f+1]
}

// BeforeHeader makes each header go out once. A reverse proxy adds the headers
// of its upstream to ours, and a browser that reads two lines finds no policy
// in them (Fetch, 3.7; HTML, 7.1.3 and 7.1.4).
func (a *answer) BeforeHeader(h http.Header, status int) {
	ours := a.writer.Informed() && a.missing(h)
	for left := a.set; left != 0; left &= left - 1 {
		f := left.first()
		if sent := h[names[f]]; ours || len(sent) != 1 {
			a.settle(h, f, sent, ours)
		}
	}
	if status == http.StatusNotModified || a.head && !unstored(h) {
		withoutNonce(h)
	}
	if a.told.Load() && a.layer.private {
		unshare(h, a.values[cacheControl])
	}
}

// settle leaves one value of a header. If the handler has replaced our value by
// its own, the value of the handler stays. If both are there, ours stays,
// unless the Config leaves the header to the handler. If ours is missing, it is
// put back: a reverse proxy has emptied the header after an informational
// response, or http.ServeContent has removed Cache-Control from an error, which
// it does since Go 1.23.
func (a *answer) settle(h http.Header, f field, sent []string, ours bool) {
	name, left := names[f], a.layer.handlers.has(f)
	if len(sent) == 1 && (left || !ours) {
		return
	}
	if len(sent) > 1 {
		theirs, added := a.theirs(f, sent)
		one := len(theirs) == 1 || lists.has(f) && len(theirs) > 1
		if one && (left || !added && !ours) {
			h[name] = theirs
			return
		}
	}
	h[name] = a.values[f : f+1 : f+1]
}

// theirs returns the values that are not ours, each once, and whether ours was
// among them.
func (a *answer) theirs(f field, sent []string) (values []string, added bool) {
	for _, value := range sent {
		switch {
		case value == a.values[f]:
			added = true
		case !slices.Contains(values, value):
			values = append(values, value)
		}
	}
	return values, added
}

// missing reports whether the header lacks a name that was set. After an
// informational response httputil.ReverseProxy empties the header. The values
// that it adds then look as if they had replaced ours.
func (a *answer) missing(h http.Header) bool {
	for left := a.set; left != 0; left &= left - 1 {
		if _, ok := h[names[left.first()]]; !ok {
			return true
		}
	}
	return false
}

// withoutNonce takes the policies with a nonce out of an answer that brings no
// page. A browser takes over the header of a 304 (RFC 9111 section 3.2), or of
// the answer to a HEAD (section 4.3.5), and keeps the page, whose scripts have
// the nonce of the answer that brought it.
func withoutNonce(h http.Header) {
	for _, f := range [...]field{securityPolicy, policyReportOnly} {
		for _, value := range h[names[f]] {
			if strings.Contains(strings.ToLower(value), "'nonce-") {
				delete(h, names[f])
				break
			}
		}
	}
}
