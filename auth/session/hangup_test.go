package session_test

import (
	"context"
	cryptorand "crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
)

// slowDelete is a store over a network: a Delete takes a second, and stops if
// its context ends.
type slowDelete struct{ session.Store }

func (s slowDelete) Delete(ctx context.Context, id string) (bool, error) {
	select {
	case <-time.After(time.Second):
		return s.Store.Delete(ctx, id)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// hungUp sends a request whose client hangs up at once.
func (s *service) hungUp(path string, lines ...string) {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequest("POST", path, nil).WithContext(ctx)
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	time.AfterFunc(time.Millisecond, cancel)
	s.handler.ServeHTTP(httptest.NewRecorder(), r)
	s.events.Take()
}

// People log out and close the tab. A thief who was noticed hangs up.
func TestTheEndOfASessionDoesNotWaitForTheClient(t *testing.T) {
	for name, end := range map[string]func(*service, tokens, tokens){
		"logout":        func(s *service, _, tok tokens) { s.hungUp("/logout", "Cookie", refresh+"="+tok.refresh) },
		"bearer-logout": func(s *service, _, tok tokens) { s.hungUp("/logout", "Authorization", "Bearer "+tok.bearer) },
		"reuse":         func(s *service, old, _ tokens) { s.hungUp("/refresh", "Cookie", refresh+"="+old.refresh) },
		"disabled": func(s *service, _, tok tokens) {
			s.accounts.set("alice", nil)
			s.hungUp("/refresh", "Cookie", refresh+"="+tok.refresh)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, func(c *session.Config) { c.Store = slowDelete{&session.MemoryStore{}} })
				old := s.login(t, "alice")
				time.Sleep(time.Minute)
				tok := s.refresh(old.refresh).renewed(t, "rotation")
				tok.bearer = old.bearer
				time.Sleep(10 * time.Minute)
				end(s, old, tok)
				a := s.withCookie(tok.access)
				if a.StatusCode != http.StatusNoContent {
					t.Errorf("the session is alive: %d", a.StatusCode)
				}
				a.reported(t, "authn_token_invalid/revoked")
			})
		})
	}
}

// counting counts the calls of List.
type counting struct {
	session.Store
	lists int
}

func (c *counting) List(ctx context.Context, f session.Filter) ([]session.Session, error) {
	c.lists++
	return c.Store.List(ctx, f)
}

// Many sessions in a store may be idle or made with an old key.
func TestAPageOfSessionsTakesFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: &session.MemoryStore{}}
		s := start(t, func(c *session.Config) { c.Store, c.Idle = store, 30*minute })
		for range 200 {
			s.login(t, "alice")
			for range 10 {
				store.Create(t.Context(), session.Session{ID: cryptorand.Text(), Issuer: issuer, Subject: cryptorand.Text(), ExpiresAt: time.Now().Add(24 * time.Hour)}, 1, nil)
			}
		}
		live, err := s.List(t.Context(), session.Filter{Limit: 10})
		if err != nil || len(live) != 10 {
			t.Errorf("%d sessions, %v", len(live), err)
		}
		if store.lists > 4 {
			t.Errorf("List of the store was called %d times", store.lists)
		}
		for i := 1; i < len(live); i++ {
			if live[i-1].ID >= live[i].ID {
				t.Errorf("order %q, %q", live[i-1].ID, live[i].ID)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.List(ctx, session.Filter{Limit: 10}); err == nil {
			t.Error("a cancelled List succeeds")
		}
	})
}
