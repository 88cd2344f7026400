package jwt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

var null = json.RawMessage("null")

// A client that acts for itself has no sub at some issuers. Its subject is in a
// name space of its own.
func TestCaseAuth4ClientInPlaceOfASubject(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	for _, test := range []struct {
		name, claim string
		changes     authtest.Claims
		subject     string // or else
		reason      string
	}{
		{"client-id", "client_id", authtest.Claims{"sub": nil, "client_id": "svc"}, "client:svc", ""},
		{"null", "client_id", authtest.Claims{"sub": null, "client_id": "svc"}, "client:svc", ""},
		{"another-claim", "azp", authtest.Claims{"sub": nil, "azp": "svc"}, "client:svc", ""},
		{"by-pointer", "/act/client.id", authtest.Claims{"sub": nil, "act": map[string]any{"client.id": "svc"}}, "client:svc", ""},
		{"prefix-in-the-id", "client_id", authtest.Claims{"sub": nil, "client_id": "client:svc"}, "client:client:svc", ""},
		{"sub-comes-first", "client_id", authtest.Claims{"sub": "alice", "client_id": "svc"}, "alice", ""},
		{"sub-of-the-same-name", "client_id", authtest.Claims{"sub": "svc", "client_id": "svc"}, "svc", ""},
		{"sub-in-the-name-space", "client_id", authtest.Claims{"sub": "client:svc"}, "", "malformed"},
		{"sub-is-the-prefix", "client_id", authtest.Claims{"sub": "client:"}, "", "malformed"},
		{"sub-number", "client_id", authtest.Claims{"sub": 7}, "", "malformed"},
		{"client-missing", "client_id", authtest.Claims{"sub": nil, "client_id": nil}, "", "malformed"},
		{"client-null", "client_id", authtest.Claims{"sub": nil, "client_id": null}, "", "malformed"},
		{"client-empty", "client_id", authtest.Claims{"sub": nil, "client_id": ""}, "", "malformed"},
		{"client-number", "client_id", authtest.Claims{"sub": nil, "client_id": 7}, "", "malformed"},
		{"not-configured", "", authtest.Claims{"sub": nil, "client_id": "svc"}, "", "malformed"},
		{"prefix-not-configured", "", authtest.Claims{"sub": "client:svc"}, "client:svc", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.ClientClaim = test.claim
			token := issuer.Token(test.changes)
			if test.reason != "" {
				wantRefused(t, c, token, test.reason)
				return
			}
			if p := newService(t, c).accepts(token); p.Subject != test.subject || p.Issuer != issuer.URL() {
				t.Errorf("the caller is %q of %q, want %q", p.Subject, p.Issuer, test.subject)
			}
		})
	}
}

// Null is not a value, in whichever claim; what is required stays required.
func TestCaseAuth5NullIsAbsent(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.TierClaim, config.ClientClaim, config.TokenIDClaim = "tier", "client_id", "uti"
	for _, name := range []string{"acr", "sid", "jti", "uti", "nbf", "iat", "auth_time", "scope", "scp", "roles", "tier", "client_id"} {
		t.Run(name, func(t *testing.T) {
			p := newService(t, config).accepts(issuer.Token(authtest.Claims{"jti": nil, "iat": nil, name: null}))
			if p.ACR != "" || p.SessionID != "" || p.TokenID != "" || !p.IssuedAt.IsZero() || !p.AuthTime.IsZero() || p.Tier != "" || p.Scopes != nil || p.Roles != nil {
				t.Errorf("%+v", p)
			}
		})
	}
	for name, want := range map[string]string{"iss": "malformed", "aud": "audience", "exp": "malformed", "cnf": "malformed"} {
		t.Run(name, func(t *testing.T) {
			c := config
			if name == "iss" {
				// Nobody claims a token without an issuer: it is handed in.
				if _, err := mustNew(t, c).Verify(t.Context(), issuer.Token(authtest.Claims{name: null})); reason(err) != want {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			wantRefused(t, c, issuer.Token(authtest.Claims{name: null}), want)
		})
	}
	t.Run("sub", func(t *testing.T) {
		c := config
		c.ClientClaim = ""
		wantRefused(t, c, issuer.Token(authtest.Claims{"sub": null}), "malformed")
	})
}

// A token that can be revoked in any of the ways that a store knows is
// accepted, and revoked in that way.
func TestCaseAuth6EveryWayToRevoke(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	now := time.Now()
	for _, test := range []struct {
		name       string
		changes    authtest.Claims
		claim      string
		revocation auth.Revocation
	}{
		{"token-id", authtest.Claims{"jti": "t1", "iat": nil}, "", auth.Revocation{TokenID: "t1"}},
		{"session", authtest.Claims{"jti": nil, "iat": nil, "sid": "s1"}, "", auth.Revocation{SessionID: "s1"}},
		{"session-of-entra", authtest.Claims{"jti": nil, "uti": "x", "sid": "s1"}, "", auth.Revocation{SessionID: "s1"}},
		{"subject", authtest.Claims{"jti": nil}, "", auth.Revocation{Subject: "alice", IssuedUntil: now.Add(time.Minute)}},
		{"subject-without-iat", authtest.Claims{"jti": "t1", "iat": nil}, "", auth.Revocation{Subject: "alice", IssuedUntil: now}},
		{"own-token-id", authtest.Claims{"jti": nil, "iat": nil, "uti": "u1"}, "uti", auth.Revocation{TokenID: "u1"}},
		{"own-token-id-beside-jti", authtest.Claims{"jti": "t1", "uti": "u1"}, "uti", auth.Revocation{TokenID: "u1"}},
		{"own-token-id-by-pointer", authtest.Claims{"jti": nil, "iat": nil, "ids": map[string]any{"a.b": "u1"}}, "/ids/a.b", auth.Revocation{TokenID: "u1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, store := config, &auth.MemoryRevocations{}
			c.Revocations, c.TokenIDClaim = store, test.claim
			token := issuer.Token(test.changes)
			newService(t, c).accepts(token)
			test.revocation.Issuer = issuer.URL()
			if err := store.Revoke(t.Context(), test.revocation); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, c, token, "revoked")
		})
	}
	for _, test := range []struct {
		name    string
		changes authtest.Claims
		claim   string
	}{
		{"nothing", authtest.Claims{"jti": nil, "iat": nil}, ""},
		{"empty", authtest.Claims{"jti": "", "sid": "", "iat": null}, ""},
		{"another-claim", authtest.Claims{"jti": nil, "iat": nil, "uti": "x"}, ""},
		{"jti-does-not-count", authtest.Claims{"iat": nil}, "uti"},
		{"id-is-a-number", authtest.Claims{"uti": 7}, "uti"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.Revocations, c.TokenIDClaim = &auth.MemoryRevocations{}, test.claim
			wantRefused(t, c, issuer.Token(test.changes), "malformed")
		})
	}
}

// Names that hold dots, slashes and tildes can be written, in every field that
// names a claim.
func TestCaseAuth8EveryClaimCanBeWritten(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	access := map[string]any{"com.example.web": map[string]any{"roles": []string{"editor"}, "a/b": "slash", "a~b": "tilde", "~1": "escaped"}}
	for _, test := range []struct {
		name   string
		claims []string
		want   []string
	}{
		{"dots-in-a-name", []string{"/resource_access/com.example.web/roles"}, []string{"editor"}},
		{"one-name", []string{"/roles"}, []string{"top"}},
		{"slash-in-a-name", []string{"/resource_access/com.example.web/a~1b"}, []string{"slash"}},
		{"tilde-in-a-name", []string{"/resource_access/com.example.web/a~0b"}, []string{"tilde"}},
		{"both-escapes", []string{"/resource_access/com.example.web/~01"}, []string{"escaped"}},
		{"name-with-a-slash-in-front", []string{"/~1odd"}, []string{"odd"}},
		{"url", []string{"https://example.com/roles"}, []string{"url"}},
		{"dotted-path", []string{"realm_access.roles"}, []string{"realm"}},
		{"several", []string{"roles", "realm_access.roles", "/resource_access/com.example.web/roles", "again"}, []string{"top", "realm", "editor"}},
		{"nowhere", []string{"/resource_access/com.example.app/roles"}, nil},
		{"through-a-text", []string{"/sub/roles"}, nil},
		{"through-a-list", []string{"/tenants/1/roles"}, []string{"second"}},
		{"item-of-a-list", []string{"/again/0"}, []string{"top"}},
		{"behind-a-list", []string{"/again/2", "/tenants/-/roles", "/tenants/01/roles", "/tenants/+1/roles", "/tenants/-1/roles", "/tenants//roles", "/tenants/99999999999999999999/roles"}, nil},
		{"list-and-dots", []string{"tenants.1.roles"}, nil},
		{"default", nil, []string{"top"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.RolesClaims = test.claims
			p := newService(t, c).accepts(issuer.Token(authtest.Claims{
				"resource_access": access, "roles": []string{"top"}, "realm_access": map[string]any{"roles": []string{"realm"}},
				"tenants": []any{nil, map[string]any{"roles": "second"}}, "https://example.com/roles": "url", "/odd": "odd", "again": []string{"top", "editor"},
			}))
			if !slices.Equal(p.Roles, test.want) {
				t.Errorf("roles %q, want %q", p.Roles, test.want)
			}
		})
	}
	t.Run("other-fields", func(t *testing.T) {
		c := config
		c.TierClaim, c.AudienceClaim, c.Require = "/plan/a.b", "/client/my.id", map[string]any{"/plan/c.d": "yes"}
		token := authtest.Claims{"plan": map[string]any{"a.b": "premium", "c.d": "yes"}, "client": map[string]any{"my.id": authtest.Audience}, "aud": nil}
		if p := newService(t, c).accepts(issuer.Token(token)); p.Tier != "premium" {
			t.Errorf("tier %q", p.Tier)
		}
		token["plan"] = map[string]any{"c.d": "no"}
		event := wantRefused(t, c, issuer.Token(token), "claim")
		if text := cause(event); !strings.Contains(text, "/plan/c.d") || !strings.Contains(text, `"yes"`) {
			t.Errorf("the event does not name the claim: %s", text)
		}
	})
	t.Run("cannot-be-read", func(t *testing.T) {
		c := config
		c.RolesClaims, c.TierClaim, c.TokenIDClaim, c.ClientClaim = []string{"roles", "/a~2b", "", "/"}, "/~", "/a~", "/~x"
		c.AudienceClaim, c.Require = "/b~", map[string]any{"/c~": "x"}
		_, err := jwt.New(c)
		want := []string{"jwt.AudienceClaim", "jwt.ClientClaim", "jwt.Require", "jwt.RolesClaims[1]", "jwt.RolesClaims[2]", "jwt.RolesClaims[3]", "jwt.TierClaim", "jwt.TokenIDClaim"}
		if got := fieldsOf(err); !slices.Equal(got, want) {
			t.Errorf("errors for %q, want %q: %v", got, want, err)
		}
		c = config
		c.RolesClaims = slices.Repeat([]string{"roles"}, 17)
		if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.RolesClaims"}) {
			t.Error(err)
		}
	})
}

// The log says what was wanted, and which field of the Config wants it. It does
// not repeat what the sender of a token has made up.
func TestCaseAuth12CausesSayWhatWasWanted(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.Require = map[string]any{"token_use": "access"}
	config.MaxLifetime = time.Hour
	good := authtest.Claims{"token_use": "access"}
	with := func(name string, value any) string {
		return issuer.Token(authtest.Claims{"token_use": "access", name: value})
	}
	for _, test := range []struct {
		name, token, reason string
		says                []string
	}{
		{"plain", issuer.TokenOfType("JWT", good), "type", []string{`"JWT"`, "at+jwt", "InsecurePlainType"}},
		{"plain-media-type", issuer.TokenOfType("application/jwt", good), "type", []string{`"JWT"`, "at+jwt", "InsecurePlainType"}},
		{"missing", issuer.TokenOfType("", good), "type", []string{"missing", "at+jwt", "InsecurePlainType"}},
		{"another", issuer.TokenOfType("dpop+jwt", good), "type", []string{`"dpop+jwt"`, "at+jwt", "Types"}},
		{"long", issuer.TokenOfType(strings.Repeat("x", 4000), good), "type", []string{"at+jwt", "Types"}},
		{"control-characters", issuer.TokenOfType("a\nb", good), "type", []string{"at+jwt", "Types"}},
		{"audience", with("aud", "https://other.example"), "audience", []string{"no aud", "jwt.Config.Audience", authtest.Audience}},
		{"audience-missing", with("aud", nil), "audience", []string{"missing", "jwt.Config.Audience", "jwt.Config.AudienceClaim"}},
		{"expired", with("exp", time.Now().Add(-time.Hour).Unix()), "expired", []string{"exp", "1h0m", "jwt.Config.Skew", "1m0s"}},
		{"issued-later", with("iat", time.Now().Add(time.Hour).Unix()), "not_yet_valid", []string{"iat", "Skew"}},
		{"logged-in-later", with("auth_time", time.Now().Add(time.Hour).Unix()), "not_yet_valid", []string{"auth_time", "Skew"}},
		{"valid-later", with("nbf", time.Now().Add(time.Hour).Unix()), "not_yet_valid", []string{"nbf", "Skew"}},
		{"lifetime", with("exp", time.Now().Add(2*time.Hour).Unix()), "lifetime", []string{"MaxLifetime", "1h0m0s"}},
		{"lifetime-unknown", with("iat", nil), "lifetime", []string{"iat", "MaxLifetime"}},
		{"claim", with("token_use", "id-made-up"), "claim", []string{"token_use", "another value", "jwt.Config.Require", `"access"`}},
		{"claim-missing", with("token_use", nil), "claim", []string{"token_use", "missing", "jwt.Config.Require", `"access"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := causeOf([]bulwark.Event{wantRefused(t, config, test.token, test.reason)})
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("the event says %q, without %q", text, part)
				}
			}
			for _, submitted := range []string{"other.example", "id-made-up", "xxxx", "a\\x0ab"} {
				if strings.Contains(text, submitted) {
					t.Errorf("the event repeats %q, which the token says: %q", submitted, text)
				}
			}
			if len(text) > 512 || strings.ContainsAny(text, "\n\r") {
				t.Errorf("the cause has %d bytes: %q", len(text), text)
			}
		})
	}
	t.Run("algorithm", func(t *testing.T) {
		c := config
		c.Algorithms = []string{"RS256"}
		text := causeOf([]bulwark.Event{wantRefused(t, c, issuer.Token(good), "algorithm")})
		for _, part := range []string{`"ES256"`, "RS256", "Algorithms"} {
			if !strings.Contains(text, part) {
				t.Errorf("the event says %q, without %q", text, part)
			}
		}
	})
}

// RFC 7515 section 4.1.9: a typ is a media type, whose prefix may be left out.
func TestNitAuthPlainTypes(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.InsecurePlainType = true
	for _, typ := range []string{"JWT", "jwt", "application/jwt", "application/JWT", "APPLICATION/jwt", ""} {
		newService(t, config).accepts(issuer.TokenOfType(typ, nil))
	}
	for _, typ := range []string{"application/", "application/application/jwt", "text/jwt", "jwt ", "application/x-jwt"} {
		wantRefused(t, config, issuer.TokenOfType(typ, nil), "type")
	}
}
