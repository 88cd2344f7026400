package session_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
)

// Each HMAC allocates, so that the work of a refusal can be counted without a
// clock.
func TestCaseSess6AMadeUpTokenCostsOneStep(t *testing.T) {
	for _, generations := range []int{0, 1, 2048, 1 << 20} {
		t.Run(fmt.Sprint(generations), func(t *testing.T) {
			s := start(t, nil)
			tok := s.login(t, "alice")
			held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
			if err != nil {
				t.Fatal(err)
			}
			held.Generation = generations
			if err := s.store.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			made := forged(tok.refresh, "")
			four := refresh + "=" + made + "; " + refresh + "=" + made + "; " + refresh + "=" + made + "; " + refresh + "=" + made
			before := s.store.gets.Load()
			s.refresh(made).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
			s.do("POST", "/logout", "Cookie", four).out(t, "")
			s.do("POST", "/login/bob", "Cookie", four).reported(t, "session_created/login authn_token_created/login")
			if n := s.store.gets.Load() - before; n != 0 {
				t.Errorf("the store was asked %d times about what is made up", n)
			}
			s.alive(t, tok)
			// The work does not grow with the age of the session.
			cost := testing.AllocsPerRun(10, func() { s.refresh(made) })
			fresh := start(t, nil)
			made = forged(fresh.login(t, "alice").refresh, "")
			if want := testing.AllocsPerRun(10, func() { fresh.refresh(made) }); cost > want+16 {
				t.Errorf("%v allocations, %v for a new session", cost, want)
			}
		})
	}
}

// What was genuine once is told from what never was, at any age.
func TestCaseSess6AUsedTokenIsKnownForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, func(c *session.Config) { c.Lifetime = 90 * 24 * time.Hour })
		tok := s.login(t, "alice")
		current := tok
		for range 5000 {
			time.Sleep(15 * minute)
			current = s.refresh(current.refresh).renewed(t, "rotation")
		}
		s.refresh(forged(current.refresh, tok.refresh)).refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
		s.dead(t, current, "revoked")
	})
}

// Every bit of a token is its own.
func TestEveryFlippedBitOfARefreshTokenIsRefused(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	raw := mustDecode(t, tok.refresh)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if a := s.refresh(encode(raw)); a.StatusCode != 401 || a.names() == "authn_token_reuse/reuse" {
				t.Fatalf("byte %d bit %d: %d %s", i, bit, a.StatusCode, a.names())
			}
			raw[i] ^= 1 << bit
		}
	}
	s.refresh(tok.refresh).renewed(t, "rotation")
}

func TestStoreKeysChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, signer := &flaky{Store: &session.MemoryStore{}}, newSigner(t)
		with := func(keys ...byte) *service {
			return start(t, func(c *session.Config) {
				c.Store, c.Signer, c.StoreKeys = store, signer, nil
				for _, b := range keys {
					c.StoreKeys = append(c.StoreKeys, storeKey(b))
				}
			})
		}
		before, both, after := with(1), with(2, 1), with(2)
		old := before.login(t, "alice")
		young := both.login(t, "alice")
		old = both.refresh(old.refresh).renewed(t, "rotation")
		young = both.refresh(young.refresh).renewed(t, "rotation")
		// The session keeps its key, and the processes that have not been
		// restarted yet go on with it.
		old = before.refresh(old.refresh).renewed(t, "rotation")
		before.alive(t, old)
		both.alive(t, old)
		// Where a key is missing its sessions have ended, without side effect.
		before.refresh(young.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		before.dead(t, young, "session")
		after.refresh(old.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		after.dead(t, old, "session")
		after.do("POST", "/logout", "Cookie", refresh+"="+old.refresh).out(t, "")
		both.alive(t, old)
		after.alive(t, after.refresh(young.refresh).renewed(t, "rotation"))
		// The name of a key in the row says nothing about the key.
		held, err := store.Get(t.Context(), segment(t, old.access, 1)["sid"].(string))
		if err != nil || held.StoreKey == "" || len(held.StoreKey) > 16 {
			t.Errorf("key %q, %v", held.StoreKey, err)
		}
	})
}

// Who can write to the store, and has no key, cannot make another caller's
// session of his own.
func TestARowIsBoundToWhatItGrants(t *testing.T) {
	for name, change := range map[string]func(mine *session.Session, other session.Session){
		"subject":   func(mine *session.Session, other session.Session) { mine.Subject = other.Subject },
		"acr":       func(mine *session.Session, _ session.Session) { mine.ACR = "phr" },
		"auth-time": func(mine *session.Session, _ session.Session) { mine.AuthTime = mine.AuthTime.Add(time.Hour) },
		"longer":    func(mine *session.Session, _ session.Session) { mine.ExpiresAt = mine.ExpiresAt.Add(time.Hour) },
		"provider":  func(mine *session.Session, _ session.Session) { mine.Provider.SessionID = "x" },
		"kind":      func(mine *session.Session, _ session.Session) { mine.Kind = "body" },
		"key":       func(mine *session.Session, _ session.Session) { mine.StoreKey = "" },
		"hash":      func(mine *session.Session, other session.Session) { mine.Hash = other.Hash },
		"rewound":   func(mine *session.Session, _ session.Session) { mine.Generation-- },
		"ahead":     func(mine *session.Session, _ session.Session) { mine.Generation++ },
		"plain": func(mine *session.Session, _ session.Session) {
			mac := hmac.New(sha256.New, nil)
			mine.Hash = [32]byte(mac.Sum(nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			tok, root := s.login(t, "bob"), s.login(t, "alice")
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
			row := func(tok tokens) session.Session {
				held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
				if err != nil {
					t.Fatal(err)
				}
				return held
			}
			mine := row(tok)
			change(&mine, row(root))
			if err := s.store.Update(t.Context(), mine); err != nil {
				t.Fatal(err)
			}
			s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		})
	}
}

// The refresh token of a session of another kind is refused in the cookie,
// though everything else about it is right.
func TestASessionOfAnotherKindIsRefusedInTheCookie(t *testing.T) {
	for kind, how := range map[string]string{"cookie": "rotation", "body": "", "": ""} {
		t.Run(kind, func(t *testing.T) {
			s := start(t, nil)
			tok := s.login(t, "alice")
			held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
			if err != nil {
				t.Fatal(err)
			}
			held.Kind = kind
			held.Seal = session.RowSeal(storeKey(7), held)
			if err := s.store.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			if how != "" {
				s.refresh(tok.refresh).renewed(t, how)
				return
			}
			s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		})
	}
}

// swapping gives out a row in the place of another.
type swapping struct {
	session.Store
	asked, answered string
}

func (s *swapping) Get(ctx context.Context, id string) (session.Session, error) {
	if id == s.asked {
		id = s.answered
	}
	return s.Store.Get(ctx, id)
}

// A genuine row under the id of another session opens nothing, and costs the
// other session nothing.
func TestARowInThePlaceOfAnother(t *testing.T) {
	store := &swapping{Store: &session.MemoryStore{}}
	s := start(t, func(c *session.Config) { c.Store = store })
	tok, other := s.login(t, "alice"), s.login(t, "alice")
	old := other.bearer
	for range 3 {
		other = s.refresh(other.refresh).renewed(t, "rotation")
	}
	sid := func(token string) string { return segment(t, token, 1)["sid"].(string) }
	store.asked, store.answered = sid(tok.access), sid(old)
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh).out(t, "")
	s.withBearer(tok.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	s.alive(t, other)
	store.asked = ""
	s.alive(t, tok)
}
