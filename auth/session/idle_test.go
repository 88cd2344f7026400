package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

func idleAfter(idle time.Duration) func(*session.Config) {
	return func(c *session.Config) { c.Idle = idle }
}

func TestIdleEndsASessionThatOnlyRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(30*minute))
		tok := s.login(t, "alice")
		for range 5 {
			time.Sleep(5 * minute)
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
		}
		time.Sleep(5*minute - time.Nanosecond)
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
		// That was a use, so that half an hour begins anew.
	})
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(30*minute))
		tok := s.login(t, "alice")
		for range 5 {
			time.Sleep(5 * minute)
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
		}
		time.Sleep(5 * minute)
		a := s.refresh(tok.refresh)
		a.refused(t, 401, "auth.invalid_token", "authn_token_invalid/idle")
		a.explained(t, tok, "session.Config.Idle is 30m0s")
		s.dead(t, tok, "revoked") // the refusal has ended it
	})
}

// A page that refreshes early sends the access cookie along. This is no use of
// the session. Any other POST is one.
func TestAnEarlyRefreshIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(30*minute))
		tok := s.login(t, "alice")
		both := func() string { return access + "=" + tok.access + "; " + refresh + "=" + tok.refresh }
		for range 5 {
			time.Sleep(5 * minute)
			tok = s.do("POST", "/refresh", "Cookie", both()).renewed(t, "rotation")
		}
		time.Sleep(5 * minute)
		s.do("POST", "/refresh", "Cookie", both()).refused(t, 401, "auth.invalid_token", "authn_token_invalid/idle authn_token_invalid/idle")
	})
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(30*minute))
		tok := s.login(t, "alice")
		for range 9 {
			time.Sleep(10 * minute)
			if a := s.do("POST", "/me", "Cookie", access+"="+tok.access); a.StatusCode != 405 {
				t.Fatalf("status %d", a.StatusCode)
			}
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
		}
		s.alive(t, tok)
	})
}

func TestIdleEndsAtEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(10*minute))
		tok := s.login(t, "alice")
		time.Sleep(10*minute - time.Nanosecond)
		s.alive(t, tok)
		time.Sleep(minute)
		tok = s.refresh(tok.refresh).renewed(t, "rotation")
		time.Sleep(9 * minute)
		s.dead(t, tok, "idle")
		s.withCookie(tok.access).explained(t, tok, "session.Config.Idle is 10m0s")
		if live, err := s.List(t.Context(), session.Filter{}); err != nil || len(live) != 0 {
			t.Errorf("List has %d idle sessions, %v", len(live), err)
		}
		if err := s.AddFactor(httptest.NewRecorder(), withCookie(tok.access), "otp"); reasonOf(err) != "idle" {
			t.Errorf("AddFactor: %v", err)
		}
		// A logout still ends it in the store.
		s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh).out(t, "authn_token_revoked/logout")
		s.dead(t, tok, "revoked")
	})
}

// withCookie is a request with an access cookie, outside the chain.
func withCookie(token string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", access+"="+token)
	return r
}

// Requests keep a session alive, until its Lifetime.
func TestRequestsKeepASessionAliveUntilItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, func(c *session.Config) { c.Idle, c.Lifetime = 8*minute, 3*time.Hour })
		tok := s.login(t, "alice")
		began := time.Now()
		for time.Since(began) < 3*time.Hour-7*minute {
			time.Sleep(7*minute - time.Nanosecond)
			s.alive(t, tok)
			if time.Since(began)%(14*minute) < 7*minute {
				tok = s.refresh(tok.refresh).renewed(t, "rotation")
			}
		}
		time.Sleep(time.Until(began.Add(3 * time.Hour)))
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/expired")
	})
}

// A session never lasts longer than Idle after its last request. It may end
// earlier by the time between two writes.
func TestIdleIsNeverLate(t *testing.T) {
	for _, test := range []struct{ idle, every time.Duration }{
		{minute, 7500 * time.Millisecond}, {4 * minute, 30 * time.Second}, {8 * minute, minute}, {2 * time.Hour, minute},
	} {
		t.Run(test.idle.String(), func(t *testing.T) {
			for _, after := range []time.Duration{0, time.Nanosecond, test.every / 2, test.every - time.Nanosecond, test.every, 2 * test.every} {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, func(c *session.Config) { c.Idle, c.AccessLifetime = test.idle, time.Hour })
					tok := s.login(t, "alice")
					time.Sleep(after)
					s.alive(t, tok)
					last := time.Now()
					time.Sleep(time.Until(last.Add(test.idle - test.every)))
					if live, err := s.List(t.Context(), session.Filter{}); err != nil || len(live) != 1 {
						t.Errorf("ended %v after a use, %v", time.Since(last), err)
					}
					time.Sleep(time.Until(last.Add(test.idle)))
					if live, err := s.List(t.Context(), session.Filter{}); err != nil || len(live) != 0 {
						t.Errorf("alive %v after the last use", time.Since(last))
					}
				})
			}
		})
	}
}

// Without Idle also, a use is written at most once a minute, for people.
func TestLastUsedIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		used := func() time.Time {
			live, err := s.List(t.Context(), session.Filter{Subject: "alice"})
			if err != nil || len(live) != 1 {
				t.Fatal(live, err)
			}
			return live[0].UsedAt
		}
		login := used()
		for range 59 {
			s.alive(t, tok)
			time.Sleep(time.Second)
		}
		if n := s.store.touches.Load(); n != 0 || !used().Equal(login) {
			t.Errorf("%d writes within a minute, used %v", n, used().Sub(login))
		}
		time.Sleep(time.Second)
		for range 10 {
			s.alive(t, tok)
		}
		if n := s.store.touches.Load(); n != 1 || used().Sub(login) != minute {
			t.Errorf("%d writes after a minute, used after %v", n, used().Sub(login))
		}
		// Neither of these is a use.
		time.Sleep(2 * minute)
		s.refresh(tok.refresh).renewed(t, "rotation")
		_, again := s.Review(&bulwark.Principal{Issuer: issuer, Subject: "alice", SessionID: segment(t, tok.access, 1)["sid"].(string)})
		if err := again(t.Context()); err != nil {
			t.Error(err)
		}
		s.do("POST", "/refresh", "Cookie", refresh+"="+forged(tok.refresh, ""))
		if n := s.store.touches.Load(); n != 1 {
			t.Errorf("%d writes without a use", n)
		}
	})
}

// A clock of the store that was set back prolongs no session.
func TestIdleByAClockThatWasSetBack(t *testing.T) {
	store := &changing{Store: &session.MemoryStore{}}
	s := start(t, func(c *session.Config) { c.Store, c.Idle = &flaky{Store: store}, 10*minute })
	tok := s.login(t, "alice")
	for back, reason := range map[time.Duration]string{9 * minute: "", 10 * minute: "idle", time.Hour: "idle"} {
		store.change = func(held *session.Session) { held.ReadAt = held.UsedAt.Add(-back) }
		if _, err := s.Authenticate(withCookie(tok.access)); reasonOf(err) != reason {
			t.Errorf("set back by %v: %v, want %q", back, err, reason)
		}
	}
}

// A use that cannot be recorded refuses nobody, and is reported.
func TestAUseThatCannotBeRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(10*minute))
		tok := s.login(t, "alice")
		time.Sleep(2 * minute)
		s.store.breakDown("Touch")
		a := s.withCookie(tok.access)
		if a.StatusCode != 200 {
			t.Fatalf("status %d %s", a.StatusCode, a.body)
		}
		a.reported(t, "sys_unavailable/store_unavailable")
		a.explained(t, tok, "session.Config.Store cannot record the use", "refused")
		// Not each request asks a store that is down.
		for range 5 {
			s.withCookie(tok.access).reported(t, "")
		}
		if n := s.store.touches.Load(); n != 1 {
			t.Errorf("%d tries", n)
		}
		time.Sleep(5 * time.Second)
		s.withCookie(tok.access).reported(t, "sys_unavailable/store_unavailable")
		s.store.breakDown()
		time.Sleep(8*minute - 5*time.Second)
		s.dead(t, tok, "idle") // earlier than it should, and never later
	})
}

// blocking is a store whose Touch does not come back before its context ends.
type blocking struct{ session.Store }

func (b blocking) Touch(ctx context.Context, _ string, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// panicking is a store whose Touch panics.
type panicking struct{ session.Store }

func (panicking) Touch(context.Context, string, time.Duration) error { panic("hunter2") }

func TestATouchThatHangsOrPanics(t *testing.T) {
	for name, store := range map[string]session.Store{"hangs": blocking{&session.MemoryStore{}}, "panics": panicking{&session.MemoryStore{}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, func(c *session.Config) { c.Store = store })
				tok := s.login(t, "alice")
				time.Sleep(2 * minute)
				began := time.Now()
				a := s.withCookie(tok.access)
				if took := time.Since(began); a.StatusCode != 200 || took > 2*time.Second {
					t.Errorf("status %d after %v", a.StatusCode, took)
				}
				a.reported(t, "sys_unavailable/store_unavailable")
				if text := fmt.Sprint(a.events); strings.Contains(text, "hunter2") {
					t.Errorf("the log has the value of the panic: %s", text)
				}
			})
		})
	}
}

// A session that ends between its look-up and the record of its use is over.
func TestASessionThatEndsWhileItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &endsWhileTouched{Store: &session.MemoryStore{}}
		s := start(t, func(c *session.Config) { c.Store = store })
		tok := s.login(t, "alice")
		time.Sleep(2 * minute)
		s.withBearer(tok.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/revoked")
	})
}

type endsWhileTouched struct{ session.Store }

func (e *endsWhileTouched) Touch(ctx context.Context, id string, every time.Duration) error {
	e.Store.Delete(ctx, id)
	return e.Store.Touch(ctx, id, every)
}

// Many requests at the end of the minute lose nothing of a refresh.
func TestUsesBesideRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(10*minute))
		tok := s.login(t, "alice")
		for range 20 {
			time.Sleep(2 * minute)
			var wg sync.WaitGroup
			var next tokens
			wg.Go(func() { next = s.refresh(tok.refresh).renewed2(t) })
			for range 8 {
				wg.Go(func() { s.handler.ServeHTTP(httptest.NewRecorder(), withCookie(tok.access)) })
			}
			wg.Wait()
			s.events.Take()
			tok = next
		}
		s.alive(t, tok)
	})
}

// renewed2 is renewed where other requests report beside it.
func (a reply) renewed2(t testing.TB) tokens {
	t.Helper()
	if a.StatusCode != 200 {
		t.Errorf("refresh: %d %s", a.StatusCode, a.body)
		return tokens{}
	}
	return tokens{access: a.cookie(t, access), refresh: a.cookie(t, refresh)}
}

func TestReview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, idleAfter(30*minute))
		review := func(tok tokens) (string, func(context.Context) error) {
			r := withCookie(tok.access)
			p, err := s.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			return s.Review(p)
		}
		tok, other := s.login(t, "alice"), s.login(t, "alice")
		name, again := review(tok)
		if otherName, _ := review(other); name == "" || name == otherName || name != segment(t, tok.access, 1)["sid"] {
			t.Errorf("names %q and %q", name, otherName)
		}
		ok := func(reason string) {
			t.Helper()
			if err := again(t.Context()); reasonOf(err) != reason {
				t.Errorf("%v, want the reason %q", err, reason)
			}
		}
		ok("")
		time.Sleep(20 * minute) // the access token is over, and the stream goes on
		ok("")
		s.store.breakDown("Get")
		err := again(t.Context())
		if p, isProblem := err.(*bulwark.Problem); !isProblem || p.Status != 503 {
			t.Errorf("an outage is %v", err)
		}
		s.store.breakDown()
		held, err := s.store.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		genuine := held
		held.ACR = "phr"
		if err := s.store.Update(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		ok("session") // the row was changed
		genuine.Version++
		if err := s.store.Update(t.Context(), genuine); err != nil {
			t.Fatal(err)
		}
		ok("")
		before := s.store.touches.Load()
		time.Sleep(10 * minute)
		ok("idle") // a stream is no use
		if s.store.touches.Load() != before {
			t.Error("a review counts as a use")
		}
		if err := s.Revoke(t.Context(), "alice", name); err != nil {
			t.Fatal(err)
		}
		ok("revoked")
		if name, _ := s.Review(nil); name != "" {
			t.Error("nobody has a session")
		}
		if name, _ := s.Review(&bulwark.Principal{Subject: "alice"}); name != "" {
			t.Error("a caller without a session has one")
		}
		var _ auth.Reviewer = s.Sessions
	})
}

// reasonOf is the reason in the log of a refusal with 401, or "".
func reasonOf(err error) string {
	if p, ok := err.(*bulwark.Problem); ok && p.Status == 401 {
		return p.Log.Reason
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
