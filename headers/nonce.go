package headers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// Nonce returns the nonce of the response to the request that ctx belongs to:
// the value for the nonce attributes of its script and style elements. It is 24
// characters of the URL-safe base64 alphabet, of 18 random bytes, new for each
// response. It is empty where the layer's policies have no 'nonce'.
//
// The answer to a sub-request, which a handler sends with its own context
// through a headers layer again, has a nonce of its own. Sub-requests may run
// side by side if each has a Header map of its own, as those of
// [http.NewRequest] and Clone have, or if there is also a headers layer around
// that handler. Otherwise they share what they are known by, and a sub-request
// could get the nonce of another.
func Nonce(ctx context.Context) string {
	scope, ok := ctx.(*bulwark.Scope)
	if !ok {
		// Somebody has derived a context; the scope is found inside it.
		_, scope = bulwark.Enter(new(http.Request).WithContext(ctx))
	}
	a := answerOf(ctx, scope)
	if a == nil || a.nonce == "" {
		return ""
	}
	a.told.Store(true)
	return a.nonce
}

func newNonce() string {
	var raw [18]byte
	var text [24]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	base64.RawURLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}
