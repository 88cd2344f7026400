package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// An issuer that gives out signed tokens and opaque tokens. The form of a token
// decides who verifies it. Both verifiers need the same Revocations: otherwise a
// user who is logged out would still get in with a token of the other form.
func ExampleConfig_oneIssuer() {
	const issuer = "https://login.example.com"
	signer := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{
		Key:    bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		Issuer: issuer,
	}))
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"active": true, "sub": "alice", "sid": "s1", "aud": "https://api.example.com", "exp": 4102444800}`)
	}))
	defer endpoint.Close()

	revocations := &auth.MemoryRevocations{}
	signed := bulwark.Must(jwt.New(jwt.Config{
		Issuer:      issuer,
		Audience:    []string{"https://api.example.com"},
		Keys:        signer.Keys(), // jwt.Discover for the keys of another server
		Revocations: revocations,
	}))
	opaque := bulwark.Must(introspection.New(introspection.Config{
		Endpoint:    endpoint.URL + "/introspect",
		Issuer:      issuer,
		Audience:    []string{"https://api.example.com"},
		Client:      introspection.Client{ID: "documents", Secret: "from your secrets"},
		Revocations: revocations,
	}))
	stack := bulwark.Must(bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{signed, opaque}}))
	defer stack.Shutdown(context.Background())
	service := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println(caller.Method, caller.Subject)
	}))
	token := bulwark.Must(signer.Sign("at+jwt", map[string]any{
		"sub": "alice",
		"sid": "s1",
		"aud": "https://api.example.com",
		"exp": time.Now().Add(15 * time.Minute).Unix(),
	}))
	try := func() {
		for _, token := range []string{token, "2YotnFZFEjr1zCsicMWpAA"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			fmt.Println(w.Code)
		}
	}
	try()
	err := auth.Revoke(context.Background(), revocations, auth.Revocation{Issuer: issuer, SessionID: "s1"})
	if err != nil {
		panic(err)
	}
	try()
	// Output:
	// jwt alice
	// 200
	// introspection alice
	// 200
	// 401
	// 401
}
