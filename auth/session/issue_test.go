package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

func TestLoginOfAClient(t *testing.T) {
	s := start(t, nil)
	a := s.do("POST", "/login/alice")
	if a.StatusCode != 200 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, header %v", a.StatusCode, a.Header)
	}
	body := a.json(t)
	if len(body) != 3 || body["token_type"] != "Bearer" || body["expires_in"] != 900.0 {
		t.Errorf("body %s", a.body)
	}
	a.reported(t, "session_created/login authn_token_created/login")
	for _, e := range a.events {
		if e.Issuer != issuer || e.UserID != "alice" {
			t.Errorf("event of %q at %q", e.UserID, e.Issuer)
		}
	}
	bearer := body["access_token"].(string)
	for token, typ := range map[string]string{bearer: "at+jwt", a.cookie(t, access): "session+jwt"} {
		if head := segment(t, token, 0); head["typ"] != typ || head["alg"] != "ES256" {
			t.Errorf("header %v, want typ %s", head, typ)
		}
	}
	for name, me := range map[string]reply{"bearer": s.withBearer(bearer), "cookie": s.withCookie(a.cookie(t, access))} {
		got := me.json(t)
		if me.StatusCode != 200 || got["subject"] != "alice" || got["issuer"] != issuer || got["method"] != "session" || got["tier"] != "premium" ||
			fmt.Sprint(got["roles"], got["scopes"]) != "[user] [read write]" || got["sid"] == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCookiesExactly(t *testing.T) {
	for name, test := range map[string]struct {
		mode http.SameSite
		want string
	}{"strict": {0, "Strict"}, "lax": {http.SameSiteLaxMode, "Lax"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *session.Config) { c.SameSite = test.mode })
			a := s.do("POST", "/login/alice")
			login := tokens{access: a.cookie(t, access), refresh: a.cookie(t, refresh)}
			check := func(a reply, tok tokens) {
				t.Helper()
				got := a.Header.Values("Set-Cookie")
				want := []string{
					access + "=" + tok.access + "; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=" + test.want,
					refresh + "=" + tok.refresh + "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=" + test.want,
				}
				// The refresh cookie's Max-Age counts down; it may have lost a
				// second meanwhile.
				if len(got) == 2 {
					got[1] = strings.Replace(got[1], "Max-Age=604799", "Max-Age=604800", 1)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("cookies\n%q, want\n%q", got, want)
				}
			}
			check(a, login)
			a = s.refresh(login.refresh)
			check(a, a.renewed(t, "rotation"))
			got := s.do("POST", "/logout").Header.Values("Set-Cookie")
			tail := "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=" + test.want
			if fmt.Sprint(got) != fmt.Sprint([]string{access + tail, refresh + tail}) {
				t.Errorf("cookies of the logout %q", got)
			}
		})
	}
}

func TestABrowserSeesNoToken(t *testing.T) {
	s := start(t, nil)
	for name, lines := range map[string][]string{
		"fetch":       {"Sec-Fetch-Site", "same-origin"},
		"user":        {"Sec-Fetch-Site", "none"},
		"origin":      {"Origin", "http://example.com"},
		"empty-fetch": {"Sec-Fetch-Site", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", "/login/alice", lines...)
			if a.StatusCode != 200 || a.body != "{\"expires_in\":900}\n" {
				t.Errorf("status %d, body %q", a.StatusCode, a.body)
			}
			a.cookie(t, access)
			a.cookie(t, refresh)
		})
	}
}

func TestCrossSiteRequestsAreRefused(t *testing.T) {
	s := start(t, func(c *session.Config) { c.TrustedOrigins = []string{"https://app.example.org"} })
	tok := s.login(t, "alice")
	for _, path := range []string{"/login/alice", "/refresh", "/logout"} {
		for name, lines := range map[string][]string{
			"cross-site":  {"Sec-Fetch-Site", "cross-site"},
			"same-site":   {"Sec-Fetch-Site", "same-site"},
			"origin":      {"Origin", "https://evil.example"},
			"null-origin": {"Origin", "null"},
		} {
			t.Run(path[1:]+"-"+name, func(t *testing.T) {
				s.do("POST", path, lines...).refused(t, 403, "auth.cross_site", "malicious_csrf/auth.cross_site")
				s.do("POST", path, append(lines, "Cookie", refresh+"="+tok.refresh)...).refused(t, 403, "auth.cross_site", "malicious_csrf/auth.cross_site")
			})
		}
		a := s.do("POST", path, "Origin", "https://app.example.org", "Sec-Fetch-Site", "cross-site", "Cookie", refresh+"="+tok.refresh)
		if a.StatusCode >= 400 {
			t.Errorf("%s from a trusted origin: %d %s", path, a.StatusCode, a.body)
		}
		tok = s.login(t, "alice")
	}
}

func TestEachTokenIsRefusedInTheOthersPlace(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	s.withBearer(tok.access).refused(t, 401, "auth.invalid_token", "authn_token_invalid/type")
	a := s.withCookie(tok.bearer)
	if a.StatusCode != http.StatusNoContent {
		t.Errorf("a body token as cookie: %d %s", a.StatusCode, a.body)
	}
	a.reported(t, "authn_token_invalid/type")
	// A refresh token is neither.
	s.withBearer(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
	s.withCookie(tok.refresh).reported(t, "authn_token_invalid/malformed")
	s.refresh(tok.access).refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
}

func TestBearerGoesBeforeCookie(t *testing.T) {
	s := start(t, nil)
	alice, bob := s.login(t, "alice"), s.login(t, "bob")
	a := s.do("GET", "/me", "Cookie", access+"="+alice.access, "Authorization", "Bearer "+bob.bearer)
	if a.json(t)["subject"] != "bob" {
		t.Errorf("caller %s", a.body)
	}
	// A bad Bearer is final: the good cookie beside it does not count.
	s.do("GET", "/me", "Cookie", access+"="+alice.access, "Authorization", "Bearer "+alice.access).
		refused(t, 401, "auth.invalid_token", "authn_token_invalid/type")
}

func TestTheSameCookieTwice(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	good, bad := access+"="+tok.access, access+`=with"quotes and spaces`
	for name, lines := range map[string][]string{
		"one-line":      {"Cookie", good + "; " + good},
		"two-lines":     {"Cookie", good, "Cookie", good},
		"unparsable":    {"Cookie", good + "; " + bad},
		"bad-first":     {"Cookie", bad + ";" + good},
		"without-value": {"Cookie", good + "; " + access},
		"spaced-name":   {"Cookie", good + "; " + access + " =x"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("GET", "/me", lines...)
			if a.StatusCode != http.StatusNoContent {
				t.Errorf("status %d %s", a.StatusCode, a.body)
			}
			a.reported(t, "authn_token_invalid/malformed")
		})
	}
	twice := refresh + "=" + tok.refresh
	s.do("POST", "/refresh", "Cookie", twice+"; "+twice).refused(t, 401, "auth.invalid_token", "authn_token_invalid/malformed")
	s.refresh(tok.refresh).renewed(t, "rotation") // and nothing was used up
}

func TestCookieNamesAreExact(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	for _, name := range []string{"__host-access", "__Host-accessx", "x__Host-access", "access", "__Secure-access"} {
		if a := s.do("GET", "/me", "Cookie", name+"="+tok.access); a.StatusCode != http.StatusNoContent || len(a.events) > 0 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.names())
		}
	}
	if a := s.do("GET", "/me", "Cookie", "a=b; theme=__Host-access;"+access+"="+tok.access+" ; c=d"); a.StatusCode != 200 {
		t.Errorf("among others: %d", a.StatusCode)
	}
}

func TestLoginReplacesTheSession(t *testing.T) {
	s := start(t, nil)
	first := s.login(t, "alice")
	a := s.do("POST", "/login/alice", "Cookie", refresh+"="+first.refresh)
	a.reported(t, "authn_token_revoked/login session_created/login authn_token_created/login")
	second := tokens{access: a.cookie(t, access), refresh: a.cookie(t, refresh)}
	s.dead(t, first, "revoked")
	s.alive(t, second)
	if old, sid := segment(t, first.access, 1)["sid"], segment(t, second.access, 1)["sid"]; old == sid {
		t.Errorf("the session id %v survived the login", sid)
	}
	// Somebody else's id is no proof: only the secret ends a session.
	forged := forged(second.refresh, first.refresh)
	s.do("POST", "/login/bob", "Cookie", refresh+"="+forged).reported(t, "session_created/login authn_token_created/login")
	s.alive(t, second)
}

func TestPrincipalsThatCannotLogIn(t *testing.T) {
	s := start(t, nil)
	for name, p := range map[string]*bulwark.Principal{
		"nobody":      nil,
		"no-subject":  {Issuer: issuer},
		"foreign":     {Subject: "alice", Issuer: "https://accounts.example.net"},
		"bad-scope":   {Subject: "alice", Scopes: []string{"read admin"}},
		"empty-scope": {Subject: "alice", Scopes: []string{""}},
		"huge":        {Subject: "alice", Roles: []string{strings.Repeat("r", 4096)}},
	} {
		t.Run(name, func(t *testing.T) {
			s.accounts.set("x", p)
			s.do("POST", "/login/x").refused(t, 500, "internal.error", "sys_unavailable/internal.error")
			if live, _ := s.List(t.Context(), session.Filter{Subject: "alice"}); len(live) > 0 {
				t.Errorf("a session was made: %v", live)
			}
		})
	}
}

func TestLoginWithStoreTrouble(t *testing.T) {
	s := start(t, func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{Max: 1}} })
	s.store.breakDown("Create")
	s.do("POST", "/login/alice").refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	s.store.breakDown()
	alice := s.login(t, "alice")
	s.do("POST", "/login/bob").refused(t, 503, "session.store_full", "sys_unavailable/session.store_full")
	s.alive(t, alice)
}

func TestSessionsPerCallerAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, func(c *session.Config) { c.MaxSessions = 2 })
		first := s.login(t, "alice")
		time.Sleep(time.Second)
		second := s.login(t, "alice")
		bob := s.login(t, "bob")
		time.Sleep(time.Second)
		first.access = s.refresh(first.refresh).renewed(t, "rotation").access // now the second is the oldest
		time.Sleep(time.Second)
		a := s.do("POST", "/login/alice")
		a.reported(t, "authn_token_revoked/limit session_created/login authn_token_created/login")
		if a.events[0].UserID != "alice" || fmt.Sprint(a.events[0].Attrs[0]) != "session="+segment(t, second.access, 1)["sid"].(string) {
			t.Errorf("event %+v", a.events[0])
		}
		s.dead(t, second, "revoked")
		s.alive(t, first)
		s.alive(t, bob)
	})
}

// A login in a browser that has a session takes the place of that session.
func TestCaseSess1ALoginMakesItsOwnRoom(t *testing.T) {
	for name, test := range map[string]struct {
		max    int
		before []string // devices, in the order of their first logins
		again  string   // logs in once more
		as     string
		alive  []string // besides the one that logs in
		events string
	}{
		"laptop-again":        {2, []string{"phone", "laptop"}, "laptop", "alice", []string{"phone"}, "authn_token_revoked/login "},
		"phone-again":         {2, []string{"phone", "laptop"}, "phone", "alice", []string{"laptop"}, "authn_token_revoked/login "},
		"alone":               {1, []string{"phone"}, "phone", "alice", nil, "authn_token_revoked/login "},
		"one-of-one":          {1, []string{"phone", "laptop"}, "laptop", "alice", nil, "authn_token_revoked/login "},
		"ended-one":           {1, []string{"phone", "laptop"}, "phone", "alice", nil, "authn_token_revoked/limit "},
		"middle-of-three":     {3, []string{"a", "b", "c"}, "b", "alice", []string{"a", "c"}, "authn_token_revoked/login "},
		"oldest-of-three":     {3, []string{"a", "b", "c"}, "a", "alice", []string{"b", "c"}, "authn_token_revoked/login "},
		"room-left":           {3, []string{"phone", "laptop"}, "laptop", "alice", []string{"phone"}, "authn_token_revoked/login "},
		"new-device":          {2, []string{"phone", "laptop"}, "tablet", "alice", []string{"laptop"}, "authn_token_revoked/limit "},
		"another-caller":      {1, []string{"phone"}, "phone", "bob", nil, "authn_token_revoked/login "},
		"another-with-limits": {2, []string{"phone", "laptop"}, "phone", "bob", []string{"laptop"}, "authn_token_revoked/login "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, func(c *session.Config) { c.MaxSessions = test.max })
				devices := map[string]tokens{}
				for _, device := range test.before {
					devices[device] = s.login(t, "alice")
					time.Sleep(time.Second)
				}
				a := s.do("POST", "/login/"+test.as, "Cookie", refresh+"="+devices[test.again].refresh)
				a.reported(t, test.events+"session_created/login authn_token_created/login")
				delete(devices, test.again)
				s.alive(t, tokens{access: a.cookie(t, access)})
				for device, tok := range devices {
					if slices.Contains(test.alive, device) {
						s.alive(t, tok)
						continue
					}
					s.dead(t, tok, "revoked")
				}
			})
		})
	}
}

// The session that a login replaces makes the room in a full store also.
func TestCaseSess1ALoginInAFullStore(t *testing.T) {
	for _, as := range []string{"alice", "bob"} {
		t.Run(as, func(t *testing.T) {
			s := start(t, func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{Max: 2}} })
			first, other := s.login(t, "alice"), s.login(t, "alice")
			a := s.do("POST", "/login/"+as, "Cookie", refresh+"="+first.refresh)
			a.reported(t, "authn_token_revoked/login session_created/login authn_token_created/login")
			s.dead(t, first, "revoked")
			s.alive(t, other)
			s.alive(t, tokens{access: a.cookie(t, access)})
			// Without a session to replace there is no room.
			s.do("POST", "/login/"+as).refused(t, 503, "session.store_full", "sys_unavailable/session.store_full")
		})
	}
}

// A login that fails ends nothing.
func TestCaseSess1ALoginThatFails(t *testing.T) {
	s := start(t, func(c *session.Config) { c.MaxSessions = 1 })
	tok := s.login(t, "alice")
	for _, as := range []string{"alice", "bob"} {
		s.store.breakDown("Create")
		s.do("POST", "/login/"+as, "Cookie", refresh+"="+tok.refresh).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
		s.store.breakDown()
		s.alive(t, tok)
	}
	// That the old session cannot be found is no reason to refuse the new one.
	s.store.breakDown("Get", "Delete")
	a := s.do("POST", "/login/bob", "Cookie", refresh+"="+tok.refresh)
	a.reported(t, "session_created/login authn_token_created/login")
}

func TestTokensDoNotPrint(t *testing.T) {
	tok := session.Tokens{AccessToken: "hunter2", TokenType: "Bearer", ExpiresIn: 900}
	if text := fmt.Sprintf("%v %+v %#v %s", tok, tok, tok, tok); strings.Contains(text, "hunter2") || !strings.Contains(text, "900") {
		t.Errorf("printed %q", text)
	}
}
