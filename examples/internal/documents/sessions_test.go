package documents_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

// A login is one session: its cookies, its token and its id.
type login struct {
	cookies, bearer, id string
}

// logIn logs a person in, from an address and with a User-Agent.
func (s *service) logIn(from, name, userAgent string) login {
	s.t.Helper()
	a := s.login(from, name, password, "User-Agent", userAgent)
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("login of %s: %v", name, a)
	}
	l := login{bearer: "Bearer " + a.body["access_token"].(string), cookies: cookiesOf(a)}
	for _, one := range s.sessions(l.bearer) {
		if one.Current {
			l.id = one.ID
		}
	}
	if l.id == "" {
		s.t.Fatalf("the session of %s is not in the list", name)
	}
	return l
}

func cookiesOf(a answer) string {
	var all []string
	for _, c := range a.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// A listed is a session in a list.
type listed struct {
	ID, Device, Address string
	UserID              string    `json:"user_id"`
	CreatedAt           time.Time `json:"created_at"`
	LastUsed            time.Time `json:"last_used"`
	ExpiresAt           time.Time `json:"expires_at"`
	Current             bool
}

func (s *service) sessions(authorization string) []listed {
	s.t.Helper()
	return itemsOf[listed](s, s.do("192.0.2.9", "GET", "/api/sessions", nil, "Authorization", authorization))
}

// itemsOf reads a list.
func itemsOf[T any](s *service, a answer) (items []T) {
	s.t.Helper()
	text, _ := json.Marshal(a.body["items"])
	if err := json.Unmarshal(text, &items); err != nil || items == nil || a.StatusCode != http.StatusOK || len(a.body) != 1 || a.Header.Get("X-Total-Count") == "" {
		s.t.Fatalf("a list: %v, %v", err, a)
	}
	return items
}

// works asserts that a token is accepted, or that its session has ended.
func (s *service) works(authorization string, want bool) {
	s.t.Helper()
	a := s.do("192.0.2.9", "GET", "/documents", nil, "Authorization", authorization)
	if want && a.StatusCode != http.StatusOK {
		s.t.Errorf("the session has ended: %v", a)
	}
	if !want {
		s.refused(a, http.StatusUnauthorized, "auth.invalid_token")
	}
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)

// People see where they are logged in, and nobody else's sessions.
func TestOwnSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.logIn("198.51.100.7", "mallory", firefox)
		began := time.Now()
		phone := s.logIn("198.51.100.2", "alice", iphone)
		time.Sleep(10 * time.Minute)
		laptop := s.logIn("198.51.100.1", "alice", firefox)
		all := s.sessions(laptop.bearer)
		if len(all) != 2 || all[0].ID != laptop.id || all[1].ID != phone.id {
			t.Fatalf("sessions %+v, want that of the laptop and then that of the phone", all)
		}
		if one := all[0]; one.Device != "Firefox on Linux" || one.Address != "198.51.100.1" || !one.Current || one.UserID != "" ||
			!one.CreatedAt.Equal(began.Add(10*time.Minute)) || !one.ExpiresAt.Equal(one.CreatedAt.Add(7*24*time.Hour)) {
			t.Errorf("the laptop: %+v", one)
		}
		if one := all[1]; one.Device != "Safari on iPhone" || one.Address != "198.51.100.2" || one.Current || !one.CreatedAt.Equal(began) || !one.LastUsed.Equal(began) {
			t.Errorf("the phone: %+v", one)
		}
		time.Sleep(2 * time.Minute)
		s.works(phone.bearer, true)
		if all = s.sessions(laptop.bearer); all[1].ID == phone.id && !all[1].LastUsed.Equal(began.Add(12*time.Minute)) {
			t.Errorf("last used: %+v", all)
		}
		a := s.do("192.0.2.9", "GET", "/api/sessions?limit=1&offset=1", nil, "Authorization", laptop.bearer)
		if page := itemsOf[listed](s, a); len(page) != 1 || a.Header.Get("X-Total-Count") != "2" {
			t.Errorf("a page: %v", a)
		}
		if a := s.do("192.0.2.9", "GET", "/api/sessions?offset=5", nil, "Cookie", phone.cookies); len(itemsOf[listed](s, a)) != 0 {
			t.Errorf("past the end: %v", a)
		}
		s.refused(s.do("192.0.2.9", "GET", "/api/sessions?limit=0", nil, "Authorization", laptop.bearer), http.StatusUnprocessableEntity, "validate.invalid")
		s.refused(s.do("192.0.2.9", "GET", "/api/sessions?user=u_1", nil, "Authorization", laptop.bearer), http.StatusUnprocessableEntity, "validate.invalid")
	})
}

// A stranger's session is as little there as one that never was.
func TestEndOwnSession(t *testing.T) {
	s := start(t)
	mallory := s.logIn("198.51.100.7", "mallory", firefox)
	phone, laptop := s.logIn("198.51.100.2", "alice", iphone), s.logIn("198.51.100.1", "alice", firefox)
	var missing string
	for _, id := range []string{strings.Repeat("A", len(mallory.id)), mallory.id, "x", strings.Repeat("a", 300), "%F0%9F%92%A3"} {
		a := s.do("192.0.2.9", "DELETE", "/api/sessions/"+id, nil, "Authorization", laptop.bearer)
		s.refused(a, http.StatusNotFound, "session.not_found")
		delete(a.body, "instance")
		a.Header.Del("X-Request-Id")
		a.Header.Del("Ratelimit")
		if said := fmt.Sprint(a.body, a.Header); missing == "" {
			missing = said
		} else if said != missing {
			t.Errorf("the answer for %.30q tells it from a missing one:\n%s\n%s", id, said, missing)
		}
	}
	s.works(mallory.bearer, true)

	if a := s.do("192.0.2.9", "DELETE", "/api/sessions/"+phone.id, nil, "Cookie", laptop.cookies, "Sec-Fetch-Site", "same-origin"); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%v", a)
	}
	s.works(phone.bearer, false)
	s.works(laptop.bearer, true)
	s.refused(s.do("192.0.2.9", "POST", "/api/auth/refresh", nil, "Cookie", phone.cookies), http.StatusUnauthorized, "auth.invalid_token")
	s.refused(s.do("192.0.2.9", "DELETE", "/api/sessions/"+phone.id, nil, "Authorization", laptop.bearer), http.StatusNotFound, "session.not_found")

	// A page of another site ends nothing.
	s.refused(s.do("192.0.2.9", "DELETE", "/api/sessions/"+laptop.id, nil, "Cookie", laptop.cookies, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "auth.cross_site")
	// The own session is an ordinary one.
	if a := s.do("192.0.2.9", "DELETE", "/api/sessions/"+laptop.id, nil, "Authorization", laptop.bearer); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%v", a)
	}
	s.works(laptop.bearer, false)
	if found := s.events("authn_token_revoked"); len(found) != 2 || found[0]["reason"] != "revoked" || found[0]["subject"] != found[0]["userId"] {
		t.Errorf("events %v, want one for each session that was ended", found)
	}
}

func TestEndOtherSessions(t *testing.T) {
	s := start(t)
	mallory := s.logIn("198.51.100.7", "mallory", firefox)
	var others []login
	for i := range 4 {
		others = append(others, s.logIn(fmt.Sprint("198.51.100.", i+1), "alice", iphone))
	}
	here := s.logIn("198.51.100.1", "alice", firefox)
	for range 2 { // the second time there is nothing to end
		if a := s.do("192.0.2.9", "DELETE", "/api/sessions/others", nil, "Authorization", here.bearer); a.StatusCode != http.StatusNoContent {
			t.Fatalf("%v", a)
		}
	}
	for _, one := range others {
		s.works(one.bearer, false)
	}
	s.works(here.bearer, true)
	s.works(mallory.bearer, true)
	if all := s.sessions(here.bearer); len(all) != 1 || all[0].ID != here.id {
		t.Errorf("sessions %+v", all)
	}
}

// Neither nobody nor a key gets at sessions, also if the key acts as a person.
func TestSessionsAreForPeople(t *testing.T) {
	for _, route := range []string{"GET /api/sessions", "DELETE /api/sessions/others", "DELETE /api/sessions/x", "POST /api/auth/confirm"} {
		t.Run(strings.ReplaceAll(route, " ", "_"), func(t *testing.T) {
			s := start(t)
			method, path, _ := strings.Cut(route, " ")
			root, alice := s.bearer("root"), s.logIn("198.51.100.1", "alice", firefox)
			ask := func(header ...string) answer {
				var body any
				if method == "POST" {
					body = map[string]string{"password": password}
				}
				return s.do("192.0.2.9", method, path, body, header...)
			}
			s.refused(ask(), http.StatusUnauthorized, "authz.unauthenticated")
			for _, owner := range []string{"", s.user("alice")} {
				s.refused(ask("Authorization", "ApiKey "+s.key(root, "partner", "premium", owner).Key), http.StatusForbidden, "sessions.login_required")
			}
			s.works(alice.bearer, true)
			if found := s.events("authz_fail"); len(found) != 3 {
				t.Errorf("events %v", found)
			}
		})
	}
}

// Administrators see and end the sessions of everybody.
func TestAdminSessions(t *testing.T) {
	s := start(t)
	root := s.logIn("198.51.100.9", "root", firefox)
	alice, bob := s.logIn("198.51.100.1", "alice", firefox), s.logIn("198.51.100.2", "bob", iphone)
	list := func(query string) []listed {
		t.Helper()
		return itemsOf[listed](s, s.do("192.0.2.9", "GET", "/admin/sessions"+query, nil, "Authorization", root.bearer))
	}
	all, of := list(""), map[string]listed{}
	for _, one := range all {
		of[one.ID] = one
	}
	if len(all) != 3 || !of[root.id].Current || of[alice.id].Current || of[alice.id].UserID != s.user("alice") || of[bob.id].Device != "Safari on iPhone" {
		t.Errorf("sessions %+v", all)
	}
	if own := list("?user=" + s.user("bob")); len(own) != 1 || own[0].ID != bob.id {
		t.Errorf("of bob: %+v", own)
	}
	if none := list("?user=u_" + strings.Repeat("a", 26)); len(none) != 0 {
		t.Errorf("of nobody: %+v", none)
	}
	a := s.do("192.0.2.9", "GET", "/admin/sessions?limit=2&offset=2", nil, "Authorization", root.bearer)
	if len(itemsOf[listed](s, a)) != 1 || a.Header.Get("X-Total-Count") != "3" {
		t.Errorf("the second page: %v", a)
	}
	for _, query := range []string{"?user=", "?user=alice", "?limit=101", "?offset=-1", "?after=x"} {
		s.refused(s.do("192.0.2.9", "GET", "/admin/sessions"+query, nil, "Authorization", root.bearer), http.StatusUnprocessableEntity, "validate.invalid")
	}
	if a := s.do("192.0.2.9", "DELETE", "/admin/sessions/"+alice.id, nil, "Authorization", root.bearer); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%v", a)
	}
	s.works(alice.bearer, false)
	s.works(bob.bearer, true)
	for _, id := range []string{alice.id, "x", strings.Repeat("A", 22)} {
		s.refused(s.do("192.0.2.9", "DELETE", "/admin/sessions/"+id, nil, "Authorization", root.bearer), http.StatusNotFound, "session.not_found")
	}
	found := s.events("authn_token_revoked")
	if len(found) != 1 || found[0]["userId"] != s.user("root") || found[0]["subject"] != s.user("alice") {
		t.Errorf("events %v, want one that names the administrator and the subject", found)
	}
}

// Every route of this file and of keys_test.go is for administrators alone.
func TestManagingIsForAdministrators(t *testing.T) {
	routes := []string{"GET /admin/sessions", "DELETE /admin/sessions/x", "GET /admin/keys", "DELETE /admin/keys/x", "DELETE /admin/users/x", "DELETE /admin/users/x/keys"}
	for _, who := range []string{"", "alice", "bob"} {
		s := start(t)
		var header []string
		status, code := http.StatusUnauthorized, "authz.unauthenticated"
		if who != "" {
			header = []string{"Authorization", s.bearer(who)}
			status, code = http.StatusForbidden, "authz.forbidden"
		}
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			s.refused(s.do("192.0.2.9", method, path, nil, header...), status, code)
		}
		if found := s.events("authz_fail"); len(found) != len(routes) {
			t.Errorf("%s: %d events, want %d", who, len(found), len(routes))
		}
	}
}

// A session that nobody uses ends, whatever its page does by itself: neither
// refreshes nor an open stream keep it.
func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		n, _ := s.serve()
		used, left := s.logIn("198.51.100.1", "alice", firefox), s.logIn("198.51.100.2", "root", iphone)
		refresh := func(l *login) answer { // with the refresh cookie alone: the browser has dropped the other
			at := strings.Index(l.cookies, "__Host-refresh=")
			a := s.do("192.0.2.9", "POST", "/api/auth/refresh", nil, "Cookie", l.cookies[at:])
			if a.StatusCode == http.StatusOK {
				l.cookies = cookiesOf(a)
			}
			return a
		}
		st := s.stream(n, "GET", "", "Cookie", left.cookies)
		go io.Copy(io.Discard, st.text)
		for minute := range 130 {
			if minute%16 == 0 || minute == 119 {
				for _, l := range []*login{&used, &left} {
					if a := refresh(l); (a.StatusCode == http.StatusOK) != (minute < 120 || l == &used) {
						t.Errorf("minute %d: %v", minute, a)
					}
				}
			}
			if minute%50 == 0 {
				if a := s.do("192.0.2.9", "GET", "/documents", nil, "Cookie", used.cookies); a.StatusCode != http.StatusOK {
					t.Errorf("minute %d: a session in use: %v", minute, a)
				}
			}
			time.Sleep(time.Minute)
		}
		if found := s.events("authn_token_invalid"); len(found) != 1 || found[0]["reason"] != "idle" {
			t.Errorf("events %v, want one with the reason idle", found)
		}
	})
}

// The password of the last five minutes opens what cannot be undone.
func TestStepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.logIn("198.51.100.9", "root", firefox)
		path := "/admin/users/" + s.user("alice") + "/keys"
		revoke := func() answer { return s.do("198.51.100.9", "DELETE", path, nil, "Authorization", root.bearer) }
		confirm := func(text string) answer {
			return s.do("198.51.100.9", "POST", "/api/auth/confirm", map[string]string{"password": text}, "Authorization", root.bearer)
		}
		time.Sleep(5 * time.Minute)
		if a := revoke(); a.StatusCode != http.StatusNoContent {
			t.Errorf("five minutes after the login: %v", a)
		}
		time.Sleep(2 * time.Second)
		a := revoke()
		s.refused(a, http.StatusUnauthorized, "authz.insufficient_user_authentication")
		if challenge := a.Header.Get("Www-Authenticate"); !strings.Contains(challenge, "insufficient_user_authentication") {
			t.Errorf("challenge %q", challenge)
		}
		// Whoever is no administrator learns nothing of it.
		s.refused(s.do("192.0.2.9", "DELETE", path, nil, "Authorization", s.bearer("bob")), http.StatusForbidden, "authz.forbidden")

		wrong := confirm("wrong password")
		s.refused(wrong, http.StatusUnauthorized, "login.failed")
		s.refused(revoke(), http.StatusUnauthorized, "authz.insufficient_user_authentication")
		if a := confirm(password); a.StatusCode != http.StatusNoContent || len(a.Cookies()) != 0 {
			t.Fatalf("the right password: %v", a)
		}
		if a := revoke(); a.StatusCode != http.StatusNoContent {
			t.Errorf("after the password: %v", a)
		}
		time.Sleep(5*time.Minute + 2*time.Second)
		s.refused(revoke(), http.StatusUnauthorized, "authz.insufficient_user_authentication")
		// Of another session it says nothing.
		other := s.logIn("198.51.100.8", "root", iphone)
		s.refused(revoke(), http.StatusUnauthorized, "authz.insufficient_user_authentication")
		if a := s.do("192.0.2.9", "DELETE", path, nil, "Authorization", other.bearer); a.StatusCode != http.StatusNoContent {
			t.Errorf("the session that has just logged in: %v", a)
		}
		if found := s.events("authn_login_fail"); len(found) != 1 {
			t.Errorf("events %v", found)
		}
	})
}

// A browser gets new cookies with the password, and goes on.
func TestStepUpOfABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.logIn("198.51.100.9", "root", firefox)
		time.Sleep(6 * time.Minute)
		a := s.do("198.51.100.9", "POST", "/api/auth/confirm", map[string]string{"password": password}, "Cookie", root.cookies, "Sec-Fetch-Site", "same-origin")
		if a.StatusCode != http.StatusNoContent || len(a.Cookies()) != 2 {
			t.Fatalf("%v", a)
		}
		path := "/admin/users/" + s.user("alice") + "/keys"
		for name, cookies := range map[string]string{"new": cookiesOf(a), "old": root.cookies} { // another tab may still have the old ones
			if a := s.do("192.0.2.9", "DELETE", path, nil, "Cookie", cookies, "Sec-Fetch-Site", "same-origin"); a.StatusCode != http.StatusNoContent {
				t.Errorf("with the %s cookies: %v", name, a)
			}
		}
		s.refused(s.do("198.51.100.9", "POST", "/api/auth/confirm", map[string]string{"password": password}, "Cookie", cookiesOf(a), "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "auth.cross_site")
	})
}

// Guesses at a confirmation are guesses at the account.
func TestGuessesOfAConfirmationAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.logIn("198.51.100.9", "root", firefox)
		confirm := func(text string) answer {
			return s.do("198.51.100.9", "POST", "/api/auth/confirm", map[string]string{"password": text}, "Authorization", root.bearer)
		}
		for range 10 {
			s.refused(confirm("wrong password"), http.StatusUnauthorized, "login.failed")
		}
		s.refused(confirm(password), http.StatusTooManyRequests, "ratelimit.exceeded")
		s.refused(s.login("198.51.100.9", "root", password), http.StatusTooManyRequests, "ratelimit.exceeded")
		s.refused(s.do("198.51.100.8", "POST", "/api/auth/confirm", map[string]string{}, "Authorization", root.bearer), http.StatusUnprocessableEntity, "validate.invalid")
		s.works(root.bearer, true)
	})
}

func TestDeviceNames(t *testing.T) {
	for agent, want := range map[string]string{
		firefox: "Firefox on Linux",
		iphone:  "Safari on iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":         "Chrome on macOS",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                  "Chrome on Android",
		"curl/8.5.0":                "curl",
		"Go-http-client/2.0":        "Go-http-client",
		"":                          "Unknown device",
		"<script>alert(1)</script>": "Unknown device",
		strings.Repeat("a", 256):    "Unknown device",
		"Firefox/1":                 "Firefox",
	} {
		if got := documents.DeviceName(agent); got != want {
			t.Errorf("%.60q is %q, want %q", agent, got, want)
		}
	}
}
