package jwt_test

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// madeUp stands in tokens where the sender chooses the text. No cause has it.
const madeUp = "made-up-by-the-sender"

// Whoever reads a reason in the log finds beside it which field of the Config
// decides, and what the field wants.
func TestEachReasonNamesAField(t *testing.T) {
	issuer, base := issuerAndConfig(t)
	revoked := &auth.MemoryRevocations{}
	if err := revoked.Revoke(t.Context(), auth.Revocation{Issuer: issuer.URL(), TokenID: "t1", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	away := errors.New("the store is away")
	stranger := newKey(t)
	down := authtest.NewIssuer(t)
	down.Down(true)
	as := func(name string, value any) string { return issuer.Token(authtest.Claims{name: value}) }
	now := time.Now()
	for _, test := range []struct {
		name   string
		config func(*jwt.Config)
		token  string
		reason string
		says   []string
	}{
		{"too-long", func(c *jwt.Config) { c.MaxTokenBytes = 100 }, as("x", madeUp), "malformed", []string{"jwt.Config.MaxTokenBytes", "100"}},
		{"no-iss", nil, as("iss", nil), "malformed", []string{"iss", "jwt.Config.Issuer"}},
		{"no-exp", nil, as("exp", nil), "malformed", []string{"exp"}},
		{"no-sub", nil, as("sub", nil), "malformed", []string{"sub", "jwt.Config.ClientClaim"}},
		{"client-is-a-number", func(c *jwt.Config) { c.ClientClaim = "cid" }, issuer.Token(authtest.Claims{"sub": nil, "cid": 7}), "malformed", []string{"jwt.Config.ClientClaim"}},
		{"sub-of-a-client", func(c *jwt.Config) { c.ClientClaim = "cid" }, as("sub", "client:"+madeUp), "malformed", []string{"jwt.Config.ClientClaim"}},
		{"token-id-is-a-number", func(c *jwt.Config) { c.TokenIDClaim = "uti" }, as("uti", 7), "malformed", []string{"jwt.Config.TokenIDClaim"}},
		{"roles-are-an-object", nil, as("roles", map[string]bool{madeUp: true}), "malformed", []string{"jwt.Config.RolesClaims"}},
		{"tier-is-a-list", func(c *jwt.Config) { c.TierClaim = "plan" }, as("plan", []string{madeUp}), "malformed", []string{"jwt.Config.TierClaim"}},
		{"no-way-to-revoke", func(c *jwt.Config) { c.Revocations = revoked }, issuer.Token(authtest.Claims{"jti": nil, "iat": nil}), "malformed",
			[]string{"jwt.Config.Revocations", "jwt.Config.TokenIDClaim"}},
		{"algorithm", func(c *jwt.Config) { c.Algorithms = []string{"RS256"} }, as("x", madeUp), "algorithm",
			[]string{"jwt.Config.Algorithms", "RS256", "jwt.Config.Keys", "SecretKeys"}},
		{"algorithm-hs256", nil, tokenOf(`{"alg":"HS256","typ":"JWT"}`, goodClaims(), func([]byte) []byte { return []byte("x") }), "algorithm",
			[]string{`"HS256"`, "jwt.Config.Algorithms", "jwt.Config.Keys", "SecretKeys"}},
		{"algorithm-none", nil, tokenOf(`{"alg":"none"}`, goodClaims(), func([]byte) []byte { return []byte("x") }), "algorithm", []string{`"none"`, "jwt.Config.Algorithms"}},
		{"algorithm-made-up", nil, tokenOf(`{"alg":"`+madeUp+`"}`, goodClaims(), func([]byte) []byte { return []byte("x") }), "algorithm", []string{"jwt.Config.Algorithms"}},
		{"algorithm-missing", nil, tokenOf(`{"typ":"at+jwt"}`, goodClaims(), func([]byte) []byte { return []byte("x") }), "algorithm", []string{"missing", "jwt.Config.Algorithms"}},
		{"algorithm-of-another-key", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys("{" + rsaMembers(signers(t)["RS256"].Public().(*rsa.PublicKey), "AQAB") + `,"kid":"key-1"}`)
		}, as("x", madeUp), "algorithm", []string{"ES256", "RSA", "jwt.Config.Keys"}},
		{"type-plain", nil, issuer.TokenOfType("JWT", nil), "type", []string{`"JWT"`, "at+jwt", "jwt.Config.InsecurePlainType"}},
		{"type-missing", nil, issuer.TokenOfType("", nil), "type", []string{"missing", "at+jwt", "jwt.Config.InsecurePlainType"}},
		{"type-usual", nil, issuer.TokenOfType("application/Logout+JWT", nil), "type", []string{`"logout+jwt"`, "at+jwt", "jwt.Config.Types"}},
		{"type-made-up", nil, issuer.TokenOfType(madeUp, nil), "type", []string{"at+jwt", "jwt.Config.Types"}},
		{"issuer", nil, as("iss", "https://"+madeUp), "issuer", []string{"jwt.Config.Issuer", issuer.URL()}},
		{"issuer-slash", nil, as("iss", issuer.URL()+"/"), "issuer", []string{"jwt.Config.Issuer", issuer.URL(), "slash at the end"}},
		{"audience", nil, as("aud", madeUp), "audience", []string{"jwt.Config.Audience", authtest.Audience}},
		{"audience-missing", nil, as("aud", nil), "audience", []string{"missing", "jwt.Config.Audience", "jwt.Config.AudienceClaim"}},
		{"claim", func(c *jwt.Config) { c.Require = map[string]any{"token_use": "access"} }, as("token_use", madeUp), "claim", []string{"token_use", "jwt.Config.Require", "access"}},
		{"claim-number", func(c *jwt.Config) { c.Require = map[string]any{"token_use": "access"} }, as("token_use", 1), "claim", []string{"not a string", "jwt.Config.Require"}},
		{"expired", nil, as("exp", now.Add(-time.Hour).Unix()), "expired", []string{"exp", "jwt.Config.Skew", "1m0s"}},
		{"not-yet-valid", nil, as("nbf", now.Add(time.Hour).Unix()), "not_yet_valid", []string{"nbf", "jwt.Config.Skew", "1m0s"}},
		{"issued-later", nil, as("iat", now.Add(time.Hour).Unix()), "not_yet_valid", []string{"iat", "jwt.Config.Skew", "1m0s"}},
		{"lifetime", func(c *jwt.Config) { c.MaxLifetime = time.Minute }, as("x", madeUp), "lifetime", []string{"jwt.Config.MaxLifetime", "1m0s"}},
		{"lifetime-unknown", func(c *jwt.Config) { c.MaxLifetime = time.Minute }, as("iat", nil), "lifetime", []string{"iat", "jwt.Config.MaxLifetime"}},
		{"signature", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(stranger.Public()) }, as("x", madeUp), "signature", []string{"jwt.Config.Keys"}},
		{"unknown-key", nil, tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"`+madeUp+`"}`, map[string]any{"iss": issuer.URL(), "aud": authtest.Audience, "sub": "alice", "exp": now.Add(time.Minute).Unix()},
			func([]byte) []byte { return make([]byte, 64) }), "unknown_key", []string{"kid", "jwt.Config.Keys", "RemoteConfig.Cooldown"}},
		{"binding-to-a-key", nil, as("cnf", map[string]string{"jkt": madeUp}), "binding", []string{"jwt.Config.DPoP"}},
		{"binding-to-a-certificate", nil, as("cnf", map[string]string{"x5t#S256": madeUp}), "binding", []string{"jwt.Config.MutualTLS"}},
		{"binding-unknown", nil, as("cnf", map[string]string{"kid": madeUp}), "binding", []string{"jkt", "x5t#S256"}},
		{"binding-missing", func(c *jwt.Config) { c.DPoP = proofs }, as("x", madeUp), "binding", []string{"jwt.Config.InsecureUnbound"}},
		{"revoked", func(c *jwt.Config) { c.Revocations = revoked }, as("jti", "t1"), "revoked", []string{"jwt.Config.Revocations"}},
		{"store-unavailable", func(c *jwt.Config) {
			c.Revocations = &revocations{answer: func(context.Context, *bulwark.Principal) (bool, error) { return false, away }}
		}, as("x", madeUp), "store_unavailable", []string{"jwt.Config.Revocations", away.Error()}},
		{"keys-unavailable", func(c *jwt.Config) { c.Issuer, c.Keys = down.URL(), down.Keys() }, down.Token(nil), "keys_unavailable", []string{"jwt.Config.Keys", "503"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := base
			if test.config != nil {
				test.config(&c)
			}
			_, err := mustNew(t, c).Verify(t.Context(), test.token)
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Log.Reason != test.reason || p.Err == nil {
				t.Fatalf("%v, want the reason %s with a cause", err, test.reason)
			}
			text := p.Err.Error()
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("%q does not say %q", text, part)
				}
			}
			if strings.Contains(text, madeUp) || len(text) > 512 || strings.ContainsAny(text, "\r\n") {
				t.Errorf("the cause repeats the token, or is too long: %q", text)
			}
			// The layer shows the same cause, and nothing of it to the client. It
			// does not ask this verifier about tokens that are not its own.
			s := newService(t, c)
			w := s.send(test.token)
			switch test.name {
			case "too-long", "no-iss", "issuer", "issuer-slash", "algorithm-hs256", "algorithm-none", "algorithm-made-up", "algorithm-missing":
			default:
				if got := causeOf(s.recorder.Events()); got != text && test.reason != "keys_unavailable" {
					t.Errorf("the event says %q, and the error %q", got, text)
				}
			}
			if w.Code == http.StatusOK || strings.Contains(w.Body.String(), "Config") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// A token of a library that knows nothing of RFC 9068, as newcomers bring it: the
// log leads from field to field, until the token passes.
func TestFirstTokenOfANewcomer(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	key := newKey(t)
	token := hs256(secret, `{"alg":"HS256","typ":"JWT"}`, map[string]any{
		"iss": "https://api.example.com/", "aud": "documents", "sub": "alice", "role": "admin", "exp": time.Now().AddDate(1, 0, 0).Unix(),
	})
	c := jwt.Config{Issuer: "https://api.example.com", Audience: []string{"https://api.example.com"}, Keys: jwt.StaticKeys(key.Public()), MaxLifetime: 24 * time.Hour}
	for _, step := range []struct {
		reason, says string
		change       func()
	}{
		{"algorithm", "SecretKeys", func() { c.Keys = jwt.SecretKeys(secret) }},
		{"type", "jwt.Config.InsecurePlainType", func() { c.InsecurePlainType = true }},
		{"issuer", "slash at the end", func() { c.Issuer += "/" }},
		{"audience", "jwt.Config.Audience", func() { c.Audience = []string{"documents"} }},
		{"lifetime", "jwt.Config.MaxLifetime", func() { c.MaxLifetime = 0 }},
	} {
		_, err := mustNew(t, c).Verify(t.Context(), token)
		var p *bulwark.Problem
		if !errors.As(err, &p) || p.Log.Reason != step.reason || !strings.Contains(p.Err.Error(), step.says) {
			t.Fatalf("%v, want the reason %s and %s", err, step.reason, step.says)
		}
		step.change()
	}
	c.RolesClaims = []string{"role"}
	if p := newService(t, c).accepts(token); p.Subject != "alice" || len(p.Roles) != 1 || p.Roles[0] != "admin" {
		t.Errorf("%+v", p)
	}
}

// hs256 signs as jsonwebtoken and golang-jwt do.
func hs256(secret []byte, header string, claims map[string]any) string {
	return tokenOf(header, claims, func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	})
}
