package auth_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Signed tokens in every place. A token that is bound to a DPoP key is good in
// none of them, because there is no scheme DPoP, and its thief would have it.
func TestSignedTokensElsewhere(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	config := issuer.Config()
	config.DPoP, config.InsecureUnbound = proofs, true
	verifier, err := jwt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := auth.New(auth.Config{
		Authenticators: []auth.Authenticator{verifier},
		TokenFrom:      auth.TokenFrom{Header: "X-Forwarded-Access-Token", Cookie: "access", InsecureCookieName: true, WebSocket: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.Token(authtest.Claims{"pad": strings.Repeat("a", 2000)}) // long enough to be remembered by the request
	bound := issuer.Token(authtest.Claims{"cnf": map[string]any{"jkt": strings.Repeat("a", 43)}})
	for _, place := range [][]string{
		{"X-Forwarded-Access-Token: "},
		{"Cookie: access="},
		{"Sec-WebSocket-Protocol: bearer, ", handshake},
	} {
		if x := through(layer, request(append([]string{place[0] + good}, place[1:]...)...)); !x.ran || x.subject == "" || len(x.events) != 0 {
			t.Errorf("%s %d %s, events %+v", place[0], x.Code, x.Body, x.events)
		}
		x := through(layer, request(append([]string{place[0] + bound}, place[1:]...)...))
		if x.ran || x.Code != 401 || !strings.Contains(x.Body.String(), `"code":"auth.invalid_token"`) || len(x.events) != 1 ||
			x.events[0].Name != bulwark.AuthnTokenInvalid || x.events[0].Reason != "binding" {
			t.Errorf("%s %d %s, events %+v", place[0], x.Code, x.Body, x.events)
		}
		for _, line := range x.Header()["Www-Authenticate"] {
			if strings.HasPrefix(line, "Bearer") != strings.Contains(line, `error="invalid_token"`) {
				t.Errorf("challenge %s", line)
			}
		}
	}
}
