package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/race"
)

// withFactors starts a service whose account alice has a password, with a route
// that adds a factor.
func withFactors(t *testing.T, change func(*session.Config)) *service {
	s := start(t, change)
	s.accounts.set("alice", &bulwark.Principal{Subject: "alice", Roles: []string{"user"}, Factors: map[string]time.Time{"pwd": {}}})
	inner := s.handler
	s.handler = s.events.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if method, ok := strings.CutPrefix(r.URL.Path, "/factor/"); ok {
			if err := s.AddFactor(w, r, method); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	return s
}

// factors are the factors of the caller with the token, as "otp+5m0s".
func (s *service) factors(t *testing.T, tok tokens, since time.Time) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", access+"="+tok.access)
	if tok.access == "" {
		r.Header.Set("Authorization", "Bearer "+tok.bearer)
	}
	p, err := s.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range []string{"pwd", "otp", "hwk"} {
		if at, ok := p.Factors[name]; ok {
			all = append(all, fmt.Sprint(name, "+", at.Sub(since)))
		}
	}
	if len(all) != len(p.Factors) {
		t.Errorf("factors %v", p.Factors)
	}
	return strings.Join(all, " ")
}

func TestFactors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, login := withFactors(t, nil), time.Now()
		tok := s.login(t, "alice")
		is := func(tok tokens, want string) {
			t.Helper()
			if got := s.factors(t, tok, login); got != want {
				t.Errorf("factors %q, want %q", got, want)
			}
		}
		is(tok, "pwd+0s")
		is(tokens{bearer: tok.bearer}, "pwd+0s")
		if amr := segment(t, tok.access, 1)["amr"]; fmt.Sprint(amr) != "[pwd]" {
			t.Errorf("amr %v", amr)
		}
		time.Sleep(5 * minute)
		a := s.do("POST", "/factor/otp", "Cookie", access+"="+tok.access+"; "+refresh+"="+tok.refresh)
		if a.StatusCode != 204 {
			t.Fatalf("status %d %s", a.StatusCode, a.body)
		}
		a.reported(t, "session_renewed/factor")
		if e := a.events[0]; e.UserID != "alice" || e.Issuer != issuer {
			t.Errorf("event %+v", e)
		}
		// A new pair of tokens, as at a refresh.
		next := tokens{access: a.cookie(t, access), refresh: a.cookie(t, refresh)}
		if next.access == tok.access || next.refresh == tok.refresh {
			t.Error("the tokens have not changed")
		}
		if amr := segment(t, next.access, 1)["amr"]; fmt.Sprint(amr) != "[otp pwd]" {
			t.Errorf("amr %v", amr)
		}
		if got := segment(t, next.access, 1)["auth_time"]; got != float64(login.Unix()) {
			t.Errorf("auth_time %v", got)
		}
		if me := s.withCookie(next.access).json(t); me["auth_time"] != float64(login.Unix()) || me["sid"] != segment(t, tok.access, 1)["sid"] {
			t.Errorf("the caller is %v", me)
		}
		is(next, "pwd+0s otp+5m0s")
		is(tok, "pwd+0s otp+5m0s") // live, also for the other tab
		// The other tab finds its successor.
		if again := s.refresh(tok.refresh).renewed(t, "concurrent"); again.refresh != next.refresh {
			t.Error("another successor")
		}
		time.Sleep(5 * minute)
		next = s.refresh(next.refresh).renewed(t, "rotation")
		is(next, "pwd+0s otp+5m0s")
		a = s.do("POST", "/factor/otp", "Cookie", access+"="+next.access+"; "+refresh+"="+next.refresh)
		is(tokens{access: a.cookie(t, access)}, "pwd+0s otp+10m0s")
	})
}

// Without the newest refresh cookie nothing is rotated, and the factor counts.
func TestAFactorWithoutTheRefreshCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, login := withFactors(t, nil), time.Now()
		tok := s.login(t, "alice")
		old := tok
		time.Sleep(minute)
		tok = s.refresh(tok.refresh).renewed(t, "rotation")
		other := s.login(t, "alice")
		bob := s.login(t, "bob")
		for i, lines := range [][]string{
			{"Cookie", access + "=" + tok.access},
			{"Authorization", "Bearer " + old.bearer},
			{"Cookie", access + "=" + tok.access + "; " + refresh + "=" + old.refresh}, // of a moment ago
			{"Cookie", access + "=" + tok.access + "; " + refresh + "=" + other.refresh},
			{"Cookie", access + "=" + tok.access + "; " + refresh + "=" + bob.refresh},
			{"Cookie", access + "=" + tok.access + "; " + refresh + "=" + forged(tok.refresh, "")},
			{"Cookie", access + "=" + tok.access + "; " + refresh + "=" + tok.refresh + "; " + refresh + "=" + tok.refresh},
		} {
			time.Sleep(time.Second)
			a := s.do("POST", "/factor/hwk", lines...)
			if a.StatusCode != 204 {
				t.Fatalf("%d: status %d %s", i, a.StatusCode, a.body)
			}
			a.noCookies(t)
			a.reported(t, "session_renewed/factor")
			if got := s.factors(t, tok, login); got != fmt.Sprint("pwd+0s hwk+", minute+time.Duration(i+1)*time.Second) {
				t.Errorf("%d: factors %q", i, got)
			}
		}
		if got := s.factors(t, other, login); got != "pwd+1m0s" {
			t.Errorf("another session has %q", got)
		}
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
	})
}

func TestFactorsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withFactors(t, nil)
		tok := s.login(t, "alice")
		cookies := access + "=" + tok.access + "; " + refresh + "=" + tok.refresh
		s.do("POST", "/factor/otp").refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
		s.do("POST", "/factor/otp", "Cookie", refresh+"="+tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
		s.do("POST", "/factor/otp", "Cookie", access+"="+tok.access+"x").refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
		s.do("POST", "/factor/otp", "Cookie", cookies, "Sec-Fetch-Site", "cross-site").refused(t, 403, "auth.cross_site", "malicious_csrf/auth.cross_site")
		s.do("POST", "/factor/otp", "Cookie", cookies, "Origin", "https://evil.example").refused(t, 403, "auth.cross_site", "malicious_csrf/auth.cross_site")
		for _, bad := range []string{"", "%20", "a%20b", "a%00", "%C3%A9", strings.Repeat("f", 65)} {
			s.do("POST", "/factor/"+bad, "Cookie", cookies).refused(t, 500, "internal.error", "sys_unavailable/internal.error")
		}
		s.store.breakDown("Update")
		s.do("POST", "/factor/otp", "Cookie", cookies).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
		s.store.breakDown("Get")
		s.do("POST", "/factor/otp", "Cookie", cookies).refused(t, 503, "auth.unavailable", "sys_unavailable/store_unavailable")
		s.store.breakDown()
		s.accounts.fail(errDown)
		s.do("POST", "/factor/otp", "Cookie", cookies).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
		s.accounts.fail(nil)
		if got := s.factors(t, tok, time.Now()); got != "pwd+0s" {
			t.Errorf("a refusal left %q", got)
		}
		// Fifteen more, and not one beyond.
		for i := range 15 {
			if a := s.do("POST", fmt.Sprint("/factor/f", i), "Cookie", access+"="+tok.access); a.StatusCode != 204 {
				t.Fatalf("factor %d: %d %s", i, a.StatusCode, a.body)
			}
		}
		s.do("POST", "/factor/last", "Cookie", access+"="+tok.access).refused(t, 500, "internal.error", "sys_unavailable/internal.error")
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
		s.do("POST", "/logout", "Cookie", cookies)
		s.do("POST", "/factor/otp", "Cookie", cookies).refused(t, 401, "auth.invalid_token", "authn_token_invalid/revoked")
		// An account that is gone ends its session here also.
		tok = s.login(t, "alice")
		s.accounts.set("alice", nil)
		s.do("POST", "/factor/otp", "Cookie", access+"="+tok.access+"; "+refresh+"="+tok.refresh).
			refused(t, 401, "auth.invalid_token", "authn_token_revoked/disabled authn_token_invalid/disabled")
		s.dead(t, tok, "revoked")
	})
}

func TestLoginsWithFactors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withFactors(t, nil)
		at := time.Now().Add(-time.Hour)
		for name, test := range map[string]struct {
			factors map[string]time.Time
			ok      bool
		}{
			"sixteen":   {manyFactors(16), true},
			"seventeen": {manyFactors(17), false},
			"longest":   {map[string]time.Time{strings.Repeat("f", 64): at}, true},
			"too-long":  {map[string]time.Time{strings.Repeat("f", 65): at}, false},
			"empty":     {map[string]time.Time{"": at}, false},
			"space":     {map[string]time.Time{"a b": at}, false},
			"control":   {map[string]time.Time{"a\n": at}, false},
		} {
			s.accounts.set("x", &bulwark.Principal{Subject: "x", Factors: test.factors})
			a := s.do("POST", "/login/x")
			if ok := a.StatusCode == 200; ok != test.ok {
				t.Errorf("%s: status %d %s", name, a.StatusCode, a.body)
			}
		}
		// What the application does with its map is its own business.
		given := map[string]time.Time{"pwd": at}
		s.accounts.set("alice", &bulwark.Principal{Subject: "alice", Factors: given})
		tok := s.login(t, "alice")
		given["otp"] = at
		delete(given, "pwd")
		if got := s.factors(t, tok, at); got != "pwd+0s" {
			t.Errorf("factors %q", got)
		}
		// Lookup grants no factor.
		tok = s.refresh(tok.refresh).renewed(t, "rotation")
		if got := s.factors(t, tok, at); got != "pwd+0s" {
			t.Errorf("factors after a refresh %q", got)
		}
		bob := s.login(t, "bob")
		if p, err := s.Authenticate(withCookie(bob.access)); err != nil || p.Factors != nil {
			t.Errorf("a login without factors has %v, %v", p, err)
		}
	})
}

func TestAllocationsWithFactors(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	s := withFactors(t, nil)
	r := withCookie(s.login(t, "alice").access)
	if got := testing.AllocsPerRun(1000, func() {
		if _, err := s.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	}); got > 2 {
		t.Errorf("%v allocations, want at most 2: the token and the caller", got)
	}
}

// Nobody who can write to the store, and has no key, gives a factor or makes it
// younger.
func TestFactorsAreSealed(t *testing.T) {
	s := withFactors(t, nil)
	tok := s.login(t, "alice")
	held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
	if err != nil {
		t.Fatal(err)
	}
	at := held.Factors["pwd"]
	for name, factors := range map[string]map[string]time.Time{
		"none":    nil,
		"younger": {"pwd": at.Add(time.Hour)},
		"renamed": {"otp": at},
		"more":    {"pwd": at, "otp": at},
	} {
		held.Factors = factors
		if err := s.store.Update(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		held.Version++
		if _, err := s.Authenticate(withCookie(tok.access)); reasonOf(err) != "session" {
			t.Errorf("%s: %v", name, err)
		}
	}
	held.Factors = map[string]time.Time{"pwd": at}
	if err := s.store.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	s.alive(t, tok)
}
