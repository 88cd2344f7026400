package introspection_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
)

// Whoever reads a reason in the log finds beside it which field of the Config
// decides, and nothing that the sender of the token has made up.
func TestEachReasonNamesAField(t *testing.T) {
	const madeUp = "made-up-by-the-sender"
	quoted := `"` + madeUp + `"`
	revoked := &auth.MemoryRevocations{}
	if err := revoked.Revoke(t.Context(), auth.Revocation{Issuer: issuerURL, TokenID: "t1", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	broken := func(*http.Request) (*http.Response, error) { panic(madeUp) }
	for _, test := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		change func(*introspection.Config)
		reason string
		says   []string
	}{
		{"too-long", says(good), func(c *introspection.Config) { c.MaxTokenBytes = 8 }, "malformed", []string{"introspection.Config.MaxTokenBytes", "8"}},
		{"inactive", says(`{"active":false}`), nil, "inactive", []string{"introspection.Config.Endpoint", "introspection.Config.Client.ID"}},
		{"inactive-by-error", respond(400, "application/json", strings.NewReader(`{"error":"unsupported_token_type"}`)), nil, "inactive", []string{"400", "unsupported_token_type"}},
		{"issuer", says(with("iss", quoted)), nil, "issuer", []string{"introspection.Config.Issuer", issuerURL}},
		{"issuer-slash", says(with("iss", `"`+issuerURL+`/"`)), nil, "issuer", []string{"introspection.Config.Issuer", "slash at the end"}},
		{"audience", says(with("aud", quoted)), nil, "audience", []string{"introspection.Config.Audience", audience}},
		{"audience-missing", says(with("aud", "")), nil, "audience", []string{"missing", "introspection.Config.Audience", "introspection.Config.InsecureAnyAudience"}},
		{"no-exp", says(with("exp", "")), nil, "malformed", []string{"exp", "introspection.Config.InsecureNoExpiry"}},
		{"no-sub", says(with("sub", "")), nil, "malformed", []string{"sub", "introspection.Config.ClientClaim"}},
		{"roles", says(with("roles", `{"a":`+quoted+`}`)), nil, "malformed", []string{"introspection.Config.RolesClaims"}},
		{"type", says(with("token_type", quoted)), nil, "type", []string{"token_type", "introspection.Config.Types", "bearer"}},
		{"type-missing", says(good), func(c *introspection.Config) { c.RequireType = true }, "type", []string{"token_type", "introspection.Config.RequireType"}},
		{"type-number", says(with("typ", "7")), nil, "malformed", []string{"typ"}},
		{"type-without-binding", says(with("token_type", `"DPoP"`)), nil, "binding", []string{"dpop", "introspection.Config.DPoP", "cnf"}},
		{"binding", says(with("cnf", `{"jkt":`+quoted+`}`)), nil, "binding", []string{"introspection.Config.DPoP"}},
		{"binding-to-a-certificate", says(with("cnf", `{"x5t#S256":`+quoted+`}`)), nil, "binding", []string{"introspection.Config.MutualTLS"}},
		{"binding-missing", says(good), func(c *introspection.Config) { c.MutualTLS = true }, "binding", []string{"introspection.Config.InsecureUnbound"}},
		{"expired", says(with("exp", "1000")), nil, "expired", []string{"exp", "introspection.Config.Skew", "1m0s"}},
		{"not-yet-valid", says(with("nbf", "4102444000")), nil, "not_yet_valid", []string{"nbf", "introspection.Config.Skew"}},
		{"revoked", says(with("jti", `"t1"`)), func(c *introspection.Config) { c.Revocations = revoked }, "revoked", []string{"introspection.Config.Revocations"}},
		{"no-way-to-revoke", says(good), func(c *introspection.Config) { c.Revocations = revoked }, "malformed", []string{"introspection.Config.Revocations", "introspection.Config.TokenIDClaim"}},
		{"credentials", status(401), nil, "introspection_unavailable", []string{"introspection.Config.Endpoint", "introspection.Config.Client", "401"}},
		{"no-credentials", says(good), func(c *introspection.Config) {
			c.Client = introspection.Client{Authorize: func(*http.Request) error { return errors.New("the key is away") }}
		}, "introspection_unavailable", []string{"introspection.Config.Client", "the key is away"}},
		{"long-answer", says(good), func(c *introspection.Config) { c.Client.MaxAnswerBytes = 20 }, "introspection_unavailable", []string{"introspection.Config.Client.MaxAnswerBytes", "20"}},
		{"html", respond(200, "text/html", strings.NewReader(madeUp)), nil, "introspection_unavailable", []string{"introspection.Config.Endpoint", "application/json"}},
		{"slow", hang, func(c *introspection.Config) { c.Client.Timeout = time.Second }, "introspection_unavailable", []string{"introspection.Config.Endpoint", "introspection.Config.Client.Timeout"}},
		{"transport", broken, nil, "introspection_unavailable", []string{"introspection.Config.Client.Transport"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logTo(t, slog.DiscardHandler)
				c := config(&server{answer: test.answer})
				if test.change != nil {
					test.change(&c)
				}
				i := mustNew(t, c)
				_, err := i.Verify(context.Background(), "opaque-token")
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
				if strings.Contains(text, madeUp) || strings.Contains(text, "opaque-token") || len(text) > 512 {
					t.Errorf("the cause repeats the token or the answer, or is too long: %q", text)
				}
			})
		})
	}
}
