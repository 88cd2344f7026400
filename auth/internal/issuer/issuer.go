// Package issuer finds the issuer that the token of a request names. With it,
// authenticators recognize their own tokens. The packages that read tokens
// share it.
package issuer

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/compact"
)

// looked is the result for a long token of the request, so that each
// authenticator does not decode the token again.
var looked bulwark.Slot[*look]

type look struct {
	token, issuer string
	ok            bool
}

// IsFrom reports whether the payload of r's token, of at most limit bytes, says
// that the token is from the issuer. See [compact.IsFrom].
func IsFrom(r *http.Request, token, issuer string, limit int) bool {
	if len(token) > limit {
		return false
	}
	if compact.IsShort(token) { // decoding on the stack is faster than remembering
		return compact.IsFrom(token, issuer, limit)
	}
	found, ok := Of(r, token, limit)
	return ok && found == issuer
}

// Of returns the issuer that the payload of r's token, of at most limit bytes,
// names. See [compact.Issuer].
func Of(r *http.Request, token string, limit int) (issuer string, ok bool) {
	if len(token) > limit {
		return "", false
	}
	_, scope := bulwark.Enter(r)
	if known, found := looked.Get(scope); found && known.token == token {
		return known.issuer, known.ok
	}
	found := &look{token: token}
	found.issuer, found.ok = compact.Issuer(token, limit)
	looked.Set(scope, found)
	return found.issuer, found.ok
}

// mostLabel bounds an issuer in the path of an error, in bytes.
const mostLabel = 128

// Label returns the issuer in round brackets, for the path of an error, so that
// a program with several verifiers says which verifier is wrong. It returns ""
// for a text that is long, that cannot be read in a path, or that may hold a
// password.
func Label(issuer string) string {
	if issuer == "" || len(issuer) > mostLabel {
		return ""
	}
	for i := range len(issuer) {
		if c := issuer[i]; c <= ' ' || c > '~' || strings.IndexByte("()[]@?#", c) >= 0 {
			return ""
		}
	}
	return "(" + issuer + ")"
}
