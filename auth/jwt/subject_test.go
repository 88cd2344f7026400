package jwt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The subject may have another name. What is not there, or is of another form,
// refuses the token: neither the sub nor the client stands in for it unseen.
func TestSubjectClaim(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	list := authtest.Claims{"ids": []any{map[string]any{"oid": "o1"}}, "client_id": "svc"}
	for _, test := range []struct {
		name, claim, client string
		changes             authtest.Claims
		subject             string // or else
		says                string // the log about the refusal
	}{
		{"in-place-of-sub", "oid", "", authtest.Claims{"oid": "o1"}, "o1", ""},
		{"without-sub", "oid", "", authtest.Claims{"oid": "o1", "sub": nil}, "o1", ""},
		{"sub-written-out", "sub", "", nil, "alice", ""},
		{"by-path", "user.id", "", authtest.Claims{"user": map[string]any{"id": "u1"}}, "u1", ""},
		{"by-pointer", "/user/my.id", "", authtest.Claims{"user": map[string]any{"my.id": "u1"}}, "u1", ""},
		{"item-by-pointer", "/ids/0/oid", "", list, "o1", ""},
		{"missing", "oid", "", nil, "", "SubjectClaim"},
		{"null", "oid", "", authtest.Claims{"oid": null}, "", "SubjectClaim"},
		{"empty", "oid", "", authtest.Claims{"oid": ""}, "", "SubjectClaim"},
		{"number", "oid", "", authtest.Claims{"oid": 7}, "", "SubjectClaim"},
		{"list", "oid", "", authtest.Claims{"oid": []string{"o1"}}, "", "SubjectClaim"},
		{"object", "user", "", authtest.Claims{"user": map[string]any{"id": "u1"}}, "", "SubjectClaim"},
		{"missing-with-client", "oid", "client_id", authtest.Claims{"client_id": "svc"}, "client:svc", ""},
		{"missing-in-an-object-with-client", "user.oid", "client_id", authtest.Claims{"client_id": "svc", "user": map[string]any{}}, "client:svc", ""},
		{"behind-the-end-with-client", "/ids/1/oid", "client_id", list, "client:svc", ""},
		// Here somebody is in the token, and must not become the client.
		{"through-a-list", "ids.0.oid", "client_id", list, "", "SubjectClaim"},
		{"through-a-list-by-name", "/ids/first/oid", "client_id", list, "", "SubjectClaim"},
		{"through-a-text", "user.oid", "client_id", authtest.Claims{"user": "u1"}, "", "SubjectClaim"},
		{"number-with-client", "oid", "client_id", authtest.Claims{"oid": 7}, "", "SubjectClaim"},
		{"client-through-a-list", "oid", "clients.0", authtest.Claims{"clients": []string{"svc"}}, "", "ClientClaim"},
		{"reserved", "oid", "client_id", authtest.Claims{"oid": "client:svc"}, "", "ClientClaim"},
		{"sub-is-not-read", "oid", "client_id", authtest.Claims{"oid": "o1", "sub": "client:svc"}, "o1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.SubjectClaim, c.ClientClaim = test.claim, test.client
			token := issuer.Token(test.changes)
			if test.says == "" {
				if p := newService(t, c).accepts(token); p.Subject != test.subject {
					t.Errorf("the caller is %q, want %q", p.Subject, test.subject)
				}
				return
			}
			event := wantRefused(t, c, token, "malformed")
			if text := cause(event); !strings.Contains(text, "jwt.Config."+test.says) || strings.Contains(text, "o1") || strings.Contains(text, "svc") {
				t.Errorf("the log says %q", text)
			}
		})
	}
}

// A token id that the path cannot reach could never be revoked.
func TestTokenIDClaimThroughAList(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.TokenIDClaim, config.Revocations = "ids.0", &auth.MemoryRevocations{}
	if text := cause(wantRefused(t, config, issuer.Token(authtest.Claims{"ids": []string{"t1"}}), "malformed")); !strings.Contains(text, "jwt.Config.TokenIDClaim") {
		t.Errorf("the log says %q", text)
	}
}

// A subject that changes hands must be asked for by a name that says so.
func TestInsecureSubjectClaim(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	for _, claim := range []string{
		"email", "Email", "upn", "preferred_username", "unique_name", "name", "nickname", "given_name", "phone_number", "username", "login_hint",
		"user_email", "primaryEmail", "work-email-address", "verified_secondary_email", "github_username", "user_phone", "custom:mobile_phone_2",
		"cognito:username", "user.email", "/user/email", "/emails/0", "https://example.com/email",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "/https:~1~1example.com~1claims~1upn",
	} {
		c := config
		c.SubjectClaim = claim
		_, err := jwt.New(c)
		if got := fieldsOf(err); !slices.Equal(got, []string{"jwt.SubjectClaim"}) || !strings.Contains(err.Error(), "InsecureSubjectClaim") {
			t.Errorf("%s: %v", claim, err)
		}
		c.InsecureSubjectClaim = true
		if _, err := jwt.New(c); err != nil {
			t.Errorf("%s: %v", claim, err)
		}
	}
	for _, claim := range []string{"oid", "sub", "uid", "user_id", "user.id", "/user/my.id", "https://example.com/uuid", "immutable_id"} {
		c := config
		c.SubjectClaim = claim
		if _, err := jwt.New(c); err != nil {
			t.Errorf("%s: %v", claim, err)
		}
	}
	for claim, says := range map[string]string{
		"client_id": "ClientClaim", "azp": "ClientClaim", "appid": "ClientClaim", "iss": "issuer", "aud": "service", "exp": "time", "jti": "token", "sid": "session", "tid": "tenant",
	} {
		c := config
		c.SubjectClaim, c.InsecureSubjectClaim = claim, true
		if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.SubjectClaim"}) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	c := config
	c.InsecureSubjectClaim = true
	if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.InsecureSubjectClaim"}) {
		t.Error(err)
	}
	c.SubjectClaim = "/~"
	if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.SubjectClaim"}) {
		t.Error(err)
	}
	c.SubjectClaim, c.Require = "email", map[string]any{"email_verified": true}
	if p := newService(t, c).accepts(issuer.Token(authtest.Claims{"email": "alice@example.com", "email_verified": true})); p.Subject != "alice@example.com" {
		t.Errorf("the caller is %q", p.Subject)
	}
	wantRefused(t, c, issuer.Token(authtest.Claims{"email": "alice@example.com", "email_verified": false}), "claim")
	wantRefused(t, c, issuer.Token(authtest.Claims{"email": "alice@example.com", "email_verified": "true"}), "claim")
}

// How and when each factor was given, from amr and auth_time. The iat is not
// the time of a factor.
func TestFactors(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	login := time.Now().Add(-time.Hour).Truncate(time.Second)
	many := slices.Repeat([]string{"pwd"}, 17)
	long := strings.Repeat("x", 65)
	for _, test := range []struct {
		name    string
		changes authtest.Claims
		want    map[string]time.Time // nil for none
		refused bool
	}{
		{"two", authtest.Claims{"amr": []string{"pwd", "otp"}, "auth_time": login.Unix()}, map[string]time.Time{"pwd": login, "otp": login}, false},
		{"one-text", authtest.Claims{"amr": "hwk", "auth_time": login.Unix()}, map[string]time.Time{"hwk": login}, false},
		{"without-auth-time", authtest.Claims{"amr": []string{"pwd"}}, map[string]time.Time{"pwd": {}}, false},
		{"twice", authtest.Claims{"amr": []string{"pwd", "pwd"}, "auth_time": login.Unix()}, map[string]time.Time{"pwd": login}, false},
		{"sixteen", authtest.Claims{"amr": many[:16]}, map[string]time.Time{"pwd": {}}, false},
		{"long-enough", authtest.Claims{"amr": long[:64]}, map[string]time.Time{long[:64]: {}}, false},
		{"empty-text", authtest.Claims{"amr": []string{"", "pwd"}}, map[string]time.Time{"pwd": {}}, false},
		{"missing", authtest.Claims{"auth_time": login.Unix()}, nil, false},
		{"null", authtest.Claims{"amr": null}, nil, false},
		{"empty", authtest.Claims{"amr": []string{}}, nil, false},
		{"number", authtest.Claims{"amr": 7}, nil, true},
		{"object", authtest.Claims{"amr": map[string]any{"pwd": 1}}, nil, true},
		{"list-of-numbers", authtest.Claims{"amr": []any{"pwd", 7}}, nil, true},
		{"list-in-a-list", authtest.Claims{"amr": []any{[]string{"pwd"}}}, nil, true},
		{"seventeen", authtest.Claims{"amr": many}, nil, true},
		{"too-long", authtest.Claims{"amr": []string{long}}, nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := issuer.Token(test.changes)
			if test.refused {
				if text := cause(wantRefused(t, config, token, "malformed")); !strings.Contains(text, "amr") {
					t.Errorf("the log says %q", text)
				}
				return
			}
			p := newService(t, config).accepts(token)
			if (p.Factors == nil) != (test.want == nil) || len(p.Factors) != len(test.want) {
				t.Fatalf("factors %v, want %v", p.Factors, test.want)
			}
			for method, when := range test.want {
				if got, ok := p.Factors[method]; !ok || !got.Equal(when) {
					t.Errorf("%s at %v, want %v", method, got, when)
				}
			}
		})
	}
}

// A logout token or a security event token is signed as an access token is, and
// many come with the typ "JWT" or none.
func TestEventsAreNotAccess(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.InsecurePlainType = true
	logout := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	for name, events := range map[string]any{"logout": logout, "empty": map[string]any{}, "text": "x", "empty-text": "", "list": []any{}, "false": false, "zero": 0} {
		t.Run(name, func(t *testing.T) {
			for _, typ := range []string{"at+jwt", "JWT", ""} {
				event := wantRefused(t, config, issuer.TokenOfType(typ, authtest.Claims{"events": events}), "type")
				if !strings.Contains(cause(event), "events") {
					t.Errorf("the log says %q", cause(event))
				}
			}
		})
	}
	newService(t, config).accepts(issuer.Token(authtest.Claims{"events": null}))
	newService(t, config).accepts(issuer.Token(authtest.Claims{"Events": logout}))
}
