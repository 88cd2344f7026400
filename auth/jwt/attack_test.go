package jwt_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/bulwark-go/bulwark"
)

var instance = regexp.MustCompile(`"instance":"urn:uuid:[0-9a-f-]{36}",`)

func TestAttacksAreRefused(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	s := newService(t, config)
	s.accepts(issuer.Token(nil))
	for _, attack := range issuer.Attacks() {
		t.Run(attack.Name, func(t *testing.T) {
			w := s.send(attack.Token)
			if s.ran {
				t.Fatal("the handler ran")
			}
			if w.Code != http.StatusUnauthorized {
				t.Errorf("status %d, want 401", w.Code)
			}
			if got, want := w.Header()["Www-Authenticate"], `Bearer realm="api", error="invalid_token"`; len(got) != 1 || got[0] != want {
				t.Errorf("challenges %q, want %q", got, want)
			}
			// The client learns no more than this, whatever the reason is.
			want := `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The credentials are not valid.","code":"auth.invalid_token"}` + "\n"
			if got := instance.ReplaceAllString(w.Body.String(), ""); got != want {
				t.Errorf("body %s", got)
			}
			events := s.recorder.Events()
			if len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != attack.Reason {
				t.Errorf("events %+v, want one of authn_token_invalid with reason %q", events, attack.Reason)
			}
		})
	}
	s.accepts(issuer.Token(nil))
}
