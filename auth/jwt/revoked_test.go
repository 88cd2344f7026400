package jwt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// revocations is a store in memory that is not known as one, and counts.
type revocations struct {
	auth.MemoryRevocations
	asked  atomic.Int64
	answer func(context.Context, *bulwark.Principal) (bool, error)
}

func (m *revocations) Revoked(ctx context.Context, p *bulwark.Principal) (bool, error) {
	m.asked.Add(1)
	if m.answer != nil {
		return m.answer(ctx, p)
	}
	return m.MemoryRevocations.Revoked(ctx, p)
}

func revocable(store auth.Revocations) func(*boundtest.Settings) {
	return func(c *boundtest.Settings) { c.Without, c.JWT.Revocations = true, store }
}

var badBearer = boundtest.WithError(boundtest.OffersBearer, "invalid_token")

func TestRevokedTokens(t *testing.T) {
	for kind, open := range map[string]func() auth.Revocations{
		"memory": func() auth.Revocations { return &auth.MemoryRevocations{} }, "other": func() auth.Revocations { return &revocations{} },
	} {
		for mode, size := range map[string]int{"cold": -1, "remembered": 0} {
			for name, revocation := range map[string]auth.Revocation{
				"token":           {TokenID: "t1"},
				"session":         {SessionID: "s1"},
				"subject":         {Subject: "alice"},
				"token-for-good":  {TokenID: "t1", Expires: time.Time{}},
				"session-and-end": {SessionID: "s1", Expires: time.Now().Add(time.Hour)},
			} {
				t.Run(kind+"-"+mode+"-"+name, func(t *testing.T) {
					store := open() // its own: an issuer may get the port of one that is gone
					s := boundtest.New(t, revocable(store), func(c *boundtest.Settings) { c.JWT.MaxCached = size })
					token := s.Issuer.Token(authtest.Claims{"jti": "t1", "sid": "s1"})
					others := s.Issuer.Token(authtest.Claims{"jti": "t2", "sid": "s2", "iat": time.Now().Add(30 * time.Second).Unix()})
					revoke := func(issuer string) {
						revocation.Issuer = issuer
						if revocation.Subject != "" {
							revocation.IssuedUntil = time.Now()
						}
						if err := store.Revoke(t.Context(), revocation); err != nil {
							t.Fatal(err)
						}
					}
					s.Accepts(t, boundtest.Asks("Bearer", token))
					s.Accepts(t, boundtest.Asks("Bearer", others))
					revoke(s.Issuer.URL() + "/other")
					s.Accepts(t, boundtest.Asks("Bearer", token))
					revoke(s.Issuer.URL())
					for range 3 {
						s.Refuses(t, boundtest.Asks("Bearer", token), boundtest.Unauthorized("revoked", badBearer))
						s.Accepts(t, boundtest.Asks("Bearer", others))
					}
					if p, err := s.Verifier.Verify(t.Context(), token); p != nil || reason(err) != "revoked" {
						t.Errorf("%v, %v", p, err)
					}
				})
			}
		}
	}
}

// Another spelling of the signature is the same token.
func TestRevocationIsOfTheTokenNotItsText(t *testing.T) {
	store := &auth.MemoryRevocations{}
	s := boundtest.New(t, revocable(store))
	token := s.Issuer.Token(nil)
	s.Accepts(t, boundtest.Asks("Bearer", token))
	if err := store.Revoke(t.Context(), auth.RevocationOf(s.Caller.Load())); err != nil {
		t.Fatal(err)
	}
	s.Refuses(t, boundtest.Asks("Bearer", token), boundtest.Unauthorized("revoked", badBearer))
	s.Refuses(t, boundtest.Asks("Bearer", boundtest.Malleated(token)), boundtest.Unauthorized("revoked", badBearer))
}

// The store is asked once for each good token, remembered or not, and never for
// one that nobody has vouched for.
func TestRevocationsAreAskedLive(t *testing.T) {
	store := &revocations{}
	s := boundtest.New(t, revocable(store))
	for _, attack := range s.Issuer.Attacks() {
		s.Send(boundtest.Asks("Bearer", attack.Token))
	}
	if n := store.asked.Load(); n != 0 {
		t.Errorf("asked %d times about bad tokens", n)
	}
	token := s.Issuer.Token(nil)
	for n := range 5 {
		s.Accepts(t, boundtest.Asks("Bearer", token))
		if asked := store.asked.Load(); asked != int64(n+1) {
			t.Errorf("asked %d times for %d requests", asked, n+1)
		}
	}
	var seen *bulwark.Principal
	store.answer = func(_ context.Context, p *bulwark.Principal) (bool, error) {
		seen = p
		return true, nil
	}
	s.Refuses(t, boundtest.Asks("Bearer", token), boundtest.Unauthorized("revoked", badBearer))
	if seen == nil || seen.Subject != "alice" || seen.Issuer != s.Issuer.URL() || seen.TokenID == "" || seen.IssuedAt.IsZero() {
		t.Errorf("asked about %+v", seen)
	}
	store.answer = nil
	s.Accepts(t, boundtest.Asks("Bearer", token))
}

// A token that could not be revoked is none to accept where tokens can be.
func TestUnrevocableTokens(t *testing.T) {
	store := &revocations{}
	s := boundtest.New(t, revocable(store))
	without := boundtest.Of(t, s.Issuer, func(c *boundtest.Settings) { c.Without = true })
	for name, claims := range map[string]authtest.Claims{
		"none": {"jti": nil, "iat": nil}, "empty": {"jti": "", "sid": "", "iat": nil}, "null": {"jti": json.RawMessage("null"), "iat": json.RawMessage("null")},
	} {
		t.Run(name, func(t *testing.T) {
			token := s.Issuer.Token(claims)
			without.Accepts(t, boundtest.Asks("Bearer", token))
			for range 2 {
				s.Refuses(t, boundtest.Asks("Bearer", token), boundtest.Unauthorized("malformed", badBearer))
			}
		})
	}
	if n := store.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestRevocationOutage(t *testing.T) {
	gone := errors.New("no route to host")
	hang := func(ctx context.Context, _ *bulwark.Principal) (bool, error) {
		<-ctx.Done()
		return false, ctx.Err()
	}
	for name, test := range map[string]struct {
		answer  func(context.Context, *bulwark.Principal) (bool, error)
		revoked bool // the answer says so, whatever else it says
	}{
		"error":             {func(context.Context, *bulwark.Principal) (bool, error) { return false, gone }, false},
		"full":              {func(context.Context, *bulwark.Principal) (bool, error) { return false, auth.ErrFull }, false},
		"hangs":             {hang, false},
		"panics":            {func(context.Context, *bulwark.Principal) (bool, error) { panic("secret-value") }, false},
		"error-but-revoked": {func(context.Context, *bulwark.Principal) (bool, error) { return true, gone }, true},
	} {
		for mode, size := range map[string]int{"cold": -1, "remembered": 0} {
			t.Run(name+"-"+mode, func(t *testing.T) {
				inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
					store := &revocations{}
					sized := func(c *boundtest.Settings) { c.JWT.MaxCached = size }
					s := boundtest.Of(t, issuer, revocable(store), sized)
					lenient := boundtest.Of(t, issuer, revocable(store), sized, func(c *boundtest.Settings) { c.JWT.InsecureOnOutage = time.Hour })
					token := issuer.Token(nil)
					s.Accepts(t, boundtest.Asks("Bearer", token))
					store.answer = test.answer
					began := time.Now()
					want := boundtest.Outage("store_unavailable")
					if test.revoked {
						want = boundtest.Unauthorized("revoked", badBearer)
					}
					s.Refuses(t, boundtest.Asks("Bearer", token), want)
					if took := time.Since(began); took > 2*time.Second {
						t.Errorf("it took %v", took)
					}
					if text := fmt.Sprint(s.Recorder.Events()); strings.Contains(text, "secret-value") {
						t.Errorf("the log holds what the store panicked with: %s", text)
					}
					if test.revoked {
						lenient.Refuses(t, boundtest.Asks("Bearer", token), want)
					} else {
						lenient.Accepts(t, boundtest.Asks("Bearer", token))
					}
					store.answer = nil
					s.Accepts(t, boundtest.Asks("Bearer", token))
					lenient.Accepts(t, boundtest.Asks("Bearer", token))
				})
			})
		}
	}
}

// What accepts tokens unasked ends: after its time, and as soon as the store
// answers, from when on the next outage is a new one.
func TestAcceptingUnaskedEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		gone := func(context.Context, *bulwark.Principal) (bool, error) { return false, errors.New("gone") }
		store := &revocations{}
		s := boundtest.Of(t, issuer, revocable(store), func(c *boundtest.Settings) { c.JWT.InsecureOnOutage = 10 * time.Minute })
		accepts := func() {
			t.Helper()
			s.Accepts(t, boundtest.Asks("Bearer", issuer.Token(nil)))
		}
		refuses := func() {
			t.Helper()
			s.Refuses(t, boundtest.Asks("Bearer", issuer.Token(nil)), boundtest.Outage("store_unavailable"))
		}
		accepts()
		time.Sleep(time.Hour)
		store.answer = gone
		accepts() // the first failure, from which on it counts
		time.Sleep(10*time.Minute - 1)
		accepts()
		time.Sleep(time.Nanosecond)
		refuses()
		time.Sleep(time.Hour)
		refuses()
		store.answer = nil
		accepts()
		store.answer = gone
		accepts()
		time.Sleep(10 * time.Minute)
		refuses()
	})
}

// A client that hangs up while the store is asked makes no outage: or whoever
// has a revoked token would use it where an outage lets tokens in.
func TestHangingUpIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &revocations{}
		signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["ES256"], Issuer: issuerURL})
		if err != nil {
			t.Fatal(err)
		}
		config := configFor(signer.Keys())
		config.Revocations, config.InsecureOnOutage = store, time.Hour
		s := newService(t, config)
		claims := goodClaims()
		claims["jti"], claims["iat"] = "t1", time.Now().Unix()
		token, err := signer.Sign("at+jwt", claims)
		if err != nil {
			t.Fatal(err)
		}
		s.accepts(token)
		if err := store.Revoke(t.Context(), auth.RevocationOf(s.caller)); err != nil {
			t.Fatal(err)
		}
		ctx, hangUp := context.WithCancel(t.Context())
		store.answer = func(ctx context.Context, p *bulwark.Principal) (bool, error) {
			hangUp()
			<-ctx.Done()
			return false, ctx.Err()
		}
		s.ran = false
		w := &discarded{}
		s.handler.ServeHTTP(w, bearer(token).WithContext(ctx))
		if s.ran {
			t.Error("the handler ran with a revoked token")
		}
		if w.status != http.StatusServiceUnavailable {
			t.Errorf("status %d", w.status)
		}
		store.answer = nil
		if w := s.send(token); w.Code != http.StatusUnauthorized || s.ran {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// discarded is an answer that nobody reads any more.
type discarded struct{ status int }

func (d *discarded) Header() http.Header         { return http.Header{} }
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarded) WriteHeader(status int)      { d.status = status }

// Whoever presents a revoked token uses up no proof, and asks the store of
// proofs nothing.
func TestRevokedBoundTokens(t *testing.T) {
	store := &auth.MemoryRevocations{}
	s := boundtest.New(t, func(c *boundtest.Settings) { c.JWT.Revocations = store })
	token := s.Token(nil)
	proof := s.Proof(token, nil)
	s.Accepts(t, boundtest.Asks("DPoP", token, proof))
	if err := store.Revoke(t.Context(), auth.RevocationOf(s.Caller.Load())); err != nil {
		t.Fatal(err)
	}
	used := s.Replays.Uses.Load()
	s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.Unauthorized("revoked", boundtest.InvalidToken))
	s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.Unauthorized("revoked", boundtest.InvalidToken))
	s.Refuses(t, boundtest.Asks("DPoP", token), boundtest.Unauthorized("revoked", boundtest.InvalidToken))
	if n := s.Replays.Uses.Load(); n != used {
		t.Errorf("the store of proofs was asked %d times", n-used)
	}
}

// A token that waits for the keys is held against the clock again: its
// revocation is forgotten when no verifier would take it any more.
func TestTimesHoldAfterWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		slow := &server{}
		slow.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return issuer.Transport().RoundTrip(r)
		})
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: slow})
		token := issuer.Token(authtest.Claims{"exp": time.Now().Add(time.Minute).Unix()})
		time.Sleep(2*time.Minute - 2*time.Second) // two seconds before it is over, skew included
		if _, err := mustNew(t, config).Verify(t.Context(), token); reason(err) != "expired" {
			t.Error(err)
		}
	})
}
