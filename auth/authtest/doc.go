// Package authtest helps to test what stands behind authentication, and what
// stands below it: callers, tokens and proofs for a service's own tests, and
// the rules that every store of credentials keeps.
//
// # Threat
//
// A test that fakes the verifier shows that the fake works. A test that tries
// good tokens alone shows nothing about the others. A store that loses a
// revocation, or lets two refreshes of one token succeed, works in every test
// but one that looks for it.
//
// # Defence
//
// [NewIssuer] starts an issuer with real keys, whose tokens a real verifier
// accepts. Its [Claims] make any token, and its list of [Attack] values has the
// tokens that no verifier may accept. [NewOpaqueIssuer] starts an issuer of
// opaque tokens. [NewProver] is a client that proves the possession of a key,
// and [ProverWith] one that has a key already. [As], with its Example, makes a
// request of a ready caller, for tests of handlers without an authentication
// layer.
//
//	issuer := authtest.NewIssuer(t)
//	verifier, err := jwt.New(issuer.Config())
//	…
//	request.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"sub": "alice"}))
//
// [TestSessionStore], [TestKeyStore], [TestRevocations] and [TestReplays]
// execute the rules that the four store interfaces state, each rule in a
// subtest. Call them from the tests of a store of your own. Each suite is
// itself run against stores that break one rule each.
//
// # Not covered
//
// The package is for tests only: keys are made for each test and thrown away.
// The suites run in one process against one store. They do not stop an engine,
// cut a connection or set a clock.
//
// # Errors
//
// What goes wrong fails the test that called.
package authtest

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// As returns r as a request of the caller p, who is anonymous if nil, for tests
// of handlers without an authentication layer. See [bulwark.WithPrincipal].
//
// Set both Issuer and Subject of p: authz takes a principal without one of them
// for nobody, and says so in the event of its 401.
func As(r *http.Request, p *bulwark.Principal) *http.Request {
	return r.WithContext(bulwark.WithPrincipal(r.Context(), p))
}
