package dpop_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
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
			switch {
			case attack.Name == "iat-long-ago", attack.Name == "iat-far-ahead": // the nonce tells the time
				s.Refuses(t, boundtest.Asks("DPoP", token, attack.Token), wanted)
			case attack.Reason == "proof":
				s.Refuses(t, boundtest.Asks("DPoP", token, attack.Token), boundtest.BadProof("proof", boundtest.InvalidProof))
			}
		}
	})
}

// With a nonce that is good now the clock of the client does not matter. A client
// whose clock is wrong is told the nonce to use.
func TestCaseAuth21ANonceIsTheTime(t *testing.T) {
	for _, off := range []time.Duration{-10 * 365 * 24 * time.Hour, -24 * time.Hour, -6 * time.Minute, -61 * time.Second, 61 * time.Second, 6 * time.Minute, 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := boundtest.Of(t, issuer, withNonces)
				token := s.Token(nil)
				by := func(changes authtest.Claims) string {
					claims := authtest.Claims{"iat": time.Now().Add(off).Unix()}
					for name, value := range changes {
						claims[name] = value
					}
					return s.Proof(token, claims)
				}
				wanted := boundtest.WantsNonce(boundtest.WithError(boundtest.OffersDPoP, "use_dpop_nonce"))
				nonce := s.Refuses(t, boundtest.Asks("DPoP", token, by(nil)), wanted).Header().Get("Dpop-Nonce")
				proof := by(authtest.Claims{"nonce": nonce})
				s.Accepts(t, boundtest.Asks("DPoP", token, proof))
				s.Accepts(t, boundtest.Asks("DPoP", token, by(authtest.Claims{"nonce": nonce, "exp": time.Now().Add(off + time.Second).Unix()})))
				// It counts once for as long as its nonce is good.
				for range 11 {
					s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
					if nonceOfNow := by(authtest.Claims{"nonce": nonce}); s.Send(boundtest.Asks("DPoP", token, nonceOfNow)).Code != http.StatusNoContent {
						break
					}
					time.Sleep(time.Minute - time.Second)
				}
				s.Refuses(t, boundtest.Asks("DPoP", token, by(authtest.Claims{"nonce": "x"})), wanted)
				fresh := s.Refuses(t, boundtest.Asks("DPoP", token, by(nil)), wanted).Header().Get("Dpop-Nonce")
				invalid := boundtest.BadProof("proof", boundtest.InvalidProof)
				s.Refuses(t, boundtest.Asks("DPoP", token, by(authtest.Claims{"nonce": fresh, "iat": nil})), invalid)
				s.Refuses(t, boundtest.Asks("DPoP", token, by(authtest.Claims{"nonce": fresh, "exp": time.Now().Add(off - time.Second).Unix()})), invalid)
			})
		})
	}
	// Without a key for nonces the window holds, whatever the proof says.
	s := boundtest.New(t)
	token := s.Token(nil)
	s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"nonce": "x", "iat": time.Now().Add(-time.Hour).Unix()})), boundtest.BadProof("proof", boundtest.InvalidProof))
}

// The times that a proof may have besides its iat are held against the clock.
func TestCaseAuth19TimesInAProof(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		s := boundtest.Of(t, issuer)
		token := s.Token(nil)
		at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		null := json.RawMessage("null")
		for name, claims := range map[string]authtest.Claims{
			"exp-past": {"exp": at(-time.Second)}, "exp-now": {"exp": at(0)}, "exp-long-ago": {"exp": 1}, "exp-zero": {"exp": 0},
			"exp-text": {"exp": "1"}, "exp-negative": {"exp": -1}, "exp-list": {"exp": []int{1}},
			"nbf-later": {"nbf": at(time.Hour)}, "nbf-past-the-window": {"nbf": at(61 * time.Second)}, "nbf-text": {"nbf": "x"},
		} {
			t.Log(name)
			s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, claims)), boundtest.BadProof("proof", boundtest.InvalidProof))
		}
		for name, claims := range map[string]authtest.Claims{
			"exp-later": {"exp": at(time.Second)}, "exp-much-later": {"exp": at(time.Hour)}, "exp-null": {"exp": null, "nbf": null, "nonce": null},
			"nbf-past": {"nbf": at(-time.Hour)}, "nbf-now": {"nbf": at(0)}, "nbf-within-the-window": {"nbf": at(59 * time.Second)},
		} {
			t.Log(name)
			s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, claims)))
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
