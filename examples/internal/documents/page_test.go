package documents_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestCaseEx8NobodyIsToldSoWithoutARefusal(t *testing.T) {
	s := start(t)
	const from = "192.0.2.1"
	nobody := s.do(from, "GET", "/api/auth/me", nil)
	if nobody.StatusCode != http.StatusOK || nobody.body["user"] != nil || nobody.body["renewable"] != false || len(nobody.body) != 2 {
		t.Errorf("nobody: %v", nobody)
	}
	in := s.login(from, "bob", password)
	cookie := func(name string) string {
		for _, c := range in.Cookies() {
			if c.Name == name {
				return c.Name + "=" + c.Value
			}
		}
		return ""
	}
	me := s.do(from, "GET", "/api/auth/me", nil, "Cookie", cookie("__Host-access")+"; "+cookie("__Host-refresh"))
	user, _ := me.body["user"].(map[string]any)
	may, _ := user["may"].(map[string]any)
	if me.StatusCode != http.StatusOK || me.body["renewable"] != true || user["email"] != "bob@example.com" || user["name"] != "bob" || user["role"] != "moderator" ||
		may["read"] != "all" || may["delete"] != "own" || may["update"] != "own" || may["create"] != "own" {
		t.Errorf("bob: %v", me)
	}
	if alice := s.do(from, "GET", "/api/auth/me", nil, "Authorization", s.bearer("alice")); alice.body["user"].(map[string]any)["may"].(map[string]any)["delete"] != "" {
		t.Errorf("alice: %v", alice)
	}
	late := s.do(from, "GET", "/api/auth/me", nil, "Cookie", cookie("__Host-refresh"))
	if late.StatusCode != http.StatusOK || late.body["user"] != nil || late.body["renewable"] != true {
		t.Errorf("with a refresh cookie alone: %v", late)
	}
	s.do(from, "GET", "/", nil)
	for _, name := range []string{"authz_fail", "authn_token_invalid", "input_validation_fail"} {
		if events := s.events(name); len(events) != 0 {
			t.Errorf("events %v", events)
		}
	}
}

// What the page runs is its own, by the nonce of this answer, and nothing else.
func TestPageHasNothingInline(t *testing.T) {
	s := start(t)
	a := s.do("192.0.2.1", "GET", "/", nil)
	csp := a.Header.Get("Content-Security-Policy")
	for _, want := range []string{"require-trusted-types-for 'script'", "trusted-types document", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %s: %s", want, csp)
		}
	}
	for _, never := range []string{"unsafe", "http:", "*"} {
		if strings.Contains(csp, never) {
			t.Errorf("the policy has %s: %s", never, csp)
		}
	}
}

// Every account can have all of its sessions at once.
func TestCaseEx15SessionsOfAllAccountsFit(t *testing.T) {
	accounts, sessionsEach, sessions := start(t).app.SessionBounds()
	if accounts*sessionsEach > sessions || accounts == 0 || sessionsEach < 5 {
		t.Errorf("%d accounts with %d sessions each do not fit into %d", accounts, sessionsEach, sessions)
	}
}
