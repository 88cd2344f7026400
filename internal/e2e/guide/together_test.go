package guide

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// Parts are what the sections above make.
type Parts struct {
	Logger    *slog.Logger
	Tokens    *jwt.Verifier             // Tokens
	Sessions  *session.Sessions         // Sessions in cookies
	Keys      *apikey.Keys              // API keys and tiers
	Policy    *authz.Policy             // Roles
	Documents authz.Resource[*Document] // Owners

	Login, Account, ListUsers, CreateUser, SaveContent http.HandlerFunc
}

// together is the whole service: what app.use did for every request is in the
// chain, and what a route did is at the route.
func together(p Parts) (http.Handler, error) {
	stack, err := bulwark.Chain( // outermost first
		audit.Config{Logger: p.Logger, AccessLog: true},
		bulwark.Edge{
			Hosts:           []string{"api.example.com"},
			TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, // nginx
			ForwardedHeader: "X-Forwarded-For",
		},
		headers.Config{HSTS: headers.HSTS{Preload: true}},
		cors.Config{
			Origins:     cors.Origins(os.Getenv("ALLOWED_ORIGINS")),
			Methods:     []string{"GET", "POST", "PUT", "DELETE"},
			Headers:     []string{"Content-Type", "Authorization"},
			Expose:      []string{"X-Total-Count"},
			Credentials: true,
			MaxAge:      24 * time.Hour,
		},
		ratelimit.Config{
			Name: "api", Key: ratelimit.ByIP, Rate: "100/15m", Count: ratelimit.Failures, Headers: ratelimit.Triple,
		},
		auth.Config{
			Authenticators: []auth.Authenticator{p.Tokens, p.Sessions, p.Keys},
			Optional:       true, // each route says who may call it
			TrustedOrigins: cors.Origins(os.Getenv("ALLOWED_ORIGINS")),
		},
		ratelimit.Config{
			Name: "partner", Key: ratelimit.ByPrincipal, Rate: "100/minute", Anonymous: "unlimited",
			Tiers: ratelimit.Tiers{"premium": "1000/minute", "enterprise": "unlimited"},
		},
	)
	if err != nil {
		return nil, err
	}

	mux := authz.NewMux(p.Policy)
	mux.Handle("POST /api/auth/login", authz.Public("the login"), p.Login, ratelimit.Config{
		Name: "login", Key: ratelimit.ByIP, Rate: "10/hour", Count: ratelimit.Failures, Headers: ratelimit.Triple,
	})
	mux.Handle("POST /refresh", authz.Public("checks its own cookie"), p.Sessions.RefreshHandler())
	mux.Handle("POST /logout", authz.Public("checks its own cookie"), p.Sessions.LogoutHandler())
	mux.Handle("GET /account", authz.Authenticated(), p.Account)
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), p.ListUsers)
	authz.HandleObject(mux, "GET /documents/{id}", p.Documents.Can("read"),
		func(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
			json.NewEncoder(w).Encode(d.Value())
		})
	mux.Handle("POST /users", authz.Public("anybody may sign up"), p.CreateUser,
		validate.Config{Body: validate.SchemaJSON(createUserSchema)})
	mux.Handle("POST /content", authz.Authenticated(), p.SaveContent,
		sanitize.Config{Fields: sanitize.Fields{"/content": sanitize.Strict}})
	return stack.Wrap(mux), nil
}

// parts makes what the sections of the page make.
func parts(t *testing.T, logger *slog.Logger) Parts {
	t.Helper()
	tokens := bulwark.Must(jwt.New(jwt.Config{
		Issuer: "your-api", Audience: []string{"your-app"}, Keys: jwt.StaticKeys(&signing().PublicKey),
		Algorithms: []string{"RS256"}, RolesClaims: []string{"role"}, InsecurePlainType: true,
	}))
	sessions := bulwark.Must(session.New(session.Config{
		Signer:   bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: signing(), Issuer: "https://api.example.com"})),
		Audience: "https://api.example.com", Store: &session.MemoryStore{}, StoreKeys: [][]byte{[]byte(strings.Repeat("k", 32))},
		TrustedOrigins: cors.Origins(allowedOrigins),
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject, Roles: []string{"user"}}, nil
		},
	}))
	echoBody := func(w http.ResponseWriter, r *http.Request) {
		var body any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		json.NewEncoder(w).Encode(body)
	}
	return Parts{
		Logger: logger, Tokens: tokens, Sessions: sessions,
		Keys: bulwark.Must(apikey.New(apikey.Config{
			Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
			Peppers: []apikey.Pepper{{Version: 1, Key: []byte(strings.Repeat("k", 32))}},
		})),
		Policy: bulwark.Must(permissions()),
		Documents: authz.Resource[*Document]{
			Name: "document",
			Load: func(_ context.Context, r *http.Request) (*Document, error) {
				if r.PathValue("id") != "1" {
					return nil, nil
				}
				return &Document{1, "alice"}, nil
			},
			Owner: func(d *Document) (issuer, subject string) { return "your-api", d.OwnerID },
		},
		Login: func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Password string }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Password != "right" {
				bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.wrong",
					Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}})
				return
			}
			if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice", Roles: []string{"user"}}); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		},
		Account:    account,
		ListUsers:  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("[]")) },
		CreateUser: echoBody, SaveContent: echoBody,
	}
}

// TestTogether sends the requests of the sections to the one service.
func TestTogether(t *testing.T) {
	t.Setenv("ALLOWED_ORIGINS", allowedOrigins)
	p := parts(t, slog.New(slog.DiscardHandler))
	service := bulwark.Must(together(p))
	key := bulwark.Must(p.Keys.Issue(t.Context(), apikey.Grant{Name: "partner", Tier: "enterprise"}))
	as := func(role string) map[string]string { return bearer(token(t, nil, map[string]any{"role": role})) }
	from := func(address string, c call, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(c.method, "http://api.example.com"+c.path, strings.NewReader(c.body))
		r.RemoteAddr = "10.1.2.3:4567" // nginx
		r.Header.Set("X-Forwarded-For", address)
		r.Header.Set("X-Forwarded-Proto", "https")
		if c.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w
	}
	send := func(c call) *httptest.ResponseRecorder { return from("192.0.2.1", c) }

	user := `{"email": "a@example.com", "password": "long enough", "name": "A"`
	for _, tt := range []struct {
		name   string
		call   call
		status int
		body   string // a part of it
	}{
		{"nobody has an account", call{"GET", "/account", "", nil}, 401, "authz.unauthenticated"},
		{"a token", call{"GET", "/account", "", as("user")}, 200, `"sub":"alice"`},
		{"an API key", call{"GET", "/account", "", map[string]string{"Authorization": "ApiKey " + key.Key}}, 200, `"sub":`},
		{"a user asks for users", call{"GET", "/admin/users", "", as("user")}, 403, "authz.forbidden"},
		{"an admin asks for users", call{"GET", "/admin/users", "", as("admin")}, 200, "[]"},
		{"the owner", call{"GET", "/documents/1", "", as("user")}, 200, `"ownerId":"alice"`},
		{"a document that does not exist", call{"GET", "/documents/2", "", as("user")}, 404, "authz.not_found"},
		{"a new user", call{"POST", "/users", user + "}", nil}, 200, `"role":"user"`},
		{"a user with a field too many", call{"POST", "/users", user + `, "isAdmin": true}`, nil}, 422, "validate.invalid"},
		{"content", call{"POST", "/content", `{"content": "<b>hello</b>"}`, as("user")}, 200, `{"content":"hello"}`},
		{"content of nobody", call{"POST", "/content", `{"content": "x"}`, nil}, 401, "authz.unauthenticated"},
		{"a preflight", call{"OPTIONS", "/content", "", map[string]string{"Origin": "https://app.example.com",
			"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}}, 204, ""},
		{"an unknown path", call{"GET", "/none", "", nil}, 404, "authz.no_route"},
	} {
		w := send(tt.call)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s: %d %s, want %d with %s", tt.name, w.Code, w.Body, tt.status, tt.body)
		}
		if w.Header().Get("Strict-Transport-Security") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: header fields %v", tt.name, w.Header())
		}
	}

	right, wrong := call{"POST", "/api/auth/login", `{"password": "right"}`, nil}, call{"POST", "/api/auth/login", `{"password": "x"}`, nil}
	var cookies []*http.Cookie
	for n := range 11 {
		w := from("198.51.100.7", right)
		if w.Code != 204 {
			t.Fatalf("good login %d is %d %s", n+1, w.Code, w.Body)
		}
		cookies = w.Result().Cookies()
	}
	mine := map[string]string{"Sec-Fetch-Site": "same-origin"}
	if w := from("198.51.100.7", call{"GET", "/account", "", mine}, cookies...); w.Code != 200 || !strings.Contains(w.Body.String(), `"roles":["user"]`) {
		t.Errorf("with the cookies: %d %s", w.Code, w.Body)
	}
	if w := from("198.51.100.7", call{"POST", "/content", `{"content": "x"}`, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}}, cookies...); w.Code != 403 {
		t.Errorf("with the cookies, from another site: %d %s", w.Code, w.Body)
	}
	for n := range 11 {
		want := 401
		if n == 10 {
			want = 429
		}
		if w := from("198.51.100.8", wrong); w.Code != want {
			t.Errorf("wrong login %d is %d, want %d", n+1, w.Code, want)
		}
	}
	if w := from("198.51.100.9", right); w.Code != 204 { // another client behind the same nginx
		t.Errorf("another client: %d", w.Code)
	}
	if w := from("198.51.100.7", call{"POST", "/logout", "", mine}, cookies...); w.Code != 204 {
		t.Errorf("the logout is %d %s", w.Code, w.Body)
	}
	if w := from("198.51.100.7", call{"GET", "/account", "", mine}, cookies...); w.Code != 401 {
		t.Errorf("after the logout: %d", w.Code)
	}
}

// Behind a proxy that ends TLS, HSTS needs an Edge that trusts the proxy.
func TestHSTSBehindTheGuidesNginx(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, tt := range map[string]struct {
		outside []bulwark.Builder
		sent    bool
	}{
		"no Edge":               {nil, false},
		"an Edge without nginx": {[]bulwark.Builder{bulwark.Edge{Hosts: []string{"api.example.com"}}}, false},
		"an Edge that trusts nginx": {[]bulwark.Builder{bulwark.Edge{Hosts: []string{"api.example.com"},
			TrustedProxies: proxy, ForwardedHeader: "X-Forwarded-For"}}, true},
	} {
		stack := bulwark.Must(bulwark.Chain(append(tt.outside, headers.Config{HSTS: headers.HSTS{Preload: true}})...))
		r := httptest.NewRequest("GET", "http://api.example.com/", nil)
		r.RemoteAddr = "10.1.2.3:4567"
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("X-Forwarded-Proto", "https")
		w := httptest.NewRecorder()
		stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); (got != "") != tt.sent {
			t.Errorf("%s: Strict-Transport-Security is %q, want it sent: %v", name, got, tt.sent)
		}
	}
}
