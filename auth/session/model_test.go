package session_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// A party is somebody who has a refresh token: a browser with its tabs, or a
// thief. It always presents the newest one that it knows of.
type party struct {
	s       *service
	refresh string
	access  string
	tries   int
}

// present sends the newest token. What arrives replaces it.
func (p *party) present(t *testing.T, arrives bool) reply {
	t.Helper()
	p.tries++
	a := p.s.refresh(p.refresh)
	if a.StatusCode == 200 && arrives {
		p.refresh, p.access = a.cookie(t, refresh), a.cookie(t, access)
	}
	return a
}

// somewhere is a time from least to below most.
func somewhere(dice *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(dice.Int64N(int64(most-least)))
}

// rounds runs play with many seeds, each in a bubble.
func rounds(t *testing.T, n uint64, play func(t *testing.T, dice *rand.Rand)) {
	t.Helper()
	for seed := range n {
		t.Run(fmt.Sprint("seed-", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, rand.New(rand.NewPCG(seed, 22))) })
		})
	}
}

// An owner who is alone is never logged out: not by tabs that refresh in step,
// not by answers that are lost now and then, two generations in a row at most.
func TestModelOfAnOwner(t *testing.T) {
	rounds(t, 60, func(t *testing.T, dice *rand.Rand) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		owner := &party{s: s, refresh: tok.refresh, access: tok.access}
		lostInARow := 0
		for range 40 {
			if dice.IntN(2) == 0 { // pages show what they have
				s.withCookie(owner.access)
			}
			lose := lostInARow < 2 && dice.IntN(3) == 0
			old, rotated := owner.refresh, time.Now()
			for range 1 + dice.IntN(5) { // the tabs, all within a second
				a := s.refresh(old)
				if a.StatusCode != 200 {
					t.Fatalf("a tab got %d %s", a.StatusCode, a.names())
				}
				if !lose {
					owner.refresh, owner.access = a.cookie(t, refresh), a.cookie(t, access)
				}
				time.Sleep(somewhere(dice, 0, 200*time.Millisecond))
			}
			if !lose {
				lostInARow = 0
			} else if lostInARow++; lostInARow == 3 {
				t.Fatal("three answers in a row")
			}
			for lose {
				again := somewhere(dice, 0, 2*minute-time.Since(rotated))
				time.Sleep(again)
				lose = dice.IntN(3) == 0 && time.Since(rotated) < 110*time.Second // once more
				a := owner.present(t, !lose)
				if a.StatusCode != 200 {
					t.Fatalf("a lost answer was not given again %v later: %d %s", time.Since(rotated), a.StatusCode, a.names())
				}
			}
			s.alive(t, tokens{access: owner.access})
			time.Sleep(somewhere(dice, time.Second, 15*minute))
		}
	})
}

// Two have the token, and keep their distance of a second. Whatever they do,
// and whenever, both are out when each has refreshed for the third time.
func TestModelOfAThief(t *testing.T) {
	rounds(t, 150, func(t *testing.T, dice *rand.Rand) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		owner := &party{s: s, refresh: tok.refresh, access: tok.access}
		for range dice.IntN(4) {
			owner.present(t, true)
			time.Sleep(somewhere(dice, 0, 15*minute))
		}
		copied := *owner
		thief := &copied
		owner.tries, thief.tries = 0, 0
		paces := []time.Duration{5 * time.Second, minute, 3 * minute, 15 * minute}
		pace := paces[dice.IntN(len(paces))]
		var reuse []bulwark.Event
		for len(reuse) == 0 {
			time.Sleep(somewhere(dice, time.Second, pace+time.Second))
			who := owner
			if dice.IntN(2) == 0 {
				who = thief
			}
			a := who.present(t, true)
			for _, e := range a.events {
				if e.Name == bulwark.AuthnTokenReuse {
					reuse = append(reuse, e)
				}
			}
			if a.StatusCode != 200 && len(reuse) != 1 {
				t.Fatalf("refused without a word of a reuse: %d %s", a.StatusCode, a.names())
			}
			if a.StatusCode == 200 && min(owner.tries, thief.tries) > 2 {
				t.Fatalf("after %d refreshes of the owner and %d of the thief nobody has noticed", owner.tries, thief.tries)
			}
			if dice.IntN(2) == 0 {
				s.withCookie(who.access)
			}
		}
		for _, who := range []*party{owner, thief} {
			if a := s.withCookie(who.access); a.StatusCode != 204 {
				t.Errorf("an access token outlives the session: %d", a.StatusCode)
			}
			if a := who.present(t, true); a.StatusCode != 401 || a.names() != "authn_token_invalid/session" {
				t.Errorf("a refresh token outlives the session: %d %s", a.StatusCode, a.names())
			}
		}
	})
}

// A thief who comes at any moment: an answer to a token is always the same one,
// and the token before the last is never answered.
func TestModelOfARace(t *testing.T) {
	rounds(t, 100, func(t *testing.T, dice *rand.Rand) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		chain := []string{tok.refresh} // the generations that anybody knows of
		for {
			at := len(chain) - 1 - min(dice.IntN(4), len(chain)-1)
			a := s.refresh(chain[at])
			if a.StatusCode != 200 {
				if a.names() != "authn_token_reuse/reuse" && a.names() != "authn_token_reuse/overused" {
					t.Fatalf("%d %s", a.StatusCode, a.names())
				}
				break
			}
			next := a.cookie(t, refresh)
			switch {
			case at == len(chain)-1:
				chain = append(chain, next)
			case at < len(chain)-2:
				t.Fatalf("a token of %d generations ago was answered", len(chain)-1-at)
			case next != chain[at+1]:
				t.Fatal("one token has two successors")
			}
			if dice.IntN(3) == 0 {
				s.withCookie(a.cookie(t, access))
			}
			time.Sleep(somewhere(dice, 0, 2*time.Second))
		}
		if live, err := s.List(t.Context(), session.Filter{Subject: "alice"}); err != nil || len(live) != 0 {
			t.Errorf("left: %d, %v", len(live), err)
		}
	})
}

// Whoever shows a token that was used before learns nothing once its successor
// has been shown, however early: a stolen token that is old is worth nothing.
func TestModelOfAStolenUsedToken(t *testing.T) {
	rounds(t, 60, func(t *testing.T, dice *rand.Rand) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		next := s.refresh(tok.refresh).renewed(t, "rotation")
		stolen := tok.refresh
		time.Sleep(somewhere(dice, 0, 20*time.Second))
		if dice.IntN(2) == 0 {
			s.alive(t, next)
			time.Sleep(20 * time.Second) // the grace is over
		} else {
			s.refresh(next.refresh).renewed(t, "rotation")
		}
		time.Sleep(somewhere(dice, 0, 20*minute))
		s.refresh(stolen).refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
		s.dead(t, next, map[bool]string{true: "expired", false: "revoked"}[segment(t, next.access, 1)["exp"].(float64) <= float64(time.Now().Unix())])
	})
}
