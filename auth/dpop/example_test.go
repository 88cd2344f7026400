package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// Tokens that are bound to a key of the client. An attacker who has stolen the
// token, and even a proof that was sent with it, cannot use them.
func ExampleNew() {
	signer := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{
		Key:    bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		Issuer: "https://issuer.example",
	}))
	proofs, err := dpop.New(dpop.Config{
		Replays: &dpop.MemoryReplays{}, // one that all processes share, if there are several
	})
	if err != nil {
		panic(err)
	}
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://issuer.example",
		Audience: []string{"https://api.example.com"},
		Keys:     signer.Keys(), // jwt.Discover for those of another server
		DPoP:     proofs,
	})
	if err != nil {
		panic(err)
	}
	var events bulwarktest.Recorder // audit.Config{} in a real service
	stack := bulwark.Must(bulwark.Chain(
		&events,
		// Proofs are made out to the BaseURL, never to the Host header.
		bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: "https://api.example.com"},
		auth.Config{Authenticators: []auth.Authenticator{tokens}},
	))
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println("hello,", caller.Subject)
	}))
	send := func(r *http.Request) {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Print(w.Code)
		for _, e := range events.Take() {
			fmt.Print(" ", e.Reason)
		}
		fmt.Println()
	}

	// A client has a key, and gets a token that is bound to it.
	client := authtest.ProverWith(bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	token := bulwark.Must(signer.Sign("at+jwt", map[string]any{
		"sub": "alice",
		"aud": "https://api.example.com",
		"exp": time.Now().Add(15 * time.Minute).Unix(),
		"cnf": client.Bound()["cnf"],
	}))
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	r.Host = "api.example.com"
	client.Sign(r, "https://api.example.com/documents", token)
	send(r)

	// An attacker sends the same request again, or the token alone.
	send(r)
	r.Header.Del("DPoP")
	r.Header.Set("Authorization", "Bearer "+token)
	send(r)
	// Output:
	// hello, alice
	// 200
	// 401 replay
	// 401 binding
}

// New reports all mistakes at once, and says what to write instead.
func ExampleNew_incorrect() {
	_, err := dpop.New(dpop.Config{
		Algorithms: []string{"HS256"}, // a proof brings its key along, which is public
		Window:     time.Hour,
		NonceKey:   []byte("secret"),
	})
	fmt.Println(err)
	// Output:
	// dpop.Replays: is nil; use &dpop.MemoryReplays{} or a store that your processes share
	// dpop.Window: 1h0m0s: must be between 1 second and 5 minutes; zero is 60 seconds
	// dpop.NonceKey: must be at least 32 bytes from a random source; leave it out to ask for no nonce
	// dpop.Algorithms[0]: HS256: must be one of ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512
}
