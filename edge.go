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

// An Edge says how the service meets the network. As a layer it stands just
// inside audit and outside everything else, and settles once per request which
// host was asked for, who the client is, whether it came over TLS, and the id
// of the request. Nothing else in this module reads a forwarding header. The
// answer has one X-Request-Id, which is that id, whatever a handler or the
// service behind a reverse proxy sets.
//
// A request target that is not a path, and a target with an authority other
// than the Host, is refused with 400 "edge.request_target": two readers would
// take the request for two different ones.
//
// Take out what else rewrites the address of the client: chi's RealIP,
// gorilla's ProxyHeaders and their like. They overwrite RemoteAddr with an
// entry that the client wrote, and Edge would take that for the peer. Ask
// [ClientIP] in place of gin's ClientIP and echo's RealIP, which read the
// headers on their own.
//
// A health check of an orchestrator or a balancer asks by address, or by
// HTTP/1.0 without a Host, and is refused with 421 and an event. Name its path
// in HealthPaths, or serve the path outside the stack:
//
//	root := http.NewServeMux()
//	root.Handle("GET /health", health)
//	root.Handle("/", stack.Wrap(mux))
//
// The zero Edge is refused: Hosts must be named.
type Edge struct {
	// Hosts are the names under which the service answers, such as
	// "api.example.com" or "[::1]". "*.example.com" stands for every name with
	// one label in place of the asterisk. Without a port a name matches any
	// port; with one it matches that port only. Case does not matter. A request
	// for another host is refused with 421 "edge.misdirected" (RFC 9110 section
	// 7.4): it comes from DNS rebinding or wants to poison links.
	Hosts []string
	// InsecureAnyHost accepts every Host, for services whose proxy checks it.
	InsecureAnyHost bool
	// HealthPaths are paths such as "/health" that orchestrators and balancers
	// ask for by address, or by HTTP/1.0 without a Host. A GET or HEAD for
	// exactly such a path, as it is escaped in the URL, passes without a name
	// of Hosts: where the Host is an address in HealthHosts, or is empty. Such
	// a host is never an origin of the service. Default: none.
	HealthPaths []string
	// HealthHosts are the networks of the service's own addresses, by which a
	// probe asks for HealthPaths. They need HealthPaths. Default: none, so that
	// only a probe without a Host passes.
	HealthHosts []netip.Prefix
	// BaseURL is the public URL of the service, such as
	// "https://api.example.com": scheme and host, no path. Links and DPoP proofs
	// use it in place of the Host header. Optional, but for DPoP.
	BaseURL string
	// TrustedProxies are the networks whose word on the client is taken. The
	// zero value trusts nobody: the client is the peer.
	TrustedProxies []netip.Prefix
	// TrustUnixSocket trusts whoever connects to a Unix socket that the service
	// listens on, as TrustedProxies trusts a network. Such a peer has no
	// address. Without this field, and where the proxy names no client, its
	// requests are refused with 400 "edge.client_address". Default: false.
	TrustUnixSocket bool
	// ForwardedHeader is the one header in which the trusted proxies name the
	// client. The other forwarding headers are not read: what stands in them is
	// the client's word. Required together with TrustedProxies or
	// TrustUnixSocket, and an error without. One of:
	//
	//   - "X-Forwarded-For", to which each proxy adds: the client is the first
	//     address, from the right, that is not a trusted proxy's;
	//   - "Forwarded" (RFC 7239), which is read in the same way, and says
	//     whether the client came over TLS;
	//   - a header with a single address, such as "CF-Connecting-IP",
	//     "X-Real-IP", "True-Client-IP" or "Fly-Client-IP": one line, one
	//     address. The proxy must overwrite it. Where it is missing, the client
	//     is the peer.
	//
	// With all but Forwarded, X-Forwarded-Proto of a trusted proxy says whether
	// the client came over TLS.
	ForwardedHeader string
	// RequestID returns the id of a request that the application has already,
	// such as that of its tracing. It has 1 to 64 letters, digits, "-", ".",
	// "_" and "~". Anything else, also nothing, is passed over. Default: the id
	// in the X-Request-Id of a trusted proxy, or else a random one.
	RequestID func(*http.Request) string
	// Responder renders refusals in place of the standard body. Optional.
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
// for everything that is wrong.
func NewEdge(e Edge) (*EdgeLayer, error) {
	layer := &EdgeLayer{proxies: slices.Clone(e.TrustedProxies), trustUnix: e.TrustUnixSocket, requestID: e.RequestID, responder: e.Responder}
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
	for i, prefix := range e.TrustedProxies {
		switch {
		case !prefix.IsValid():
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), "", "is not a network; use netip.MustParsePrefix")
		case prefix.Addr().Is4In6():
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), prefix.String(), "is IPv4 written as IPv6, which no address here is; write it as IPv4")
		case prefix.Bits() == 0:
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), prefix.String(), "trusts everybody, so that any client chooses its own address; name the proxies' networks")
		}
	}
	trusts := len(e.TrustedProxies) > 0 || e.TrustUnixSocket
	layer.header = http.CanonicalHeaderKey(e.ForwardedHeader)
	switch {
	case e.ForwardedHeader == "" && trusts:
		wrong("ForwardedHeader", "", `is empty; name the one header that the proxies set, such as "X-Forwarded-For", "Forwarded" or "X-Real-IP"`)
	case e.ForwardedHeader != "" && !trusts:
		wrong("ForwardedHeader", e.ForwardedHeader, "is read from trusted proxies only; set TrustedProxies or TrustUnixSocket too")
	case e.ForwardedHeader != "" && !namesClient(layer.header):
		wrong("ForwardedHeader", e.ForwardedHeader, `must be "X-Forwarded-For", "Forwarded", or a header with a single address such as "X-Real-IP"`)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	layer.made = true
	return layer, nil
}

// baseFault says what is wrong with a BaseURL.
func baseFault(base string) string {
	if base == "" {
		return ""
	}
	u, err := url.Parse(base)
	if err == nil && u.Host != "" {
		if _, ok := withoutPort(u.Host); !ok {
			return "has a port that is not a number from 1 to 65535"
		}
	}
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "must be an http or https URL such as https://api.example.com"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "must be scheme and host only, without path, trailing slash, query or user"
	}
	return ""
}
