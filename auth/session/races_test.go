package session_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/race"
)

// inBubble runs each test with a clock of its own.
func inBubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// TestRefreshRaces is the list of what happens to refresh tokens, and what
// becomes of the session. Other tests go through each of them in detail.
func TestRefreshRaces(t *testing.T) {
	inBubble(t, "hundred-at-once", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		answers := make([]reply, 100)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = s.refresh(tok.refresh) })
		}
		wg.Wait()
		next := tokens{access: answers[0].cookie(t, access), refresh: answers[0].cookie(t, refresh)}
		count := map[string]int{}
		for i, a := range answers {
			if a.StatusCode != 200 || a.body != "{\"expires_in\":900}\n" {
				t.Errorf("answer %d: status %d, body %q", i, a.StatusCode, a.body)
			}
			if got := a.cookie(t, refresh); got != next.refresh || got == tok.refresh {
				t.Errorf("answer %d has another successor, or none", i)
			}
			s.alive(t, tokens{access: a.cookie(t, access)})
			for _, e := range strings.Fields(a.names()) {
				count[e]++
			}
		}
		if len(count) != 2 || count["session_renewed/rotation"] != 1 || count["session_renewed/concurrent"] != 99 {
			t.Errorf("events %v, want one rotation and 99 at once", count)
		}
		s.refresh(next.refresh).renewed(t, "rotation") // and life goes on
	})
	inBubble(t, "three-tabs-for-a-day", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		for began := time.Now(); time.Since(began) < 24*time.Hour; time.Sleep(14 * minute) {
			var answers [3]reply
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * 150 * time.Millisecond)
					answers[i] = s.refresh(tok.refresh)
				})
			}
			wg.Wait()
			for i, a := range answers {
				if a.StatusCode != 200 || a.cookie(t, refresh) != answers[0].cookie(t, refresh) {
					t.Fatalf("tab %d after %v: %d %s", i, time.Since(began), a.StatusCode, a.body)
				}
				s.alive(t, tokens{access: a.cookie(t, access)})
			}
			tok = tokens{refresh: answers[0].cookie(t, refresh)}
		}
	})
	lost := func(after time.Duration, change func(*session.Config), how string) func(t *testing.T) {
		return func(t *testing.T) {
			s := start(t, change)
			tok := s.login(t, "alice")
			next := s.refresh(tok.refresh).renewed(t, "rotation") // which never arrives
			time.Sleep(after)
			a := s.refresh(tok.refresh)
			if how == "" {
				a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
				s.dead(t, next, "revoked")
				return
			}
			again := a.renewed(t, how)
			if again.refresh != next.refresh {
				t.Error("another successor")
			}
			s.alive(t, again)
		}
	}
	longest := func(c *session.Config) { c.LostAnswer = 10 * minute }
	inBubble(t, "lost-answer-after-90-seconds", lost(90*time.Second, nil, "lost_answer"))
	inBubble(t, "lost-answer-after-eleven-minutes", lost(11*minute, nil, ""))
	inBubble(t, "lost-answer-of-the-longest", lost(10*minute-1, longest, "lost_answer"))
	inBubble(t, "lost-answer-later-than-any", lost(11*minute, longest, ""))
	for _, first := range []string{"owner", "thief"} {
		inBubble(t, "thief-on-the-owners-schedule-after-the-"+first, func(t *testing.T) {
			s := start(t, nil)
			tok := s.login(t, "alice")
			for generation := 1; ; generation++ {
				time.Sleep(14 * minute)
				next := s.refresh(tok.refresh).renewed(t, "rotation")
				s.alive(t, next)
				time.Sleep(5 * time.Second) // and then the other one
				a := s.refresh(tok.refresh)
				if generation == 3 {
					a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/overused")
					s.dead(t, next, "revoked")
					return
				}
				tok = a.renewed(t, "grace")
			}
		})
	}
	inBubble(t, "replay-after-a-logout", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		next := s.refresh(tok.refresh).renewed(t, "rotation")
		s.do("POST", "/logout", "Cookie", refresh+"="+next.refresh).out(t, "authn_token_revoked/logout")
		for _, token := range []string{tok.refresh, next.refresh} {
			s.refresh(token).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		}
		s.dead(t, next, "revoked")
	})
	inBubble(t, "forged-secret-of-a-known-session", func(t *testing.T) {
		s := start(t, nil)
		tok, other := s.login(t, "alice"), s.login(t, "bob")
		for _, made := range []string{forged(tok.refresh, ""), forged(tok.refresh, other.refresh)} {
			s.refresh(made).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		}
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
	})
	inBubble(t, "planted-beside-the-own-cookie", func(t *testing.T) {
		s := start(t, nil)
		tok, mallory := s.login(t, "alice"), s.login(t, "bob")
		own, planted := refresh+"="+tok.refresh, refresh+"="+mallory.refresh
		for _, line := range []string{own + "; " + planted, planted + "; " + own, own + "; " + own} {
			s.do("POST", "/refresh", "Cookie", line).refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
		}
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
		s.alive(t, s.refresh(mallory.refresh).renewed(t, "rotation"))
	})
	inBubble(t, "planted-cookie-of-another-session", func(t *testing.T) {
		s := start(t, nil)
		tok, mallory := s.login(t, "alice"), s.login(t, "bob")
		// The browser of alice has her access cookie, and the refresh cookie of
		// somebody else. Each token is that of its own session.
		a := s.do("POST", "/refresh", "Cookie", access+"="+tok.access+"; "+refresh+"="+mallory.refresh)
		next := a.renewed(t, "rotation")
		if got := s.withCookie(next.access).json(t)["subject"]; got != "bob" {
			t.Errorf("the caller is %v", got)
		}
		if a.events[0].UserID != "bob" {
			t.Errorf("event %+v", a.events[0])
		}
		s.alive(t, tok)
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
	})
}

// What is made up costs at most twice what is good: in HMACs, in calls of the
// store, and in allocations.
func TestCostOfMadeUpCookies(t *testing.T) {
	for _, keys := range []int{1, 4} {
		t.Run(fmt.Sprint("keys-", keys), func(t *testing.T) {
			s := start(t, func(c *session.Config) {
				c.StoreKeys, c.Grace, c.LostAnswer = nil, 10*minute, 10*minute
				for i := range keys {
					c.StoreKeys = append(c.StoreKeys, storeKey(byte(i)))
				}
			})
			tok := s.login(t, "alice")
			s.refresh(tok.refresh).renewed(t, "rotation")
			type cost struct{ hmacs, calls, allocations int }
			of := func(lines ...string) (c cost) {
				before := s.store.gets.Load() + s.store.updates.Load()
				c.hmacs = session.CountDerivations(func() { s.do("POST", "/refresh", lines...) })
				c.calls = int(s.store.gets.Load() + s.store.updates.Load() - before)
				if !race.Enabled {
					c.allocations = int(testing.AllocsPerRun(5, func() { s.do("POST", "/refresh", lines...) }))
				}
				return c
			}
			good := of("Cookie", refresh+"="+tok.refresh) // answered again, so that it can be repeated
			if good.hmacs == 0 || good.calls == 0 {
				t.Fatalf("a good token costs %+v", good)
			}
			raw := mustDecode(t, tok.refresh)
			raw[len(raw)-1] ^= 1
			for name, lines := range map[string][]string{
				"made-up":       {"Cookie", refresh + "=" + encode(append([]byte{1}, make([]byte, 68)...))},
				"known-session": {"Cookie", refresh + "=" + forged(tok.refresh, "")},
				"wrong-mac":     {"Cookie", refresh + "=" + encode(raw)},
				"no-token":      {"Cookie", refresh + "=" + strings.Repeat("A", 91)},
				"twice":         {"Cookie", refresh + "=" + tok.refresh + "; " + refresh + "=" + tok.refresh},
				"many":          {"Cookie", strings.Repeat(refresh+"="+forged(tok.refresh, "")+"; ", 100)},
			} {
				made := of(lines...)
				if made.hmacs > 2*good.hmacs || made.calls > 0 || made.allocations > 2*good.allocations {
					t.Errorf("%s costs %+v, a good token %+v", name, made, good)
				}
				if made.hmacs > keys {
					t.Errorf("%s costs %d HMACs, at most one for each of %d keys", name, made.hmacs, keys)
				}
			}
			// The same for the other handlers: at most four cookies are looked at.
			many := strings.Repeat(refresh+"="+forged(tok.refresh, "")+"; ", 100)
			for _, path := range []string{"/logout", "/login/bob"} {
				before := s.store.gets.Load()
				hmacs := session.CountDerivations(func() { s.do("POST", path, "Cookie", many) })
				if path == "/login/bob" {
					hmacs -= 3 // of the new token: its MAC, its hash and its seal
				}
				if hmacs > 4*keys || s.store.gets.Load() != before {
					t.Errorf("%s: %d HMACs, %d look-ups", path, hmacs, s.store.gets.Load()-before)
				}
			}
		})
	}
	// A good request computes one HMAC, for the seal of its row.
	s := start(t, nil)
	tok := s.login(t, "alice")
	if n := session.CountDerivations(func() { s.withCookie(tok.access) }); n != 1 {
		t.Errorf("%d HMACs for a request", n)
	}
}
