package headers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// Nonce returns the nonce of the response to the request that ctx belongs to.
// Write it into the nonce attribute of each script and style element of the
// page:
//
//	nonce := headers.Nonce(r.Context())
//	fmt.Fprintf(w, "<script nonce=%q>start()</script>", nonce)
//
// The policy of the layer must have 'nonce', as the preset [HTML] has.
// Otherwise Nonce returns the empty string. A nonce is 18 random bytes as 24
// characters of the URL-safe base64 alphabet, new for each response.
//
// A handler may send a sub-request with its own context through a headers
// layer. The answer to the sub-request has a nonce of its own. Sub-requests may
// run at the same time in two cases:
//
//   - Each sub-request has a Header map of its own, as requests of
//     [http.NewRequest] and Clone have.
//   - There is also a headers layer around the handler that sends them.
//
// In any other case a sub-request could get the nonce of another sub-request.
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
