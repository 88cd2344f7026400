package introspection_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
)

// RFC 7662 section 2.2 makes sub optional: a member that the Config names stands
// in for it, in a name space of its own.
func TestCaseAuth4ClientInPlaceOfASubject(t *testing.T) {
	for _, test := range []struct {
		name, claim     string
		changes         map[string]string
		subject, reason string // one of the two
	}{
		{"client-id", "client_id", map[string]string{"sub": "", "client_id": `"svc"`}, "client:svc", ""},
		{"sub-null", "client_id", map[string]string{"sub": "null", "client_id": `"svc"`}, "client:svc", ""},
		{"another-member", "azp", map[string]string{"sub": "", "azp": `"svc"`}, "client:svc", ""},
		{"by-pointer", "/client/my.id", map[string]string{"sub": "", "client": `{"my.id":"svc"}`}, "client:svc", ""},
		{"sub-comes-first", "client_id", map[string]string{"client_id": `"svc"`}, "alice", ""},
		{"person-of-that-name", "client_id", map[string]string{"sub": `"svc"`, "client_id": `"svc"`}, "svc", ""},
		{"person-in-the-name-space", "client_id", map[string]string{"sub": `"client:svc"`}, "", "malformed"},
		{"client-missing", "client_id", map[string]string{"sub": ""}, "", "malformed"},
		{"client-null", "client_id", map[string]string{"sub": "", "client_id": "null"}, "", "malformed"},
		{"client-empty", "client_id", map[string]string{"sub": "", "client_id": `""`}, "", "malformed"},
		{"client-list", "client_id", map[string]string{"sub": "", "client_id": `["svc"]`}, "", "malformed"},
		{"not-configured", "", map[string]string{"sub": "", "client_id": `"svc"`}, "", "malformed"},
		{"username-is-not-a-client", "client_id", map[string]string{"sub": "", "username": `"alice"`}, "", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(changed(test.changes))})
			c.ClientClaim = test.claim
			s := newService(t, c)
			if test.reason != "" {
				s.refuses("opaque", test.reason)
				return
			}
			if p := s.accepts("opaque"); p.Subject != test.subject || p.Issuer != issuerURL {
				t.Errorf("the caller is %q of %q, want %q", p.Subject, p.Issuer, test.subject)
			}
		})
	}
}

// Null in an optional member means that the member is absent, and so does an
// exp of zero where no exp is wanted.
func TestCaseAuth5NullIsAbsent(t *testing.T) {
	noExpiry := func(c *introspection.Config) { c.InsecureNoExpiry = true }
	client := func(c *introspection.Config) { c.ClientClaim, c.TierClaim, c.TokenIDClaim = "client_id", "tier", "id" }
	for _, name := range []string{"iss", "nbf", "iat", "jti", "id", "sid", "acr", "auth_time", "scope", "scp", "roles", "tier", "username", "token_type", "typ", "token_use", "client_id"} {
		t.Run(name, func(t *testing.T) {
			c := config(&server{answer: says(with(name, "null"))})
			client(&c)
			p := newService(t, c).accepts("opaque")
			if p.Subject != "alice" || p.TokenID != "" || p.SessionID != "" || !p.IssuedAt.IsZero() || p.Tier != "" || p.Roles != nil {
				t.Errorf("%+v", p)
			}
		})
	}
	for _, test := range []struct {
		name, body string
		change     func(*introspection.Config)
		reason     string
	}{
		{"exp-zero", with("exp", "0"), noExpiry, ""},
		{"exp-zero-in-another-spelling", with("exp", "0.0"), noExpiry, ""},
		{"exp-null", with("exp", "null"), noExpiry, ""},
		{"exp-still-counts", with("exp", "1"), noExpiry, "expired"},
		{"exp-zero-where-one-is-wanted", with("exp", "0"), nil, "expired"},
		{"exp-null-where-one-is-wanted", with("exp", "null"), nil, "malformed"},
		{"aud-null", with("aud", "null"), nil, "audience"},
		{"sub-null", with("sub", "null"), nil, "malformed"},
		{"cnf-null", with("cnf", "null"), nil, "malformed"},
		{"active-null", with("active", "null"), nil, "inactive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(test.body)})
			if test.change != nil {
				test.change(&c)
			}
			s := newService(t, c)
			if test.reason != "" {
				s.refuses("opaque", test.reason)
				return
			}
			for range 2 { // asked, and remembered
				if p := s.accepts("opaque"); !p.ExpiresAt.IsZero() {
					t.Errorf("expires at %v", p.ExpiresAt)
				}
			}
		})
	}
}

// What can be revoked in any of the ways that a store knows is accepted.
func TestCaseAuth6EveryWayToRevoke(t *testing.T) {
	for name, test := range map[string]struct {
		changes    map[string]string
		claim      string
		revocation auth.Revocation
	}{
		"token-id": {map[string]string{"jti": `"t1"`}, "", auth.Revocation{TokenID: "t1"}},
		"session":  {map[string]string{"sid": `"s1"`}, "", auth.Revocation{SessionID: "s1"}},
		"subject":  {map[string]string{"iat": `1`}, "", auth.Revocation{Subject: "alice", IssuedUntil: time.Now()}},
		"own-id":   {map[string]string{"uti": `"u1"`}, "uti", auth.Revocation{TokenID: "u1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, store := config(&server{answer: says(changed(test.changes))}), &auth.MemoryRevocations{}
			c.Revocations, c.TokenIDClaim = store, test.claim
			s := newService(t, c)
			s.accepts("opaque")
			test.revocation.Issuer = issuerURL
			if err := store.Revoke(t.Context(), test.revocation); err != nil {
				t.Fatal(err)
			}
			s.refuses("opaque", "revoked")
		})
	}
}

func TestCaseAuth8EveryMemberCanBeWritten(t *testing.T) {
	c := config(&server{answer: says(changed(map[string]string{
		"resource_access": `{"com.example.web":{"roles":["editor"],"plan/a":"premium"}}`, "realm_access": `{"roles":["user","editor"]}`,
	}))})
	c.RolesClaims = []string{"realm_access.roles", "/resource_access/com.example.web/roles"}
	c.TierClaim = "/resource_access/com.example.web/plan~1a"
	if p := newService(t, c).accepts("opaque"); !slices.Equal(p.Roles, []string{"user", "editor"}) || p.Tier != "premium" {
		t.Errorf("roles %q, tier %q", p.Roles, p.Tier)
	}
	c.RolesClaims, c.TierClaim, c.ClientClaim, c.TokenIDClaim = []string{"/a~"}, "/b~2", "/~", "/"
	_, err := introspection.New(c)
	want := []string{"introspection.ClientClaim", "introspection.RolesClaims[0]", "introspection.TierClaim", "introspection.TokenIDClaim"}
	if got := fieldsOf(err, c.Issuer); !slices.Equal(got, want) {
		t.Errorf("errors for %q, want %q: %v", got, want, err)
	}
}

// A type that says that a token is bound makes it one that is not a bearer
// token, whatever is configured.
func TestCaseAuth17TypeSaysBoundAndBindingIsMissing(t *testing.T) {
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	certificate := `{"x5t#S256":"` + strings.Repeat("A", 43) + `"}`
	configs := map[string]func(*introspection.Config){
		"without-dpop":  func(*introspection.Config) {},
		"unbound-may":   func(c *introspection.Config) { c.DPoP, c.InsecureUnbound = proofs, true },
		"mutual-tls":    func(c *introspection.Config) { c.MutualTLS, c.InsecureUnbound = true, true },
		"any-audience":  func(c *introspection.Config) { c.Audience, c.InsecureAnyAudience = nil, true },
		"types-of-mine": func(c *introspection.Config) { c.Types = []string{"DPoP", "mtls", "pop", "Bearer"} },
	}
	for name, change := range configs {
		for _, member := range []string{"token_type", "typ", "token_use"} {
			for _, typ := range []string{"DPoP", "dpop", "DPOP", "application/dpop"} {
				t.Run(name+"/"+member+"-"+typ, func(t *testing.T) {
					c := config(&server{answer: says(with(member, `"`+typ+`"`))})
					change(&c)
					newService(t, c).refusesFirst("opaque", "binding")
				})
			}
		}
	}
	for _, typ := range []string{"mtls", "PoP"} {
		t.Run(typ, func(t *testing.T) {
			c := config(&server{answer: says(with("token_type", `"`+typ+`"`))})
			newService(t, c).refusesFirst("opaque", "type") // nobody has asked for such types
			c.Types = []string{typ}
			newService(t, c).refusesFirst("opaque", "binding")
		})
	}
	t.Run("dpop-bound-to-a-certificate", func(t *testing.T) {
		c := config(&server{answer: says(changed(map[string]string{"token_type": `"DPoP"`, "cnf": certificate}))})
		c.MutualTLS = true
		newService(t, c).refusesFirst("opaque", "binding")
	})
	t.Run("not-an-access-token", func(t *testing.T) {
		c := config(&server{answer: says(with("token_type", `"N_A"`))})
		newService(t, c).refusesFirst("opaque", "type")
		c.Types = []string{"Bearer", "N_A"}
		if _, err := introspection.New(c); !slices.Equal(fieldsOf(err, c.Issuer), []string{"introspection.Types[1]"}) {
			t.Error(err)
		}
	})
}

// refusesFirst is refuses where the first challenge may be another one.
func (s *service) refusesFirst(token, reason string) {
	s.Helper()
	w := s.send(token)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"auth.invalid_token"`) || s.ran {
		s.Errorf("%d %s, ran %t", w.Code, w.Body, s.ran)
	}
	if !strings.Contains(strings.Join(w.Header()["Www-Authenticate"], ", "), `error="invalid_token"`) {
		s.Errorf("challenges %q", w.Header()["Www-Authenticate"])
	}
	if e := s.last(); e.Reason != reason || e.Status != http.StatusUnauthorized {
		s.Errorf("event %+v, want reason %s", e, reason)
	}
}

// A token that is bound as its type says passes.
func TestCaseAuth17BoundTokensPass(t *testing.T) {
	issuer, prover := authtest.NewOpaqueIssuer(t), authtest.NewProver(t)
	c := issuer.Config()
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	c.DPoP = proofs
	claims := prover.Bound()
	claims["token_type"] = "DPoP"
	if _, err := mustNew(t, c).Verify(t.Context(), issuer.Token(claims)); reason(err) != "binding" || !strings.Contains(err.Error(), "no request") {
		t.Errorf("%v, want nothing but a missing proof", err)
	}
}

// Without an audience nothing but the type tells a refresh token apart.
func TestCaseAuth17RequireType(t *testing.T) {
	for _, test := range []struct{ name, body, reason string }{
		{"no-type", good, "type"},
		{"null", changed(map[string]string{"token_type": "null", "typ": "null", "token_use": "null"}), "type"},
		{"refresh-token", with("token_type", `"refresh_token"`), "type"},
		{"bearer", with("token_type", `"Bearer"`), ""},
		{"typ", with("typ", `"at+jwt"`), ""},
		{"use", with("token_use", `"access_token"`), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(test.body)})
			c.Audience, c.InsecureAnyAudience, c.RequireType = nil, true, true
			if test.reason == "" {
				newService(t, c).accepts("opaque")
				return
			}
			newService(t, c).refuses("opaque", test.reason)
		})
	}
}

// An endpoint that says what it thinks of the token has decided.
func TestCaseAuth18RefusalsAreNotOutages(t *testing.T) {
	answers := func(status int, media, body string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			return respond(status, media, io.NopCloser(strings.NewReader(body)))(r)
		}
	}
	for _, status := range []int{400, 404, 415, 422} {
		for _, code := range []string{"unsupported_token_type", "invalid_token", "expired_token"} {
			t.Run(fmt.Sprint(status, "-", code), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &server{answer: answers(status, "application/json;charset=UTF-8", `{"error":"`+code+`","error_description":"alice"}`)}
					s := newService(t, config(server))
					for range 2 { // asked, and remembered
						s.refuses("e30.e30.AAAA", "inactive")
						if text := cause(s.last()); !strings.Contains(text, code) {
							t.Errorf("the event says %q", text)
						}
					}
					if n := server.asked.Load(); n != 1 {
						t.Errorf("%d questions", n)
					}
					// And nobody else is kept out by it.
					server.become(says(good))
					s.accepts("opaque")
				})
			})
		}
	}
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"401-invalid-token":   answers(401, "application/json", `{"error":"invalid_token"}`), // our own credentials (RFC 7662 section 2.3)
		"403-invalid-token":   answers(403, "application/json", `{"error":"invalid_token"}`),
		"429-invalid-token":   answers(429, "application/json", `{"error":"invalid_token"}`),
		"500-invalid-token":   answers(500, "application/json", `{"error":"invalid_token"}`),
		"302-invalid-token":   answers(302, "application/json", `{"error":"invalid_token"}`),
		"400-invalid-client":  answers(400, "application/json", `{"error":"invalid_client"}`),
		"400-invalid-request": answers(400, "application/json", `{"error":"invalid_request"}`),
		"400-server-error":    answers(400, "application/json", `{"error":"server_error"}`),
		"400-html":            answers(400, "text/html", `{"error":"invalid_token"}`),
		"400-list":            answers(400, "application/json", `["invalid_token"]`),
		"400-number":          answers(400, "application/json", `{"error":7}`),
		"400-long":            answers(400, "application/json", `{"error":"invalid_token","x":"`+strings.Repeat("x", 70<<10)+`"}`),
		"400-empty":           answers(400, "application/json", ``),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				newService(t, config(&server{answer: answer})).unavailable("opaque")
			})
		})
	}
	// The log has the error, and nothing else that the other side has written.
	for body, want := range map[string]string{
		`{"error":"invalid_client"}`:                       "invalid_client",
		`{"error":"temporarily_unavailable"}`:              "temporarily_unavailable",
		`{"error":"opaque"}`:                               "",
		`{"error":"a\nb"}`:                                 "",
		`{"error":"` + strings.Repeat("secret", 20) + `"}`: "",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, config(&server{answer: answers(400, "application/json", body)}))
			s.unavailable("opaque")
			text := cause(s.last())
			if want != "" && !strings.Contains(text, want) || want == "" && !strings.HasSuffix(text, "the answer is 400") {
				t.Errorf("%s: the event says %q", body, text)
			}
		})
	}
}
