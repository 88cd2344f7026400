package headers

import (
	"context"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A Middleware is the layer that [New] returns. It is safe for concurrent use.
// A Middleware that was not made by New refuses every request with 500
// "headers.unconfigured".
type Middleware struct{ compiled *compiled }

// compiled is a Config as the requests need it.
type compiled struct {
	static         []entry // but for those that TLS is needed for
	csp            policy
	reportOnly     policy
	hsts           string
	endpoints      string
	exceptLoopback bool
	handlers       mask // headers that are left to the handler
	nonce          bool // some policy has one
	private        bool // what has it is kept from shared caches
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
		if outer != nil && outer.is(w, watched) { // a layer of this package stands outside
			outer.apply(m.compiled, w.Header(), scope, r)
			next.ServeHTTP(w, r)
			return
		}
		own := &answer{writer: watched}
		if outer == nil {
			outermost.Set(scope, own)
		} else {
			own.around, _ = outermost.Get(scope)
			// A sub-request of a handler whose answer is another: the scope is
			// that handler's too, and that of the sub-requests beside this one.
			r = r.WithContext(context.WithValue(r.Context(), within{}, own))
		}
		watched.BeforeHeader(own)
		own.apply(m.compiled, w.Header(), scope, r)
		next.ServeHTTP(w, r)
		watched.Finish()
	})
}
