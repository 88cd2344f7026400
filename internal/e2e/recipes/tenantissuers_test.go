package recipes

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A Tenant is a row of your table of tenants.
type Tenant struct {
	Issuer  string // the iss of its tokens, to the letter
	KeysURL string // where its issuer publishes the keys
}

// tenantTokens verifies the tokens of all tenants. The function byIssuer asks
// the database. It returns sql.ErrNoRows if there is no such tenant.
func tenantTokens(byIssuer func(ctx context.Context, issuer string) (Tenant, error)) (*jwt.Issuers, error) {
	return jwt.NewIssuers(jwt.IssuersConfig{
		Patterns: []string{"https://login.example.com/realms/*", "https://*.okta.com/oauth2/default"},
		Find: func(ctx context.Context, issuer string) (jwt.Config, error) {
			tenant, err := byIssuer(ctx, issuer)
			if errors.Is(err, sql.ErrNoRows) {
				return jwt.Config{}, auth.ErrNotFound
			}
			if err != nil {
				return jwt.Config{}, err // an outage: 503
			}
			return jwt.Config{
				Issuer:   tenant.Issuer,
				Audience: []string{"https://api.example.com"},
				Keys:     jwt.RemoteKeys(tenant.KeysURL, jwt.RemoteConfig{}),
			}, nil
		},
	})
}

// issuerOf is the tenant of the caller, if each tenant has an issuer.
func issuerOf(r *http.Request) string {
	caller, ok := bulwark.PrincipalFrom(r.Context())
	if !ok {
		return ""
	}
	return caller.Issuer
}

// entraTokens verifies the tokens of the tenants of Entra ID that the database
// knows, by their id.
func entraTokens(isCustomer func(ctx context.Context, issuer string) (bool, error), keys jwt.KeySource) (*jwt.Issuers, error) {
	return jwt.NewIssuers(jwt.IssuersConfig{
		Patterns: []string{"https://login.microsoftonline.com/*/v2.0"},
		Find: func(ctx context.Context, issuer string) (jwt.Config, error) {
			known, err := isCustomer(ctx, issuer)
			if err != nil {
				return jwt.Config{}, err
			}
			if !known {
				return jwt.Config{}, auth.ErrNotFound
			}
			return jwt.Config{
				Issuer:            issuer,
				Audience:          []string{"22222222-2222-2222-2222-222222222222"},
				Keys:              keys, // jwt.Discover("https://login.microsoftonline.com/{tenantid}/v2.0", jwt.RemoteConfig{})
				InsecurePlainType: true,
				TokenIDClaim:      "uti",
			}, nil
		},
	})
}

// tenantService answers with the tenant of the caller.
func tenantService(t *testing.T, tokens auth.Authenticator) func(token string) (status int, text string) {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		t.Fatal(err)
	}
	events := &bulwarktest.Recorder{}
	handler := events.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(issuerOf(r))) })))
	return func(token string) (int, string) {
		events.Take()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := events.Take(); len(got) == 1 {
			return w.Code, got[0].Reason
		}
		return w.Code, w.Body.String()
	}
}

// TestAnIssuerForEachTenant sends tokens of two tenants, of a stranger, and of a
// tenant whose row cannot be read.
func TestAnIssuerForEachTenant(t *testing.T) {
	keys := authtest.NewIssuer(t) // signs for all of them
	const acme, other = "https://login.example.com/realms/acme", "https://other.okta.com/oauth2/default"
	asked := map[string]int{}
	tokens, err := tenantTokens(func(_ context.Context, issuer string) (Tenant, error) {
		asked[issuer]++
		switch issuer {
		case acme, other:
			return Tenant{issuer, keys.KeysURL()}, nil
		case "https://login.example.com/realms/broken":
			return Tenant{}, errors.New("connection refused")
		}
		return Tenant{}, sql.ErrNoRows
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Shutdown(context.Background())
	send := tenantService(t, tokens)
	for _, test := range []struct {
		issuer string
		status int
		text   string
		asked  int
	}{
		{acme, 200, acme, 1},
		{acme, 200, acme, 1},
		{other, 200, other, 1},
		{"https://login.example.com/realms/nobody", 401, "issuer", 1},
		{"https://login.example.com/realms/nobody", 401, "issuer", 1},
		{"https://login.example.com/realms/broken", 503, "store_unavailable", 1},
		{"https://evil.example/realms/acme", 401, "issuer", 0},
		{acme + "/", 401, "issuer", 0},
		{"https://login.example.com/realms/..", 401, "issuer", 0},
	} {
		status, text := send(keys.Token(authtest.Claims{"iss": test.issuer}))
		if status != test.status || text != test.text || asked[test.issuer] != test.asked {
			t.Errorf("%s: %d %s, asked %d times, want %+v", test.issuer, status, text, asked[test.issuer], test)
		}
	}
}

// TestTenantsOfEntra shares the keys of all tenants.
func TestTenantsOfEntra(t *testing.T) {
	const template, host = "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com"
	const one, two = "11111111-1111-1111-1111-111111111111", "44444444-4444-4444-4444-444444444444"
	of := func(tenant string) string { return strings.Replace(template, "{tenantid}", tenant, 1) }
	signer := authtest.NewIssuer(t)
	var mu sync.Mutex
	fetches := 0
	published := answers(func(r *http.Request) any {
		mu.Lock()
		defer mu.Unlock()
		fetches++
		if strings.HasSuffix(r.URL.Path, "/common/v2.0/.well-known/openid-configuration") {
			return map[string]any{"issuer": template, "jwks_uri": host + "/common/discovery/v2.0/keys"}
		}
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		own := httptest.NewRequest("GET", signer.KeysURL(), nil)
		response, err := signer.Transport().RoundTrip(own)
		if err != nil {
			t.Error(err)
			return nil
		}
		if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
			t.Error(err)
		}
		for _, key := range set.Keys {
			key["issuer"] = template
		}
		return set
	})
	tokens, err := entraTokens(func(_ context.Context, issuer string) (bool, error) {
		return issuer == of(one) || issuer == of(two), nil
	},
		jwt.Discover(template, jwt.RemoteConfig{Transport: published}))
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Shutdown(context.Background())
	send := tenantService(t, tokens)
	for _, test := range []struct {
		iss, tid string
		status   int
		text     string
	}{
		{of(one), one, 200, of(one)},
		{of(two), two, 200, of(two)},
		{of(one), two, 401, "issuer"},
		{of("55555555-5555-5555-5555-555555555555"), "55555555-5555-5555-5555-555555555555", 401, "issuer"},
	} {
		status, text := send(signer.Token(authtest.Claims{"iss": test.iss, "tid": test.tid, "aud": "22222222-2222-2222-2222-222222222222", "uti": "u"}))
		if status != test.status || text != test.text {
			t.Errorf("%+v: %d %s", test, status, text)
		}
	}
	if fetches != 2 {
		t.Errorf("%d fetches for two tenants", fetches)
	}
}

// answers is a transport that answers with JSON.
type answers func(*http.Request) any

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	json.NewEncoder(w).Encode(f(r))
	return w.Result(), nil
}
