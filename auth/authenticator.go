package auth

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/token"
)

// An Authenticator knows one kind of credential. Its methods are called from
// many goroutines at once.
//
// What an Authenticator may have besides is named: [Issuer] says who vouches
// for its callers, [Carrier] where else it reads credentials, [Claimant] which
// credentials are its own, and [bulwark.Shutdowner] closes what it holds. [New]
// refuses an Authenticator that has a method of such a name and not the
// interface. An Authenticator around another one forwards all of them.
type Authenticator interface {
	// Detect says whether r carries a credential of this kind. It looks at the
	// syntax only: no I/O, no signature, no lookup. An Authenticator that reads
	// other header fields than Authorization is a [Carrier], so that a request
	// with two credentials is refused.
	Detect(r *http.Request) Presence
	// Authenticate verifies the credential that Detect has found and returns
	// the caller, or an error that refuses r: one of [Invalid] or
	// [Unavailable], or another *[bulwark.Problem]. Any other error becomes an
	// opaque 500. Authenticate never writes a response, and never returns nil
	// and nil.
	Authenticate(r *http.Request) (*bulwark.Principal, error)
	// Challenges are what a 401 offers for this kind of credential: at least
	// one scheme, with its further parameters. The first is the one to prefer.
	// [Middleware] adds realm, resource_metadata and error. [New] asks once.
	Challenges() []bulwark.Challenge
}

// Presence is how a request carries a credential.
type Presence int

const (
	// None means that there is no credential of this kind.
	None Presence = iota
	// Ambient is one that a browser attaches on its own, such as a cookie. It
	// counts only when there is no other, is guarded against cross-site
	// requests, and a bad one is as good as none.
	Ambient
	// Fallback is one that might be of this kind, and is taken when nobody is
	// Explicit: an opaque token that only its issuer can read.
	Fallback
	// Kindred is one that is of this kind and that any authenticator of the
	// kind may take: a key that is malformed, or of no family that is known.
	// Where none of them is Explicit the first takes it. Authenticators are of
	// one kind whose first challenge is of one scheme.
	Kindred
	// Explicit is one that is certainly of this kind.
	Explicit
)

// Credentials returns what follows the scheme in the Authorization header of r.
// It reports false where there is no such header or more than one line of it,
// where the scheme is another (case does not matter, RFC 9110 section 11.1),
// and where the line is not a scheme followed by credentials. It does not
// allocate.
func Credentials(r *http.Request, scheme string) (credentials string, ok bool) {
	lines := r.Header["Authorization"]
	if len(lines) != 1 {
		return "", false
	}
	found, credentials, ok := split(lines[0])
	return credentials, ok && strings.EqualFold(found, scheme)
}

// split cuts an Authorization line into scheme and credentials (RFC 9110
// section 11.4): a token, one or more spaces, and something that neither begins
// nor ends with white space.
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
