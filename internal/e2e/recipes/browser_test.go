package recipes

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Accounts are the accounts of the service. Each method is yours.
type Accounts interface {
	// Check returns the account, or nil for a wrong password.
	Check(ctx context.Context, email, password string) (*bulwark.Principal, error)
	// Lookup returns the account as it is now, or nil if it is disabled.
	Lookup(ctx context.Context, subject string) (*bulwark.Principal, error)
}

// appAPI is an API at api.example.com for the pages of app.example.com, which
// log in with cookies, and for partners with API keys.
func appAPI(accounts Accounts, key crypto.Signer, storeKey []byte, keys *apikey.Keys, policy *authz.Policy) (http.Handler, error) {
	apps := []string{"https://app.example.com"}
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://api.example.com"})
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{
		Signer: signer, Audience: "https://api.example.com",
		Store: &session.MemoryStore{}, StoreKeys: [][]byte{storeKey},
		Lookup:         accounts.Lookup,
		TrustedOrigins: apps, // they may log in, refresh and log out
	})
	if err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		cors.Config{
			Origins:     apps, // they may read the answers
			Methods:     []string{"GET", "POST", "PUT", "DELETE"},
			Headers:     []string{"Content-Type"},
			Credentials: true,
		},
		auth.Config{
			Authenticators: []auth.Authenticator{sessions, keys},
			Optional:       true, // each route says who may call it
			TrustedOrigins: apps, // they may send cookies with a POST
		},
	)
	if err != nil {
		return nil, err
	}
	guesses := ratelimit.Config{Name: "login", Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures}
	mux := authz.NewMux(policy)
	mux.Handle("POST /login", authz.Public("the login checks the password"), loginHandler(accounts, sessions), guesses)
	mux.Handle("POST /refresh", authz.Public("the handler checks the cookie"), sessions.RefreshHandler())
	mux.Handle("POST /logout", authz.Public("the handler checks the cookie"), sessions.LogoutHandler())
	mux.Handle("GET /me", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		json.NewEncoder(w).Encode(map[string]string{"subject": caller.Subject, "method": caller.Method})
	}))
	return stack.Wrap(mux), nil
}

func loginHandler(accounts Accounts, sessions *session.Sessions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent struct {
			Email    string `json:"email"`
			Password string `json:"password"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
		if err != nil {
			bulwark.Deny(w, r, err) // 413, 408 or 400
			return
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "login.body", Err: err})
			return
		}
		account, err := accounts.Check(r.Context(), sent.Email, sent.Password)
		if err == nil && account == nil {
			err = &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}}
		}
		if err == nil {
			_, err = sessions.Issue(w, r, account) // sets the cookies
		}
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent) // a limit on failures needs a status
	})
}

const appUnauthenticated = `
HTTP/1.1 401 Unauthorized
Content-Type: application/problem+json
Access-Control-Allow-Origin: https://app.example.com
Access-Control-Allow-Credentials: true

{"type":"about:blank","title":"Unauthorized","status":401,"code":"authz.unauthenticated","detail":"…","instance":"…"}
`

const appCrossSite = `
{"event":"malicious_csrf","reason":"auth.cross_site","status":403}
`

// twoAccounts has one account.
type twoAccounts struct{}

func (twoAccounts) Check(_ context.Context, _, password string) (*bulwark.Principal, error) {
	if password != "right" {
		return nil, nil
	}
	return &bulwark.Principal{Subject: "alice"}, nil
}

func (twoAccounts) Lookup(_ context.Context, subject string) (*bulwark.Principal, error) {
	return &bulwark.Principal{Subject: subject}, nil
}

func TestAppOnAnotherOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys := bulwark.Must(apikey.New(apikey.Config{
			Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
			Peppers: []apikey.Pepper{{Version: 1, Key: []byte(strings.Repeat("k", 32))}},
		}))
		policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
			Resources: map[string][]string{"document": {"read"}}, Roles: authz.Roles{"user": {Grants: []string{"read:own"}}}}))
		api := bulwark.Must(appAPI(twoAccounts{}, key, []byte(strings.Repeat("s", 32)), keys, policy))
		var heard bulwarktest.Recorder
		handler := heard.Wrap(api)

		jar := map[string]*http.Cookie{}
		send := func(method, path, origin, body string, header ...string) *http.Response {
			r := httptest.NewRequest(method, "https://api.example.com"+path, strings.NewReader(body))
			if origin != "" {
				r.Header.Set("Origin", origin)
				r.Header.Set("Sec-Fetch-Site", "same-site")
			}
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			for _, cookie := range jar {
				if cookie.Expires.IsZero() || cookie.Expires.After(time.Now()) {
					r.AddCookie(cookie)
				}
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			for _, cookie := range w.Result().Cookies() {
				cookie.Expires = time.Now().Add(time.Duration(cookie.MaxAge) * time.Second)
				jar[cookie.Name] = cookie
			}
			return w.Result()
		}
		const app = "https://app.example.com"
		if got := send("OPTIONS", "/login", app, "", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"); got.StatusCode != 204 {
			t.Errorf("the preflight is %d", got.StatusCode)
		}
		if got := send("POST", "/login", app, `{"email": "a", "password": "wrong"}`); got.StatusCode != 401 {
			t.Errorf("a wrong password is %d", got.StatusCode)
		}
		for n := range 12 { // good logins do not count
			if got := send("POST", "/login", app, `{"email": "a", "password": "right"}`); got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != app {
				t.Fatalf("login %d is %d %v", n, got.StatusCode, got.Header)
			}
		}
		if got := send("GET", "/me", app, ""); got.StatusCode != 200 {
			t.Errorf("me is %d", got.StatusCode)
		}
		time.Sleep(16 * time.Minute) // the access cookie is gone
		wireAnswer(t, send("GET", "/me", app, ""), appUnauthenticated)
		if got := send("POST", "/refresh", app, ""); got.StatusCode != 200 {
			t.Errorf("the refresh is %d", got.StatusCode)
		}
		if got := send("GET", "/me", app, ""); got.StatusCode != 200 {
			t.Errorf("me after the refresh is %d", got.StatusCode)
		}
		if got := send("POST", "/logout", "https://evil.example", ""); got.StatusCode != 403 {
			t.Errorf("a logout by another site is %d", got.StatusCode)
		}
		if last := heard.Events()[len(heard.Events())-1]; fmt.Sprintf(`{"event":%q,"reason":%q,"status":%d}`, last.Name, last.Reason, last.Status) != strings.TrimSpace(appCrossSite) {
			t.Errorf("%+v", last)
		}
		if got := send("POST", "/logout", app, ""); got.StatusCode != 204 {
			t.Errorf("the logout is %d", got.StatusCode)
		}
		clear(jar)
		issued := bulwark.Must(keys.Issue(t.Context(), apikey.Grant{Name: "partner"}))
		if got := send("GET", "/me", "", "", "Authorization", "ApiKey "+issued.Key); got.StatusCode != 200 {
			t.Errorf("a partner is %d", got.StatusCode)
		}
	})
}
