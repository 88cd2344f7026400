package dpop_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

var nonceKey = bytes.Repeat([]byte{7}, 32)

func withNonces(c *boundtest.Settings) { c.DPoP.NonceKey = nonceKey }

func TestNonces(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := boundtest.Of(t, issuer, withNonces)
		other := boundtest.Of(t, issuer, func(c *boundtest.Settings) { c.DPoP.NonceKey = bytes.Repeat([]byte{8}, 32) })
		same := boundtest.Of(t, issuer, withNonces)
		token := s.Token(nil)
		with := func(nonce any) *http.Request {
			return boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"nonce": nonce}))
		}
		wanted := boundtest.WantsNonce(boundtest.WithError(boundtest.OffersDPoP, "use_dpop_nonce"))
		nonceOf := func(s *boundtest.Service) string {
			token := s.Token(nil)
			return s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), wanted).Header().Get("Dpop-Nonce")
		}
		nonce := nonceOf(s)
		if again := nonceOf(s); again != nonce {
			t.Errorf("the nonce is %q, then %q", nonce, again)
		}
		if theirs := nonceOf(same); theirs != nonce {
			t.Errorf("another process with the key has %q and not %q", theirs, nonce)
		}
		for _, bad := range []any{"", "x", nonce[:len(nonce)-1], nonce[1:], nonce + "A", nonce + "=", strings.ToLower(nonce), nonce + "\n", nonceOf(other), strings.Repeat("A", len(nonce)), strings.Repeat("n", 600)} {
			if got := s.Refuses(t, with(bad), wanted).Header().Get("Dpop-Nonce"); got != nonce {
				t.Errorf("for %q the nonce is %q", bad, got)
			}
		}
		for _, malformed := range []any{7, []string{nonce}, map[string]string{"nonce": nonce}, true} {
			s.Refuses(t, with(malformed), boundtest.BadProof("proof", boundtest.InvalidProof))
		}
		if n := s.Replays.Uses.Load(); n != 0 {
			t.Errorf("the store was asked %d times about proofs without a nonce", n)
		}
		s.Accepts(t, with(nonce))
		s.Accepts(t, with(nonce)) // which is good for more than one proof
		// A nonce is one of five minutes, and good in the next five.
		time.Sleep(5 * time.Minute)
		token = s.Token(nil)
		s.Accepts(t, with(nonce))
		newer := nonceOf(s)
		if newer == nonce {
			t.Error("the nonce has not changed in five minutes")
		}
		s.Accepts(t, with(newer))
		time.Sleep(5 * time.Minute)
		token = s.Token(nil)
		s.Refuses(t, with(nonce), wanted)
		s.Accepts(t, with(newer))
		// Nobody makes a nonce of now out of an old one: the MAC is of the
		// time.
		raw, err := base64.RawURLEncoding.DecodeString(nonceOf(s))
		if err != nil {
			t.Fatal(err)
		}
		old, err := base64.RawURLEncoding.DecodeString(nonce)
		if err != nil {
			t.Fatal(err)
		}
		s.Refuses(t, with(base64.RawURLEncoding.EncodeToString(append(raw[:8:8], old[8:]...))), wanted)
	})
}

// Whoever is told to use a nonce may keep the jti, and whoever has no good
// proof is told none: it would be a way to ask for a signature of anything.
func TestNonceAndTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := boundtest.Of(t, issuer, withNonces)
		token := s.Token(nil)
		jti := rand.Text()
		wanted := boundtest.WantsNonce(boundtest.WithError(boundtest.OffersDPoP, "use_dpop_nonce"))
		w := s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"jti": jti})), wanted)
		nonce := w.Header().Get("Dpop-Nonce")
		s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"jti": jti, "nonce": nonce})))
		s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"jti": jti, "nonce": nonce})), boundtest.BadProof("replay", boundtest.InvalidProof))
		for _, attack := range s.Prover.Attacks(http.MethodGet, boundtest.Documents, token) {
			if attack.Reason == "proof" {
				s.Refuses(t, boundtest.Asks("DPoP", token, attack.Token), boundtest.BadProof("proof", boundtest.InvalidProof))
			}
		}
	})
}

func TestNonceLifetime(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := boundtest.Of(t, issuer, withNonces, func(c *boundtest.Settings) { c.DPoP.NonceLifetime = 30 * time.Second })
		time.Sleep(29 * time.Second) // into the stretch
		token := s.Token(nil)
		wanted := boundtest.WantsNonce(boundtest.WithError(boundtest.OffersDPoP, "use_dpop_nonce"))
		nonce := s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), wanted).Header().Get("Dpop-Nonce")
		good := 0
		for range 40 {
			if w := s.Send(boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"nonce": nonce}))); w.Code == http.StatusNoContent {
				good++
			} else if w.Code != http.StatusUnauthorized {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			time.Sleep(time.Second)
		}
		if good < 30 || good > 31 { // the rest of its stretch, and the next
			t.Errorf("a nonce was good for %d seconds", good)
		}
	})
}

// Processes whose clocks differ a little hand out nonces of two stretches of
// time at the end of each, and know both.
func TestNoncesOfClocksThatDiffer(t *testing.T) {
	end := time.Unix(300*1000, 0)
	for _, test := range []struct {
		name        string
		made, known time.Time
		want        bool
	}{
		{"same", end, end, true},
		{"a-second-ahead", end, end.Add(-time.Second), true},
		{"a-second-behind", end.Add(-time.Second), end, true},
		{"one-stretch-ahead", end.Add(5 * time.Minute), end, true},
		{"two-stretches-ahead", end.Add(10 * time.Minute), end, false},
		{"one-stretch-behind", end.Add(-5 * time.Minute), end, true},
		{"two-stretches-behind", end.Add(-5*time.Minute - time.Second), end, false},
	} {
		if got := dpop.NonceKnown(nonceKey, 5*time.Minute, test.made, test.known); got != test.want {
			t.Errorf("%s: known %t, want %t", test.name, got, test.want)
		}
	}
}
