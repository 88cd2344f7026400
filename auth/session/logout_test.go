package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// out asserts a logout and its events.
func (a reply) out(t testing.TB, events string) {
	t.Helper()
	if a.StatusCode != http.StatusNoContent || a.body != "" {
		t.Fatalf("status %d, body %q", a.StatusCode, a.body)
	}
	if a.cookie(t, access) != "" || a.cookie(t, refresh) != "" {
		t.Error("a cookie keeps a value")
	}
	if got := a.Header.Get("Clear-Site-Data"); got != `"storage"` {
		t.Errorf("Clear-Site-Data %q", got)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be stored")
	}
	a.reported(t, events)
}

func TestLogoutByEachCredential(t *testing.T) {
	for name, credential := range map[string]func(tokens) []string{
		"refresh-cookie": func(tok tokens) []string { return []string{"Cookie", refresh + "=" + tok.refresh} },
		"access-cookie":  func(tok tokens) []string { return []string{"Cookie", access + "=" + tok.access} },
		"bearer":         func(tok tokens) []string { return []string{"Authorization", "Bearer " + tok.bearer} },
		"all": func(tok tokens) []string {
			return []string{"Cookie", refresh + "=" + tok.refresh + "; " + access + "=" + tok.access, "Authorization", "Bearer " + tok.bearer}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			tok, other := s.login(t, "alice"), s.login(t, "alice")
			a := s.do("POST", "/logout", credential(tok)...)
			a.out(t, "authn_token_revoked/logout")
			if e := a.events[0]; e.UserID != "alice" || e.Issuer != issuer {
				t.Errorf("event %+v", e)
			}
			s.dead(t, tok, "revoked")
			s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
			s.alive(t, other)
			s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh).out(t, "") // once more changes nothing
		})
	}
}

func TestLogoutOfNobody(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	forged := forged(tok.refresh, "")
	s.do("POST", "/logout").out(t, "")
	s.do("POST", "/logout", "Cookie", refresh+"=nonsense").out(t, "")
	s.do("POST", "/logout", "Cookie", refresh+"="+forged).out(t, "")
	s.alive(t, tok)
}

func TestLogoutWithTwoRefreshCookiesEndsBoth(t *testing.T) {
	s := start(t, nil)
	one, two := s.login(t, "alice"), s.login(t, "alice")
	s.do("POST", "/logout", "Cookie", refresh+"="+one.refresh+"; "+refresh+"="+two.refresh).out(t, "authn_token_revoked/logout authn_token_revoked/logout")
	s.dead(t, one, "revoked")
	s.dead(t, two, "revoked")
}

func TestLogoutWithAUsedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		next := s.refresh(tok.refresh).renewed(t, "rotation")
		s.alive(t, next)
		time.Sleep(minute)
		s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh).out(t, "authn_token_reuse/logout")
		s.dead(t, next, "revoked")
	})
}

func TestLogoutDuringAnOutage(t *testing.T) {
	for _, call := range []string{"Get", "Delete"} {
		s := start(t, nil)
		tok := s.login(t, "alice")
		s.store.breakDown(call)
		s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
		s.store.breakDown()
		s.alive(t, tok)
	}
	// The session handlers may stand outside the auth layer: then it is they
	// who ask the store about a Bearer.
	s := start(t, nil)
	tok := s.login(t, "alice")
	s.handler = s.events.Wrap(s.LogoutHandler())
	s.store.breakDown("Get")
	s.do("POST", "/", "Authorization", "Bearer "+tok.bearer).refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
	s.store.breakDown()
	s.do("POST", "/", "Authorization", "Bearer "+tok.bearer).out(t, "authn_token_revoked/logout")
}

func TestListAndRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		first := s.login(t, "alice", "User-Agent", "phone"+strings.Repeat("é", 200))
		time.Sleep(time.Second)
		second := s.login(t, "alice", "User-Agent", "laptop")
		bob := s.login(t, "bob")
		live, err := s.List(t.Context(), session.Filter{Subject: "alice"})
		if err != nil || len(live) != 2 {
			t.Fatalf("%v, %v", live, err)
		}
		if !slices.IsSortedFunc(live, func(a, b session.Session) int { return strings.Compare(a.ID, b.ID) }) {
			t.Error("not in the order of ids")
		}
		slices.SortFunc(live, func(a, b session.Session) int { return b.CreatedAt.Compare(a.CreatedAt) })
		if live[0].UserAgent != "laptop" || !strings.HasPrefix(live[1].UserAgent, "phoneé") || len(live[1].UserAgent) > 256 || !live[0].ClientIP.IsValid() {
			t.Errorf("sessions %+v", live)
		}
		for _, held := range live {
			if held.Hash != [32]byte{} || held.Seal != [32]byte{} || held.Subject != "alice" || held.ExpiresAt.Sub(held.CreatedAt) != 7*24*time.Hour {
				t.Errorf("session %+v", held)
			}
		}
		var rec = httptest.NewRecorder()
		revoke := func(do func(*http.Request) error) (err error) {
			s.events.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err = do(r) })).
				ServeHTTP(rec, httptest.NewRequest("DELETE", "/sessions/x", nil))
			return err
		}
		problem := func(err error, status int, code string) {
			t.Helper()
			p, ok := err.(*bulwark.Problem)
			if !ok || p.Status != status || p.Code != code {
				t.Errorf("error %v, want %d %s", err, status, code)
			}
		}
		// Bob may end his own sessions only.
		problem(revoke(func(r *http.Request) error { return s.Revoke(r.Context(), "bob", live[0].ID) }), 404, "session.not_found")
		problem(revoke(func(r *http.Request) error { return s.Revoke(r.Context(), "bob", "nonsense") }), 404, "session.not_found")
		s.alive(t, second)
		if err := revoke(func(r *http.Request) error { return s.Revoke(r.Context(), "alice", live[0].ID) }); err != nil {
			t.Error(err)
		}
		(reply{events: s.events.Take()}).reported(t, "authn_token_revoked/revoked")
		s.dead(t, second, "revoked")
		s.alive(t, first)

		for _, call := range []string{"List", "Delete"} {
			s.store.breakDown(call)
			problem(revoke(func(r *http.Request) error { return s.RevokeAll(r.Context(), "alice") }), 503, "session.unavailable")
		}
		s.store.breakDown("Get")
		problem(revoke(func(r *http.Request) error { return s.Revoke(r.Context(), "alice", live[1].ID) }), 503, "session.unavailable")
		s.store.breakDown()
		s.events.Take()
		s.login(t, "alice")
		s.events.Take()
		if err := revoke(func(r *http.Request) error { return s.RevokeAll(r.Context(), "alice") }); err != nil {
			t.Error(err)
		}
		(reply{events: s.events.Take()}).reported(t, "authn_token_revoked/revoked authn_token_revoked/revoked")
		s.dead(t, first, "revoked")
		s.alive(t, bob)
		if live, err := s.List(t.Context(), session.Filter{Subject: "alice"}); len(live) != 0 || live == nil || err != nil {
			t.Errorf("left: %v, %v", live, err)
		}
	})
}

func TestListLeavesOutWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		s.login(t, "alice")
		time.Sleep(7 * 24 * time.Hour)
		if live, err := s.List(t.Context(), session.Filter{Subject: "alice"}); len(live) != 0 || err != nil {
			t.Errorf("%v, %v", live, err)
		}
	})
}

func TestOutageOfTheLiveCheck(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	s.store.breakDown("Get")
	s.withBearer(tok.bearer).refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
	s.withCookie(tok.access).refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
}

func TestASessionOfSomebodyElse(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	id := segment(t, tok.access, 1)["sid"].(string)
	held, err := s.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*session.Session){
		"subject": func(held *session.Session) { held.Subject = "bob" },
		"issuer":  func(held *session.Session) { held.Subject, held.Issuer = "alice", "https://other.example" },
	} {
		change(&held)
		if err := s.store.Update(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		held.Version++
		t.Log(name)
		s.dead(t, tok, "session")
	}
	// And its refresh token belongs to the other issuer's service.
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
}

// outageAt fails the n-th call of a kind and all later ones.
type outageAt struct {
	session.Store
	gets, deletes atomic.Int64 // calls that still succeed
}

func (o *outageAt) Get(ctx context.Context, id string) (session.Session, error) {
	if o.gets.Add(-1) < 0 {
		return session.Session{}, errDown
	}
	return o.Store.Get(ctx, id)
}

func (o *outageAt) Delete(ctx context.Context, id string) (bool, error) {
	if o.deletes.Add(-1) < 0 {
		return false, errDown
	}
	return o.Store.Delete(ctx, id)
}

// What has been ended, and a reuse that has been found, is reported even where
// the store fails afterwards.
func TestLogoutDuringAnOutageReportsWhatItDid(t *testing.T) {
	for _, test := range []struct {
		name          string
		gets, deletes int64
		used          bool // the first token has been used before
		events        string
	}{
		{"second-delete", 9, 1, false, "authn_token_revoked/logout"},
		{"second-get", 1, 9, false, "authn_token_revoked/logout"},
		{"reuse-and-second-get", 1, 9, true, "authn_token_reuse/logout"},
		{"reuse-and-first-delete", 9, 0, true, "authn_token_reuse/logout"},
		{"nothing-done", 0, 9, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &outageAt{Store: &session.MemoryStore{}}
				store.gets.Store(100)
				store.deletes.Store(100)
				s := start(t, func(c *session.Config) { c.Store = &flaky{Store: store} })
				one, two := s.login(t, "alice"), s.login(t, "alice")
				if test.used {
					s.alive(t, s.refresh(one.refresh).renewed(t, "rotation"))
					time.Sleep(minute)
				}
				store.gets.Store(test.gets)
				store.deletes.Store(test.deletes)
				a := s.do("POST", "/logout", "Cookie", refresh+"="+one.refresh+"; "+refresh+"="+two.refresh)
				want := strings.TrimSpace(test.events + " sys_unavailable/session.unavailable")
				a.refused(t, 503, "session.unavailable", want)
				// The client tries again, and both are over.
				store.gets.Store(100)
				store.deletes.Store(100)
				s.do("POST", "/logout", "Cookie", refresh+"="+one.refresh+"; "+refresh+"="+two.refresh)
				s.dead(t, one, "revoked")
				s.dead(t, two, "revoked")
			})
		})
	}
}

func TestCaseSess5WhatALogoutClears(t *testing.T) {
	for name, test := range map[string]struct {
		clear []string
		want  []string // lines of the header
	}{
		"default":  {nil, []string{`"storage"`}},
		"more":     {[]string{"cache", "cookies", "storage"}, []string{`"cache", "cookies", "storage"`}},
		"contexts": {[]string{"storage", "executionContexts"}, []string{`"storage", "executionContexts"`}},
		"all":      {[]string{"*"}, []string{`"*"`}},
		"nothing":  {[]string{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *session.Config) { c.ClearSiteData = test.clear })
			tok := s.login(t, "alice")
			for _, lines := range [][]string{{"Cookie", refresh + "=" + tok.refresh}, {}} {
				a := s.do("POST", "/logout", lines...)
				if got := a.Header.Values("Clear-Site-Data"); a.StatusCode != 204 || !slices.Equal(got, test.want) {
					t.Errorf("status %d, Clear-Site-Data %q, want %q", a.StatusCode, got, test.want)
				}
				if a.cookie(t, access) != "" || a.cookie(t, refresh) != "" {
					t.Error("a cookie keeps a value")
				}
			}
			s.dead(t, tok, "revoked")
		})
	}
}

func TestCaseSess5TheConfigIsCopied(t *testing.T) {
	given := []string{"storage"}
	s := start(t, func(c *session.Config) { c.ClearSiteData = given })
	given[0] = "cookies"
	s.do("POST", "/logout").out(t, "")
}
