// Package authtest helps to test what stands behind authentication: an issuer
// with real keys whose tokens a real verifier accepts ([NewIssuer]), one of
// opaque tokens ([NewOpaqueIssuer]), clients that prove possession of a key
// ([NewProver]), the tokens and proofs that must not be accepted, and requests
// of a ready caller.
//
// It is for tests only: the keys are made for each test and thrown away.
//
//	issuer := authtest.NewIssuer(t)
//	verifier, err := jwt.New(issuer.Config())
//	…
//	request.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"sub": "alice"}))
package authtest

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// As returns r as a request of the caller p, who is anonymous if nil, for tests
// of handlers without an authentication layer. See [bulwark.WithPrincipal].
func As(r *http.Request, p *bulwark.Principal) *http.Request {
	return r.WithContext(bulwark.WithPrincipal(r.Context(), p))
}
