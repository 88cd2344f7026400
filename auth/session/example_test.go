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
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// The smallest service with a login. Issue sets the cookies, and the auth layer
// reads them.
func Example() {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signingKey(), Issuer: "https://api.example.com"})
	if err != nil {
		panic(err)
	}
	sessions, err := session.New(session.Config{
		Signer:    signer,
		Audience:  "https://api.example.com",
		Store:     &session.MemoryStore{},
		StoreKeys: [][]byte{[]byte("32 random bytes from your secrets")},
		Lookup: func(ctx context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil // from your database; nil for a disabled account
		},
	})
	if err != nil {
		panic(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here, and limit the guesses.
		tokens, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		json.NewEncoder(w).Encode(tokens)
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			fmt.Fprintln(w, "nobody")
			return
		}
		fmt.Fprintln(w, caller.Subject)
	})
	stack := bulwark.Must(bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true},
	))

	login := httptest.NewRecorder()
	stack.Wrap(mux).ServeHTTP(login, httptest.NewRequest("POST", "/login", nil))
	me := httptest.NewRequest("GET", "/me", nil)
	for _, cookie := range login.Result().Cookies() {
		fmt.Println("cookie", cookie.Name)
		me.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	stack.Wrap(mux).ServeHTTP(w, me)
	fmt.Print(w.Body)
	// Output:
	// cookie __Host-access
	// cookie __Host-refresh
	// alice
}

// signingKey stands for a key from your secrets. With a new key at each start, a
// restart would log everybody out.
func signingKey() *ecdsa.PrivateKey {
	return bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

// New reports all mistakes at once. Each message says what to write instead, and
// no message shows a key.
func Example_incorrect() {
	_, err := session.New(session.Config{
		Signer:         bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: signingKey(), Issuer: "https://api.example.com"})),
		Audience:       "https://api.example.com",
		StoreKeys:      [][]byte{[]byte("password")},
		AccessLifetime: 24 * time.Hour,
		SameSite:       http.SameSiteNoneMode,
		TrustedOrigins: []string{"https://app.example.com/"},
	})
	fmt.Println(err)
	// Output:
	// session.Store: is nil; use &session.MemoryStore{} or a store that your processes share
	// session.StoreKeys[0]: must be 32 to 1024 random bytes, such as the output of openssl rand 32
	// session.Lookup: is nil; write a function that finds the account, and returns nil for a disabled one
	// session.AccessLifetime: 24h0m0s: must be from 1m0s to 1h0m0s; 0 chooses the default
	// session.SameSite: 4: must be http.SameSiteStrictMode or http.SameSiteLaxMode; 0 chooses Strict
	// session.TrustedOrigins[0]: https://app.example.com/: must be scheme, host and port only, without a trailing slash, such as https://app.example.com
}

// A browser logs in, refreshes and logs out. It keeps the tokens in cookies and
// never sees them in a body.
func Example_browser() {
	account := &bulwark.Principal{Subject: "alice", Roles: []string{"user"}}
	signer := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: signingKey(), Issuer: "https://api.example.com"}))
	sessions, err := session.New(session.Config{
		Signer:    signer,
		Audience:  "https://api.example.com",
		Store:     &session.MemoryStore{},
		StoreKeys: [][]byte{[]byte("32 random bytes from your secrets")},
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
	mux.Handle("GET /.well-known/jwks.json", signer.JWKSHandler())
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
