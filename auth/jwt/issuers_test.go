package jwt_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The Configs of docs/issuers.md, each as it stands there.

func keycloak() jwt.Config {
	return jwt.Config{
		Issuer:      "https://login.example.com/realms/acme",
		Audience:    []string{"documents-api"},
		Keys:        jwt.Discover("https://login.example.com/realms/acme", jwt.RemoteConfig{}),
		RolesClaims: []string{"realm_access.roles"},
	}
}

func keycloakBefore() jwt.Config {
	return jwt.Config{
		Issuer:            "https://login.example.com/realms/acme",
		Audience:          []string{"documents-api"},
		Keys:              jwt.Discover("https://login.example.com/realms/acme", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		Require:           map[string]any{"typ": "Bearer"},
		RolesClaims:       []string{"realm_access.roles"},
	}
}

func auth0() jwt.Config {
	return jwt.Config{
		Issuer:      "https://acme.eu.auth0.com/",
		Audience:    []string{"https://api.example.com"},
		Keys:        jwt.Discover("https://acme.eu.auth0.com/", jwt.RemoteConfig{}),
		RolesClaims: []string{"https://api.example.com/roles"},
	}
}

func auth0Permissions() jwt.Config {
	return jwt.Config{
		Issuer:      "https://acme.eu.auth0.com/",
		Audience:    []string{"https://api.example.com"},
		Keys:        jwt.Discover("https://acme.eu.auth0.com/", jwt.RemoteConfig{}),
		RolesClaims: []string{"permissions"},
	}
}

func entra() jwt.Config {
	return jwt.Config{
		Issuer:            "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0",
		Audience:          []string{"22222222-2222-2222-2222-222222222222"},
		Keys:              jwt.Discover("https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		Require:           map[string]any{"azp": "33333333-3333-3333-3333-333333333333"},
		TokenIDClaim:      "uti",
	}
}

func okta() jwt.Config {
	return jwt.Config{
		Issuer:            "https://acme.okta.com/oauth2/default",
		Audience:          []string{"api://default"},
		Keys:              jwt.Discover("https://acme.okta.com/oauth2/default", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		RolesClaims:       []string{"groups"},
	}
}

func cognito() jwt.Config {
	return jwt.Config{
		Issuer:            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abcdefghi",
		Audience:          []string{"1example23456789"},
		AudienceClaim:     "client_id",
		Keys:              jwt.Discover("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abcdefghi", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		Require:           map[string]any{"token_use": "access"},
		RolesClaims:       []string{"cognito:groups"},
	}
}

func google() jwt.Config {
	return jwt.Config{
		Issuer:            "https://accounts.google.com",
		Audience:          []string{"https://api.example.com"},
		Keys:              jwt.Discover("https://accounts.google.com", jwt.RemoteConfig{}),
		InsecurePlainType: true,
		Require:           map[string]any{"email": "reports@acme-project.iam.gserviceaccount.com"},
	}
}

// TestIssuers sends tokens as the issuers make them: the access token passes,
// and whatever else the same issuer signs with the same key does not.
func TestIssuers(t *testing.T) {
	const client, tenant = "33333333-3333-3333-3333-333333333333", "11111111-1111-1111-1111-111111111111"
	type other struct {
		name, header string
		claims       map[string]any
		reason       string
	}
	for _, test := range []struct {
		name   string
		config jwt.Config
		header string // beside alg and kid
		claims map[string]any
		want   bulwark.Principal
		others []other
	}{
		{"keycloak", keycloak(), `"typ":"at+jwt"`, map[string]any{
			"jti": "trrtcc:9c8f", "aud": []string{"documents-api", "account"}, "sub": "f3a1", "typ": "Bearer", "azp": "web", "sid": "s1", "acr": "1", "scope": "openid email",
			"realm_access":    map[string]any{"roles": []string{"user", "offline_access"}},
			"resource_access": map[string]any{"account": map[string]any{"roles": []string{"view-profile"}}},
		}, bulwark.Principal{Subject: "f3a1", TokenID: "trrtcc:9c8f", SessionID: "s1", ACR: "1", Roles: []string{"user", "offline_access"}, Scopes: []string{"openid", "email"}}, []other{
			{"id-token", `"typ":"JWT"`, map[string]any{"aud": "web", "sub": "f3a1", "typ": "ID"}, "type"},
			{"id-token-for-us", `"typ":"JWT"`, map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "ID"}, "type"},
			{"refresh-token", `"typ":"JWT"`, map[string]any{"aud": "https://login.example.com/realms/acme", "sub": "f3a1", "typ": "Refresh"}, "type"},
		}},
		{"keycloak-before", keycloakBefore(), `"typ":"JWT"`, map[string]any{
			"jti": "9c8f", "aud": "documents-api", "sub": "f3a1", "typ": "Bearer", "azp": "web", "realm_access": map[string]any{"roles": []string{"user"}},
		}, bulwark.Principal{Subject: "f3a1", TokenID: "9c8f", Roles: []string{"user"}}, []other{
			{"id-token", `"typ":"JWT"`, map[string]any{"aud": "web", "sub": "f3a1", "typ": "ID"}, "audience"},
			{"id-token-for-us", `"typ":"JWT"`, map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "ID"}, "claim"},
			{"logout-token", `"typ":"logout+jwt"`, map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "Logout"}, "type"},
		}},
		{"auth0", auth0(), `"typ":"at+jwt"`, map[string]any{
			"aud": []string{"https://api.example.com", "https://acme.eu.auth0.com/userinfo"}, "sub": "auth0|5f7c8ec7", "client_id": "K1AUPhZq", "jti": "73WakrfV", "scope": "openid read:documents",
			"https://api.example.com/roles": []string{"editor"}, "permissions": []string{"read:documents"},
		}, bulwark.Principal{Subject: "auth0|5f7c8ec7", TokenID: "73WakrfV", Roles: []string{"editor"}, Scopes: []string{"openid", "read:documents"}}, []other{
			{"id-token", `"typ":"JWT"`, map[string]any{"aud": "K1AUPhZq", "sub": "auth0|5f7c8ec7"}, "type"},
			{"for-userinfo-only", `"typ":"at+jwt"`, map[string]any{"aud": "https://acme.eu.auth0.com/userinfo", "sub": "auth0|5f7c8ec7"}, "audience"},
		}},
		{"auth0-permissions", auth0Permissions(), `"typ":"at+jwt"`, map[string]any{
			"aud": "https://api.example.com", "sub": "auth0|5f7c8ec7", "jti": "73WakrfV", "scope": "openid", "permissions": []string{"read:documents", "write:documents"},
		}, bulwark.Principal{Subject: "auth0|5f7c8ec7", TokenID: "73WakrfV", Roles: []string{"read:documents", "write:documents"}, Scopes: []string{"openid"}}, []other{
			{"id-token", `"typ":"JWT"`, map[string]any{"aud": "K1AUPhZq", "sub": "auth0|5f7c8ec7"}, "type"},
		}},
		{"entra", entra(), `"typ":"JWT"`, map[string]any{
			"aud": "22222222-2222-2222-2222-222222222222", "azp": client, "azpacr": "1", "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
			"tid": tenant, "ver": "2.0", "scp": "Documents.Read Documents.Write", "roles": []string{"Editor"}, "uti": "fqiBqXLPj0",
		}, bulwark.Principal{Subject: "AAAAAAAAAAAAAAAAAAAAAIkz", TokenID: "fqiBqXLPj0", Roles: []string{"Editor"}, Scopes: []string{"Documents.Read", "Documents.Write"}}, []other{
			{"id-token-of-the-client", `"typ":"JWT"`, map[string]any{"aud": client, "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "tid": tenant}, "audience"},
			{"id-token-for-us", `"typ":"JWT"`, map[string]any{"aud": "22222222-2222-2222-2222-222222222222", "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "tid": tenant}, "claim"},
		}},
		{"okta", okta(), "", map[string]any{
			"ver": 1, "jti": "AT.MNAoEQ", "aud": "api://default", "sub": "alice@example.com", "cid": "0oa1", "uid": "00u1", "scp": []string{"openid", "documents.read"}, "groups": []string{"Everyone", "editors"},
		}, bulwark.Principal{Subject: "alice@example.com", TokenID: "AT.MNAoEQ", Roles: []string{"Everyone", "editors"}, Scopes: []string{"openid", "documents.read"}}, []other{
			{"id-token", "", map[string]any{"aud": "0oa1", "sub": "00u1", "ver": 1, "jti": "ID.radCQM"}, "audience"},
		}},
		{"cognito", cognito(), "", map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": "1example23456789", "token_use": "access", "scope": "openid documents/read", "cognito:groups": []string{"editors"},
			"origin_jti": "o1", "event_id": "e1", "jti": "j1", "username": "alice", "version": 2,
		}, bulwark.Principal{Subject: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", TokenID: "j1", Roles: []string{"editors"}, Scopes: []string{"openid", "documents/read"}}, []other{
			{"id-token", "", map[string]any{"aud": "1example23456789", "sub": "a", "token_use": "id"}, "claim"},
			{"of-another-client", "", map[string]any{"client_id": "2example", "sub": "a", "token_use": "access"}, "audience"},
			{"for-another-resource", "", map[string]any{"aud": "https://other.example.com", "client_id": "1example23456789", "sub": "a", "token_use": "access"}, "audience"},
			{"neither-aud-nor-client", "", map[string]any{"sub": "a", "token_use": "access"}, "audience"},
		}},
		{"google", google(), `"typ":"JWT"`, map[string]any{
			"aud": "https://api.example.com", "azp": "103", "sub": "103", "email": "reports@acme-project.iam.gserviceaccount.com", "email_verified": true,
		}, bulwark.Principal{Subject: "103"}, []other{
			{"somebody-else", `"typ":"JWT"`, map[string]any{"aud": "https://api.example.com", "sub": "666", "email": "mallory@evil-project.iam.gserviceaccount.com"}, "claim"},
			{"login", `"typ":"JWT"`, map[string]any{"aud": "123.apps.googleusercontent.com", "sub": "1"}, "audience"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mustNew(t, test.config) // as it stands in the guide
			published := newPublished(t, test.config.Issuer)
			test.config.Keys = jwt.Discover(test.config.Issuer, jwt.RemoteConfig{Transport: published})
			verifier := mustNew(t, test.config)
			p, err := verifier.Verify(t.Context(), published.token(test.header, test.claims))
			if err != nil {
				t.Fatal(err)
			}
			if p.Subject != test.want.Subject || p.Issuer != test.config.Issuer || p.TokenID != test.want.TokenID || p.SessionID != test.want.SessionID ||
				p.ACR != test.want.ACR || !slices.Equal(p.Roles, test.want.Roles) || !slices.Equal(p.Scopes, test.want.Scopes) {
				t.Errorf("%+v", p)
			}
			for _, o := range test.others {
				if _, err := verifier.Verify(t.Context(), published.token(o.header, o.claims)); reason(err) != o.reason {
					t.Errorf("%s: %v, want reason %s", o.name, err, o.reason)
				}
			}
		})
	}
}

// published is an issuer of any name, in memory.
type published struct {
	issuer string
	key    *rsa.PrivateKey
	kid    string
	jwks   http.Handler
}

func newPublished(t *testing.T, issuer string) *published {
	key := signers(t)["RS256"].(*rsa.PrivateKey)
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer, KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	return &published{issuer, key, "k1", signer.JWKSHandler()}
}

// RoundTrip answers for the metadata beneath the issuer and for the keys.
func (p *published) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch r.URL.String() {
	case strings.TrimSuffix(p.issuer, "/") + "/.well-known/openid-configuration":
		io.WriteString(w, `{"issuer":"`+p.issuer+`","jwks_uri":"https://keys.example.com/jwks"}`)
	case "https://keys.example.com/jwks":
		p.jwks.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks", nil))
	default:
		return nil, errors.New("nobody is at " + r.URL.String())
	}
	return w.Result(), nil
}

// token is signed by RS256 and good for an hour.
func (p *published) token(header string, claims map[string]any) string {
	all := map[string]any{"iss": p.issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	if header != "" {
		header += ","
	}
	return tokenOf(`{`+header+`"alg":"RS256","kid":"`+p.kid+`"}`, all, func(input []byte) []byte {
		digest := sha256.Sum256(input)
		signature, err := p.key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			panic(err)
		}
		return signature
	})
}

// TestIssuersGuide holds the Configs of the guide against the functions above.
// internal/e2e/recipes has the policies of the guide.
func TestIssuersGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("issuers_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.ReplaceAll(string(source), "\n\t", "\n")
	blocks := regexp.MustCompile("(?s)```go\n(jwt\\.Config.*?)```").FindAllStringSubmatch(string(guide), -1)
	if want := strings.Count(string(source), "\treturn jwt.Config{\n"); len(blocks) != want {
		t.Errorf("the guide has %d blocks, and there are %d Configs", len(blocks), want)
	}
	for _, block := range blocks {
		if !strings.Contains(code, "return "+block[1]) {
			t.Errorf("not as it is tested:\n%s", block[1])
		}
	}
}
