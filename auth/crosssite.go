package auth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// CrossSite refuses cross-site requests: a page of another site makes the
// browser send a request, and the browser adds the user's cookie.
//
// [http.CrossOriginProtection] checks the requests that change something:
//
//   - A browser sends Sec-Fetch-Site. The value must be same-origin or none, or
//     the Origin must be trusted.
//   - A browser too old for Sec-Fetch-Site sends Origin. Its host must be the
//     host of the Host header (the scheme does not matter), or the Origin must
//     be the service's own or trusted.
//   - A request without Sec-Fetch-Site and without Origin passes. It does not
//     come from a browser, so no page has made it.
//
// [bulwark.Edge] limits the Host header to the names of the service. Without an
// Edge, an attacker can point their own domain name at this service, and this
// name counts as the service's own.
//
// A WebSocket handshake is a GET. The check above lets a GET pass, and CORS
// does not apply to a handshake. Every browser sends an Origin with the
// handshake (RFC 6455 section 4.1). The Origin must be exactly the service's
// own origin or a trusted origin.
//
// The service's own origin is found in this order:
//
//  1. The host of this request, if [bulwark.Edge] accepts it by its Hosts. The
//     scheme is the scheme of the client, or https if BaseURL has https.
//  2. The BaseURL of the Edge.
//  3. Otherwise the service has no origin of its own. Then only pages of
//     trusted origins may open a WebSocket.
//
// A service with two names has two origins. List the origin whose pages may
// call the other name. If a proxy replaces the public name in the Host header,
// also list the public origin.
//
// Safe methods are not checked: a handler of GET must not change anything.
//
// A CrossSite is a layer that may stand anywhere in a chain, inside
// [bulwark.Edge]. A zero or nil CrossSite refuses every request with 500
// "auth.unconfigured". It is safe for concurrent use.
type CrossSite struct {
	protection *http.CrossOriginProtection
	trusted    map[string]bool
}

// NewCrossSite returns a guard that trusts the service's own origin and the
// given origins, such as "https://app.example.com". The error joins a
// *[bulwark.ConfigError] for each mistake.
func NewCrossSite(trusted []string) (*CrossSite, error) {
	found := fault.In("auth(crosssite)")
	c := newCrossSite(trusted, found)
	if err := found.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func newCrossSite(trusted []string, found *fault.List) *CrossSite {
	c := &CrossSite{protection: http.NewCrossOriginProtection(), trusted: make(map[string]bool, len(trusted))}
	for i, origin := range trusted {
		wrong := func(reason string) { found.AddAt("TrustedOrigins", i, address.WithoutUser(origin), reason) }
		if reason := originFault(origin); reason != "" {
			wrong(reason)
			continue
		}
		if err := c.protection.AddTrustedOrigin(origin); err != nil {
			wrong("is not an origin that net/http accepts: " + err.Error())
		}
		c.trusted[origin] = true
	}
	return c
}

// Wrap returns a handler that calls next for requests that pass
// [CrossSite.Check], and refuses all other requests. Use it for cookies that no
// [Authenticator] reads. [Middleware] checks the cookies of its authenticators
// itself.
func (c *CrossSite) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.Check(r); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Build returns c.
func (c *CrossSite) Build() (bulwark.Layer, error) { return c, nil }

// originFault says what is wrong with an origin. It must be written as browsers
// serialize it (WHATWG HTML, "ASCII serialization of an origin"), because it is
// compared byte by byte.
func originFault(origin string) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "is not an origin; write scheme and host, such as https://app.example.com"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(origin, "#") || strings.HasSuffix(origin, "?"):
		return "must be scheme, host and port only, without a trailing slash, such as https://app.example.com"
	case strings.Contains(origin, "*"):
		return "must be one origin without wildcards; list each origin"
	case canonicalOrigin(origin) != origin:
		return "must be written as browsers send it; write " + canonicalOrigin(origin)
	}
	return ""
}

// canonicalOrigin is an http or https origin as browsers send it.
func canonicalOrigin(origin string) string {
	origin = strings.ToLower(origin)
	if rest, ok := strings.CutSuffix(origin, ":443"); ok && strings.HasPrefix(origin, "https://") {
		return rest
	}
	if rest, ok := strings.CutSuffix(origin, ":80"); ok && strings.HasPrefix(origin, "http://") {
		return rest
	}
	return origin
}

// Check returns nil, or a *[bulwark.Problem] that refuses r: 403
// "auth.cross_site" with the event malicious_csrf. Call it for requests whose
// credential is ambient (see [Ambient]), and in handlers that set or clear such
// a credential.
func (c *CrossSite) Check(r *http.Request) error {
	if c == nil || c.protection == nil {
		return fault.Unmade("auth(crosssite)", "NewCrossSite")
	}
	if isWebSocket(r) {
		return c.checkOrigin(r)
	}
	if c.protection.Check(r) == nil {
		return nil
	}
	if len(r.Header["Sec-Fetch-Site"]) > 0 {
		return crossSite(errFetchSite)
	}
	if c.checkOrigin(r) == nil {
		return nil
	}
	return crossSite(errForeignOrigin)
}

// trustedOrigins are the places that name a trusted origin. A guard does not
// know which of them has made it.
const trustedOrigins = "auth.Config.TrustedOrigins, session.Config.TrustedOrigins or auth.NewCrossSite"

// What the log learns of a cross-site request.
var (
	errFetchSite     = errors.New("Sec-Fetch-Site says that a page of another origin sent the request; to allow its pages, name the origin in " + trustedOrigins)
	errForeignOrigin = errors.New("the Origin is not the service's own (bulwark.Edge.Hosts and BaseURL), and is not in " + trustedOrigins)
	errOneOrigin     = errors.New("a WebSocket handshake needs exactly one Origin: the service's own, or one in " + trustedOrigins)
	errWebSocket     = errors.New("a WebSocket handshake from another origin than the service's own (bulwark.Edge.Hosts and BaseURL); to allow its pages, name the origin in " + trustedOrigins)
)

// checkOrigin compares the Origin, as it must be for a WebSocket handshake.
func (c *CrossSite) checkOrigin(r *http.Request) error {
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return crossSite(errOneOrigin)
	}
	if c.trusted[origins[0]] {
		return nil
	}
	_, scope := bulwark.Enter(r)
	if own := ownOrigin(scope); own != "" && origins[0] == own {
		return nil
	}
	return crossSite(errWebSocket)
}

// ownOrigin returns the origin of the service's own pages that may send this
// request. Edge may not know of the proxy that ends TLS. Then the scheme of
// BaseURL counts, so that a page that came in the clear does not pass.
func ownOrigin(scope *bulwark.Scope) string {
	own, base := scope.Origin(), canonicalOrigin(scope.BaseURL())
	if own == "" {
		return base
	}
	if host, clear := strings.CutPrefix(own, "http://"); clear && strings.HasPrefix(base, "https://") {
		return canonicalOrigin("https://" + host)
	}
	return own
}

// isWebSocket reports whether r opens a WebSocket: by Upgrade (RFC 6455 section
// 4.2.1), or over HTTP/2 and 3 by extended CONNECT (RFC 8441).
func isWebSocket(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return true
	}
	for _, line := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(protocol, " \t"), "websocket") {
				return true
			}
		}
	}
	return false
}

func crossSite(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusForbidden,
		Code:   "auth.cross_site",
		Detail: "The request was sent from another site.",
		Log:    bulwark.ProblemLog{Event: bulwark.MaliciousCSRF},
		Err:    cause,
	}
}
