package issuers

import (
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The Configs of the page, each as it stands there.

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

func entraTenants() jwt.IssuersConfig {
	return jwt.IssuersConfig{
		Template: jwt.Config{
			Issuer:            "https://login.microsoftonline.com/{tenantid}/v2.0",
			Audience:          []string{"22222222-2222-2222-2222-222222222222"},
			Keys:              jwt.Discover("https://login.microsoftonline.com/{tenantid}/v2.0", jwt.RemoteConfig{}),
			InsecurePlainType: true,
			Require:           map[string]any{"azp": "33333333-3333-3333-3333-333333333333"},
			TokenIDClaim:      "uti",
		},
		Tenants: []string{
			"11111111-1111-1111-1111-111111111111",
			"44444444-4444-4444-4444-444444444444",
		},
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

func withoutSubject() jwt.Config {
	return jwt.Config{
		Issuer:      "https://login.example.com",
		Audience:    []string{"documents-api"},
		Keys:        jwt.Discover("https://login.example.com", jwt.RemoteConfig{}),
		ClientClaim: "client_id",
	}
}

func mcp() jwt.Config {
	return jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://mcp.example.com/mcp"}, // the resource of the metadata, to the letter
		Keys:     jwt.Discover("https://login.example.com", jwt.RemoteConfig{}),
	}
}
