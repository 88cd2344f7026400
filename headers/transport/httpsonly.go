package transport

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// HTTPSOnly is a layer that lets only requests through that have come over TLS:
// directly, or through a trusted proxy of [bulwark.Edge] that says so in
// X-Forwarded-Proto or Forwarded. Put it inside Edge. Outside, it sees the
// connection alone, and a service behind a proxy that ends TLS would redirect
// each request to where it came from.
//
//	stack, err := bulwark.Chain(
//		audit.Config{},
//		bulwark.Edge{Hosts: hosts, TrustedProxies: proxies},
//		transport.HTTPSOnly{API: true},
//		…
//	)
//
// Where a load balancer asks for the health of the service over plain HTTP, let
// it ask outside the chain.
type HTTPSOnly struct {
	// API refuses a request over plain HTTP with 403
	// "transport.https_required", as OWASP ASVS 5.0 section 4.1.2 wants it for
	// whatever is not opened in a browser: a client that is redirected goes on
	// sending its token in the clear, and nobody notices. A credential in such
	// a request has been in the clear and should be replaced. Default: false,
	// which redirects as [RedirectHandler] does.
	API bool
	// Hosts are those of RedirectHandler: where to send clients that ask for
	// them. Another host is 421 "transport.misdirected". They are required,
	// unless API is set.
	Hosts []string
}

// Build checks the hosts and returns the layer. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func (c HTTPSOnly) Build() (bulwark.Layer, error) {
	faults := fault.In("transport.HTTPSOnly")
	l := httpsOnly{otherwise: http.HandlerFunc(refusePlain)}
	switch {
	case !c.API:
		l.otherwise = redirectTo(c.Hosts, "Hosts", faults)
	case len(c.Hosts) > 0:
		faults.Add("Hosts", "", "are for redirects; leave them out where API refuses plain http")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

type httpsOnly struct{ otherwise http.Handler }

func (l httpsOnly) Build() (bulwark.Layer, error) { return l, nil }
func (l httpsOnly) Kind() bulwark.Kind            { return "transport.https" }

// Wrap lets next answer what has come over TLS.
func (l httpsOnly) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		if scope.Secure() {
			next.ServeHTTP(w, r)
			return
		}
		l.otherwise.ServeHTTP(w, r)
	})
}

// refusePlain is what an API says to plain HTTP.
func refusePlain(w http.ResponseWriter, r *http.Request) {
	bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "transport.https_required",
		Detail: "This API answers over https alone. Replace the credential that was sent in the clear.",
		Log:    bulwark.ProblemLog{Event: bulwark.InputValidationFail}})
}
