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

// CrossSite refuses requests that a page of another site has made a browser
// send with the user's cookie.
//
// Requests that change something are checked by [http.CrossOriginProtection]:
// by Sec-Fetch-Site, and where a browser is too old for that by Origin, whose
// host, not its scheme, must be that of the Host header, or which must be the
// service's own. The hosts that [bulwark.Edge] accepts bound what this may be:
// without an Edge, any name that somebody points at this service counts as its
// own. A request with neither header comes from no browser and carries no
// forged cookie.
//
// A WebSocket handshake is a GET, which that check lets through, and no CORS
// applies to it. So its Origin, which every browser sends (RFC 6455 section
// 4.1), must be exactly the service's own or a trusted one.
//
// The service's own origin is the host that [bulwark.Edge] has found among its
// Hosts for this very request, with the scheme that the client came by, or
// https where BaseURL has it. A page at one of the service's names is not of
// its own at another of them: list it if it may call. A proxy that puts another
// Host in place of the public name hides it, so list that too. Without an
// accepted host the BaseURL is the own origin. Without a BaseURL as well, only
// trusted origins may open WebSockets.
//
// Safe methods are not checked: a handler of GET must not change anything.
//
// It is a layer that may stand anywhere in a chain, inside [bulwark.Edge]. A
// zero or nil CrossSite refuses every request with 500 "auth.unconfigured". It
// is safe for concurrent use.
type CrossSite struct {
	protection *http.CrossOriginProtection
	trusted    map[string]bool
}

// NewCrossSite returns a guard that trusts the given origins, such as
// "https://app.example.com", besides the service's own. The error joins a
// *[bulwark.ConfigError] for everything that is wrong.
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
			wrong(err.Error())
		}
		c.trusted[origin] = true
	}
	return c
}

// Wrap returns a handler that calls next for requests that pass
// [CrossSite.Check], and refuses the others. It is for a service, or a part of
// one, whose cookies are not read by an [Authenticator]; [Middleware] checks by
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
// serialize it (WHATWG HTML, "ASCII serialization of an origin"), since it is
// compared byte by byte.
func originFault(origin string) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "is no origin; write scheme and host such as https://app.example.com"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(origin, "#") || strings.HasSuffix(origin, "?"):
		return "must be scheme, host and port only, without trailing slash"
	case strings.Contains(origin, "*"):
		return "must be one origin, without wildcards"
	case canonicalOrigin(origin) != origin:
		return "must be written as browsers send it: lower case, without the default port"
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
// "auth.cross_site" with the event malicious_csrf. It is for requests whose
// credential is ambient, and for handlers that set or clear such a credential.
func (c *CrossSite) Check(r *http.Request) error {
	if c == nil || c.protection == nil {
		return fault.Unmade("auth(crosssite)", "NewCrossSite")
	}
	if isWebSocket(r) {
		return c.checkOrigin(r)
	}
	err := c.protection.Check(r)
	if err == nil || len(r.Header["Sec-Fetch-Site"]) == 0 && c.checkOrigin(r) == nil {
		return nil
	}
	return crossSite(err)
}

// checkOrigin compares the Origin, as it must be for a WebSocket handshake.
func (c *CrossSite) checkOrigin(r *http.Request) error {
	origins := r.Header["Origin"]
	if len(origins) != 1 {
		return crossSite(errors.New("WebSocket handshake without exactly one Origin"))
	}
	if c.trusted[origins[0]] {
		return nil
	}
	_, scope := bulwark.Enter(r)
	if own := ownOrigin(scope); own != "" && origins[0] == own {
		return nil
	}
	return crossSite(errors.New("WebSocket handshake from another origin; name it in TrustedOrigins if its pages may open one"))
}

// ownOrigin returns the origin of the service's own pages that may send this
// request. Edge may not know of the proxy that ends TLS: the BaseURL tells the
// scheme then, so that a page that came in the clear does not pass.
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
