package documents_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// One network guesses at an account, as often as it can. Its owner is elsewhere.
func TestCaseEx1OneNetworkLocksNobodyOut(t *testing.T) {
	for _, test := range []struct {
		name, from string // %d in it is the host
		hosts      int
		owner      string
	}{
		{"IPv6_48", "2001:db8:1:%d::1", 16, "2001:db8:2::1"},
		{"IPv6_48_from_IPv4", "2001:db8:1:%d::1", 16, "192.0.2.1"},
		{"IPv4_24", "203.0.113.%d", 16, "192.0.2.1"},
		{"NAT64_of_an_IPv4_24", "64:ff9b::203.0.113.%d", 16, "192.0.2.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				guesses := 0
				for host := 1; host <= test.hosts; host++ {
					for range 10 {
						if a := s.login(fmt.Sprintf(test.from, host), "alice", "wrong password"); a.StatusCode == http.StatusUnauthorized {
							guesses++
						} else {
							s.refused(a, http.StatusTooManyRequests, "ratelimit.exceeded")
						}
					}
				}
				if guesses < 10 || guesses > 50 {
					t.Errorf("the network had %d guesses, want 10 to 50", guesses)
				}
				if a := s.login(test.owner, "alice", password); a.StatusCode != http.StatusOK {
					t.Errorf("the owner: %v", a)
				}
				if events := s.events("excess_rate_limit_exceeded"); len(events) == 0 {
					t.Error("no event of the limit")
				}
			})
		})
	}
}

// device logs in and returns the cookie by which the browser is known then.
func (s *service) device(from, name string, header ...string) string {
	s.t.Helper()
	a := s.login(from, name, password, header...)
	for _, c := range a.Cookies() {
		if c.Name == "__Host-device" {
			if !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode || c.MaxAge <= 0 {
				s.t.Errorf("cookie %v", c)
			}
			return "__Host-device=" + c.Value
		}
	}
	s.t.Fatalf("no device cookie: %v", a)
	return ""
}

// Strangers use up every limit that they can reach: of the account, of the
// address that they share with its owner, and of all requests from there.
func TestCaseEx1ADeviceHasItsOwnAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		const home = "192.0.2.1"
		alices, mallorys := s.device(home, "alice"), s.device(home, "mallory")
		for network := range 12 {
			for range 12 {
				s.login(fmt.Sprintf("203.0.%d.1", network), "alice", "wrong password")
			}
		}
		for range 40 {
			s.login(home, "alice", "wrong password")
		}
		s.refused(s.login("198.51.100.1", "alice", password), http.StatusTooManyRequests, "ratelimit.exceeded")
		s.refused(s.login(home, "alice", password), http.StatusTooManyRequests, "ratelimit.exceeded")
		s.refused(s.login(home, "alice", password, "Cookie", mallorys), http.StatusTooManyRequests, "ratelimit.exceeded")
		for _, forged := range []string{"__Host-device=", "__Host-device=x", "__Host-device=" + strings.Repeat("A", 26), "__Host-device=" + strings.Repeat("A", 4000)} {
			s.refused(s.login("198.51.100.2", "alice", password, "Cookie", forged), http.StatusTooManyRequests, "ratelimit.exceeded")
		}

		known := s.device(home, "alice", "Cookie", alices)
		// What the browser had before is worth nothing any more.
		s.refused(s.login("198.51.100.3", "alice", password, "Cookie", alices), http.StatusTooManyRequests, "ratelimit.exceeded")
		// Guesses of the device are counted too, and stay its own.
		for range 9 {
			s.refused(s.login(home, "alice", "wrong password", "Cookie", known), http.StatusUnauthorized, "login.failed")
		}
		if a := s.login(home, "mallory", password, "Cookie", mallorys); a.StatusCode != http.StatusOK {
			t.Errorf("another device: %v", a)
		}
	})
}

func TestCaseEx1GuessesOfADeviceAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		known := s.device("192.0.2.1", "alice")
		for i := range 10 {
			time.Sleep(10 * time.Second) // within the limit on requests
			a := s.login(fmt.Sprintf("192.0.2.%d", i+2), "alice", "wrong password", "Cookie", known)
			s.refused(a, http.StatusUnauthorized, "login.failed")
		}
		a := s.login("192.0.2.1", "alice", password, "Cookie", known)
		s.refused(a, http.StatusTooManyRequests, "ratelimit.exceeded")
		if policies := fmt.Sprint(a.body["violated-policies"]); !strings.Contains(policies, "login-device") {
			t.Errorf("refused by %s", policies)
		}
		if a := s.login("192.0.2.1", "alice", password); a.StatusCode != http.StatusOK {
			t.Errorf("a stranger: %v", a)
		}
	})
}

func TestCaseEx1DevicesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		first := s.device("192.0.2.1", "alice")
		for i := range 30 {
			s.device(fmt.Sprintf("198.51.%d.1", i), "alice")
		}
		if n := s.app.Devices(); n != 20 {
			t.Errorf("%d devices are known, want 20", n)
		}
		for range 12 {
			s.login("203.0.113.1", "alice", "wrong password")
		}
		s.refused(s.login("203.0.113.1", "alice", password, "Cookie", first), http.StatusTooManyRequests, "ratelimit.exceeded")
	})
}

// A logout ends the session and leaves the device known.
func TestCaseEx1ALogoutKeepsTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		a := s.login("192.0.2.1", "alice", password)
		var cookies []string
		for _, c := range a.Cookies() {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		out := s.do("192.0.2.1", "POST", "/api/auth/logout", nil, "Cookie", strings.Join(cookies, "; "))
		if out.StatusCode != http.StatusNoContent || out.Header.Get("Clear-Site-Data") != `"storage"` {
			t.Errorf("logout: %v", out)
		}
		ended := map[string]bool{}
		for _, c := range out.Cookies() {
			ended[c.Name] = c.MaxAge < 0
		}
		if !ended["__Host-access"] || !ended["__Host-refresh"] || len(ended) != 2 {
			t.Errorf("the logout ends %v", ended)
		}
	})
}

func TestCaseEx5EveryRequestToLogInOrSignUpIsCounted(t *testing.T) {
	for _, test := range []struct {
		name string
		send func(s *service, i int) answer
	}{
		{"right_logins", func(s *service, i int) answer { return s.login("192.0.2.1", "alice", password) }},
		{"right_logins_from_a_48", func(s *service, i int) answer { return s.login("2001:db8::"+fmt.Sprint(i+1), "alice", password) }},
		{"bodies_that_are_no_login", func(s *service, i int) answer { return s.do("192.0.2.1", "POST", "/api/auth/login", []int{1}) }},
		{"bodies_that_are_no_sign-up", func(s *service, i int) answer { return s.do("192.0.2.1", "POST", "/users", []int{1}) }},
		{"both", func(s *service, i int) answer {
			if i%2 == 0 {
				return s.do("192.0.2.1", "POST", "/users", []int{1})
			}
			return s.login("192.0.2.1", "bob", password)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				passed, refused := 0, 0
				for i := range 60 {
					a := test.send(s, i)
					if a.StatusCode != http.StatusTooManyRequests {
						passed++
						continue
					}
					refused++
					s.refused(a, http.StatusTooManyRequests, "ratelimit.exceeded")
				}
				if passed != 30 || refused != 30 {
					t.Errorf("%d passed and %d were refused; 30 a minute should pass", passed, refused)
				}
				if a := s.login("198.51.100.1", "alice", password); a.StatusCode != http.StatusOK {
					t.Errorf("from another address: %v", a)
				}
			})
		})
	}
}

// A page of another site cannot use up the limit of its visitors.
func TestCaseEx5CrossSiteRequestsAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		for range 40 {
			a := s.login("192.0.2.1", "alice", "wrong password", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
			s.refused(a, http.StatusForbidden, "auth.cross_site")
		}
		if a := s.login("192.0.2.1", "alice", password); a.StatusCode != http.StatusOK {
			t.Errorf("the visitor: %v", a)
		}
	})
}

func signUp(i int) map[string]string {
	return map[string]string{"email": fmt.Sprintf("new%d@example.com", i), "password": "long enough", "name": "New"}
}

// A full store is found out before a password is hashed, and finding that out
// is counted.
func TestCaseEx4RoomIsLookedForBeforeHashing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		s.app.FillAccounts()
		s.app.OccupyHashing() // whoever hashes now waits for ever
		for i := range 20 {
			s.refused(s.do("192.0.2.1", "POST", "/users", signUp(i)), http.StatusServiceUnavailable, "documents.unavailable")
		}
		s.refused(s.do("192.0.2.1", "POST", "/users", signUp(20)), http.StatusTooManyRequests, "ratelimit.exceeded")
		s.refused(s.do("192.0.2.2", "POST", "/users", map[string]string{"email": "alice@example.com", "password": "long enough", "name": "A"}),
			http.StatusConflict, "users.email_taken")
		if events := s.events("sys_unavailable"); len(events) == 0 {
			t.Error("no event tells of the full store")
		}
	})
}

func TestCaseEx4EveryOutcomeOfASignUpIsCounted(t *testing.T) {
	for name, send := range map[string]func(s *service, i int) answer{
		"made":     func(s *service, i int) answer { return s.do("192.0.2.1", "POST", "/users", signUp(i)) },
		"is_known": func(s *service, i int) answer { return s.do("192.0.2.1", "POST", "/users", signUp(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				for i := range 20 {
					if a := send(s, i); a.StatusCode != http.StatusCreated && a.StatusCode != http.StatusConflict {
						t.Fatalf("sign-up %d: %v", i+1, a)
					}
				}
				s.refused(send(s, 20), http.StatusTooManyRequests, "ratelimit.exceeded")
			})
		})
	}
}
