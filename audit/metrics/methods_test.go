package metrics_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

// A service with each authenticator of this module. POST /login and POST
// /refresh are the doors of a session.
func allMethods(t *testing.T) (handler http.Handler, issuer *authtest.Issuer, opaque *authtest.OpaqueIssuer, key string) {
	t.Helper()
	issuer, opaque = authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	keys := bulwark.Must(apikey.New(apikey.Config{
		Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
	}))
	sessions := bulwark.Must(session.New(session.Config{
		Signer:   bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Issuer: "https://api.example.com"})),
		Audience: "https://api.example.com", Store: &session.MemoryStore{}, StoreKeys: [][]byte{[]byte("32 random bytes from your secrets")},
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		},
	}))
	layer := auth.Config{Optional: true, Authenticators: []auth.Authenticator{
		bulwark.Must(jwt.New(issuer.Config())), bulwark.Must(introspection.New(opaque.Config())), keys, sessions,
	}}
	mux := http.NewServeMux()
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"}); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	mux.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) {})
	issued := bulwark.Must(keys.Issue(t.Context(), apikey.Grant{Name: "partner"}))
	return bulwark.Must(bulwark.Chain(layer)).Wrap(mux), issuer, opaque, issued.Key
}

// The method of a failure is the one of the authenticator that refused, and the
// method of a success is the one of the caller. Nothing that the client sends
// changes it.
func TestMethods(t *testing.T) {
	handler, issuer, opaque, key := allMethods(t)
	for _, test := range []struct {
		name    string
		request string
		header  http.Header
		login   string // what becomes of the cookies of a login
		want    []string
	}{
		{"nobody", "GET /", nil, "", nil},
		{"jwt", "GET /", bearer(issuer.Token(nil)), "", []string{`auth_attempts_total{method="jwt"} +1`}},
		{"jwt-expired", "GET /", bearer(issuer.Token(authtest.Claims{"exp": 1000, "iat": 900})), "",
			[]string{`auth_attempts_total{method="jwt"} +1`, `auth_failures_total{method="jwt",reason="expired"} +1`}},
		{"jwt-with-a-method-of-the-client", "GET /", bearer(issuer.Token(authtest.Claims{"aud": "x", "authMethod": "session", "method": "mtls", "amr": []string{"pwd"}})), "",
			[]string{`auth_attempts_total{method="jwt"} +1`, `auth_failures_total{method="jwt",reason="audience"} +1`}},
		{"introspection", "GET /", bearer(opaque.Token(nil)), "", []string{`auth_attempts_total{method="introspection"} +1`}},
		{"introspection-inactive", "GET /", bearer("guessed"), "",
			[]string{`auth_attempts_total{method="introspection"} +1`, `auth_failures_total{method="introspection",reason="inactive"} +1`}},
		{"api-key", "GET /", http.Header{"Authorization": {"ApiKey " + key}}, "", []string{`auth_attempts_total{method="api_key"} +1`}},
		{"api-key-malformed", "GET /", http.Header{"Authorization": {"ApiKey acme_live_x"}}, "",
			[]string{`auth_attempts_total{method="api_key"} +1`, `auth_failures_total{method="api_key",reason="malformed"} +1`}},
		{"session", "GET /", nil, "keep", []string{`auth_attempts_total{method="session"} +1`}},
		{"session-forged", "GET /", nil, "forge",
			[]string{`auth_attempts_total{method="session"} +1`, `auth_failures_total{method="session",reason="signature"} +1`}},
		{"session-ended", "GET /", nil, "end",
			[]string{`auth_attempts_total{method="session"} +1`, `auth_failures_total{method="session",reason="revoked"} +1`}},
		{"session-refreshed", "POST /refresh", nil, "keep", []string{`auth_attempts_total{method="session"} +1`}},
		{"session-refresh-malformed", "POST /refresh", http.Header{"Cookie": {"__Host-refresh=x"}}, "",
			[]string{`auth_attempts_total{method="session"} +1`, `auth_failures_total{method="session",reason="malformed"} +1`}},
		{"two-credentials", "GET /", http.Header{"Authorization": {"Bearer a", "Bearer b"}}, "",
			[]string{`auth_attempts_total{method="none"} +1`, `auth_failures_total{method="none",reason="ambiguous"} +1`}},
		{"unknown-scheme", "GET /", http.Header{"Authorization": {"Digest x"}}, "",
			[]string{`auth_attempts_total{method="none"} +1`, `auth_failures_total{method="none",reason="scheme"} +1`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			collector, registry := made(t, metrics.Config{})
			counted := audited(t, collector).Wrap(handler)
			method, path, _ := strings.Cut(test.request, " ")
			r := httptest.NewRequest(method, path, nil)
			for name, values := range test.header {
				r.Header[name] = values
			}
			if test.login != "" {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
				for _, cookie := range w.Result().Cookies() {
					if test.login == "forge" {
						cookie.Value = cookie.Value[:len(cookie.Value)-8] + "AAAAAAAA"
					}
					r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
				}
				if test.login == "end" {
					logout := httptest.NewRequest("POST", "/logout", nil)
					logout.Header["Cookie"] = r.Header["Cookie"]
					handler.ServeHTTP(httptest.NewRecorder(), logout)
				}
			}
			before := series(t, registry)
			counted.ServeHTTP(httptest.NewRecorder(), r)
			got := slices.DeleteFunc(changed(before, series(t, registry)), func(line string) bool { return !strings.HasPrefix(line, "auth_") })
			if !slices.Equal(got, test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// A verifier with a Method of its own has that method.
func TestMethodOfTheConfig(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	c := issuer.Config()
	c.Method = "kerberos"
	collector, registry := made(t, metrics.Config{Methods: []string{"kerberos"}})
	stack := bulwark.Must(bulwark.Chain(audited(t, collector), auth.Config{Authenticators: []auth.Authenticator{bulwark.Must(jwt.New(c))}}))
	before := series(t, registry)
	for _, claims := range []authtest.Claims{nil, {"exp": 1000, "iat": 900}} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = bearer(issuer.Token(claims))
		stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), r)
	}
	got := changed(before, series(t, registry))
	for _, want := range []string{`auth_attempts_total{method="kerberos"} +2`, `auth_failures_total{method="kerberos",reason="expired"} +1`} {
		if !slices.Contains(got, want) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
