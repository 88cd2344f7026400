package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// A Lookup that mixes up its accounts, such as a cache with a wrong key, gives
// nobody the roles of somebody else.
func TestALookupOfSomebodyElseIsAnOutage(t *testing.T) {
	s := withFactors(t, nil)
	tok := s.login(t, "alice")
	s.accounts.set("alice", &bulwark.Principal{Subject: "root", Roles: []string{"admin"}})
	a := s.refresh(tok.refresh)
	a.refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	a.explained(t, tok, "session.Config.Lookup", "another Subject")
	a = s.do("POST", "/factor/otp", "Cookie", access+"="+tok.access+"; "+refresh+"="+tok.refresh)
	a.refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	s.alive(t, tok)
	s.accounts.set("alice", &bulwark.Principal{Roles: []string{"user"}})
	s.refresh(tok.refresh).renewed(t, "rotation")
}

// A Lookup that hangs or panics is an outage. Nothing has changed, so that the
// same token is good afterwards.
func TestALookupThatHangsOrPanics(t *testing.T) {
	for name, test := range map[string]struct {
		lookup func(context.Context, string) (*bulwark.Principal, error)
		takes  time.Duration
		want   string
	}{
		"hangs":  {func(ctx context.Context, _ string) (*bulwark.Principal, error) { <-ctx.Done(); return nil, ctx.Err() }, 3 * time.Second, "deadline exceeded"},
		"panics": {func(context.Context, string) (*bulwark.Principal, error) { panic("hunter2") }, 0, "panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := false
				s := start(t, func(c *session.Config) {
					good := c.Lookup
					c.AskTimeout = 3 * time.Second
					c.Lookup = func(ctx context.Context, subject string) (*bulwark.Principal, error) {
						if broken {
							return test.lookup(ctx, subject)
						}
						return good(ctx, subject)
					}
				})
				tok := s.login(t, "alice")
				broken = true
				begin := time.Now()
				a := s.refresh(tok.refresh)
				a.refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
				a.explained(t, tok, "session.Config.Lookup", test.want)
				if took := time.Since(begin); took != test.takes {
					t.Errorf("it took %v, want %v", took, test.takes)
				}
				broken = false
				s.refresh(tok.refresh).renewed(t, "rotation")
			})
		})
	}
}
