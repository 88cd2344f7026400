// Package authtest helps you test a service that has authentication. It makes
// callers, tokens and proofs. It also has test suites for stores of
// credentials. The page docs/testing.md in the repository has a whole service
// with its tests.
//
// # Threat
//
// A test that fakes the verifier shows only that the fake works. A test with
// good tokens only does not show that bad tokens are refused. A store that
// loses a revocation, or lets two refreshes of one token succeed, passes every
// test that does not look for these faults.
//
// # Defence
//
// For a handler alone, [As] gives a request its caller:
//
//	r = authtest.As(r, &bulwark.Principal{Issuer: "test", Subject: "alice"})
//
// For a whole service, [NewIssuer] starts an issuer with real keys:
//
//	issuer := authtest.NewIssuer(t)
//	tokens, err := jwt.New(issuer.Config())
//	…
//	token := issuer.Token(authtest.Claims{"sub": "alice"})
//	r.Header.Set("Authorization", "Bearer "+token)
//
// A real verifier accepts these tokens. [Claims] can change any claim of a
// token. [Issuer.Attacks] returns tokens that a verifier must refuse.
//
// [NewOpaqueIssuer] starts an issuer of opaque tokens. [NewProver] is a client
// that proves the possession of a key, and [ProverWith] is such a client with a
// given key.
//
// [TestSessionStore], [TestKeyStore], [TestRevocations] and [TestReplays] check
// the rules of the four store interfaces, each rule in a subtest. Call them
// from the tests of a store of your own, as docs/own-store.md shows. Each suite
// is itself tested with stores that break one rule each.
//
// # Not covered
//
// The package is for tests only: keys are made for each test and thrown away.
// The suites run in one process against one store. They do not stop a database,
// cut a connection or set a clock.
//
// # Errors
//
// A mistake in a call fails the test.
//
// The Examples of [NewIssuer] and [As] show both kinds of test.
package authtest

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// As returns r as a request of the caller p, for tests of handlers without an
// authentication layer. A nil p makes the caller anonymous. See
// [bulwark.WithPrincipal].
//
// Set both Issuer and Subject of p. If one of them is missing, authz takes the
// caller for anonymous. The event of the 401 then says to set both.
func As(r *http.Request, p *bulwark.Principal) *http.Request {
	return r.WithContext(bulwark.WithPrincipal(r.Context(), p))
}
