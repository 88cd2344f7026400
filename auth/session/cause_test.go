package session_test

import (
	"context"
	"crypto"
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
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

// explained asserts that the attribute "error" of the last event, which an
// operator reads, holds the texts whole and none of the tokens.
func (a reply) explained(t testing.TB, tok tokens, want ...string) {
	t.Helper()
	var got string
	for _, attr := range a.events[len(a.events)-1].Attrs {
		if attr.Key == "error" {
			got = attr.Value.String()
		}
	}
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("the error is %q, want %q in it", got, text)
		}
	}
	for _, token := range []string{tok.access, tok.refresh, tok.bearer} {
		if token != "" && strings.Contains(got, token) {
			t.Errorf("the error shows a token: %s", got)
		}
	}
	if len(got) >= 256 {
		t.Errorf("the log cuts the error: %d bytes", len(got))
	}
	if strings.Contains(a.body, "Config") {
		t.Errorf("the client learns of the configuration: %s", a.body)
	}
}

func TestRefusedRefreshesNameTheField(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*session.Config)
		prior  func(t *testing.T, s *service, tok tokens) (cookie string)
		status int
		code   string
		events string
		want   []string
	}{
		"lookup": {nil, func(t *testing.T, s *service, tok tokens) string {
			s.accounts.fail(errDown)
			return tok.refresh
		}, 503, "session.unavailable", "sys_unavailable/session.unavailable", []string{"session.Config.Lookup", "refused"}},
		"store": {nil, func(t *testing.T, s *service, tok tokens) string {
			s.store.breakDown("Get")
			return tok.refresh
		}, 503, "session.unavailable", "sys_unavailable/session.unavailable", []string{"session.Config.Store", "refused"}},
		"disabled": {nil, func(t *testing.T, s *service, tok tokens) string {
			s.accounts.set("alice", nil)
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_revoked/disabled authn_token_invalid/disabled", []string{"session.Config.Lookup", "nil Principal"}},
		"malformed": {nil, func(t *testing.T, s *service, tok tokens) string {
			return "hunter2"
		}, 401, "auth.invalid_token", "authn_token_invalid/malformed", []string{"form of a refresh token"}},
		"another-key": {nil, func(t *testing.T, s *service, tok tokens) string {
			other := start(t, func(c *session.Config) { c.StoreKeys = [][]byte{storeKey(9)} })
			return other.login(t, "alice").refresh
		}, 401, "auth.invalid_token", "authn_token_invalid/session", []string{"session.Config.StoreKeys"}},
		"ended": {nil, func(t *testing.T, s *service, tok tokens) string {
			if err := s.RevokeAll(t.Context(), "alice"); err != nil {
				t.Error(err)
			}
			s.events.Take()
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_invalid/session", []string{"session.Config.Store", "session.Config.MaxSessions"}},
		"restarted": {func(c *session.Config) { c.Store = &session.MemoryStore{} }, func(t *testing.T, _ *service, tok tokens) string {
			s := start(t, func(c *session.Config) { c.Store = &session.MemoryStore{} })
			return s.login(t, "alice").refresh
		}, 401, "auth.invalid_token", "authn_token_invalid/session", []string{"session.Config.Store", "a MemoryStore also loses its sessions when the process ends"}},
		"reuse": {nil, func(t *testing.T, s *service, tok tokens) string {
			s.refresh(tok.refresh).renewed(t, "rotation")
			time.Sleep(3 * minute)
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_reuse/reuse", []string{"session.Config.Grace (20s)", "LostAnswer (2m0s)"}},
		"older-than-that": {nil, func(t *testing.T, s *service, tok tokens) string {
			next := s.refresh(tok.refresh).renewed(t, "rotation")
			s.refresh(next.refresh).renewed(t, "rotation")
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_reuse/reuse", []string{"after its successor was used"}},
		"overused": {nil, func(t *testing.T, s *service, tok tokens) string {
			used := tok.refresh
			for range 2 {
				next := s.refresh(used).renewed(t, "rotation").refresh
				time.Sleep(2 * time.Second)
				s.refresh(used).renewed(t, "grace")
				used = next
			}
			s.refresh(used).renewed(t, "rotation")
			time.Sleep(2 * time.Second)
			return used
		}, 401, "auth.invalid_token", "authn_token_reuse/overused", []string{"session.Config.Grace (20s)", "3 refresh tokens in a row"}},
		"lifetime": {func(c *session.Config) { c.Lifetime = time.Hour }, func(t *testing.T, s *service, tok tokens) string {
			time.Sleep(time.Hour - time.Second/2)
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_invalid/expired", []string{"session.Config.Lifetime is 1h0m0s"}},
		"refreshes": {func(c *session.Config) { c.AccessLifetime, c.Lifetime, c.MaxRefreshes = time.Hour, time.Hour, 2 }, func(t *testing.T, s *service, tok tokens) string {
			for range 2 {
				tok = s.refresh(tok.refresh).renewed(t, "rotation")
			}
			return tok.refresh
		}, 401, "auth.invalid_token", "authn_token_invalid/expired", []string{"2 times", "session.Config.MaxRefreshes"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, test.change)
				tok := s.login(t, "alice")
				tok.refresh = test.prior(t, s, tok)
				a := s.refresh(tok.refresh)
				a.refused(t, test.status, test.code, test.events)
				a.explained(t, tok, test.want...)
			})
		})
	}
}

func TestRefusedAccessTokensNameTheField(t *testing.T) {
	oldKey, key := newKey(t), newKey(t)
	sign := func(c *session.Config, retired ...crypto.PublicKey) {
		c.Signer = bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer, Retired: retired}))
	}
	for name, test := range map[string]struct {
		change func(*session.Config) // of the second process, which gets the token
		bearer bool
		after  time.Duration
		reason string
		want   []string
	}{
		"expired":    {nil, false, 20 * minute, "expired", []string{"session.Config.AccessLifetime is 15m0s"}},
		"just-ended": {nil, false, 15 * minute, "expired", []string{"session.Config.AccessLifetime is 15m0s"}},
		"shortened":  {func(c *session.Config) { c.AccessLifetime = minute }, false, 0, "lifetime", []string{"session.Config.AccessLifetime (1m0s)"}},
		"audience":   {func(c *session.Config) { c.Audience = "https://files.example.com" }, false, 0, "audience", []string{"session.Config.Audience (https://files.example.com)"}},
		"new-key":    {func(c *session.Config) { sign(c) }, false, 0, "unknown_key", []string{"session.Config.Signer", "jwt.SignerConfig.Retired"}},
		"issuer": {func(c *session.Config) {
			c.Signer = bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: oldKey, Issuer: "https://new.example.com"}))
		}, false, 0, "issuer", []string{"session.Config.Signer (https://new.example.com)"}},
		"other-place": {nil, true, 0, "type", []string{"session+jwt in the cookie", "at+jwt in the Authorization header"}},
		"store-key":   {func(c *session.Config) { c.StoreKeys = [][]byte{storeKey(8)} }, false, 0, "session", []string{"session.Config.StoreKeys"}},
		"ended":       {func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{}} }, false, 0, "revoked", []string{"session.Config.Store", "session.Config.MaxSessions"}},
		"not-ours":    {nil, false, 0, "malformed", nil}, // explained by package jwt
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := &flaky{Store: &session.MemoryStore{}}
				first := func(c *session.Config) {
					c.Store = shared
					c.Signer = bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: oldKey, Issuer: issuer}))
				}
				tok := start(t, first).login(t, "alice")
				s := start(t, func(c *session.Config) {
					first(c)
					if test.change != nil {
						test.change(c)
					}
				})
				time.Sleep(test.after)
				token := tok.access
				switch {
				case test.bearer:
					token = tok.bearer
				case test.reason == "malformed":
					token = "hunter2"
				}
				a := s.withCookie(token)
				if a.StatusCode != http.StatusNoContent {
					t.Fatalf("status %d: %s", a.StatusCode, a.body)
				}
				a.reported(t, "authn_token_invalid/"+test.reason)
				a.explained(t, tok, test.want...)
			})
		})
	}
}

func TestWarningsNameTheField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, func(c *session.Config) { c.MaxSessions = 1 })
		tok := s.login(t, "alice")
		s.refresh(tok.refresh).renewed(t, "rotation")
		time.Sleep(2 * time.Second)
		again := s.refresh(tok.refresh)
		again.renewed(t, "grace")
		again.explained(t, tok, "session.Config.Grace (20s)")
		time.Sleep(minute)
		again = s.refresh(tok.refresh)
		again.renewed(t, "lost_answer")
		again.explained(t, tok, "session.Config.LostAnswer (2m0s)")
		second := s.do("POST", "/login/alice")
		if got := second.names(); got != "authn_token_revoked/limit session_created/login authn_token_created/login" {
			t.Fatalf("events %s", got)
		}
		second.events = second.events[:1]
		second.explained(t, tok, "session.Config.MaxSessions (1)")
	})
}

func TestAFullStoreNamesItsBound(t *testing.T) {
	s := start(t, func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{Max: 1}} })
	s.login(t, "alice")
	a := s.do("POST", "/login/bob")
	a.refused(t, 503, "session.store_full", "sys_unavailable/session.store_full")
	a.explained(t, tokens{}, "session.Config.Store", "MemoryStore.Max")
}

func TestAnOutageOfTheStoreNamesIt(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	s.store.breakDown("Get")
	a := s.withCookie(tok.access)
	a.refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
	a.explained(t, tok, "session.Config.Store", "connection refused")
	r, _ := http.NewRequest("GET", "/me", nil)
	r.Header.Set("Cookie", access+"="+tok.access)
	if _, err := s.Authenticate(r); !errors.Is(err, errDown) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// vying is a store in which other writes come first, as often as told.
type vying struct {
	session.Store
	lost atomic.Int64
	err  error // what an Update that has lost returns
}

func (v *vying) Update(ctx context.Context, s session.Session) error {
	if v.lost.Add(-1) >= 0 {
		return v.err
	}
	return v.Store.Update(ctx, s)
}

// Whether the access token beside a refresh token has been used is recorded, or
// the request is refused: a copy of the refresh token before it would be
// answered else.
func TestAnAccessTokenThatCannotBeRecorded(t *testing.T) {
	for name, test := range map[string]struct {
		lost   int64
		err    error
		status int
		events string
	}{
		"a-race-lost":   {1, auth.ErrConflict, 200, ""},
		"every-race":    {1000, auth.ErrConflict, 503, "sys_unavailable/store_unavailable"},
		"outage":        {1, errDown, 503, "sys_unavailable/store_unavailable"},
		"ended-by-then": {1, auth.ErrNotFound, http.StatusNoContent, "authn_token_invalid/revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vying{Store: &session.MemoryStore{}, err: test.err}
				s := start(t, func(c *session.Config) { c.Store = &flaky{Store: v} })
				tok := s.refresh(s.login(t, "alice").refresh).renewed(t, "rotation")
				v.lost.Store(test.lost)
				a := s.withCookie(tok.access)
				if a.StatusCode != test.status {
					t.Errorf("status %d, want %d: %s", a.StatusCode, test.status, a.body)
				}
				a.reported(t, test.events)
				if test.events != "" {
					a.explained(t, tok, "session.Config.Store")
				}
			})
		})
	}
}

// changing is a store whose sessions somebody has changed.
type changing struct {
	session.Store
	change func(*session.Session)
}

func (c *changing) Get(ctx context.Context, id string) (session.Session, error) {
	held, err := c.Store.Get(ctx, id)
	if c.change != nil {
		c.change(&held)
	}
	return held, err
}

// seal gives the row a right seal, as only this service can.
func seal(s *session.Session) { s.Seal = session.RowSeal(storeKey(7), *s) }

func manyFactors(n int) map[string]time.Time {
	all := map[string]time.Time{}
	for i := range n {
		all[fmt.Sprint("f", i)] = time.Now()
	}
	return all
}

func TestChangedSessionsOpenNothing(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*session.Session)
		reason, want string
	}{
		"another-subject": {func(s *session.Session) { s.Subject = "root" }, "session", "belongs to another caller"},
		"another-issuer":  {func(s *session.Session) { s.Issuer = "https://other.example" }, "session", "belongs to another caller"},
		"another-key":     {func(s *session.Session) { s.StoreKey = "x" }, "session", "session.Config.StoreKeys"},
		"longer":          {func(s *session.Session) { s.ExpiresAt = s.ExpiresAt.Add(time.Hour) }, "session", "session.Config.StoreKeys"},
		"copied":          {func(s *session.Session) { s.ID = "x" }, "session", "belongs to another caller"},
		"unsealed":        {func(s *session.Session) { s.Seal = [32]byte{} }, "session", "somebody has changed or copied the row"},
		"with-factor":     {func(s *session.Session) { s.Factors = map[string]time.Time{"otp": time.Now()} }, "session", "somebody has changed or copied the row"},
		"with-many":       {func(s *session.Session) { s.Factors = manyFactors(17); seal(s) }, "session", "somebody has changed or copied the row"},
		"expired":         {func(s *session.Session) { s.ExpiresAt = s.CreatedAt; seal(s) }, "expired", "session.Config.Lifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			store := &changing{Store: &session.MemoryStore{}}
			s := start(t, func(c *session.Config) { c.Store = &flaky{Store: store} })
			tok := s.login(t, "alice")
			store.change = test.change
			s.dead(t, tok, test.reason)
			s.withCookie(tok.access).explained(t, tok, test.want)
		})
	}
}

// The access cookie belongs to sessions that keep their refresh token in a
// cookie.
func TestASessionOfAnotherKindIsRefusedInTheAccessCookie(t *testing.T) {
	store := &changing{Store: &session.MemoryStore{}}
	s := start(t, func(c *session.Config) { c.Store = &flaky{Store: store} })
	tok := s.login(t, "alice")
	store.change = func(s *session.Session) { s.Kind = "body"; seal(s) }
	a := s.withCookie(tok.access)
	a.reported(t, "authn_token_invalid/session")
	a.explained(t, tok, "keeps its refresh token in a body")
	if a := s.withBearer(tok.bearer); a.StatusCode != 200 {
		t.Errorf("in its own place: %d %s", a.StatusCode, a.names())
	}
}
