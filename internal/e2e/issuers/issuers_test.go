package issuers

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// sent is a token as an issuer makes it, and what must come of it.
type sent struct {
	name, header string
	claims       map[string]any
	want         bulwark.Principal // without Issuer; a zero Subject is refused
	reason       string            // of the refusal
}

// an issuer is a Config of the page, with what the issuer publishes and sends.
type documented struct {
	name     string
	config   jwt.Config
	keys     string         // the jwks_uri
	metadata map[string]any // beside issuer and jwks_uri
	jwks     []map[string]any
	kid      string
	tokens   []sent
}

const entraTenant, entraClient, entraAPI = "11111111-1111-1111-1111-111111111111", "33333333-3333-3333-3333-333333333333", "22222222-2222-2222-2222-222222222222"

// plain is the header of most tokens.
const plain = `"typ":"JWT"`

func all() []documented {
	keycloakKeys := []map[string]any{
		{"kid": "enc", "kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "n": "AQAB", "e": "AQAB"},
		jwk("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", certified()),
	}
	keycloakMetadata := map[string]any{
		"token_endpoint": "https://login.example.com/realms/acme/protocol/openid-connect/token", "grant_types_supported": []string{"authorization_code", "client_credentials"},
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
	}
	account := map[string]any{"account": map[string]any{"roles": []string{"manage-account", "view-profile"}}}
	logout := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	return []documented{
		{"keycloak", keycloak(), "https://login.example.com/realms/acme/protocol/openid-connect/certs", keycloakMetadata, keycloakKeys, "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", []sent{
			{name: "access-token", header: `"typ":"at+jwt"`, claims: map[string]any{
				"jti": "trrtcc:9c8f", "aud": []string{"documents-api", "account"}, "sub": "f3a1", "typ": "Bearer", "azp": "web", "sid": "s1", "acr": "1", "scope": "openid email",
				"realm_access": map[string]any{"roles": []string{"user", "offline_access"}}, "resource_access": account, "preferred_username": "alice", "email_verified": true,
			}, want: bulwark.Principal{Subject: "f3a1", TokenID: "trrtcc:9c8f", SessionID: "s1", ACR: "1", Roles: []string{"user", "offline_access"}, Scopes: []string{"openid", "email"}}},
			{name: "service-token", header: `"typ":"at+jwt"`, claims: map[string]any{
				"jti": "trrtcc:1d2e", "aud": "documents-api", "sub": "b9b4", "typ": "Bearer", "azp": "reports", "acr": "1", "scope": "email profile", "client_id": "reports",
				"clientHost": "192.0.2.7", "clientAddress": "192.0.2.7", "preferred_username": "service-account-reports", "realm_access": map[string]any{"roles": []string{"reader"}},
			}, want: bulwark.Principal{Subject: "b9b4", TokenID: "trrtcc:1d2e", ACR: "1", Roles: []string{"reader"}, Scopes: []string{"email", "profile"}}},
			{name: "id-token", header: plain, claims: map[string]any{"aud": "web", "sub": "f3a1", "typ": "ID", "azp": "web"}, reason: "type"},
			{name: "id-token-for-us", header: plain, claims: map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "ID"}, reason: "type"},
			{name: "refresh-token", header: plain, claims: map[string]any{"aud": "https://login.example.com/realms/acme", "sub": "f3a1", "typ": "Refresh"}, reason: "type"},
			{name: "without-audience-mapper", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "account", "sub": "f3a1", "typ": "Bearer"}, reason: "audience"},
		}},
		{"keycloak-before", keycloakBefore(), "https://login.example.com/realms/acme/protocol/openid-connect/certs", keycloakMetadata, keycloakKeys, "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", []sent{
			{name: "access-token", header: plain, claims: map[string]any{
				"jti": "9c8f", "aud": "documents-api", "sub": "f3a1", "typ": "Bearer", "azp": "web", "realm_access": map[string]any{"roles": []string{"user"}},
			}, want: bulwark.Principal{Subject: "f3a1", TokenID: "9c8f", Roles: []string{"user"}}},
			{name: "service-token", header: plain, claims: map[string]any{
				"jti": "1d2e", "aud": []string{"documents-api", "account"}, "sub": "b9b4", "typ": "Bearer", "azp": "reports", "client_id": "reports", "preferred_username": "service-account-reports",
			}, want: bulwark.Principal{Subject: "b9b4", TokenID: "1d2e"}},
			{name: "id-token", header: plain, claims: map[string]any{"aud": "web", "sub": "f3a1", "typ": "ID"}, reason: "audience"},
			{name: "id-token-for-us", header: plain, claims: map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "ID"}, reason: "claim"},
			{name: "logout-token", header: plain, claims: map[string]any{"aud": "documents-api", "sub": "f3a1", "typ": "Logout", "sid": "s1", "events": logout}, reason: "type"},
		}},
		{"auth0", auth0(), "https://acme.eu.auth0.com/.well-known/jwks.json", map[string]any{"backchannel_logout_supported": true, "backchannel_logout_session_supported": true},
			[]map[string]any{jwk("NjVBRjY5MDlCMUIwNzU4RTA2", certified())}, "NjVBRjY5MDlCMUIwNzU4RTA2", []sent{
				{name: "access-token", header: `"typ":"at+jwt"`, claims: map[string]any{
					"aud": []string{"https://api.example.com", "https://acme.eu.auth0.com/userinfo"}, "sub": "auth0|5f7c8ec7", "client_id": "K1AUPhZq", "jti": "73WakrfVbNJBaAmhQtEeDv",
					"scope": "openid read:documents", "https://api.example.com/roles": []string{"editor"}, "permissions": []string{"read:documents"},
				}, want: bulwark.Principal{Subject: "auth0|5f7c8ec7", TokenID: "73WakrfVbNJBaAmhQtEeDv", Roles: []string{"editor"}, Scopes: []string{"openid", "read:documents"}}},
				{name: "service-token", header: `"typ":"at+jwt"`, claims: map[string]any{
					"aud": "https://api.example.com", "sub": "K1AUPhZq@clients", "client_id": "K1AUPhZq", "jti": "9a", "scope": "read:documents",
				}, want: bulwark.Principal{Subject: "K1AUPhZq@clients", TokenID: "9a", Scopes: []string{"read:documents"}}},
				{name: "id-token", header: plain, claims: map[string]any{"aud": "K1AUPhZq", "sub": "auth0|5f7c8ec7", "sid": "s1"}, reason: "type"},
				{name: "logout-token", header: `"typ":"logout+jwt"`, claims: map[string]any{"aud": "K1AUPhZq", "sub": "auth0|5f7c8ec7", "sid": "s1", "events": logout}, reason: "type"},
				{name: "for-userinfo-only", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "https://acme.eu.auth0.com/userinfo", "sub": "auth0|5f7c8ec7"}, reason: "audience"},
			}},
		{"auth0-permissions", auth0Permissions(), "https://acme.eu.auth0.com/.well-known/jwks.json", nil,
			[]map[string]any{jwk("NjVBRjY5MDlCMUIwNzU4RTA2", certified())}, "NjVBRjY5MDlCMUIwNzU4RTA2", []sent{
				{name: "access-token", header: `"typ":"at+jwt"`, claims: map[string]any{
					"aud": "https://api.example.com", "sub": "auth0|5f7c8ec7", "jti": "73", "scope": "openid", "permissions": []string{"read:documents", "write:documents"},
				}, want: bulwark.Principal{Subject: "auth0|5f7c8ec7", TokenID: "73", Roles: []string{"read:documents", "write:documents"}, Scopes: []string{"openid"}}},
				{name: "service-token", header: `"typ":"at+jwt"`, claims: map[string]any{
					"aud": "https://api.example.com", "sub": "K1AUPhZq@clients", "client_id": "K1AUPhZq", "jti": "74", "permissions": []string{"read:documents"},
				}, want: bulwark.Principal{Subject: "K1AUPhZq@clients", TokenID: "74", Roles: []string{"read:documents"}}},
				{name: "id-token", header: plain, claims: map[string]any{"aud": "K1AUPhZq", "sub": "auth0|5f7c8ec7"}, reason: "type"},
			}},
		{"entra", entra(), "https://login.microsoftonline.com/" + entraTenant + "/discovery/v2.0/keys", map[string]any{"tenant_region_scope": "EU", "cloud_instance_name": "microsoftonline.com"},
			entraKeys("https://login.microsoftonline.com/" + entraTenant + "/v2.0"), "jS1Xo1OWDj_52vbwGNgvQO2VzMc", entraTokens(entraTenant)},
		{"okta", okta(), "https://acme.okta.com/oauth2/default/v1/keys", map[string]any{"introspection_endpoint": "https://acme.okta.com/oauth2/default/v1/introspect"},
			[]map[string]any{jwk("Ibqhjg4tGYvYU8AlJgW6", nil)}, "Ibqhjg4tGYvYU8AlJgW6", []sent{
				{name: "access-token", claims: map[string]any{
					"ver": 1, "jti": "AT.MNAoEQ", "aud": "api://default", "sub": "alice@example.com", "cid": "0oa1", "uid": "00u1", "scp": []string{"openid", "documents.read"}, "groups": []string{"Everyone", "editors"},
				}, want: bulwark.Principal{Subject: "alice@example.com", TokenID: "AT.MNAoEQ", Roles: []string{"Everyone", "editors"}, Scopes: []string{"openid", "documents.read"}}},
				{name: "service-token", claims: map[string]any{
					"ver": 1, "jti": "AT.x", "aud": "api://default", "sub": "0oa2", "cid": "0oa2", "scp": []string{"documents.read"},
				}, want: bulwark.Principal{Subject: "0oa2", TokenID: "AT.x", Scopes: []string{"documents.read"}}},
				{name: "id-token", claims: map[string]any{"aud": "0oa1", "sub": "00u1", "ver": 1, "jti": "ID.radCQM", "amr": []string{"pwd"}}, reason: "audience"},
			}},
		{"cognito", cognito(), cognito().Issuer + "/.well-known/jwks.json", map[string]any{"id_token_signing_alg_values_supported": []string{"RS256"}},
			[]map[string]any{jwk("1234example=", nil), jwk("5678example=", map[string]any{"n": b64(make([]byte, 256))})}, "1234example=", []sent{
				{name: "access-token", claims: map[string]any{
					"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": "1example23456789", "token_use": "access", "scope": "openid documents/read", "cognito:groups": []string{"editors"},
					"origin_jti": "o1", "event_id": "e1", "jti": "j1", "username": "alice", "version": 2, "auth_time": 1676312777,
				}, want: bulwark.Principal{Subject: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", TokenID: "j1", Roles: []string{"editors"}, Scopes: []string{"openid", "documents/read"}}},
				{name: "service-token", claims: map[string]any{
					"sub": "1example23456789", "client_id": "1example23456789", "token_use": "access", "scope": "documents/read", "jti": "j2", "version": 2, "auth_time": 1676312777,
				}, want: bulwark.Principal{Subject: "1example23456789", TokenID: "j2", Scopes: []string{"documents/read"}}},
				{name: "id-token", claims: map[string]any{"aud": "1example23456789", "sub": "a", "token_use": "id", "cognito:username": "alice"}, reason: "claim"},
				{name: "of-another-client", claims: map[string]any{"client_id": "2example", "sub": "a", "token_use": "access"}, reason: "audience"},
				{name: "for-another-resource", claims: map[string]any{"aud": "https://other.example.com", "client_id": "1example23456789", "sub": "a", "token_use": "access"}, reason: "audience"},
				{name: "neither-aud-nor-client", claims: map[string]any{"sub": "a", "token_use": "access"}, reason: "audience"},
			}},
		{"google", google(), "https://www.googleapis.com/oauth2/v3/certs", map[string]any{"response_types_supported": []string{"code", "token", "id_token"}},
			[]map[string]any{jwk("b2620d5e7f132b52afe8875cdf3776c064249d04", nil)}, "b2620d5e7f132b52afe8875cdf3776c064249d04", []sent{
				{name: "service-token", header: plain, claims: map[string]any{
					"aud": "https://api.example.com", "azp": "103", "sub": "103", "email": "reports@acme-project.iam.gserviceaccount.com", "email_verified": true,
				}, want: bulwark.Principal{Subject: "103"}},
				{name: "somebody-else", header: plain, claims: map[string]any{"aud": "https://api.example.com", "sub": "666", "email": "mallory@evil-project.iam.gserviceaccount.com"}, reason: "claim"},
				{name: "login", header: plain, claims: map[string]any{"aud": "123.apps.googleusercontent.com", "sub": "1", "azp": "123.apps.googleusercontent.com"}, reason: "audience"},
			}},
		{"without-subject", withoutSubject(), "https://login.example.com/.well-known/openid-configuration/jwks", nil, []map[string]any{jwk("A1", nil)}, "A1", []sent{
			{name: "service-token", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "documents-api", "client_id": "reports", "scope": []string{"documents.read"}, "jti": "1"},
				want: bulwark.Principal{Subject: "client:reports", TokenID: "1", Scopes: []string{"documents.read"}}},
			{name: "access-token", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "documents-api", "client_id": "web", "sub": "reports", "jti": "2", "amr": []string{"pwd"}},
				want: bulwark.Principal{Subject: "reports", TokenID: "2"}},
			{name: "a-person-of-that-name", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "documents-api", "client_id": "web", "sub": "client:reports"}, reason: "malformed"},
			{name: "id-token", header: plain, claims: map[string]any{"aud": "web", "sub": "reports"}, reason: "type"},
		}},
		{"mcp", mcp(), "https://login.example.com/jwks", nil, []map[string]any{jwk("A1", nil)}, "A1", []sent{
			{name: "access-token", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "https://mcp.example.com/mcp", "sub": "alice", "client_id": "https://app.example.com/client.json", "scope": "files:read", "jti": "1"},
				want: bulwark.Principal{Subject: "alice", TokenID: "1", Scopes: []string{"files:read"}}},
			{name: "of-another-server", header: `"typ":"at+jwt"`, claims: map[string]any{"aud": "https://mcp.example.com", "sub": "alice"}, reason: "audience"},
			{name: "without-resource", header: `"typ":"at+jwt"`, claims: map[string]any{"sub": "alice"}, reason: "audience"},
			{name: "id-token", header: plain, claims: map[string]any{"aud": "https://mcp.example.com/mcp", "sub": "alice"}, reason: "type"},
		}},
	}
}

// entraKeys is a key set of Entra ID, whose keys have no alg. The issuer of the
// first key is given.
func entraKeys(issuer string) []map[string]any {
	members := certified()
	delete(members, "x5t#S256")
	members["alg"], members["issuer"] = nil, issuer
	consumers := maps.Clone(members)
	consumers["issuer"] = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
	return []map[string]any{jwk("jS1Xo1OWDj_52vbwGNgvQO2VzMc", members), jwk("yreX2PsLi-qkbR8QDOmB_ySxp8Q", maps.Clone(members)),
		{"kty": "RSA", "use": "sig", "kid": "weak", "n": "AQAB", "e": "AQAB", "issuer": issuer}}
}

func entraTokens(tenant string) []sent {
	return []sent{
		{name: "access-token", header: plain, claims: map[string]any{
			"aud": entraAPI, "azp": entraClient, "azpacr": "0", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "rh": "I", "aio": "AXQAi",
			"tid": tenant, "ver": "2.0", "scp": "Documents.Read Documents.Write", "roles": []string{"Editor"}, "uti": "fqiBqXLPj0eQa82S-IYFAA",
		}, want: bulwark.Principal{Subject: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", TokenID: "fqiBqXLPj0eQa82S-IYFAA", Roles: []string{"Editor"}, Scopes: []string{"Documents.Read", "Documents.Write"}}},
		{name: "service-token", header: plain, claims: map[string]any{
			"aud": entraAPI, "azp": entraClient, "azpacr": "1", "sub": "02223b6b-aa1d-42d4-9ec0-1b2bb9194438", "oid": "02223b6b-aa1d-42d4-9ec0-1b2bb9194438", "idtyp": "app",
			"tid": tenant, "ver": "2.0", "roles": []string{"Documents.Read.All"}, "uti": "x1",
		}, want: bulwark.Principal{Subject: "02223b6b-aa1d-42d4-9ec0-1b2bb9194438", TokenID: "x1", Roles: []string{"Documents.Read.All"}}},
		{name: "id-token-of-the-client", header: plain, claims: map[string]any{"aud": entraClient, "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "tid": tenant, "ver": "2.0", "nonce": "12345"}, reason: "audience"},
		{name: "id-token-for-us", header: plain, claims: map[string]any{"aud": entraAPI, "sub": "AAAAAAAAAAAAAAAAAAAAAIkz", "tid": tenant, "ver": "2.0"}, reason: "claim"},
	}
}

// TestIssuers sends tokens as the issuers make them: the access token and the
// token of a service pass, and whatever else the same issuer signs with the
// same key does not.
func TestIssuers(t *testing.T) {
	for _, issuer := range all() {
		t.Run(issuer.name, func(t *testing.T) {
			if unchanged, err := jwt.New(issuer.config); err != nil { // as it stands on the page
				t.Fatal(err)
			} else {
				unchanged.Shutdown(t.Context())
			}
			metadata := map[string]any{"issuer": issuer.config.Issuer, "jwks_uri": issuer.keys}
			maps.Copy(metadata, issuer.metadata)
			net := newInternet(t, map[string]any{below(issuer.config.Issuer): metadata, issuer.keys: map[string]any{"keys": issuer.jwks}})
			issuer.config.Keys = jwt.Discover(issuer.config.Issuer, jwt.RemoteConfig{Transport: net})
			verifier, err := jwt.New(issuer.config)
			if err != nil {
				t.Fatal(err)
			}
			defer verifier.Shutdown(context.Background())
			service := newService(t, verifier)
			for _, one := range issuer.tokens {
				service.check(t, issuer.config.Issuer, one, token(issuer.config.Issuer, issuer.kid, one.header, one.claims))
			}
		})
	}
}

// TestEntraTenants sends tokens of several tenants, whose keys are the same.
func TestEntraTenants(t *testing.T) {
	const template, other = "https://login.microsoftonline.com/{tenantid}/v2.0", "44444444-4444-4444-4444-444444444444"
	of := func(tenant string) string { return strings.Replace(template, "{tenantid}", tenant, 1) }
	keys := "https://login.microsoftonline.com/common/discovery/v2.0/keys"
	net := newInternet(t, map[string]any{
		below(of("common")): map[string]any{"issuer": template, "jwks_uri": keys, "tenant_region_scope": nil},
		keys:                map[string]any{"keys": entraKeys(template)},
	})
	config := entraTenants()
	if unchanged, err := jwt.NewIssuers(config); err != nil { // as it stands on the page
		t.Fatal(err)
	} else {
		unchanged.Shutdown(t.Context())
	}
	config.Template.Keys = jwt.Discover(template, jwt.RemoteConfig{Transport: net})
	issuers, err := jwt.NewIssuers(config)
	if err != nil {
		t.Fatal(err)
	}
	defer issuers.Shutdown(context.Background())
	service := newService(t, issuers)
	for _, tenant := range []string{entraTenant, other} {
		for _, one := range entraTokens(tenant) {
			service.check(t, of(tenant), one, token(of(tenant), "jS1Xo1OWDj_52vbwGNgvQO2VzMc", one.header, one.claims))
		}
	}
	access := entraTokens(entraTenant)[0]
	for name, issuer := range map[string]string{"tid-of-another": of(other), "not-listed": of("55555555-5555-5555-5555-555555555555"), "template": template} {
		service.check(t, issuer, sent{name: name, reason: "issuer"}, token(issuer, "jS1Xo1OWDj_52vbwGNgvQO2VzMc", plain, access.claims))
	}
}

// service is a handler behind auth.
type service struct {
	handler http.Handler
	events  bulwarktest.Recorder
	caller  *bulwark.Principal
}

func newService(t *testing.T, tokens auth.Authenticator) *service {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{}
	s.handler = s.events.Wrap(layer.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.caller, _ = bulwark.PrincipalFrom(r.Context())
	})))
	return s
}

// check sends the token.
func (s *service) check(t *testing.T, issuer string, one sent, token string) {
	t.Helper()
	s.caller = nil
	s.events.Take()
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	events := s.events.Take()
	if one.want.Subject == "" {
		if w.Code != 401 || s.caller != nil || len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != one.reason ||
			w.Header().Get("WWW-Authenticate") != `Bearer error="invalid_token"` || !strings.Contains(w.Body.String(), `"auth.invalid_token"`) {
			t.Errorf("%s: %d %s, events %+v, want the reason %s", one.name, w.Code, w.Body, events, one.reason)
		}
		return
	}
	p := s.caller
	if w.Code != 200 || p == nil || len(events) != 0 {
		t.Errorf("%s: %d, %+v", one.name, w.Code, events)
		return
	}
	if p.Issuer != issuer || p.Subject != one.want.Subject || p.TokenID != one.want.TokenID || p.SessionID != one.want.SessionID || p.ACR != one.want.ACR ||
		!slices.Equal(p.Roles, one.want.Roles) || !slices.Equal(p.Scopes, one.want.Scopes) {
		t.Errorf("%s: %+v, want %+v", one.name, p, one.want)
	}
}

// TestThePageShowsThisCode finds each block of the page in this folder. The
// package recipes has its policies.
func TestThePageShowsThisCode(t *testing.T) {
	code := pagetest.Read(t, "*_test.go")
	configs := 0
	for _, block := range pagetest.Blocks(t, "../../../docs/issuers.md") {
		if strings.HasPrefix(block.Text, "authz.PolicyConfig{") {
			continue
		}
		text := strings.TrimSpace(block.Text)
		if strings.HasPrefix(text, "jwt.") {
			configs++
			text = "return " + text
		}
		if !code.Has(text) {
			t.Errorf("nothing here runs this block:\n%s", block.Text)
		}
	}
	if want := len(all()) + 1; configs != want {
		t.Errorf("the page has %d Configs, and there are %d", configs, want)
	}
}
