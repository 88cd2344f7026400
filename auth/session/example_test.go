package session_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func Example() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // from your secrets, so that restarts log nobody out
	if err != nil {
		panic(err)
	}
	storeKey := make([]byte, 32) // likewise
	rand.Read(storeKey)

	account := &bulwark.Principal{Subject: "alice", Roles: []string{"user"}}
	sessions, err := session.New(session.Config{
		Signer:    bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://api.example.com"})),
		Audience:  "https://api.example.com",
		Store:     &session.MemoryStore{},
		StoreKeys: [][]byte{storeKey},
		Lookup: func(ctx context.Context, subject string) (*bulwark.Principal, error) {
			return account, nil // from your database; nil for a disabled account
		},
	})
	if err != nil {
		panic(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password first, and limit the guesses.
		tokens, err := sessions.Issue(w, r, account)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(tokens)
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.Handle("GET /.well-known/jwks.json", sessions.JWKSHandler())
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			fmt.Fprintln(w, "nobody")
			return
		}
		fmt.Fprintln(w, caller.Subject, caller.Roles)
	})
	stack := bulwark.Must(bulwark.Chain(
		&bulwarktest.Recorder{}, // audit.Config{} in a real service
		auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true},
	))
	server := httptest.NewTLSServer(stack.Wrap(mux))
	defer server.Close()

	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	send := func(method, path string) {
		r, _ := http.NewRequest(method, server.URL+path, nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := browser.Do(r)
		if err != nil {
			panic(err)
		}
		defer res.Body.Close()
		var body [256]byte
		n, _ := res.Body.Read(body[:])
		fmt.Println(strings.TrimSpace(fmt.Sprintln(res.StatusCode, string(body[:n]))))
	}
	send("GET", "/me")
	send("POST", "/login")
	send("GET", "/me")
	send("POST", "/refresh")
	send("POST", "/logout")
	send("GET", "/me")

	// Output:
	// 200 nobody
	// 200 {"expires_in":900}
	// 200 alice [user]
	// 200 {"expires_in":900}
	// 204
	// 200 nobody
}
