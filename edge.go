package bulwark

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// An Edge describes how the service meets the network. It is the Config of a
// layer, and stands just inside audit and outside all other layers:
//
//	bulwark.Edge{Hosts: []string{"api.example.com"}}
//
// Behind a proxy, name the networks of the proxy and the header that it sets:
//
//	bulwark.Edge{
//		Hosts:           []string{"api.example.com"},
//		TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
//		ForwardedHeader: "X-Forwarded-For",
//	}
//
// Edge determines these facts once for each request:
//
//   - the host that the request asks for;
//   - the address of the client, see [ClientIP];
//   - whether the client came over TLS;
//   - the certificate of the client, see [Edge.ClientCertFrom];
//   - the request id, see [RequestID]. The answer has exactly one X-Request-Id,
//     with this id. An X-Request-Id that a handler or a service behind a
//     reverse proxy sets is replaced.
//
// No other code in this module reads a forwarding header.
//
// Edge refuses a request if the target is not a path, or if the target names
// another authority than the Host. The answer is 400 "edge.request_target". Two
// readers of such a request could take it for two different requests.
//
// # Other middleware
//
// Remove middleware that rewrites the address of the client, such as RealIP of
// chi and ProxyHeaders of gorilla. Such middleware overwrites RemoteAddr with a
// value that the client wrote, and Edge would take the value for the peer. Call
// [ClientIP] in place of ClientIP of gin and RealIP of echo. Both methods
// return the address of the proxy, or read forwarding headers by their own
// rules.
//
// # Health checks
//
// The health check of an orchestrator or load balancer asks by address, or by
// HTTP/1.0 without a Host. Edge refuses such a request with 421, and reports an
// event. There are two ways to let a health check pass. Name its path in
// HealthPaths, or serve the path outside the stack:
//
//	protected := stack.Wrap(mux)
//	root := func(w http.ResponseWriter, r *http.Request) {
//		if r.URL.Path == "/health" {
//			health.ServeHTTP(w, r)
//			return
//		}
//		protected.ServeHTTP(w, r)
//	}
//
// Do not put an [http.ServeMux] around the stack: it answers a path such as
// "//x" with a redirect, and no layer sees the request.
//
// The zero Edge is an error, because Hosts is required.
type Edge struct {
	// Hosts are the names of the service, such as "api.example.com" or "[::1]".
	// Required, unless InsecureAnyHost is set. A request for another host is
	// refused with 421 "edge.misdirected" (RFC 9110 section 7.4). Such a
	// request can be part of a DNS rebinding attack, or can put a wrong host
	// into links.
	//
	//   - "*.example.com" matches every name with exactly one label in place of
	//     the asterisk.
	//   - A name without a port matches any port. A name with a port matches
	//     only this port. A Host without a port has the port 443 over TLS, and
	//     80 otherwise.
	//   - Upper and lower case are the same.
	Hosts []string
	// InsecureAnyHost accepts every Host. Set it only if a proxy checks the
	// Host. Default: false.
	InsecureAnyHost bool
	// HealthPaths are the paths of health checks, such as "/health". A GET or
	// HEAD for exactly such a path passes in two more cases: the Host is empty,
	// or the Host is an address in HealthHosts. The path is compared in its
	// escaped form. The host of a health check is never an origin of the
	// service. Default: none.
	HealthPaths []string
	// HealthHosts are the networks of the service's own addresses. A health
	// check may have one of these addresses in its Host. HealthHosts needs
	// HealthPaths. Default: none, so that only a health check without a Host
	// passes.
	HealthHosts []netip.Prefix
	// BaseURL is the public URL of the service, such as
	// "https://api.example.com". It has a scheme and a host, and no path. Links
	// and DPoP proofs use it in place of the Host header. Required for DPoP.
	// Default: empty.
	BaseURL string
	// TrustedProxies are the networks of the proxies that may name the client.
	// Set ForwardedHeader as well. Default: none, so that the client is always
	// the peer.
	TrustedProxies []netip.Prefix
	// TrustUnixSocket trusts every peer that connects to a Unix socket of the
	// service, like a proxy in TrustedProxies. Set ForwardedHeader as well. A
	// peer on a Unix socket has no address. If this field is false, or the
	// proxy does not name the client, its requests are refused with 400
	// "edge.client_address". Default: false.
	TrustUnixSocket bool
	// ForwardedHeader is the one header in which the trusted proxies name the
	// client. Required with TrustedProxies or TrustUnixSocket, and an error
	// without them. Edge does not read any other header for the address,
	// because a client can set the other headers. Default: empty.
	//
	//   - "X-Forwarded-For": each proxy appends an address. The client is the
	//     first address from the right that is not in TrustedProxies.
	//   - "Forwarded" (RFC 7239) is read in the same way. It also says whether
	//     the client came over TLS.
	//   - A header with a single address, such as "CF-Connecting-IP",
	//     "X-Real-IP", "True-Client-IP" or "Fly-Client-IP". The proxy must
	//     overwrite the header, with one line and one address. If the header is
	//     missing, the client is the peer.
	//
	// With every header except "Forwarded", X-Forwarded-Proto of a trusted
	// proxy says whether the client came over TLS.
	ForwardedHeader string
	// ClientCertFrom are the networks of the proxies that end TLS and name the
	// certificate of the client in the Client-Cert header (RFC 9440). The
	// header counts only if the peer is in these networks; from any other peer
	// it is ignored. Then layers take this certificate for that of the client,
	// and never the certificate of the proxy's own connection. See
	// [Scope.ClientCertificates]. A proxy need not be in TrustedProxies as
	// well. Default: none, so that only the certificate of the connection
	// counts.
	//
	// Such a proxy must remove the header that a client has sent, in every
	// request, and set it only if the client has proven in the handshake that
	// it holds the key. Otherwise a client can pass for anybody whose
	// certificate it knows, and certificates are public.
	//
	// The header is one line with one certificate, as in ":MIIB…:", of at most
	// 16 KiB in DER. Anything else is refused with 400 "edge.client_cert".
	// Client-Cert-Chain is not read.
	ClientCertFrom []netip.Prefix
	// ClientCertFromUnixSocket is ClientCertFrom for every peer that connects
	// to a Unix socket of the service. It needs TrustUnixSocket. Default:
	// false.
	ClientCertFromUnixSocket bool
	// RequestID returns the id that the application already has for the
	// request, such as the id of its tracing. The id has 1 to 64 letters,
	// digits, "-", ".", "_" and "~". Any other result is ignored, also an empty
	// text. Default: the X-Request-Id of a trusted proxy, or else a random
	// UUID.
	RequestID func(*http.Request) string
	// Responder writes refusals in place of the standard body, for all layers.
	// Default: problem details (RFC 9457) as JSON.
	Responder Responder
}

// Build is [NewEdge], for a Chain.
func (e Edge) Build() (Layer, error) {
	layer, err := NewEdge(e)
	if err != nil {
		return nil, err
	}
	return layer, nil
}

// NewEdge returns the layer that e describes. The error joins a *[ConfigError]
// for each mistake.
func NewEdge(e Edge) (*EdgeLayer, error) {
	layer := &EdgeLayer{
		proxies: slices.Clone(e.TrustedProxies), trustUnix: e.TrustUnixSocket,
		certProxies: slices.Clone(e.ClientCertFrom), certUnix: e.ClientCertFromUnixSocket,
		requestID: e.RequestID, responder: e.Responder,
	}
	var errs []error
	wrong := func(field, value, reason string) {
		errs = append(errs, &ConfigError{Field: "edge." + field, Value: value, Reason: reason})
	}
	layer.hosts.compile(e, wrong)
	if reason := baseFault(e.BaseURL); reason != "" {
		wrong("BaseURL", "", reason) // it may hold a password
	}
	scheme, host, _ := strings.Cut(strings.ToLower(e.BaseURL), "://")
	layer.baseURL = origin(scheme == "https", host) // as browsers write it
	checkProxies("TrustedProxies", e.TrustedProxies, "address", wrong)
	checkProxies("ClientCertFrom", e.ClientCertFrom, "certificate", wrong)
	if e.ClientCertFromUnixSocket && !e.TrustUnixSocket {
		wrong("ClientCertFromUnixSocket", "", "needs TrustUnixSocket, because without it every request on a Unix socket is refused; also set TrustUnixSocket")
	}
	trusts := len(e.TrustedProxies) > 0 || e.TrustUnixSocket
	layer.header = http.CanonicalHeaderKey(e.ForwardedHeader)
	switch {
	case e.ForwardedHeader == "" && trusts:
		wrong("ForwardedHeader", "", `is empty, and TrustedProxies or TrustUnixSocket needs it; name the one header that the proxies set: "X-Forwarded-For", "Forwarded" or a header such as "X-Real-IP"`)
	case e.ForwardedHeader != "" && !trusts:
		wrong("ForwardedHeader", e.ForwardedHeader, "is read from trusted proxies only; also set TrustedProxies or TrustUnixSocket, or leave ForwardedHeader empty")
	case e.ForwardedHeader != "" && !namesClient(layer.header):
		wrong("ForwardedHeader", e.ForwardedHeader, `must be "X-Forwarded-For", "Forwarded", or a header with a single address such as "X-Real-IP"`)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	layer.made = true
	return layer, nil
}

// checkProxies notes the mistakes in a list of networks whose peers choose what
// the client is known by.
func checkProxies(list string, networks []netip.Prefix, chosen string, wrong func(field, value, reason string)) {
	for i, prefix := range networks {
		field := fmt.Sprintf("%s[%d]", list, i)
		if reason := networkFault(prefix); reason != "" {
			wrong(field, textOfNetwork(prefix), reason)
		} else if prefix.Bits() == 0 {
			wrong(field, prefix.String(), "trusts every client to choose its own "+chosen+"; name the networks of the proxies only, such as 10.0.0.0/8")
		}
	}
}

// textOfNetwork returns a network as text, and nothing for an invalid one.
func textOfNetwork(network netip.Prefix) string {
	if !network.IsValid() {
		return ""
	}
	return network.String()
}

// networkFault says what is wrong with a network.
func networkFault(network netip.Prefix) string {
	switch {
	case !network.IsValid():
		return `is not a network; write netip.MustParsePrefix("10.0.0.0/8")`
	case network.Addr().Is4In6():
		return "is IPv4 written as IPv6, and matches no address; write it as IPv4, such as 10.0.0.0/8"
	}
	return ""
}

// baseFault says what is wrong with a BaseURL.
func baseFault(base string) string {
	if base == "" {
		return ""
	}
	u, err := url.Parse(base)
	if err == nil && u.Host != "" {
		if _, ok := withoutPort(u.Host); !ok {
			return "has a port that is not a number from 1 to 65535; write it as in https://api.example.com:8443, or without a port"
		}
	}
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "must be an http or https URL such as https://api.example.com"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "must be scheme and host only, such as https://api.example.com, without path, trailing slash, query or user"
	}
	return ""
}
