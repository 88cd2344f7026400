package auth

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/token"
)

// An Authenticator verifies one kind of credential. Its methods are called from
// many goroutines at once.
//
// An Authenticator may implement further interfaces:
//
//   - [Issuer] names the issuer of its callers.
//   - [Issuers] names the issuers, if there are several.
//   - [Carrier] names header fields other than Authorization that it reads.
//   - [Claimant] says how it recognizes its own credentials.
//   - [Reviewer] looks again whether a credential is still good.
//   - [bulwark.Shutdowner] releases its resources.
//
// [New] refuses an Authenticator that has a method of one of these interfaces
// with another signature. An Authenticator that wraps another Authenticator
// forwards all these methods.
type Authenticator interface {
	// Detect reports whether r carries a credential of this kind. It looks at
	// the syntax only: no I/O, no signature, no lookup. An Authenticator that
	// reads header fields other than Authorization must be a [Carrier], so that
	// [Middleware] can refuse a request with two credentials.
	Detect(r *http.Request) Presence
	// Authenticate verifies the credential that Detect has found. It returns
	// the caller, or an error that refuses r. Make the error with [Invalid] or
	// [Unavailable], or return another *[bulwark.Problem]. Any other error
	// becomes an opaque 500. Authenticate never writes a response. Authenticate
	// never returns nil for both results.
	Authenticate(r *http.Request) (*bulwark.Principal, error)
	// Challenges returns what a 401 offers for this kind of credential: at
	// least one scheme, with its parameters. The client should prefer the first
	// challenge. [Middleware] adds realm, resource_metadata and error. [New]
	// asks once.
	Challenges() []bulwark.Challenge
}

// Presence is how a request carries a credential.
type Presence int

const (
	// None means that the request has no credential of this kind.
	None Presence = iota
	// Ambient means a credential that a browser attaches without asking the
	// user, such as a cookie or a client certificate. It counts only if the
	// request has no other credential, and no other ambient one. [CrossSite]
	// checks the request. With [Config.Optional], a bad ambient credential
	// counts as no credential.
	Ambient
	// Fallback means a credential that may be of this kind, such as an opaque
	// token that only its issuer can read. It is verified if no authenticator
	// reports Explicit, Likely or Kindred.
	Fallback
	// Kindred means a credential that could belong to any authenticator of this
	// kind, such as a malformed API key. If no authenticator reports Explicit,
	// the first authenticator that reports Kindred gets it. Two authenticators
	// are of the same kind if their first challenges have the same scheme.
	Kindred
	// Likely means a Kindred credential that this authenticator can look up,
	// such as an API key from an older system. It goes before Kindred.
	Likely
	// Explicit means a credential that is certainly of this kind.
	Explicit
)

// Credentials returns the text after the scheme in the Authorization header of
// r. The case of the scheme does not matter (RFC 9110 section 11.1). The result
// ok is false in these cases:
//
//   - The request has no Authorization header, or more than one line of it.
//   - The header has another scheme.
//   - The header is not a scheme followed by credentials.
//
// Credentials does not allocate.
func Credentials(r *http.Request, scheme string) (credentials string, ok bool) {
	lines := r.Header["Authorization"]
	if len(lines) != 1 {
		return "", false
	}
	found, credentials, ok := split(lines[0])
	return credentials, ok && strings.EqualFold(found, scheme)
}

// split cuts an Authorization line into scheme and credentials (RFC 9110
// section 11.4): a token, one or more spaces, and credentials that do not begin
// or end with white space.
func split(line string) (scheme, credentials string, ok bool) {
	end := strings.IndexByte(line, ' ')
	if end <= 0 {
		return "", "", false
	}
	if !token.Is(line[:end]) {
		return "", "", false
	}
	credentials = strings.TrimLeft(line[end:], " ")
	if credentials == "" {
		return "", "", false
	}
	for _, edge := range [...]byte{credentials[0], credentials[len(credentials)-1]} {
		if edge <= ' ' {
			return "", "", false
		}
	}
	return line[:end], credentials, true
}
