package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

// exampleConfig is the Config of the Examples.
func exampleConfig() session.Config {
	return session.Config{
		Signer:    bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: signingKey(), Issuer: "https://api.example.com"})),
		Audience:  "https://api.example.com",
		Store:     &session.MemoryStore{},
		StoreKeys: [][]byte{[]byte("32 random bytes from your secrets")},
		Lookup: func(ctx context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil // from your database; nil for a disabled account
		},
	}
}

// A session ends after half an hour without a request, and after twelve hours
// at the latest. Two applications on one host need cookies of different names.
func ExampleConfig() {
	c := exampleConfig()
	c.Idle = 30 * time.Minute
	c.Lifetime = 12 * time.Hour
	c.AccessCookie, c.RefreshCookie = "__Host-shop-access", "__Host-shop-refresh"
	sessions, err := session.New(c)
	if err != nil {
		panic(err)
	}

	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil)
	if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"}); err != nil {
		panic(err)
	}
	for _, cookie := range w.Result().Cookies() {
		fmt.Println(cookie.Name)
	}
	// Output:
	// __Host-shop-access
	// __Host-shop-refresh
}

// The app of a phone logs in, and refreshes by a JSON body. It gets no cookie.
func ExampleSessions_IssueTokens() {
	sessions := bulwark.Must(session.New(exampleConfig()))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here, and limit the guesses.
		tokens, err := sessions.IssueTokens(r, &bulwark.Principal{Subject: "alice"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(tokens)
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	stack := bulwark.Must(bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true},
	))

	send := func(path, body string) (tokens session.Tokens) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		stack.Wrap(mux).ServeHTTP(w, r)
		json.Unmarshal(w.Body.Bytes(), &tokens)
		fmt.Println(w.Code, tokens.TokenType, tokens.ExpiresIn, len(w.Result().Cookies()), "cookies")
		return tokens
	}
	login := send("/token", "")
	next := send("/refresh", `{"refresh_token":"`+login.RefreshToken+`"}`)
	fmt.Println("a new refresh token:", next.RefreshToken != login.RefreshToken)
	// Output:
	// 200 Bearer 900 0 cookies
	// 200 Bearer 900 0 cookies
	// a new refresh token: true
}

// A transfer of money needs a one-time password of the last five minutes.
func ExampleSessions_AddFactor() {
	sessions := bulwark.Must(session.New(exampleConfig()))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /otp", func(w http.ResponseWriter, r *http.Request) {
		// Check the one-time password here, and limit the guesses.
		if err := sessions.AddFactor(w, r, "otp"); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /transfer", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		if at, ok := caller.Factors["otp"]; !ok || time.Since(at) > 5*time.Minute {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "transfer.needs_otp"})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	stack := bulwark.Must(bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{sessions}},
	))

	login := httptest.NewRecorder()
	alice := &bulwark.Principal{Subject: "alice", Factors: map[string]time.Time{"pwd": time.Now()}}
	if _, err := sessions.Issue(login, httptest.NewRequest("POST", "/login", nil), alice); err != nil {
		panic(err)
	}
	cookies := login.Result().Cookies()
	send := func(path string) {
		r := httptest.NewRequest("POST", path, nil)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		stack.Wrap(mux).ServeHTTP(w, r)
		fmt.Println(path, w.Code)
		if changed := w.Result().Cookies(); len(changed) > 0 {
			cookies = changed
		}
	}
	send("/transfer")
	send("/otp")
	send("/transfer")
	// Output:
	// /transfer 403
	// /otp 204
	// /transfer 204
}

// The identity provider logs carol out. Her session here ends.
func ExampleSessions_BackChannelHandler() {
	// The keys of the provider come from jwt.Discover. Here they are those of a
	// signer in the same process.
	provider := bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: signingKey(), Issuer: "https://login.example.net"}))
	logoutTokens := bulwark.Must(jwt.New(jwt.Config{
		Issuer:   "https://login.example.net",
		Audience: []string{"our-client-id"},
		Keys:     provider.Keys(),
	}))
	sessions := bulwark.Must(session.New(exampleConfig()))
	logout, err := sessions.BackChannelHandler(session.BackChannel{Provider: logoutTokens, Replays: &dpop.MemoryReplays{}})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /backchannel-logout", logout)

	// The login keeps the iss, sub and sid of the ID token.
	carol := &bulwark.Principal{Subject: "carol", AuthTime: time.Now()} // the auth_time of the ID token
	_, err = sessions.Issue(httptest.NewRecorder(), httptest.NewRequest("POST", "/callback", nil), carol,
		session.Provider{Issuer: "https://login.example.net", Subject: "248289761001", SessionID: "08a5019c"})
	if err != nil {
		panic(err)
	}
	count := func() {
		live, err := sessions.List(context.Background(), session.Filter{Subject: "carol"})
		fmt.Println(len(live), "sessions", err)
	}
	count()

	now := time.Now().Unix()
	token := bulwark.Must(provider.Sign("logout+jwt", map[string]any{
		"aud": "our-client-id", "sub": "248289761001", "sid": "08a5019c", "jti": "bWJq", "iat": now, "exp": now + 120,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}))
	r := httptest.NewRequest("POST", "/backchannel-logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	count()
	// Output:
	// 1 sessions <nil>
	// 200
	// 0 sessions <nil>
}
