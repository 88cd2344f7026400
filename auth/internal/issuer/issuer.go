// Package issuer looks which issuer the token of a request names, so that the
// authenticators find out whose token it is. The packages that read tokens
// share it.
package issuer

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/compact"
)

// looked is what the token of the request names. It is there where somebody has
// looked into a long token: the others need not decode it again.
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
	if compact.IsShort(token) { // on the stack, quicker than to remember it
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
