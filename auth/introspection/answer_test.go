package introspection_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

func TestPrincipal(t *testing.T) {
	s := &server{answer: says(changed(map[string]string{
		"iat": "1700000000", "nbf": "1700000000", "auth_time": "1690000000.5", "jti": `"id"`, "sid": `"session"`, "acr": `"gold"`,
		"scope": `"documents.read  documents.write"`, "realm_access": `{"roles":["user","admin"]}`, "plan": `"premium"`,
		"token_type": `"Bearer"`, "username": `"Alice"`, "client_id": `"app"`,
	}))}
	c := config(s)
	c.RolesClaims, c.TierClaim, c.Method = []string{"realm_access.roles"}, "plan", "opaque"
	p := newService(t, c).accepts("token")
	if p.Subject != "alice" || p.Issuer != issuerURL || p.Method != "opaque" || p.TokenID != "id" || p.SessionID != "session" || p.ACR != "gold" || p.Tier != "premium" {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Roles, []string{"user", "admin"}) || !slices.Equal(p.Scopes, []string{"documents.read", "documents.write"}) {
		t.Errorf("roles %q, scopes %q", p.Roles, p.Scopes)
	}
	if cap(p.Roles) != 2 || cap(p.Scopes) != 2 {
		t.Error("callers share spare room")
	}
	if p.ExpiresAt.Unix() != 4102444800 || p.IssuedAt.Unix() != 1700000000 || p.AuthTime.UnixMilli() != 1690000000500 {
		t.Errorf("times %v %v %v", p.ExpiresAt, p.IssuedAt, p.AuthTime)
	}
	if name, ok := p.Claim("username"); !ok || name != "Alice" {
		t.Errorf("username %v, %t", name, ok)
	}
	if _, ok := p.Claim("Username"); ok {
		t.Error("a claim by another name")
	}
}

func TestDefaultsOfPrincipal(t *testing.T) {
	s := &server{answer: says(changed(map[string]string{"roles": `"user"`, "scp": `["a","b"]`, "tier": `"premium"`}))}
	p := newService(t, config(s)).accepts("token")
	if p.Method != "introspection" || !slices.Equal(p.Roles, []string{"user"}) || !slices.Equal(p.Scopes, []string{"a", "b"}) || p.Tier != "" {
		t.Errorf("%+v", p)
	}
}

func TestAnswersThatAreAccepted(t *testing.T) {
	noExpiry := func(c *introspection.Config) { c.InsecureNoExpiry = true }
	anyAudience := func(c *introspection.Config) { c.Audience, c.InsecureAnyAudience = nil, true }
	for _, test := range []struct {
		name, body string
		change     func(*introspection.Config)
	}{
		{"good", good, nil},
		{"without-issuer", with("iss", ""), nil},
		{"issuer-null", with("iss", `null`), nil},
		{"audience-of-several", with("aud", `["other","`+audience+`"]`), nil},
		{"audience-any", with("aud", `"other"`), anyAudience},
		{"audience-missing", with("aud", ""), anyAudience},
		{"expiry-missing", with("exp", ""), noExpiry},
		{"within-the-skew", changed(map[string]string{"nbf": soon(50 * time.Second), "iat": soon(50 * time.Second), "exp": soon(-50 * time.Second)}), nil},
		{"type-bearer", with("token_type", `"bearer"`), nil},
		{"type-of-keycloak", changed(map[string]string{"typ": `"Bearer"`, "token_type": `"Bearer"`}), nil},
		{"type-of-hydra", with("token_use", `"access_token"`), nil},
		{"type-of-use", with("token_use", `"access"`), nil},
		{"type-of-rfc-9068", with("typ", `"application/AT+jwt"`), nil},
		{"type-of-their-own", with("typ", `"urn:example:token"`), func(c *introspection.Config) { c.Types = []string{"application/URN:example:token"} }},
		{"white-space", "\r\n\t " + good + " \n", nil},
		{"members-of-no-interest", changed(map[string]string{"x": `{"active":false,"sub":["a"]}`, "client_id": `1`}), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(test.body)})
			if test.change != nil {
				test.change(&c)
			}
			newService(t, c).accepts("token")
		})
	}
}

// soon is a NumericDate so far from now.
func soon(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }

func TestAnswersThatRefuse(t *testing.T) {
	for _, test := range []struct{ name, body, reason string }{
		{"inactive", `{"active":false}`, "inactive"},
		{"inactive-whatever-else", with("active", `false`), "inactive"},
		{"active-missing", with("active", ""), "inactive"},
		{"active-text", with("active", `"true"`), "inactive"},
		{"active-number", with("active", `1`), "inactive"},
		{"active-null", with("active", `null`), "inactive"},
		{"active-list", with("active", `[true]`), "inactive"},
		{"active-object", with("active", `{"active":true}`), "inactive"},
		{"active-in-another-case", changed(map[string]string{"active": "", "Active": `true`}), "inactive"},
		{"active-further-in", `{"token":` + good + `}`, "inactive"},
		{"empty-object", `{}`, "inactive"},
		{"issuer-of-somebody-else", with("iss", `"https://other.example"`), "issuer"},
		{"issuer-with-a-slash", with("iss", `"`+issuerURL+`/"`), "issuer"},
		{"issuer-empty", with("iss", `""`), "issuer"},
		{"issuer-list", with("iss", `["`+issuerURL+`"]`), "malformed"},
		{"audience-of-somebody-else", with("aud", `"https://other.example"`), "audience"},
		{"audience-longer", with("aud", `"`+audience+`/"`), "audience"},
		{"audience-missing", with("aud", ""), "audience"},
		{"audience-null", with("aud", `null`), "audience"},
		{"audience-empty", with("aud", `[]`), "audience"},
		{"audience-number", with("aud", `1`), "malformed"},
		{"audience-of-numbers", with("aud", `["`+audience+`",1]`), "malformed"},
		{"refresh-token", with("token_type", `"refresh_token"`), "type"},
		{"no-access-token", with("token_type", `"N_A"`), "type"},
		{"refresh-token-of-keycloak", with("typ", `"Refresh"`), "type"},
		{"offline-token-of-keycloak", with("typ", `"Offline"`), "type"},
		{"id-token-of-keycloak", with("typ", `"ID"`), "type"},
		{"logout-token", with("typ", `"logout+jwt"`), "type"},
		{"id-token-by-its-use", with("token_use", `"id"`), "type"},
		{"refresh-token-of-hydra", changed(map[string]string{"token_use": `"refresh_token"`, "token_type": `"Bearer"`}), "type"},
		{"refresh-token-of-doorkeeper", changed(map[string]string{"exp": "", "token_type": ""}), "malformed"},
		{"type-empty", with("typ", `""`), "type"},
		{"type-number", with("token_type", `1`), "malformed"},
		{"expired", with("exp", soon(-61*time.Second)), "expired"},
		{"expired-long-ago", with("exp", `0`), "expired"},
		{"expiry-missing", with("exp", ""), "malformed"},
		{"expiry-null", with("exp", `null`), "malformed"},
		{"expiry-text", with("exp", `"4102444800"`), "malformed"},
		{"expiry-negative", with("exp", `-1`), "malformed"},
		{"expiry-without-end", with("exp", `1e300`), "malformed"},
		{"expiry-past-9999", with("exp", `253402300800`), "malformed"},
		{"expiry-in-milliseconds", with("exp", `4102444800000`), "malformed"},
		{"not-yet", with("nbf", soon(70*time.Second)), "not_yet_valid"},
		{"issued-later", with("iat", soon(70*time.Second)), "not_yet_valid"},
		{"nbf-text", with("nbf", `"now"`), "malformed"},
		{"subject-missing", changed(map[string]string{"sub": "", "client_id": `"alice"`, "username": `"alice"`}), "malformed"},
		{"subject-empty", with("sub", `""`), "malformed"},
		{"subject-number", with("sub", `7`), "malformed"},
		{"jti-number", with("jti", `7`), "malformed"},
		{"scope-number", with("scope", `7`), "malformed"},
		{"scope-of-numbers", with("scope", `["a",7]`), "malformed"},
		{"roles-object", with("roles", `{"admin":true}`), "malformed"},
		{"tier-list", with("plan", `["premium"]`), "malformed"},
		{"bound-to-a-key", with("cnf", `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`), "binding"},
		{"bound-to-a-certificate", with("cnf", `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`), "binding"},
		{"bound-in-no-way", with("cnf", `{}`), "binding"},
		{"bound-in-another-way", with("cnf", `{"kid":"1"}`), "binding"},
		{"bound-text", with("cnf", `"jkt"`), "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(test.body)})
			c.TierClaim = "plan"
			newService(t, c).refuses("opaque", test.reason)
		})
	}
}

func TestAnswersThatSayNothing(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"empty", ``},
		{"page", `<html>maintenance</html>`},
		{"null", `null`},
		{"true", `true`},
		{"list", `[` + good + `]`},
		{"cut-short", good[:len(good)-1]},
		{"two-documents", good + good},
		{"active-twice", `{"active":false,` + good[1:]},
		{"active-twice-by-case", `{"ACTIVE":false,` + good[1:]},
		{"name-twice-further-in", with("x", `{"a":1,"a":2}`)},
		{"nan", with("exp", `NaN`)},
		{"infinity", with("exp", `Infinity`)},
		{"number-beyond-all", with("exp", `1e999`)},
		{"long-number", with("exp", strings.Repeat("9", 100))},
		{"deep", with("x", strings.Repeat("[", 64)+strings.Repeat("]", 64))},
		{"many-members", with("x", `{`+manyMembers(600)+`}`)},
		{"many-items", with("x", `[`+strings.Repeat("1,", 1100)+`1]`)},
		{"not-utf8", with("sub", "\"a\xff\"")},
		{"half-a-surrogate", with("sub", `"\ud800"`)},
		{"byte-order-mark", "\xEF\xBB\xBF" + good},
		{"single-quotes", strings.ReplaceAll(good, `"`, `'`)},
		{"comment", `/* */` + good},
		{"five-megabytes", with("x", `"`+strings.Repeat("x", 5<<20)+`"`)},
		{"one-byte-too-much", padded(64<<10 + 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			newService(t, config(&server{answer: says(test.body)})).unavailable("opaque")
		})
	}
}

func manyMembers(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = `"m` + strconv.Itoa(i) + `":1`
	}
	return strings.Join(members, ",")
}

// padded is good in so many bytes.
func padded(size int) string { return good + strings.Repeat(" ", size-len(good)) }

func TestMaxBytes(t *testing.T) {
	for _, test := range []struct {
		most int64
		size int
		fits bool
	}{{0, 64 << 10, true}, {0, 64<<10 + 1, false}, {200, 200, true}, {200, 201, false}, {1 << 20, 1 << 20, true}} {
		c := config(&server{answer: says(padded(test.size))})
		c.Client.MaxAnswerBytes = test.most
		_, err := mustNew(t, c).Verify(t.Context(), "token")
		if fits := err == nil; fits != test.fits {
			t.Errorf("%d bytes of %d: %v", test.size, test.most, err)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for _, test := range []struct {
		media string
		fits  bool
	}{
		{"application/json", true},
		{"application/json; charset=utf-8", true},
		{"Application/JSON;charset=UTF-8", true},
		{"", false},
		{"text/html", false},
		{"text/plain", false},
		{"application/token-introspection+jwt", false},
		{"application/json, text/html", false},
		{"application/jsonp", false},
		{"application/json; charset", false},
	} {
		t.Run(test.media, func(t *testing.T) {
			s := newService(t, config(&server{answer: respond(200, test.media, strings.NewReader(good))}))
			if test.fits {
				s.accepts("opaque")
			} else {
				s.unavailable("opaque")
			}
		})
	}
}

// Whatever the status, the body of another than 200 is not believed.
func TestStatuses(t *testing.T) {
	for _, code := range []int{201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 413, 422, 429, 431, 500, 502, 503, 504, 599} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			s := &server{answer: status(code)}
			service := newService(t, config(s))
			service.unavailable("opaque")
			if n := s.asked.Load(); n != 1 {
				t.Errorf("%d questions", n)
			}
			text := cause(service.last())
			if !strings.Contains(text, strconv.Itoa(code)) {
				t.Errorf("the event does not tell the status: %q", text)
			}
			if credentials := strings.Contains(text, "credentials of this service"); credentials != (code == 401 || code == 403) {
				t.Errorf("the event says %q", text)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var hosts []string
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		response, err := respond(http.StatusTemporaryRedirect, "application/json", strings.NewReader(""))(r)
		response.Header.Set("Location", "https://attacker.example/")
		return response, err
	})
	newService(t, config(s)).unavailable("opaque")
	if !slices.Equal(hosts, []string{"issuer.example"}) {
		t.Errorf("asked %q", hosts)
	}
}

// Tokens that no server can have issued are not asked about.
func TestTokensOfNoForm(t *testing.T) {
	for name, token := range map[string]string{
		"space": "a b", "quote": `a"b`, "nul": "a\x00b", "control": "a\x7fb", "umlaut": "ä", "comma": "a,b", "percent": "%41",
		"padding-alone": "===", "padding-inside": "a=b", "backslash": `a\b`, "colon": "a:b", "long": strings.Repeat("a", 8193),
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{answer: says(good)}
			service := newService(t, config(s))
			service.refuses(token, "malformed")
			if n := s.asked.Load(); n != 0 {
				t.Errorf("%d questions", n)
			}
			if _, err := service.introspector.Verify(t.Context(), token); reason(err) != "malformed" {
				t.Error(err)
			}
		})
	}
	i := mustNew(t, config(&server{answer: says(good)}))
	if _, err := i.Verify(t.Context(), ""); reason(err) != "malformed" {
		t.Errorf("empty: %v", err)
	}
	for _, token := range []string{"a", "aZ09-._~+/==", strings.Repeat("a", 8192)} {
		if _, err := i.Verify(t.Context(), token); err != nil {
			t.Errorf("%d bytes: %v", len(token), err)
		}
	}
}

// A signed token of somebody else is a credential for somewhere else.
func TestSignedTokens(t *testing.T) {
	for _, test := range []struct {
		name, token string
		asked       int64
	}{
		{"of-this-issuer", "e30.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.c2ln", 1},
		{"of-another-issuer", "e30.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.c2ln", 0},
		{"of-no-issuer", "e30.e30.c2ln", 1},
		{"dots-only-by-chance", "a.b.c", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &server{answer: says(good)}
			service := newService(t, config(s))
			if test.asked == 0 {
				service.refuses(test.token, "issuer")
			} else {
				service.accepts(test.token)
			}
			if n := s.asked.Load(); n != test.asked {
				t.Errorf("%d questions, want %d", n, test.asked)
			}
		})
	}
}

// A body that fails, or never ends, is an outage.
func TestBodiesThatFail(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"reset":       io.MultiReader(strings.NewReader(good[:20]), failing{}),
		"without-end": io.MultiReader(strings.NewReader(good), endless{}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				newService(t, config(&server{answer: respond(200, "application/json", body)})).unavailable("opaque")
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
