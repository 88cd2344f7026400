package session_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
)

// Pages of one browser refresh in step, for a week.
func TestCaseSess3TabsInStep(t *testing.T) {
	for name, test := range map[string]struct {
		tabs  int
		apart time.Duration // between one tab and the next
		every time.Duration
	}{
		"two-at-once":          {2, 0, 14 * minute},
		"twenty-at-once":       {20, 0, 14 * minute},
		"two-almost-at-once":   {2, time.Second - time.Nanosecond, 14 * minute},
		"five-within-a-second": {5, 200 * time.Millisecond, 14 * minute},
		"two-every-minute":     {2, 10 * time.Millisecond, minute},
		"two-every-day":        {2, 0, 24*time.Hour - minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, nil)
				tok := s.login(t, "alice")
				for range min(int(6*24*time.Hour/test.every), 50) {
					next := s.refresh(tok.refresh).renewed(t, "rotation")
					for range test.tabs - 1 {
						time.Sleep(test.apart)
						a := s.refresh(tok.refresh)
						if again := a.renewed(t, "concurrent"); again.refresh != next.refresh {
							t.Fatal("another successor")
						}
						if level := a.events[0].Level; level != slog.LevelInfo {
							t.Fatalf("level %v of what ordinary use brings", level)
						}
					}
					s.alive(t, next)
					tok = next
					time.Sleep(test.every)
				}
			})
		})
	}
}

// The second is that of the rotation, not of the request: an account that is
// looked up slowly makes nobody a thief.
func TestCaseSess3ASlowLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, func(c *session.Config) {
			c.Lookup = slowly(c.Lookup, 5*time.Second)
		})
		tok := s.login(t, "alice")
		for range 10 {
			answers := make([]reply, 3)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * 300 * time.Millisecond)
					answers[i] = s.refresh(tok.refresh)
				})
			}
			wg.Wait()
			for i, a := range answers {
				if a.StatusCode != 200 {
					t.Fatalf("answer %d: %d %s", i, a.StatusCode, a.body)
				}
			}
			tok.refresh = answers[0].cookie(t, refresh)
			time.Sleep(14 * minute)
		}
	})
}

// Somebody with a copy follows the owner at a distance.
func TestCaseSess3ACopyAtADistanceIsFoundOut(t *testing.T) {
	for _, distance := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Second, 19 * time.Second} {
		t.Run(distance.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, nil)
				tok := s.login(t, "alice")
				for range 2 {
					next := s.refresh(tok.refresh).renewed(t, "rotation")
					time.Sleep(distance)
					for range 5 { // however often within one generation
						s.refresh(tok.refresh).renewed(t, "grace")
					}
					tok = next
					time.Sleep(14 * minute)
				}
				next := s.refresh(tok.refresh).renewed(t, "rotation")
				time.Sleep(distance)
				s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_reuse/overused")
				s.dead(t, next, "revoked")
			})
		})
	}
}

func TestCaseSess4LostAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // the lost answer
		how   string        // the retry is answered, "" is theft
		shown func(t *testing.T, s *service, next tokens)
	}{
		"in-grace":         {19 * time.Second, "grace", nil},
		"half-a-minute":    {31 * time.Second, "lost_answer", nil},
		"almost-too-late":  {2*minute - time.Nanosecond, "lost_answer", nil},
		"too-late":         {2 * minute, "", nil},
		"old-access-shown": {31 * time.Second, "lost_answer", func(t *testing.T, s *service, next tokens) { s.alive(t, tokens{access: next.bearer}) }},
		"access-shown":     {31 * time.Second, "", func(t *testing.T, s *service, next tokens) { s.alive(t, next) }},
		"shown-in-grace":   {10 * time.Second, "grace", func(t *testing.T, s *service, next tokens) { s.alive(t, next) }},
		"successor-shown": {5 * time.Second, "", func(t *testing.T, s *service, next tokens) {
			s.refresh(next.refresh).renewed(t, "rotation")
		}},
		"shown-elsewhere": {31 * time.Second, "lost_answer", func(t *testing.T, s *service, _ tokens) {
			other := s.login(t, "alice")
			s.alive(t, s.refresh(other.refresh).renewed(t, "rotation"))
		}},
		"access-refused": {31 * time.Second, "lost_answer", func(t *testing.T, s *service, next tokens) {
			s.withCookie(next.access+"x").reported(t, "authn_token_invalid/malformed")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, nil)
				tok := s.login(t, "alice")
				next := s.refresh(tok.refresh).renewed(t, "rotation")
				if test.shown != nil {
					test.shown(t, s, tokens{access: next.access, refresh: next.refresh, bearer: tok.access})
				}
				time.Sleep(test.after)
				a := s.refresh(tok.refresh)
				if test.how == "" {
					a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
					s.dead(t, next, "revoked")
					return
				}
				again := a.renewed(t, test.how)
				if again.refresh != next.refresh {
					t.Error("another successor")
				}
				if a.events[0].Level != slog.LevelWarn {
					t.Error("the second answer is not worth a warning")
				}
				s.alive(t, again)
				time.Sleep(14 * minute)
				s.alive(t, s.refresh(again.refresh).renewed(t, "rotation"))
			})
		})
	}
}

func TestCaseSess4LostAnswersAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		for i := range 3 {
			s.refresh(tok.refresh).renewed(t, "rotation")
			time.Sleep(31 * time.Second)
			a := s.refresh(tok.refresh)
			if i == 2 {
				a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/overused")
				return
			}
			tok = a.renewed(t, "lost_answer")
			time.Sleep(14 * minute)
		}
	})
}

// One write tells that an access token has been shown, however many requests
// show it.
func TestCaseSess4OneWriteAGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		for range 3 {
			before := s.store.updates.Load()
			for range 10 {
				s.alive(t, tok)
			}
			if n := s.store.updates.Load() - before; n > 1 {
				t.Errorf("%d writes for ten requests", n)
			}
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
		}
		time.Sleep(2 * minute) // when it decides about nothing any more
		before := s.store.updates.Load()
		s.alive(t, tok)
		if n := s.store.updates.Load() - before; n != 0 {
			t.Errorf("%d writes that nobody needs", n)
		}
	})
}

// Many requests show the first access token of a generation at once.
func TestCaseSess4ShownAtOnce(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	next := s.refresh(tok.refresh).renewed(t, "rotation")
	before := s.store.updates.Load()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { s.withCookie(next.access) })
	}
	wg.Wait()
	held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
	if err != nil || !held.Shown {
		t.Errorf("shown %v, %v", held.Shown, err)
	}
	if n := s.store.updates.Load() - before; n > 32 {
		t.Errorf("%d writes", n)
	}
}

// That an access token has been shown must be known before it is good for
// anything: a thief who has the token before it would be let in again.
func TestCaseSess4AnOutageWhileItIsShown(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	next := s.refresh(tok.refresh).renewed(t, "rotation")
	s.store.breakDown("Update")
	s.withCookie(next.access).refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
	s.store.breakDown()
	s.alive(t, next)
}

func TestAGenerationWithoutGraceInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		for i := range 12 {
			next := s.refresh(tok.refresh).renewed(t, "rotation")
			if i%3 != 2 { // two of three
				time.Sleep(time.Second)
				s.refresh(tok.refresh).renewed(t, "grace")
			}
			tok = next
			time.Sleep(15 * minute)
		}
	})
}

func TestTheWindowsOfTheConfig(t *testing.T) {
	for _, test := range []struct{ grace, lost time.Duration }{
		{10 * time.Second, minute}, {30 * time.Second, 10 * minute}, {2 * minute, 2 * minute}, {5 * minute, 0},
	} {
		t.Run(fmt.Sprint(test.grace, "-", test.lost), func(t *testing.T) {
			lost := test.lost
			if lost == 0 {
				lost = test.grace
			}
			for after, how := range map[time.Duration]string{
				test.grace - time.Nanosecond: "grace", lost - time.Nanosecond: "lost_answer", lost: "",
			} {
				if lost == test.grace && how == "lost_answer" {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					s := start(t, func(c *session.Config) { c.Grace, c.LostAnswer = test.grace, test.lost })
					tok := s.login(t, "alice")
					s.refresh(tok.refresh).renewed(t, "rotation")
					time.Sleep(after)
					a := s.refresh(tok.refresh)
					if how == "" {
						a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
						return
					}
					a.renewed(t, how)
				})
			}
		})
	}
}
