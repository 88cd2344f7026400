package auth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/auth/internal/field"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// TokenFrom says where a token may be, if it is not in the Authorization
// header. The zero value names no such place.
//
// [Middleware] reads the token, and gives it to the authenticators as a Bearer
// token. It follows that:
//
//   - The authenticator that reads the token as "Authorization: Bearer" also
//     reads it from these places.
//   - A token that is bound to a DPoP key is refused with the reason "binding",
//     because RFC 9449 section 7.1 wants it under the scheme DPoP.
//   - A request with tokens in two of these places, or beside an Authorization
//     header, is refused as ambiguous. A Cookie is ignored beside another
//     credential.
type TokenFrom struct {
	// Header names a header field whose value is the token alone, without a
	// scheme. Example: "X-Forwarded-Access-Token" of a proxy. An empty value is
	// not a token. The token is verified, so a client that sets the field
	// itself gains nothing. A proxy may add the field to each request that has
	// the proxy's own cookie, also to the request of another site's page. So
	// [CrossSite] guards the request. Fields that HTTP, browsers or proxies
	// give another meaning are not accepted, such as Cookie and Host. Default:
	// no field. At most 64 bytes.
	Header string
	// Cookie names a cookie of another service whose value is the token. A
	// browser attaches the cookie without asking the user, so the rules for
	// cookies hold: [CrossSite] guards the request, and with [Config.Optional]
	// a bad cookie counts as no credential. Two cookies of this name are a bad
	// cookie. The name begins with "__Host-". Default: no cookie. At most 64
	// bytes.
	Cookie string
	// InsecureCookieName accepts a Cookie whose name does not begin with
	// "__Host-". Any other host of the same site can then set the cookie, and
	// so choose who the user is. Default: false.
	InsecureCookieName bool
	// WebSocket reads the token from Sec-WebSocket-Protocol in the handshake of
	// a WebSocket, because a page cannot set another field there:
	//
	//	new WebSocket(url, ["bearer", token])
	//
	// The token is the value after "bearer". The Middleware takes it out of the
	// request, so that handlers, proxies and logs inside never see it: they see
	// "bearer", and the other protocols that the page offers. The page closes
	// the connection unless the answer chooses one of these protocols. Tell the
	// WebSocket library that the service speaks "bearer", for example as its
	// Subprotocols. The Middleware adds "bearer" to a 101 without a protocol,
	// if the answer goes through WriteHeader(101) or comes from a
	// [net/http/httputil.ReverseProxy].
	//
	// A browser never adds such a token by itself, so that the Origin is not
	// checked. Default: false.
	WebSocket bool
}

// mostName bounds the names in a TokenFrom, in bytes.
const mostName = 64

// hostPrefix marks a cookie that no other host can set (RFC 6265bis section
// 4.1.3.2).
const hostPrefix = "__Host-"

// check notes the mistakes. Carried are the fields that the authenticators
// read.
func (f TokenFrom) check(carried []string, found *fault.List) {
	switch name := http.CanonicalHeaderKey(f.Header); {
	case f.Header == "":
	case len(f.Header) > mostName || !token.Is(f.Header):
		found.Add("TokenFrom.Header", "", "must be the name of a header field, of at most 64 bytes, such as X-Forwarded-Access-Token")
	case slices.Contains(carried, name):
		found.Add("TokenFrom.Header", f.Header, "is read by one of Authenticators already; leave it out")
	case field.Reserved(name):
		found.Add("TokenFrom.Header", f.Header, "has another meaning; use a field of its own, such as X-Forwarded-Access-Token")
	}
	switch host := strings.HasPrefix(f.Cookie, hostPrefix); {
	case f.Cookie == "" && f.InsecureCookieName:
		found.Add("TokenFrom.InsecureCookieName", "", "needs Cookie; set Cookie, or leave it out")
	case f.Cookie == "":
	case len(f.Cookie) > mostName || !token.Is(f.Cookie):
		found.Add("TokenFrom.Cookie", "", "must be the name of a cookie, of at most 64 bytes, such as __Host-access")
	case !host && !f.InsecureCookieName:
		found.Add("TokenFrom.Cookie", f.Cookie, "must begin with __Host-, or another host of the same site could set it; InsecureCookieName accepts it")
	case host && f.InsecureCookieName:
		found.Add("TokenFrom.InsecureCookieName", "", "is not needed for a Cookie that begins with __Host-; leave it out")
	}
}

// An offer is the tokens that a request has in the places of a TokenFrom.
type offer struct {
	count    int    // of explicit tokens
	token    string // one of them
	protocol bool   // it stands in Sec-WebSocket-Protocol
}

// sent finds the tokens that are not in a cookie.
func (f *TokenFrom) sent(r *http.Request) (found offer) {
	if f.Header != "" {
		for _, line := range r.Header[f.Header] {
			if line != "" {
				found.count++
				found.token = line
			}
		}
	}
	if f.WebSocket && isWebSocket(r) {
		if text, times := tokenProtocol(r.Header[protocolField]); times > 0 {
			found.count += times
			found.token, found.protocol = text, true
		}
	}
	return found
}

// ambient finds the cookie. It returns the number of its values.
func (f *TokenFrom) ambient(r *http.Request) (value string, count int) {
	if f.Cookie == "" || len(r.Header["Cookie"]) == 0 {
		return "", 0
	}
	for _, cookie := range r.CookiesNamed(f.Cookie) {
		if cookie.Value != "" {
			count++
			value = cookie.Value
		}
	}
	return value, count
}

// What the log learns of a token in one of these places.
var (
	errCookieTwice = errors.New("the request has the cookie of auth.Config.TokenFrom.Cookie more than once; another host of the site may have set one of them")
	errNoProtocol  = errors.New("the Sec-WebSocket-Protocol has bearer and no token after it (auth.Config.TokenFrom.WebSocket)")
)
