package main_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestHints(t *testing.T) {
	p := start(t)
	hints := strings.Join(p.stdout, "\n")
	for _, want := range []string{"alice@example.com", "mallory@example.com", "bob@example.com", "root@example.com", password,
		"metrics on http://127.0.0.1:", "default", "premium", "enterprise", "curl", "listening on http://127.0.0.1:"} {
		if !strings.Contains(hints, want) {
			t.Errorf("stdout lacks %q:\n%s", want, hints)
		}
	}
}

func TestPublicRoutes(t *testing.T) {
	p := start(t)
	if a := p.do(t, "GET", "/health", ""); a.status != 200 {
		t.Errorf("health: %v", a)
	}
	a := p.do(t, "GET", "/.well-known/jwks.json", "")
	keys, _ := a.json["keys"].([]any)
	if a.status != 200 || len(keys) == 0 || strings.Contains(string(a.body), `"d"`) {
		t.Errorf("jwks: %v", a)
	}
	a = p.do(t, "GET", "/.well-known/oauth-protected-resource", "")
	if a.status != 200 || a.json["resource"] == nil || a.json["authorization_servers"] == nil {
		t.Errorf("metadata: %v", a)
	}
	a = p.do(t, "GET", "/.well-known/security.txt", "")
	if a.status != 200 || !strings.Contains(string(a.body), "Contact:") || !strings.Contains(string(a.body), "Expires:") ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("security.txt: %v", a)
	}
	report := `{"csp-report":{"document-uri":"https://x.example/?token=secret","violated-directive":"script-src","blocked-uri":"inline"}}`
	a = p.do(t, "POST", "/reports/csp", report, "Content-Type", "application/csp-report")
	if a.status != 204 || len(a.body) != 0 {
		t.Errorf("report: %v", a)
	}
	event := p.event(t, a.header.Get("X-Request-Id"))
	if event == nil || event["event"] != "malicious_csp_violation" || strings.Contains(fmt.Sprint(event), "secret") {
		t.Errorf("event of the report: %v", event)
	}
	if a = p.do(t, "HEAD", "/health", ""); a.status != 200 || len(a.body) != 0 {
		t.Errorf("HEAD: %v", a)
	}
}

func TestHeaders(t *testing.T) {
	p := start(t)
	api := p.do(t, "GET", "/health", "").header
	for name, want := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
		"Strict-Transport-Security":    "", // not over plain http, nor for loopback names
	} {
		if got := api.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	page := p.do(t, "GET", "/", "")
	csp := page.header.Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9+/_=-]+)'`).FindStringSubmatch(csp)
	if page.status != 200 || nonce == nil || len(page.header["Content-Security-Policy"]) != 1 || !strings.Contains(csp, "strict-dynamic") {
		t.Fatalf("page: %v", page.header)
	}
	if got := strings.Count(string(page.body), `nonce="`+nonce[1]+`"`); got < 1 {
		t.Errorf("the page does not carry its nonce: %s", csp)
	}
	again := p.do(t, "GET", "/", "")
	if again.header.Get("Content-Security-Policy") == csp {
		t.Error("the nonce stays the same")
	}
}

func TestLogin(t *testing.T) {
	p := start(t)
	good := `{"email":"alice@example.com","password":"` + password + `"}`

	a := p.do(t, "POST", "/api/auth/login", good)
	if a.status != 200 || a.json["token_type"] != "Bearer" || a.json["expires_in"] != 900.0 || a.json["access_token"] == nil || len(a.json) != 3 {
		t.Fatalf("login: %v", a)
	}
	for name, age := range map[string]int{"__Host-access": 900, "__Host-refresh": 604800} {
		c := a.cookie(name)
		if c == nil || !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode || c.MaxAge < age-5 || c.MaxAge > age {
			t.Errorf("cookie %s: %v", name, c)
		}
	}
	var claims map[string]any
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(a.json["access_token"].(string), ".")[1])
	json.Unmarshal(payload, &claims)
	if claims["exp"].(float64)-claims["iat"].(float64) != 900 || claims["iss"] == nil || claims["aud"] == nil || claims["sid"] == nil {
		t.Errorf("claims %v", claims)
	}

	for _, browser := range []string{"Origin", "Sec-Fetch-Site"} {
		value := map[string]string{"Origin": p.url, "Sec-Fetch-Site": "same-origin"}[browser]
		a := p.do(t, "POST", "/api/auth/login", good, browser, value)
		if a.status != 200 || a.json["expires_in"] != 900.0 || len(a.json) != 1 || a.cookie("__Host-access") == nil {
			t.Errorf("login of a browser: %v", a)
		}
	}

	unknown := p.do(t, "POST", "/api/auth/login", `{"email":"nobody@example.com","password":"`+password+`"}`)
	wrong := p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"wrong password"}`)
	p.refused(t, unknown, 401, "login.failed", "authn_login_fail")
	p.refused(t, wrong, 401, "login.failed", "authn_login_fail")
	if without(t, unknown, "instance") != without(t, wrong, "instance") {
		t.Errorf("an unknown account can be told from a wrong password:\n%v\n%v", unknown, wrong)
	}
	if wrong.cookie("__Host-access") != nil {
		t.Error("a failed login sets cookies")
	}

	p.refused(t, p.do(t, "POST", "/api/auth/login", good, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, "auth.cross_site", "malicious_csrf")
	p.refused(t, p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com"}`), 422, "validate.invalid", "input_validation_fail")
	p.refused(t, p.do(t, "POST", "/api/auth/login", ""), 400, "body.required", "input_validation_fail")
}

func TestSession(t *testing.T) {
	p := start(t)
	a := p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"`+password+`"}`)
	bearer := "Bearer " + a.json["access_token"].(string)
	access, refresh := a.cookie("__Host-access"), a.cookie("__Host-refresh")
	cookies := func(cs ...*http.Cookie) string {
		var parts []string
		for _, c := range cs {
			parts = append(parts, c.Name+"="+c.Value)
		}
		return strings.Join(parts, "; ")
	}
	if a := p.do(t, "GET", "/documents", "", "Cookie", cookies(access)); a.status != 200 {
		t.Errorf("the cookie does not work: %v", a)
	}
	if a := p.do(t, "GET", "/documents", "", "Authorization", bearer); a.status != 200 {
		t.Errorf("the token does not work: %v", a)
	}
	// Each credential is refused in the other's place.
	p.refused(t, p.do(t, "GET", "/documents", "", "Authorization", "Bearer "+access.Value), 401, "auth.invalid_token", "authn_token_invalid")
	if a := p.do(t, "GET", "/documents", "", "Cookie", "__Host-access="+strings.TrimPrefix(bearer, "Bearer ")); a.status != 401 {
		t.Errorf("a body token passes as a cookie: %v", a)
	}
	if a := p.do(t, "GET", "/documents", "", "Cookie", cookies(access, access)); a.status != 401 {
		t.Errorf("the same cookie twice: %v", a)
	}
	// A cookie does not act across sites, but a page of a trusted origin may.
	p.refused(t, p.do(t, "POST", "/documents", `{"title":"x"}`, "Cookie", cookies(access), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"),
		403, "auth.cross_site", "malicious_csrf")
	if a := p.do(t, "POST", "/documents", `{"title":"x"}`, "Cookie", cookies(access), "Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.com"); a.status != 201 {
		t.Errorf("the trusted origin is refused: %v", a)
	}

	// Twenty refreshes at once get one and the same successor.
	var mu sync.Mutex
	var group sync.WaitGroup
	successors := map[string]int{}
	for range 20 {
		group.Go(func() {
			a := p.do(t, "POST", "/api/auth/refresh", "", "Cookie", cookies(refresh))
			if a.status != 200 || a.json["expires_in"] != 900.0 || len(a.json) != 1 || a.cookie("__Host-access") == nil {
				t.Errorf("refresh: %v", a)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			successors[a.cookie("__Host-refresh").Value]++
		})
	}
	group.Wait()
	if len(successors) != 1 {
		t.Fatalf("%d successors, want one", len(successors))
	}
	for value := range successors {
		refresh = &http.Cookie{Name: "__Host-refresh", Value: value}
	}
	p.refused(t, p.do(t, "POST", "/api/auth/refresh", ""), 401, "session.cookie_required", "authz_fail")
	p.refused(t, p.do(t, "POST", "/api/auth/refresh", "", "Cookie", "__Host-refresh=forged"), 401, "auth.invalid_token", "authn_token_invalid")
	p.refused(t, p.do(t, "POST", "/api/auth/refresh", "", "Cookie", cookies(refresh), "Sec-Fetch-Site", "cross-site"), 403, "auth.cross_site", "malicious_csrf")

	out := p.do(t, "POST", "/api/auth/logout", "", "Cookie", cookies(access, refresh))
	if out.status != 204 || out.header.Get("Clear-Site-Data") == "" || out.cookie("__Host-access") == nil || out.cookie("__Host-access").MaxAge >= 0 {
		t.Errorf("logout: %v", out)
	}
	p.refused(t, p.do(t, "GET", "/documents", "", "Authorization", bearer), 401, "auth.invalid_token", "authn_token_invalid")
	if a := p.do(t, "GET", "/documents", "", "Cookie", cookies(access)); a.status != 401 {
		t.Errorf("the cookie outlives the logout: %v", a)
	}
	if a := p.do(t, "POST", "/api/auth/refresh", "", "Cookie", cookies(refresh)); a.status != 401 {
		t.Errorf("the refresh token outlives the logout: %v", a)
	}
	// A browser with an old cookie, after a restart: public pages and the login still answer.
	q := start(t)
	old := cookies(access, refresh)
	if a := q.do(t, "GET", "/health", "", "Cookie", old); a.status != 200 || len(a.header["Set-Cookie"]) != 0 {
		t.Errorf("health with an old cookie: %v", a)
	}
	if a := q.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"`+password+`"}`, "Cookie", old); a.status != 200 {
		t.Errorf("login with an old cookie: %v", a)
	}
	if a := q.do(t, "GET", "/documents", "", "Cookie", old); a.status != 401 {
		t.Errorf("an old cookie: %v", a)
	}
}

func TestDocuments(t *testing.T) {
	p := start(t)
	alice, mallory, bob, root := p.login(t, "alice"), p.login(t, "mallory"), p.login(t, "bob"), p.login(t, "root")
	ofAlice, ofBob := p.create(t, alice), p.create(t, bob)

	body := `{"title":"New","content":"<b>x</b><script>alert(1)</script>"}`
	patch := `{"title":"Patched"}`
	tests := []struct {
		who, method, path, body string
		status                  int
	}{
		{alice, "GET", ofAlice, "", 200},
		{bob, "GET", ofAlice, "", 200},
		{root, "GET", ofAlice, "", 200},
		{alice, "PUT", ofAlice, body, 200},
		{root, "PUT", ofAlice, body, 200},
		{alice, "PATCH", ofAlice, patch, 200},
		{bob, "PUT", ofAlice, body, 403}, // readable, not writable
		{bob, "PATCH", ofAlice, patch, 403},
		{bob, "DELETE", ofAlice, "", 403},
		{alice, "DELETE", ofAlice, "", 403}, // a user may not delete
		{mallory, "GET", ofAlice, "", 404},
		{mallory, "PUT", ofAlice, body, 404},
		{mallory, "PATCH", ofAlice, patch, 404},
		{mallory, "DELETE", ofAlice, "", 404},
		{mallory, "PUT", ofAlice, `{"title":`, 404}, // nothing is said of the body
		{alice, "GET", ofBob, "", 404},
		{bob, "DELETE", ofBob, "", 204},
		{bob, "GET", ofBob, "", 404},
		{root, "DELETE", ofAlice, "", 204},
		{"", "GET", ofAlice, "", 401},
		{"", "POST", "/documents", body, 401},
	}
	for _, test := range tests {
		var header []string
		if test.who != "" {
			header = []string{"Authorization", test.who}
		}
		a := p.do(t, test.method, test.path, test.body, header...)
		name := map[string]string{alice: "alice", mallory: "mallory", bob: "bob", root: "root"}[test.who]
		switch {
		case a.status != test.status:
			t.Errorf("%s %s %s: %v, want %d", name, test.method, test.path, a, test.status)
		case a.status == 401, a.status == 403, a.status == 404:
			p.refused(t, a, test.status, fmt.Sprint(a.json["code"]), "authz_fail")
		case a.status == 204 && len(a.body) > 0:
			t.Errorf("%v", a)
		case test.method == "PUT" && (a.json["title"] != "New" || a.json["content"] != "<b>x</b>" || a.json["owner_id"] == nil || a.json["created_at"] == nil || a.json["id"] == nil || len(a.json) != 5):
			t.Errorf("%s %s: %v", name, test.method, a)
		case test.method == "PATCH" && (a.json["title"] != "Patched" || a.json["content"] != "<b>x</b>"):
			t.Errorf("%s %s: %v", name, test.method, a)
		}
	}
}

func TestAStrangersDocumentLooksMissing(t *testing.T) {
	p := start(t)
	alice, mallory := p.login(t, "alice"), p.login(t, "mallory")
	path := p.create(t, alice)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		body := ""
		if method == "PUT" {
			body = `{"title":"x","content":""}`
		}
		var seen []string
		for _, path := range []string{path, path[:len(path)-1] + "0", "/documents/1", "/documents/%F0%9F%92%A3", "/documents/" + strings.Repeat("a", 300)} {
			a := p.do(t, method, path, body, "Authorization", mallory)
			if a.status != 404 {
				t.Errorf("%s %s: %v", method, path, a)
				continue
			}
			seen = append(seen, without(t, a, "instance"))
		}
		for _, other := range seen[1:] {
			if other != seen[0] {
				t.Errorf("%s: unreadable and missing differ:\n%s\n%s", method, seen[0], other)
			}
		}
	}
	for _, path := range []string{"/documents/..%2fadmin", "/documents/%2e%2e", "/documents/a%5cb", "/documents/%252e%252e", "/documents/a%00b", "/documents/x%2fy"} {
		p.refused(t, p.do(t, "GET", path, "", "Authorization", mallory), 400, "authz.path_value", "input_validation_fail")
	}
}

func TestLists(t *testing.T) {
	p := start(t)
	alice, mallory, bob := p.login(t, "alice"), p.login(t, "mallory"), p.login(t, "bob")
	a := p.do(t, "GET", "/documents", "", "Authorization", alice)
	before, _ := strconv.Atoi(a.header.Get("X-Total-Count"))
	for range 3 {
		p.create(t, alice)
	}
	tests := []struct {
		who, query string
		items      int
		total      string
	}{
		{alice, "", before + 3, strconv.Itoa(before + 3)},
		{alice, "?limit=2", 2, strconv.Itoa(before + 3)},
		{alice, "?limit=2&offset=" + strconv.Itoa(before+2), 1, strconv.Itoa(before + 3)},
		{alice, "?offset=1000", 0, strconv.Itoa(before + 3)},
		{mallory, "?limit=100", -1, ""},
		{bob, "?limit=100", -1, ""},
	}
	for _, test := range tests {
		a := p.do(t, "GET", "/documents"+test.query, "", "Authorization", test.who)
		items, ok := a.json["items"].([]any)
		if a.status != 200 || !ok || len(a.json) != 1 || test.items >= 0 && (len(items) != test.items || a.header.Get("X-Total-Count") != test.total) {
			t.Errorf("%s: %v", test.query, a)
		}
	}
	owners := func(who string) map[string]bool {
		owners := map[string]bool{}
		for _, item := range p.do(t, "GET", "/documents?limit=100", "", "Authorization", who).json["items"].([]any) {
			owners[item.(map[string]any)["owner_id"].(string)] = true
		}
		return owners
	}
	if len(owners(alice)) != 1 || len(owners(bob)) < 1 {
		t.Errorf("alice sees the documents of %v", owners(alice))
	}
	for mine := range owners(alice) {
		if owners(mallory)[mine] {
			t.Error("mallory lists alice's documents")
		}
		if !owners(bob)[mine] {
			t.Error("the moderator does not list alice's documents")
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=-1", "?limit=x", "?limit=1e1", "?limit=%2B1", "?offset=-1", "?limit=1&limit=2", "?what=1"} {
		p.refused(t, p.do(t, "GET", "/documents"+query, "", "Authorization", alice), 422, "validate.invalid", "input_validation_fail")
	}
	p.refused(t, p.do(t, "GET", "/documents?limit=%zz", "", "Authorization", alice), 400, "validate.malformed_query", "input_validation_fail")
	if a := p.do(t, "GET", "/admin/users?limit=1", "", "Authorization", p.login(t, "root")); a.status != 200 || len(a.json["items"].([]any)) != 1 || a.header.Get("X-Total-Count") != "4" {
		t.Errorf("users: %v", a)
	}
}

func TestSignUp(t *testing.T) {
	p := start(t)
	root, bob := p.login(t, "root"), p.login(t, "bob")
	user := func(change string) string {
		fields := map[string]string{"email": `"eve@example.com"`, "password": `"long enough"`, "name": `"Tom & Jerry"`}
		if name, value, ok := strings.Cut(change, "="); ok {
			fields[name] = value
			if value == "" {
				delete(fields, name)
			}
		}
		var parts []string
		for name, value := range fields {
			parts = append(parts, `"`+name+`":`+value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	a := p.do(t, "POST", "/users", user(""))
	if a.status != 201 || a.json["name"] != "Tom & Jerry" || a.json["role"] != "user" || a.json["email"] != "eve@example.com" || a.json["id"] == nil || len(a.json) != 4 {
		t.Errorf("sign-up: %v", a)
	}
	p.refused(t, p.do(t, "POST", "/users", user("")), 409, "users.email_taken", "input_validation_fail")
	p.refused(t, p.do(t, "POST", "/users", user(`email="EVE@example.com"`)), 409, "users.email_taken", "input_validation_fail")

	for change, pointer := range map[string]string{
		"email=":                 "/email",
		`email="not an address"`: "/email",
		"password=":              "/password",
		`password="short"`:       "/password",
		`password="` + strings.Repeat("p", 101) + `"`: "/password",
		"name=":                    "/name",
		`name=""`:                  "/name",
		`name="<script></script>"`: "/name",
		`name="` + strings.Repeat("n", 101) + `"`: "/name",
		`role="admin"`:     "/role",
		`role=1`:           "/role",
		`isAdmin=true`:     "/isAdmin",
		`ROLE="moderator"`: "/ROLE",
	} {
		a := p.do(t, "POST", "/users", user(change))
		p.refused(t, a, 422, "validate.invalid", "input_validation_fail")
		errors, _ := a.json["errors"].([]any)
		if len(errors) != 1 || errors[0].(map[string]any)["pointer"] != pointer || errors[0].(map[string]any)["in"] != "body" {
			t.Errorf("%s: errors %v, want one at %s", change, errors, pointer)
		}
	}
	for _, test := range []struct {
		who, email string
		status     int
	}{{"", "m1", 403}, {bob, "m2", 403}, {root, "m3", 201}} {
		var header []string
		if test.who != "" {
			header = []string{"Authorization", test.who}
		}
		body := strings.Replace(user(`role="moderator"`), "eve@", test.email+"@", 1)
		a := p.do(t, "POST", "/users", body, header...)
		if test.status == 201 {
			if a.status != 201 || a.json["role"] != "moderator" {
				t.Errorf("moderator by an admin: %v", a)
			}
			continue
		}
		p.refused(t, a, 403, "users.role_forbidden", "authz_fail")
		if errors, _ := a.json["errors"].([]any); len(errors) != 1 || errors[0].(map[string]any)["pointer"] != "/role" {
			t.Errorf("the field is not named: %v", a)
		}
	}
	if a := p.do(t, "POST", "/api/auth/login", `{"email":"Eve@Example.com","password":"long enough"}`); a.status != 200 {
		t.Errorf("the new account cannot log in: %v", a)
	}
}

func TestAdmin(t *testing.T) {
	p := start(t)
	who := map[string]string{"": "", "alice": p.login(t, "alice"), "bob": p.login(t, "bob"), "root": p.login(t, "root")}
	for _, route := range []string{"GET /admin/users", "GET /admin/routes", "GET /admin/activity", "GET /admin/activity/counters", "GET /admin/events", "POST /admin/keys", "POST /admin/keys/1/rotate",
		"GET /admin/sessions", "DELETE /admin/sessions/1", "GET /admin/keys", "DELETE /admin/keys/1", "DELETE /admin/users/1", "DELETE /admin/users/1/keys"} {
		method, path, _ := strings.Cut(route, " ")
		for name, authorization := range who {
			if name == "root" {
				continue
			}
			var header []string
			status := 401
			if authorization != "" {
				header, status = []string{"Authorization", authorization}, 403
			}
			a := p.do(t, method, path, "", header...)
			p.refused(t, a, status, fmt.Sprint(a.json["code"]), "authz_fail")
		}
	}
	root := who["root"]
	if a := p.do(t, "GET", "/admin/users", "", "Authorization", root); a.status != 200 || len(a.json["items"].([]any)) != 4 || strings.Contains(string(a.body), "hash") {
		t.Errorf("users: %v", a)
	}
	a := p.do(t, "GET", "/admin/routes", "", "Authorization", root)
	for _, want := range []string{"/documents/{id}", "/admin/users", "/admin/activity", "/admin/activity/counters", "/admin/events", "/health", "/api/auth/login", "PATCH",
		"/api/sessions/{id}", "/api/sessions/others", "/api/auth/confirm", "/admin/sessions/{id}", "/admin/keys/{id}", "/admin/users/{id}/keys"} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("the inventory lacks %s: %v", want, a)
		}
	}

	made := p.do(t, "POST", "/admin/keys", `{"name":"partner","tier":"premium"}`, "Authorization", root)
	key, _ := made.json["key"].(string)
	id, _ := made.json["id"].(string)
	if made.status != 201 || key == "" || id == "" || made.json["tier"] != "premium" || made.json["expires_at"] == nil || len(made.json) != 4 {
		t.Fatalf("key: %v", made)
	}
	for _, header := range []string{"ApiKey " + key, "Bearer " + key} {
		if a := p.do(t, "GET", "/documents", "", "Authorization", header); a.status != 200 {
			t.Errorf("the key does not work: %v", a)
		}
	}
	own := p.do(t, "POST", "/documents", `{"title":"by key"}`, "Authorization", "ApiKey "+key)
	if own.status != 201 || own.json["owner_id"] != "key:"+id {
		t.Errorf("document of a key: %v", own)
	}
	next := p.do(t, "POST", "/admin/keys/"+id+"/rotate", "", "Authorization", root)
	fresh, _ := next.json["key"].(string)
	if next.status != 201 && next.status != 200 || fresh == "" || fresh == key {
		t.Fatalf("rotate: %v", next)
	}
	for _, secret := range []string{key, fresh} { // the old one works during the overlap
		if a := p.do(t, "GET", "/documents", "", "Authorization", "ApiKey "+secret); a.status != 200 {
			t.Errorf("after the rotation: %v", a)
		}
	}
	p.refused(t, p.do(t, "POST", "/admin/keys", `{"name":"x","tier":"gold"}`, "Authorization", root), 422, "validate.invalid", "input_validation_fail")
	p.refused(t, p.do(t, "POST", "/admin/keys/unknown/rotate", "", "Authorization", root), 404, "apikey.not_found", "input_validation_fail")
	last := "0"
	if strings.HasSuffix(key, last) {
		last = "1"
	}
	for _, bad := range []string{key[:len(key)-1] + last, "nonsense", key + "x"} {
		p.refused(t, p.do(t, "GET", "/documents", "", "Authorization", "ApiKey "+bad), 401, "auth.invalid_token", "authn_token_invalid")
	}
	if a := p.do(t, "GET", "/documents?key="+key, ""); a.status == 200 {
		t.Error("a key in the query string works")
	}
}

func TestTokens(t *testing.T) {
	p := start(t)
	good := strings.TrimPrefix(p.login(t, "alice"), "Bearer ")
	part := strings.Split(good, ".")
	raw := base64.RawURLEncoding
	claims := func(change func(map[string]any)) string {
		var c map[string]any
		payload, _ := raw.DecodeString(part[1])
		json.Unmarshal(payload, &c)
		change(c)
		out, _ := json.Marshal(c)
		return raw.EncodeToString(out)
	}
	flipped := func(i int) string {
		b := []byte(good)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	}
	none := raw.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	for name, token := range map[string]string{
		"alg none":         none + "." + part[1] + ".",
		"alg none, signed": none + "." + part[1] + "." + part[2],
		"wrong audience":   part[0] + "." + claims(func(c map[string]any) { c["aud"] = "other" }) + "." + part[2],
		"expired":          part[0] + "." + claims(func(c map[string]any) { c["exp"] = 1 }) + "." + part[2],
		"role of admin":    part[0] + "." + claims(func(c map[string]any) { c["roles"] = []string{"admin"} }) + "." + part[2],
		"other issuer":     part[0] + "." + claims(func(c map[string]any) { c["iss"] = "https://evil.example" }) + "." + part[2],
		"flipped head":     flipped(3),
		"flipped payload":  flipped(len(part[0]) + 20),
		"flipped end":      flipped(len(good) - 3),
		"last bits":        flipped(len(good) - 1),
		"padded":           good + "=",
		"padded twice":     good + "==",
		"padded payload":   part[0] + "." + part[1] + "=." + part[2],
		"two parts":        part[0] + "." + part[1],
		"four parts":       good + "." + part[2],
		"empty parts":      "..",
		"huge":             strings.Repeat("a", 9000) + ".b.c",
		"opaque":           "abcdef",
	} {
		a := p.do(t, "GET", "/documents", "", "Authorization", "Bearer "+token)
		if a.status != 401 || !strings.Contains(a.header.Get("Www-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %v", name, a)
			continue
		}
		p.refused(t, a, 401, "auth.invalid_token", "authn_token_invalid")
	}
	p = start(t) // past twenty in a minute, events of anonymous callers are counted
	good = strings.TrimPrefix(p.login(t, "alice"), "Bearer ")
	// On a public route, too, what is bad is refused.
	p.refused(t, p.do(t, "GET", "/health", "", "Authorization", "Bearer "+none+"."+part[1]+"."), 401, "auth.invalid_token", "authn_token_invalid")

	missing := p.do(t, "GET", "/documents", "")
	p.refused(t, missing, 401, fmt.Sprint(missing.json["code"]), "authz_fail")
	if challenges := strings.Join(missing.header["Www-Authenticate"], " | "); strings.Contains(challenges, "error") ||
		!strings.Contains(challenges, "Bearer") || !strings.Contains(challenges, "ApiKey") || !strings.Contains(challenges, "resource_metadata=") {
		t.Errorf("challenges %q", challenges)
	}
	p.refused(t, p.do(t, "GET", "/documents", "", "Authorization", "Bearer "+good, "+Authorization", "Bearer "+good), 400, "auth.ambiguous_credentials", "authn_token_invalid")
	p.refused(t, p.do(t, "GET", "/documents", "", "Authorization", "Bearer"), 400, "auth.invalid_request", "authn_token_invalid")
	basic := p.do(t, "GET", "/documents", "", "Authorization", "Basic YTpi")
	if basic.status != 401 || strings.Contains(basic.header.Get("Www-Authenticate"), "error=") {
		t.Errorf("another scheme: %v", basic)
	}
}

func TestBodies(t *testing.T) {
	p := start(t)
	alice := p.login(t, "alice")
	post := func(body string, header ...string) answer {
		return p.do(t, "POST", "/documents", body, append([]string{"Authorization", alice}, header...)...)
	}
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
		code   string
	}{
		"duplicate key":     {`{"title":"a","title":"b"}`, nil, 400, "body.malformed"},
		"duplicate by case": {`{"title":"a","Title":"b"}`, nil, 400, "body.malformed"},
		"trailing data":     {`{"title":"a"}{}`, nil, 400, "body.malformed"},
		"no JSON":           {`{"title":`, nil, 400, "body.malformed"},
		"invalid UTF-8":     {"{\"title\":\"\xff\"}", nil, 400, "body.malformed"},
		"lone surrogate":    {`{"title":"\ud800"}`, nil, 400, "body.malformed"},
		"10,000 levels":     {`{"title":` + deep + `}`, nil, 400, "body.too_complex"},
		"5 MB":              {`{"title":"a","content":"` + strings.Repeat("a", 5<<20) + `"}`, nil, 413, "body.too_large"},
		"huge number":       {`{"title":1e1000001}`, nil, 400, ""},
		"form":              {`title=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "body.unsupported_media_type"},
		"other charset":     {`{"title":"a"}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "body.unsupported_media_type"},
		"gzip":              {`{"title":"a"}`, []string{"Content-Encoding", "gzip"}, 415, "body.unsupported_encoding"},
		"an array":          {`[]`, nil, 422, "validate.invalid"},
		"no title":          {`{"content":"a"}`, nil, 422, "validate.invalid"},
		"unknown field":     {`{"title":"a","owner":"u_1"}`, nil, 422, "validate.invalid"},
		"empty title":       {`{"title":""}`, nil, 422, "validate.invalid"},
		"title of markup":   {`{"title":"<b></b>"}`, nil, 422, "validate.invalid"},
		"long title":        {`{"title":"` + strings.Repeat("é", 201) + `"}`, nil, 422, "validate.invalid"},
		"long content":      {`{"title":"a","content":"` + strings.Repeat("a", 60_001) + `"}`, nil, 422, "validate.invalid"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			a := post(test.body, test.header...)
			code := test.code
			if code == "" {
				code = fmt.Sprint(a.json["code"])
			}
			p.refused(t, a, test.status, code, "input_validation_fail")
			if strings.Contains(string(a.body), "aaaaaaaa") {
				t.Error("the value is echoed")
			}
		})
	}
	if a := post(`{"title":"` + strings.Repeat("é", 200) + `","content":"` + strings.Repeat("ü", 60_000) + `"}`); a.status != 201 {
		t.Errorf("the longest document: %d %v", a.status, a.header)
	}
	a := post(`{"title":"Tom & Jerry <b>1 < 2</b>","content":"<p onclick=x()>hi</p><script>alert(1)</script><a href=\"javascript:x\">y</a>"}`)
	content, _ := a.json["content"].(string)
	if a.status != 201 || a.json["title"] != "Tom & Jerry 1 < 2" || !strings.Contains(content, "<p>hi</p>") ||
		strings.Contains(content, "script") || strings.Contains(content, "onclick") {
		t.Errorf("sanitized: %v", a)
	}
	path := a.header.Get("Location")
	merge := []string{"Authorization", alice, "Content-Type", "application/merge-patch+json"}
	if a := p.do(t, "PATCH", path, `{"content":"<i>z</i>"}`, merge...); a.status != 200 || a.json["content"] != "<i>z</i>" || a.json["title"] != "Tom & Jerry 1 < 2" {
		t.Errorf("merge patch: %v", a)
	}
	p.refused(t, p.do(t, "PATCH", path, `{"title":null}`, merge...), 422, "validate.invalid", "input_validation_fail")
	p.refused(t, p.do(t, "PATCH", path, `{"owner":"x"}`, merge...), 422, "validate.invalid", "input_validation_fail")
	// A field that there is, and that nobody may set, is refused as such.
	p.refused(t, p.do(t, "PATCH", path, `{"owner_id":"x"}`, merge...), 403, "authz.field_forbidden", "authz_fail")
	p.refused(t, post(`{"title":"a","owner_id":"u_1"}`), 403, "authz.field_forbidden", "authz_fail")
	p.refused(t, p.do(t, "PUT", path, `{"title":"x"}`, merge...), 415, "body.unsupported_media_type", "input_validation_fail")
}

func TestRouting(t *testing.T) {
	p := start(t)
	alice := p.login(t, "alice")
	for _, who := range []string{"", alice} {
		var header []string
		if who != "" {
			header = []string{"Authorization", who}
		}
		for _, path := range []string{"/nowhere", "/admin", "/documents/", "/documents//x", "//documents", "/documents/../admin/users", "/./health", "/health/", "/documents/1/"} {
			a := p.do(t, "GET", path, "", header...)
			if a.header.Get("Location") != "" {
				t.Errorf("%s is redirected: %v", path, a)
			}
			if a.status != 404 && !(a.status == 400 && strings.Contains(path, "..")) {
				t.Errorf("%s: %v", path, a)
				continue
			}
			p.refused(t, a, a.status, fmt.Sprint(a.json["code"]), "input_validation_fail")
		}
		for _, call := range []string{"DELETE /documents", "PATCH /users", "FOO /documents", "TRACE /health", "OPTIONS /documents", "GET /api/auth/login"} {
			method, path, _ := strings.Cut(call, " ")
			a := p.do(t, method, path, "", header...)
			p.refused(t, a, 405, "authz.method_not_allowed", "input_validation_fail")
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "localhost.evil.example"} {
		a := p.do(t, "GET", "/health", "", "Host", host)
		p.refused(t, a, 421, "edge.misdirected", "input_validation_fail")
	}
	if a := p.do(t, "GET", "/health", "", "Host", "localhost"); a.status != 200 {
		t.Errorf("localhost: %v", a)
	}
	if a := p.do(t, "GET", "/health", "", "X-Forwarded-For", "1.2.3.4", "X-Request-Id", "mine"); a.status != 200 || a.header.Get("X-Request-Id") == "mine" {
		t.Errorf("a forged request id: %v", a)
	}
}

func TestCORS(t *testing.T) {
	p := start(t)
	preflight := func(origin, method, headers string) answer {
		h := []string{"Origin", origin, "Access-Control-Request-Method", method}
		if headers != "" {
			h = append(h, "Access-Control-Request-Headers", headers)
		}
		return p.do(t, "OPTIONS", "/documents", "", h...)
	}
	const app = "https://app.example.com"
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		a := preflight(app, method, "authorization,content-type")
		h := a.header
		if a.status/100 != 2 || h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Credentials") != "true" ||
			h.Get("Access-Control-Max-Age") != "86400" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), method) {
			t.Errorf("preflight of %s: %v", method, a)
		}
	}
	a := p.do(t, "GET", "/health", "", "Origin", app)
	if h := a.header; a.status != 200 || h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
		t.Errorf("actual request: %v", a)
	}
	exposed := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{"x-total-count", "ratelimit", "ratelimit-policy", "retry-after"} {
		if !strings.Contains(exposed, name) {
			t.Errorf("%s is not exposed: %s", name, exposed)
		}
	}
	for _, evil := range []answer{
		preflight("https://evil.example", "GET", ""),
		preflight("https://app.example.com.evil.example", "GET", ""),
		preflight("null", "GET", ""),
		preflight(app, "TRACE", ""),
		preflight(app, "GET", "x-evil"),
	} {
		p.refused(t, evil, 403, fmt.Sprint(evil.json["code"]), "malicious_cors")
		if evil.header.Get("Access-Control-Allow-Origin") == "*" || evil.header.Get("Access-Control-Allow-Credentials") != "" && evil.header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%v", evil.header)
		}
	}
	a = p.do(t, "GET", "/health", "", "Origin", "https://evil.example")
	if a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("an evil origin: %v", a)
	}
	if event := p.event(t, a.header.Get("X-Request-Id")); event == nil || event["event"] != "malicious_cors" {
		t.Errorf("event of an evil origin: %v", event)
	}
}

func TestCallerLimit(t *testing.T) {
	p := start(t)
	alice := p.login(t, "alice")
	passed, first := 0, 0
	for i := 1; i <= 105; i++ {
		a := p.do(t, "GET", "/documents?limit=1", "", "Authorization", alice)
		if a.status == 200 {
			passed++
			continue
		}
		if first == 0 {
			first = i
			p.refused(t, a, 429, "ratelimit.exceeded", "excess_rate_limit_exceeded")
			if a.json["type"] != "https://iana.org/assignments/http-problem-types#quota-exceeded" || a.json["violated-policies"] == nil {
				t.Errorf("%v", a)
			}
		}
	}
	if first < 101 || first > 104 || passed < 100 {
		t.Errorf("%d passed, the first refusal was the %dth", passed, first)
	}
	// Others are not affected, and tiers have their own quota.
	a := p.do(t, "GET", "/documents", "", "Authorization", p.login(t, "mallory"))
	if a.status != 200 || !strings.Contains(strings.Join(a.header["Ratelimit-Policy"], ","), `"caller";q=100;w=60`) || !strings.Contains(strings.Join(a.header["Ratelimit"], ","), `"caller";r=`) {
		t.Errorf("another caller: %v", a)
	}
	key := regexp.MustCompile(`premium\S*\s+(\S+)`).FindStringSubmatch(strings.Join(p.stdout, "\n"))
	if key == nil {
		t.Fatalf("no premium key on stdout: %q", p.stdout)
	}
	a = p.do(t, "GET", "/documents", "", "Authorization", "ApiKey "+key[1])
	if a.status != 200 || !strings.Contains(strings.Join(a.header["Ratelimit-Policy"], ","), "q=1000;w=60") {
		t.Errorf("premium: %v", a)
	}
}

func TestAddressLimit(t *testing.T) {
	p := start(t)
	refused := 0
	for range 640 {
		if a := p.do(t, "GET", "/health", ""); a.status == 429 {
			if refused++; refused == 1 {
				p.refused(t, a, 429, "ratelimit.exceeded", "excess_rate_limit_exceeded")
			}
		}
	}
	if refused < 1 || refused > 40 {
		t.Errorf("%d of 640 refused", refused)
	}
	if a := p.do(t, "OPTIONS", "/documents", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "GET"); a.status/100 != 2 {
		t.Errorf("a preflight is limited: %v", a)
	}
}

func TestLoginLimits(t *testing.T) {
	p := start(t)
	for i := range 10 {
		a := p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"wrong password"}`)
		if a.status != 401 {
			t.Fatalf("failure %d: %v", i+1, a)
		}
	}
	for _, pass := range []string{"wrong password", password} {
		a := p.do(t, "POST", "/api/auth/login", `{"email":"alice@example.com","password":"`+pass+`"}`)
		p.refused(t, a, 429, "ratelimit.exceeded", "excess_rate_limit_exceeded")
		if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 1 || wait > 3600 {
			t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
		}
	}
	// Successful logins are not counted.
	q := start(t)
	for range 15 {
		q.login(t, "bob")
	}
	// Sign-ups are, 20 an hour.
	r := start(t)
	for i := range 21 {
		a := r.do(t, "POST", "/users", fmt.Sprintf(`{"email":"n%d@example.com","password":"long enough","name":"N"}`, i))
		switch {
		case i < 20 && a.status != 201:
			t.Fatalf("sign-up %d: %v", i+1, a)
		case i == 20:
			r.refused(t, a, 429, "ratelimit.exceeded", "excess_rate_limit_exceeded")
		}
	}
}

// TestSIGTERM holds a request in flight while the program is told to stop.
func TestSIGTERM(t *testing.T) {
	p := start(t)
	alice := p.login(t, "alice")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"title":"in flight"}`
	fmt.Fprintf(conn, "POST /documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", alice, len(body))
	conn.SetDeadline(time.Now().Add(patience))
	read := bufio.NewReader(conn)
	if line, err := read.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
	read.ReadString('\n')
	began := time.Now()
	p.cmd.Process.Signal(syscall.SIGTERM)
	for { // until it no longer accepts
		probe, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		probe.Close()
		if time.Since(began) > patience {
			t.Fatal("still accepting")
		}
	}
	io.WriteString(conn, body)
	res, err := http.ReadResponse(read, nil)
	if err != nil || res.StatusCode != 201 {
		t.Errorf("the request in flight: %v %v", res, err)
	}
	conn.Close()
	<-p.ended
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNoFilesAreNeeded(t *testing.T) {
	dir := t.TempDir()
	before, _ := os.Getwd()
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(before)
	p := start(t)
	if a := p.do(t, "GET", "/", ""); a.status != 200 {
		t.Errorf("%v", a)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("files were left: %v", left)
	}
}
