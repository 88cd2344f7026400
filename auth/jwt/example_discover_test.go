package jwt_test

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
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// A service that accepts the tokens of an issuer, and finds the keys of the issuer
// by its metadata.
func ExampleDiscover() {
	issuer, sign := exampleIssuer() // such as "https://login.example.com/realms/acme"
	defer issuer.Close()

	tokens, err := jwt.New(jwt.Config{
		Issuer:   issuer.URL,
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.Discover(issuer.URL, jwt.RemoteConfig{}),
	})
	if err != nil {
		panic(err)
	}
	defer tokens.Shutdown(context.Background())
	caller, err := tokens.Verify(context.Background(), sign("alice"))
	if err != nil {
		panic(err)
	}
	fmt.Println("hello,", caller.Subject)
	// Output:
	// hello, alice
}

// Both issuers must be the iss of the tokens, to the letter. Here they differ by a
// slash at the end.
func ExampleDiscover_incorrect() {
	_, err := jwt.New(jwt.Config{
		Issuer:   "https://issuer.example/",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.Discover("https://issuer.example", jwt.RemoteConfig{}),
	})
	fmt.Println(err)
	// Output:
	// jwt(https://issuer.example/).Keys: https://issuer.example: are of another issuer than Issuer; give Discover and Issuer the iss of the tokens, to the letter
}

// exampleIssuer stands for an authorization server.
func exampleIssuer() (server *httptest.Server, sign func(subject string) string) {
	mux := http.NewServeMux()
	server = httptest.NewServer(mux)
	key := bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	signer := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: server.URL}))
	mux.Handle("GET /keys", signer.JWKSHandler())
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, server.URL, server.URL+"/keys")
	})
	return server, func(subject string) string {
		return bulwark.Must(signer.Sign("at+jwt", map[string]any{
			"sub": subject,
			"aud": "https://api.example.com",
			"exp": time.Now().Add(15 * time.Minute).Unix(),
		}))
	}
}
