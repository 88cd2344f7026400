package recipes

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// keycloakRoles names the roles that Keycloak gives to every user.
func keycloakRoles() (*authz.Policy, error) {
	return authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles: authz.Roles{
			"user":               {Grants: []string{"document:read:all"}},
			"offline_access":     {}, // Keycloak gives these three roles to every user
			"uma_authorization":  {},
			"default-roles-acme": {}, // for the realm "acme"
		},
	})
}

// auth0Permissions gives each permission of Auth0 its grants.
func auth0Permissions() (*authz.Policy, error) {
	return authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles: authz.Roles{
			"read:documents": {Grants: []string{"document:read:all"}}, // the name of the permission at Auth0
		},
	})
}

// TestThePoliciesOfIssuers sends a caller with the claims of an issuer as roles.
// The page has each policy, and no event says that a role is unknown.
func TestThePoliciesOfIssuers(t *testing.T) {
	code := pagetest.Read(t, "issuers_test.go")
	shown := 0
	for _, block := range pagetest.Blocks(t, "../../../docs/issuers.md") {
		if !strings.HasPrefix(block.Text, "authz.PolicyConfig{") {
			continue
		}
		shown++
		if !code.Has("return authz.NewPolicy(" + strings.TrimSpace(block.Text) + ")") {
			t.Errorf("nothing here runs this block:\n%s", block.Text)
		}
	}
	if shown != 2 {
		t.Errorf("the page shows %d policies", shown)
	}
	for name, test := range map[string]struct {
		policy func() (*authz.Policy, error)
		roles  []string
		status int
		events int // of unknown roles and of refusals
	}{
		"keycloak":                 {keycloakRoles, []string{"user", "offline_access", "uma_authorization", "default-roles-acme"}, 200, 0},
		"keycloak-without-user":    {keycloakRoles, []string{"offline_access", "uma_authorization", "default-roles-acme"}, 403, 1},
		"keycloak-not-named":       {auth0Permissions, []string{"read:documents", "offline_access", "uma_authorization", "default-roles-acme"}, 200, 3},
		"auth0":                    {auth0Permissions, []string{"read:documents"}, 200, 0},
		"auth0-without-permission": {auth0Permissions, nil, 403, 1},
	} {
		mux := authz.NewMux(bulwark.Must(test.policy()))
		mux.Handle("GET /documents", authz.Require("document:read:all"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		events := &bulwarktest.Recorder{}
		w := httptest.NewRecorder()
		events.Wrap(mux).ServeHTTP(w, authtest.As(httptest.NewRequest("GET", "/documents", nil),
			&bulwark.Principal{Issuer: "https://login.example.com/realms/acme", Subject: "f3a1", Roles: test.roles}))
		if reported := events.Take(); w.Code != test.status || len(reported) != test.events {
			t.Errorf("%s: %d with %d events, want %d with %d: %+v", name, w.Code, len(reported), test.status, test.events, reported)
		}
	}
}
