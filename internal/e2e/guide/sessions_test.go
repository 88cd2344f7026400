package guide

import (
	"context"
	"crypto"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

// loginAPI is our way to log browsers in: 15 minutes, 7 days, cookies that no
// script can read.
func loginAPI(key crypto.Signer, storeKey []byte, find func(ctx context.Context, subject string) (*bulwark.Principal, error)) (http.Handler, error) {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://api.example.com"})
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{
		Signer: signer, Audience: "https://api.example.com",
		Store: &session.MemoryStore{}, StoreKeys: [][]byte{storeKey},
		Lookup: find,
	})
	if err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password first.
		if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"}); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent) // the cookies hold the tokens
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bulwark.PrincipalFrom(r.Context()); !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	return stack.Wrap(mux), nil
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		}
		api := bulwark.Must(loginAPI(signing(), []byte(strings.Repeat("k", 32)), account))
		jar := map[string]*http.Cookie{}
		send := func(method, path string) int {
			r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			for _, cookie := range jar {
				if cookie.MaxAge > 0 && strings.HasPrefix(path, cookie.Path) {
					r.AddCookie(cookie)
				}
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			for _, cookie := range w.Result().Cookies() {
				jar[cookie.Name] = cookie
			}
			return w.Code
		}
		if got := send("POST", "/login"); got != 204 {
			t.Fatalf("the login is %d", got)
		}
		var ages []int
		for _, cookie := range jar {
			if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteStrictMode {
				t.Errorf("the cookie %s is %v", cookie.Name, cookie)
			}
			ages = append(ages, cookie.MaxAge)
		}
		if len(ages) != 2 || ages[0]+ages[1] != 900+604800 {
			t.Errorf("the cookies last %v seconds", ages)
		}
		for _, step := range []struct {
			after        time.Duration
			method, path string
			status       int
		}{
			{0, "GET", "/me", 200},
			{16 * time.Minute, "GET", "/me", 401},
			{0, "POST", "/refresh", 200},
			{0, "GET", "/me", 200},
			{8 * 24 * time.Hour, "POST", "/refresh", 401},
		} {
			time.Sleep(step.after)
			if got := send(step.method, step.path); got != step.status {
				t.Errorf("%s %s after %v is %d, want %d", step.method, step.path, step.after, got, step.status)
			}
		}
	})
}

// The two sections of the page fit together: a good login is not a failure. The
// limit shows 9 of 10 each time, because it holds one back for the login itself.
func TestLoginsOfTheSessionsAreNotLimited(t *testing.T) {
	account := func(_ context.Context, subject string) (*bulwark.Principal, error) {
		return &bulwark.Principal{Subject: subject}, nil
	}
	login := http.StripPrefix("/api/auth", bulwark.Must(loginAPI(signing(), []byte(strings.Repeat("k", 32)), account)))
	api := bulwark.Must(limitedAPI(login, http.HandlerFunc(missing)))
	for n := range 11 {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("POST", "https://api.example.com/api/auth/login", nil))
		if w.Code != 204 || w.Header().Get("RateLimit-Remaining") != "9" {
			t.Fatalf("good login %d is %d, %s left", n+1, w.Code, w.Header().Get("RateLimit-Remaining"))
		}
	}
}
