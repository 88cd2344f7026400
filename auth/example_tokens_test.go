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
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// Signed tokens, opaque tokens and API keys behind one layer. Exactly one
// authenticator verifies each request, and all handlers see the same kind of
// caller. Each authenticator has its own issuer. After a logout, the signed token
// is refused.
func Example_tokens() {
	signer := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{
		Key:    bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		Issuer: "https://login.example.com",
	}))
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"active": true, "sub": "bob", "aud": "https://api.example.com", "exp": 4102444800}`)
	}))
	defer partner.Close()

	revocations := &auth.MemoryRevocations{} // several processes need a store that they share
	signed := bulwark.Must(jwt.New(jwt.Config{
		Issuer:      "https://login.example.com",
		Audience:    []string{"https://api.example.com"},
		Keys:        signer.Keys(), // jwt.Discover for the keys of another server
		Revocations: revocations,
	}))
	opaque := bulwark.Must(introspection.New(introspection.Config{
		Endpoint: partner.URL + "/introspect",
		Issuer:   "https://partner.example",
		Audience: []string{"https://api.example.com"},
		Client:   introspection.Client{ID: "documents", Secret: "from your secrets"},
	}))
	keys := bulwark.Must(apikey.New(apikey.Config{
		Prefix:  "acme",
		Issuer:  "https://api.example.com/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:   &apikey.MemoryStore{},
	}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println(caller.Method, "of", caller.Issuer)
	})
	// Only signed tokens are looked up in this store. An opaque token is
	// revoked at its issuer (RFC 7009), and a key with keys.Revoke.
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		if err := auth.Revoke(r.Context(), revocations, auth.RevocationOf(caller)); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	var events bulwarktest.Recorder // audit.Config{} in a real service
	stack := bulwark.Must(bulwark.Chain(
		&events,
		auth.Config{Authenticators: []auth.Authenticator{signed, opaque, keys}},
	))
	defer stack.Shutdown(context.Background())
	send := func(method, path, authorization string) {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		stack.Wrap(mux).ServeHTTP(w, r)
		for _, e := range events.Take() {
			fmt.Println(w.Code, e.Name, e.Reason)
		}
	}

	token := bulwark.Must(signer.Sign("at+jwt", map[string]any{
		"sub": "alice",
		"aud": "https://api.example.com",
		"jti": rand.Text(),
		"iat": time.Now().Unix(),
		"exp": time.Now().Add(15 * time.Minute).Unix(),
	}))
	issued := bulwark.Must(keys.Issue(context.Background(), apikey.Grant{Name: "batch job"}))
	send("GET", "/documents", "Bearer "+token)
	send("GET", "/documents", "Bearer 2YotnFZFEjr1zCsicMWpAA")
	send("GET", "/documents", "ApiKey "+issued.Key)

	send("POST", "/logout", "Bearer "+token)
	send("GET", "/documents", "Bearer "+token)
	// Output:
	// jwt of https://login.example.com
	// introspection of https://partner.example
	// api_key of https://api.example.com/keys
	// 204 authn_token_revoked token
	// 401 authn_token_invalid revoked
}
