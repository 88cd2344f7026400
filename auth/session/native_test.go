package session_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// native starts a service with a login for clients that are not browsers.
func native(t testing.TB, change func(*session.Config)) *service {
	s := start(t, change)
	inner := s.handler
	s.handler = s.events.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subject, ok := strings.CutPrefix(r.URL.Path, "/token/"); ok {
			account, _ := s.accounts.lookup(r.Context(), subject)
			tokens, err := s.IssueTokens(r, account)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			json.NewEncoder(w).Encode(tokens)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	return s
}

// send is do with a body.
func (s *service) send(path, contentType, body string, lines ...string) reply {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return reply{Response: w.Result(), body: w.Body.String(), events: s.events.Take()}
}

const asJSON = "application/json"

func tokenBody(token string) string { return `{"refresh_token":"` + token + `"}` }

// inBody is a refresh by a body.
func (s *service) inBody(token string, lines ...string) reply {
	return s.send("/refresh", asJSON, tokenBody(token), lines...)
}

// pair asserts an answer with tokens in its body alone, and returns them.
func (a reply) pair(t testing.TB, events string) tokens {
	t.Helper()
	if a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	a.noCookies(t)
	a.reported(t, events)
	body := a.json(t)
	bearer, _ := body["access_token"].(string)
	token, _ := body["refresh_token"].(string)
	if len(body) != 4 || body["token_type"] != "Bearer" || body["expires_in"] != 900.0 || bearer == "" || token == "" {
		t.Fatalf("body %s", a.body)
	}
	if typ := segment(t, bearer, 0)["typ"]; typ != "at+jwt" {
		t.Errorf("typ %v", typ)
	}
	return tokens{refresh: token, bearer: bearer}
}

const issued = "session_created/login authn_token_created/login"

func (s *service) nativeLogin(t testing.TB, subject string) tokens {
	t.Helper()
	return s.do("POST", "/token/"+subject).pair(t, issued)
}

func (s *service) aliveInBody(t testing.TB, tok tokens) {
	t.Helper()
	if a := s.withBearer(tok.bearer); a.StatusCode != 200 {
		t.Errorf("the access token is not accepted: %d, %s", a.StatusCode, a.names())
	}
}

func TestNativeClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := native(t, nil)
		tok := s.nativeLogin(t, "alice")
		s.aliveInBody(t, tok)
		for range 5 {
			time.Sleep(14 * minute)
			a := s.inBody(tok.refresh)
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("header %v", a.Header)
			}
			tok = a.pair(t, "session_renewed/rotation")
			s.aliveInBody(t, tok)
		}
		live, err := s.List(t.Context(), session.Filter{})
		if err != nil || len(live) != 1 || live[0].Kind != "body" {
			t.Errorf("sessions %+v, %v", live, err)
		}
		a := s.send("/logout", asJSON, tokenBody(tok.refresh))
		a.out(t, "authn_token_revoked/logout")
		s.withBearer(tok.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/revoked")
		s.inBody(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	})
}

// The rules of a used token are the same in both places.
func TestNativeClientsHaveTheRulesOfBrowsers(t *testing.T) {
	for name, test := range map[string]struct {
		after  time.Duration
		shown  bool
		events string
	}{
		"at-once":     {time.Second - 1, true, "session_renewed/concurrent"},
		"grace":       {19 * time.Second, true, "session_renewed/grace"},
		"lost-answer": {90 * time.Second, false, "session_renewed/lost_answer"},
		"shown":       {90 * time.Second, true, "authn_token_reuse/reuse"},
		"too-late":    {2 * minute, false, "authn_token_reuse/reuse"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := native(t, nil)
				tok := s.nativeLogin(t, "alice")
				next := s.inBody(tok.refresh).pair(t, "session_renewed/rotation")
				if test.shown {
					s.aliveInBody(t, next)
				}
				time.Sleep(test.after)
				a := s.inBody(tok.refresh)
				if strings.HasPrefix(test.events, "authn_token_reuse") {
					a.refused(t, 401, "auth.invalid_token", test.events)
					s.withBearer(next.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/revoked")
					return
				}
				if again := a.pair(t, test.events); again.refresh != next.refresh {
					t.Error("another successor")
				}
			})
		})
	}
}

func TestABrowserGetsNoTokensInABody(t *testing.T) {
	s := native(t, func(c *session.Config) { c.TrustedOrigins = []string{"https://app.example.org"} })
	tok := s.nativeLogin(t, "alice")
	for name, lines := range map[string][]string{
		"fetch":         {"Sec-Fetch-Site", "same-origin"},
		"user":          {"Sec-Fetch-Site", "none"},
		"empty-fetch":   {"Sec-Fetch-Site", ""},
		"origin":        {"Origin", "http://example.com"},
		"empty-origin":  {"Origin", ""},
		"trusted":       {"Origin", "https://app.example.org"},
		"trusted-fetch": {"Origin", "https://app.example.org", "Sec-Fetch-Site", "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", "/token/alice", lines...)
			a.refused(t, 400, "session.browser", "input_validation_fail/session.browser")
			a.explained(t, tok, "Origin or Sec-Fetch-Site")
			if name == "empty-origin" { // a guard against other sites takes it for one
				return
			}
			for _, path := range []string{"/refresh", "/logout"} {
				s.send(path, asJSON, tokenBody(tok.refresh), lines...).
					refused(t, 400, "session.browser", "input_validation_fail/session.browser")
			}
		})
	}
	for _, path := range []string{"/refresh", "/logout"} {
		s.send(path, asJSON, tokenBody(tok.refresh), "Sec-Fetch-Site", "cross-site").
			refused(t, 403, "auth.cross_site", "malicious_csrf/auth.cross_site")
	}
	if live, err := s.List(t.Context(), session.Filter{}); err != nil || len(live) != 1 || live[0].Generation != 0 {
		t.Errorf("sessions %+v, %v", live, err)
	}
	s.aliveInBody(t, s.inBody(tok.refresh).pair(t, "session_renewed/rotation"))
}

// A token in the place of the other kind is refused, and nothing changes.
func TestEachRefreshTokenIsRefusedInTheOthersPlace(t *testing.T) {
	s := native(t, nil)
	web, app := s.login(t, "alice"), s.nativeLogin(t, "alice")
	s.inBody(web.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	s.refresh(app.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	// A logout does not count either, and a login replaces nothing.
	s.send("/logout", asJSON, tokenBody(web.refresh)).out(t, "")
	s.do("POST", "/logout", "Cookie", refresh+"="+app.refresh).out(t, "")
	s.do("POST", "/login/bob", "Cookie", refresh+"="+app.refresh).reported(t, issued)
	s.do("POST", "/token/bob", "Cookie", refresh+"="+web.refresh).reported(t, issued)
	s.alive(t, s.refresh(web.refresh).renewed(t, "rotation"))
	s.aliveInBody(t, s.inBody(app.refresh).pair(t, "session_renewed/rotation"))
	// The access token of an app is good in no cookie.
	s.withCookie(app.bearer).reported(t, "authn_token_invalid/type")
}

// A logout that answers 204 has ended the session.
func TestALogoutWhoseBodyIsNotRead(t *testing.T) {
	s := native(t, nil)
	app := s.nativeLogin(t, "alice")
	for _, contentType := range []string{"", "application/x-www-form-urlencoded", "text/plain"} {
		s.send("/logout", contentType, tokenBody(app.refresh)).refused(t, 415, "body.unsupported_media_type", "input_validation_fail/body.unsupported_media_type")
	}
	// Without a body, or from a page that is logged out already, there is nothing to end.
	s.send("/logout", "", "").out(t, "")
	s.send("/logout", "application/x-www-form-urlencoded", "a=b", "Sec-Fetch-Site", "same-origin").out(t, "")
	s.send("/logout", asJSON, tokenBody(app.refresh)).out(t, "authn_token_revoked/logout")
	s.inBody(app.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
}

func TestRefreshBodiesOfOtherForms(t *testing.T) {
	s := native(t, nil)
	web, app := s.login(t, "alice"), s.nativeLogin(t, "alice")
	cookie := []string{"Cookie", refresh + "=" + web.refresh}
	good := tokenBody(app.refresh)
	for name, test := range map[string]struct {
		contentType, body string
		lines             []string
		status            int
		code, events      string
	}{
		"both":           {asJSON, good, cookie, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"both-the-same":  {asJSON, tokenBody(web.refresh), cookie, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"both-one-empty": {asJSON, tokenBody(""), cookie, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"more-members":   {asJSON, `{"refresh_token":"` + app.refresh + `","grant_type":"refresh_token"}`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"another-member": {asJSON, `{"token":"` + app.refresh + `"}`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"folded":         {asJSON, `{"Refresh_Token":"` + app.refresh + `"}`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"number":         {asJSON, `{"refresh_token":7}`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"null":           {asJSON, `{"refresh_token":null}`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"list":           {asJSON, `["` + app.refresh + `"]`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"text":           {asJSON, `"` + app.refresh + `"`, nil, 400, "session.invalid_request", "input_validation_fail/session.invalid_request"},
		"nothing":        {asJSON, ``, nil, 401, "session.cookie_required", "authz_fail/session.cookie_required"},
		"no-members":     {asJSON, `{}`, nil, 401, "session.cookie_required", "authz_fail/session.cookie_required"},
		"empty-token":    {asJSON, tokenBody(""), nil, 401, "auth.invalid_token", "authn_token_invalid/malformed"},
		"no-token":       {asJSON, tokenBody("hunter2"), nil, 401, "auth.invalid_token", "authn_token_invalid/malformed"},
		"padded":         {asJSON, tokenBody(app.refresh + "="), nil, 401, "auth.invalid_token", "authn_token_invalid/malformed"},
		"forged":         {asJSON, tokenBody(forged(app.refresh, "")), nil, 401, "auth.invalid_token", "authn_token_invalid/session"},
		"form":           {"application/x-www-form-urlencoded", "refresh_token=" + app.refresh, nil, 415, "body.unsupported_media_type", "input_validation_fail/body.unsupported_media_type"},
		"no-type":        {"", good, nil, 415, "body.unsupported_media_type", "input_validation_fail/body.unsupported_media_type"},
		"form-of-a-page": {"application/x-www-form-urlencoded", "a=b", []string{"Sec-Fetch-Site", "same-origin"}, 401, "session.cookie_required", "authz_fail/session.cookie_required"},
		"plain":          {"text/plain", good, nil, 415, "body.unsupported_media_type", "input_validation_fail/body.unsupported_media_type"},
		"twice":          {asJSON, `{"refresh_token":"` + app.refresh + `","refresh_token":"` + app.refresh + `"}`, nil, 400, "body.malformed", "input_validation_fail/body.malformed"},
		"cut-off":        {asJSON, good[:20], nil, 400, "body.malformed", "input_validation_fail/body.malformed"},
		"rest":           {asJSON, good + "x", nil, 400, "body.malformed", "input_validation_fail/body.malformed"},
		"too-long":       {asJSON, good + strings.Repeat(" ", 4<<10), nil, 413, "body.too_large", "input_validation_fail/body.too_large"},
		"compressed":     {asJSON, good, []string{"Content-Encoding", "gzip"}, 415, "body.unsupported_encoding", "input_validation_fail/body.unsupported_encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send("/refresh", test.contentType, test.body, test.lines...)
			a.refused(t, test.status, test.code, test.events)
			if strings.Contains(a.body, "hunter2") || strings.Contains(a.body, app.refresh[:20]) {
				t.Errorf("the answer has the token: %s", a.body)
			}
			if test.status != 401 { // a logout refuses what is no request, and else nothing
				s.send("/logout", test.contentType, test.body, test.lines...).refused(t, test.status, test.code, test.events)
			}
		})
	}
	// Nothing was used up. A body that is no token does not stand in the way.
	s.send("/refresh", asJSON, "{}", cookie...).renewed(t, "rotation")
	s.aliveInBody(t, s.send("/refresh", asJSON+"; charset=utf-8", good).pair(t, "session_renewed/rotation"))
}

// A body that does not come is given up.
func TestARefreshBodyThatIsSlow(t *testing.T) {
	s := native(t, func(c *session.Config) { c.BodyTimeout = time.Second })
	server := httptest.NewServer(s.handler)
	defer server.Close()
	body, write := io.Pipe()
	defer write.Close()
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/refresh", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", asJSON)
	r.ContentLength = 100
	go write.Write([]byte(`{"refresh_token":"`))
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	a := reply{Response: res, body: string(text), events: s.events.Take()}
	a.refused(t, 408, "body.timeout", "input_validation_fail/body.timeout")
	a.explained(t, tokens{}, "session.Config.BodyTimeout (1s)")
}

func TestNativeRefreshesAtOnce(t *testing.T) {
	s := native(t, nil)
	tok := s.nativeLogin(t, "alice")
	answers := make([]reply, 100)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = s.inBody(tok.refresh) })
	}
	wg.Wait()
	next := map[any]bool{}
	for i, a := range answers {
		if a.StatusCode != 200 {
			t.Fatalf("answer %d: %d %s", i, a.StatusCode, a.body)
		}
		next[a.json(t)["refresh_token"]] = true
	}
	if len(next) != 1 {
		t.Errorf("%d successors", len(next))
	}
	s.events.Take()
	s.aliveInBody(t, tokens{bearer: answers[7].json(t)["access_token"].(string)})
}

func TestIssueTokensDuringOutages(t *testing.T) {
	s := native(t, func(c *session.Config) { c.Store = &flaky{Store: &session.MemoryStore{Max: 1}} })
	s.store.breakDown("Create")
	s.do("POST", "/token/alice").refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	s.store.breakDown()
	tok := s.nativeLogin(t, "alice")
	s.do("POST", "/token/bob").refused(t, 503, "session.store_full", "sys_unavailable/session.store_full")
	s.accounts.set("x", &bulwark.Principal{Subject: "x", Issuer: "https://other.example"})
	s.do("POST", "/token/x").refused(t, 500, "internal.error", "sys_unavailable/internal.error")
	for _, call := range []string{"Get", "Update"} {
		s.store.breakDown(call)
		s.inBody(tok.refresh).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	}
	s.store.breakDown("Get")
	s.send("/logout", asJSON, tokenBody(tok.refresh)).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	s.store.breakDown()
	// A native client has no limit of a cookie for its access token.
	s.accounts.set("alice", &bulwark.Principal{Subject: "alice", Roles: []string{strings.Repeat("r", 4096)}})
	tok = s.inBody(tok.refresh).pair(t, "session_renewed/rotation")
	s.aliveInBody(t, tok)
	s.accounts.set("alice", &bulwark.Principal{Subject: "alice", Roles: []string{strings.Repeat("r", 8192)}})
	s.inBody(tok.refresh).refused(t, 500, "internal.error", "sys_unavailable/internal.error")
	s.aliveInBody(t, tok)
}
