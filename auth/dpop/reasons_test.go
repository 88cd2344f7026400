package dpop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

// Whoever reads a reason in the log finds beside it which field of the Config
// decides, and nothing that the sender of the proof has made up.
func TestEachReasonNamesAField(t *testing.T) {
	const madeUp = "made-up-by-the-sender"
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		now := time.Now()
		answers := func(err error) func(*boundtest.Settings) {
			return func(c *boundtest.Settings) {
				c.DPoP.Replays.(*boundtest.Replays).Answer = func(context.Context) (bool, error) { return false, err }
			}
		}
		algorithms := func(names ...string) func(*boundtest.Settings) {
			return func(c *boundtest.Settings) { c.DPoP.Algorithms = names }
		}
		same := func(*boundtest.Settings) {}
		for _, test := range []struct {
			name   string
			change func(*boundtest.Settings)
			claims authtest.Claims
			reason string
			says   []string
		}{
			{"too-long", func(c *boundtest.Settings) { c.DPoP.MaxProofBytes = 200 }, nil, "proof", []string{"dpop.Config.MaxProofBytes", "200"}},
			{"algorithm", algorithms("RS256"), nil, "proof", []string{`"ES256"`, "dpop.Config.Algorithms", "RS256"}},
			{"uri", same, authtest.Claims{"htu": "https://" + madeUp + "/documents"}, "proof", []string{"htu", "bulwark.Edge", "BaseURL", boundtest.BaseURL}},
			{"method", same, authtest.Claims{"htm": madeUp}, "proof", []string{"htm"}},
			{"hash", same, authtest.Claims{"ath": madeUp}, "proof", []string{"ath"}},
			{"id", same, authtest.Claims{"jti": nil}, "proof", []string{"jti", "512"}},
			{"no-time", same, authtest.Claims{"iat": nil}, "proof", []string{"iat"}},
			{"old", same, authtest.Claims{"iat": now.Add(-time.Hour).Unix()}, "proof", []string{"iat", "dpop.Config.Window", "1m0s", "dpop.Config.NonceKey"}},
			{"later", same, authtest.Claims{"nbf": now.Add(time.Hour).Unix()}, "proof", []string{"nbf", "dpop.Config.Window", "1m0s"}},
			{"expired", same, authtest.Claims{"exp": now.Add(-time.Hour).Unix()}, "proof", []string{"exp"}},
			{"replay", answers(nil), nil, "replay", []string{"dpop.Config.Replays", "jti"}},
			{"nonce", withNonces, authtest.Claims{"nonce": madeUp}, "nonce", []string{"dpop.Config.NonceKey"}},
			{"store-full", answers(auth.ErrFull), nil, "store_full", []string{"dpop.Config.Replays"}},
			{"store-away", answers(errors.New("the store is away")), nil, "store_unavailable", []string{"dpop.Config.Replays", "the store is away"}},
		} {
			s := boundtest.Of(t, issuer, test.change)
			token := s.Token(nil)
			w := s.Send(boundtest.Asks("DPoP", token, s.Proof(token, test.claims)))
			events := s.Recorder.Events()
			if len(events) != 1 || events[0].Reason != test.reason || s.Ran.Load() != 0 {
				t.Errorf("%s: %d, ran %d times, events %+v, want the reason %s", test.name, w.Code, s.Ran.Load(), events, test.reason)
				continue
			}
			text := cause(events[0])
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("%s: %q does not say %q", test.name, text, part)
				}
			}
			if strings.Contains(text, madeUp) || len(text) > 512 {
				t.Errorf("%s: the cause repeats the proof, or is too long: %q", test.name, text)
			}
			if w.Code == http.StatusNoContent || strings.Contains(w.Body.String(), "Config") {
				t.Errorf("%s: %d %s", test.name, w.Code, w.Body)
			}
		}
		// Two proofs: each of a request has its own.
		s := boundtest.Of(t, issuer)
		token := s.Token(nil)
		s.Send(boundtest.Asks("DPoP", token, s.Proof(token, nil), s.Proof(token, nil)))
		if text := cause(s.Recorder.Events()[0]); text != "there are 2 DPoP header fields, and there must be exactly 1" {
			t.Errorf("%q", text)
		}
	})
}
