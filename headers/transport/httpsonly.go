package transport

import (
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// HTTPSOnly is a layer that lets only requests over TLS pass. A request has
// come over TLS if the connection has TLS, or if a trusted proxy of
// [bulwark.Edge] reports TLS in X-Forwarded-Proto or Forwarded. Put HTTPSOnly
// inside Edge:
//
//	stack, err := bulwark.Chain(
//		audit.Config{},
//		bulwark.Edge{Hosts: hosts, TrustedProxies: proxies},
//		transport.HTTPSOnly{API: true},
//		…
//	)
//
// Outside Edge, HTTPSOnly sees only the connection. Behind a proxy that
// terminates TLS, it would then redirect each request to the URL of the same
// request.
//
// If a load balancer checks the health of the service over plain http, serve
// the check outside the chain.
type HTTPSOnly struct {
	// API refuses a request over plain http with 403
	// "transport.https_required", as OWASP ASVS 5.0 section 4.1.2 requires for
	// clients that are not browsers. After a redirect, the client would go on
	// sending its token in the clear, and nobody would notice. Replace a
	// credential that was sent in such a request. Default: false, which
	// redirects as [RedirectHandler] does.
	API bool
	// Hosts are the hosts of a redirect, as in [RedirectHandler], such as
	// "app.example.com". A request for another host is 421
	// "transport.misdirected". Required without API. Default with API: none.
	Hosts []string
}

// Build checks the hosts and returns the layer. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func (c HTTPSOnly) Build() (bulwark.Layer, error) {
	faults := fault.In("transport.HTTPSOnly")
	l := httpsOnly{otherwise: http.HandlerFunc(refusePlain)}
	switch {
	case !c.API && len(c.Hosts) == 0:
		faults.Add("Hosts", "", needsHosts+"; for an API set API instead")
	case !c.API:
		l.otherwise = redirectTo(c.Hosts, "transport.HTTPSOnly.Hosts", "Hosts", faults)
	case len(c.Hosts) > 0:
		faults.Add("Hosts", "", "are for redirects, and API refuses plain http; leave Hosts out, or leave API out")
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

var errPlain = errors.New("the request came over plain http, which transport.HTTPSOnly.API refuses; " +
	"a proxy that ends TLS must be one of bulwark.Edge.TrustedProxies, and must set X-Forwarded-Proto, or proto in Forwarded, to https")

// refusePlain is the answer of an API to plain http.
func refusePlain(w http.ResponseWriter, r *http.Request) {
	bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "transport.https_required",
		Detail: "This API answers over https alone. Replace the credential that was sent in the clear.",
		Err:    errPlain,
		Log:    bulwark.ProblemLog{Event: bulwark.InputValidationFail}})
}
