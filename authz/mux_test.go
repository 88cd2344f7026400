package authz_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals outside a recorder
	os.Exit(m.Run())
}

// want is what a refusal must be, in the answer and in the log.
type want struct {
	status int
	code   string
	event  bulwark.EventName
	reason string // empty is the code
	header map[string]string
}

// check serves r and compares everything about the refusal.
func (want want) check(t *testing.T, h http.Handler, r *http.Request) bulwark.Event {
	t.Helper()
	var rec bulwarktest.Recorder
	w := serve(rec.Wrap(h), r)
	if w.Code != want.status {
		t.Errorf("%s %s: status %d, want %d", r.Method, r.URL, w.Code, want.status)
	}
	var body struct{ Code, Detail string }
	if r.Method == http.MethodHead {
		if w.Body.Len() != 0 {
			t.Errorf("HEAD has a body: %s", w.Body)
		}
	} else if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Code != want.code {
		t.Errorf("%s %s: code %q, want %q (%v)", r.Method, r.URL, body.Code, want.code, err)
	}
	for name, value := range want.header {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s %s: %s %q, want %q", r.Method, r.URL, name, got, value)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Location") != "" {
		t.Errorf("%s %s: header %v", r.Method, r.URL, w.Header())
	}
	events := rec.Take()
	if len(events) != 1 {
		t.Fatalf("%s %s: %d events, want 1: %+v", r.Method, r.URL, len(events), events)
	}
	reason := want.reason
	if reason == "" {
		reason = want.code
	}
	if e := events[0]; e.Name != want.event || e.Reason != reason || e.Status != want.status {
		t.Errorf("%s %s: event %s %q %d, want %s %q", r.Method, r.URL, e.Name, e.Reason, e.Status, want.event, reason)
	}
	return events[0]
}

var (
	noRoute         = want{status: 404, code: "authz.no_route", event: bulwark.InputValidationFail}
	pathValue       = want{status: 400, code: "authz.path_value", event: bulwark.InputValidationFail}
	forbidden       = want{status: 403, code: "authz.forbidden", event: bulwark.AuthzFail}
	unauthenticated = want{status: 401, code: "authz.unauthenticated", event: bulwark.AuthzFail, header: map[string]string{"Www-Authenticate": "Bearer"}}
)

func methodNotAllowed(allow string) want {
	return want{status: 405, code: "authz.method_not_allowed", event: bulwark.InputValidationFail, header: map[string]string{"Allow": allow}}
}

// spyMux has one route of each shape; reached is the route that ran.
func spyMux(t *testing.T) (mux *authz.Mux, reached *string) {
	t.Helper()
	reached = new(string)
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := bulwark.Enter(r)
		if s.Route() != r.Pattern {
			t.Errorf("scope says route %q, the request %q", s.Route(), r.Pattern)
		}
		*reached = r.Pattern
		w.Header()["X-Value"] = []string{r.PathValue("id") + r.PathValue("path")}
	})
	mux = authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /{$}", authz.Public("front page"), spy)
	mux.Handle("GET /health", authz.Public("liveness"), spy)
	mux.Handle("GET /documents/{id}", authz.Require("document:read:own"), spy)
	mux.Handle("PUT /documents/{id}", authz.Require("document:update:own"), spy)
	mux.Handle("GET /files/{path...}", authz.Authenticated(), spy)
	mux.Handle("GET /static/", authz.Public("assets"), spy)
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), spy)
	mux.Handle("POST /tree/", authz.Authenticated(), spy)
	mux.Mount("/debug/", authz.RequireRole("admin"), spy)
	return mux, reached
}

func TestPathsAndMethods(t *testing.T) {
	mux, reached := spyMux(t)
	root, user := as("root", "admin"), as("alice", "user")
	for _, test := range []struct {
		method, target string
		caller         *bulwark.Principal
		want           want   // where it is refused
		route, value   string // where it passes
	}{
		{method: "GET", target: "/", route: "GET /{$}"},
		{method: "GET", target: "/health", route: "GET /health"},
		{method: "HEAD", target: "/health", route: "GET /health"},
		{method: "GET", target: "/health?x=/../admin", route: "GET /health"},
		{method: "GET", target: "/documents/42", caller: user, route: "GET /documents/{id}", value: "42"},
		{method: "HEAD", target: "/documents/42", caller: user, route: "GET /documents/{id}", value: "42"},
		{method: "GET", target: "/documents/a%20b", caller: user, route: "GET /documents/{id}", value: "a b"},
		{method: "GET", target: "/documents/..a", caller: user, route: "GET /documents/{id}", value: "..a"},
		{method: "GET", target: "/documents/a;b=c", caller: user, route: "GET /documents/{id}", value: "a;b=c"},
		{method: "GET", target: "/documents/100%25", caller: user, route: "GET /documents/{id}", value: "100%"},
		{method: "GET", target: "/documents/%C3%A4", caller: user, route: "GET /documents/{id}", value: "ä"},
		{method: "GET", target: "/files/a/b.txt", caller: user, route: "GET /files/{path...}", value: "a/b.txt"},
		{method: "GET", target: "/files/", caller: user, route: "GET /files/{path...}"},
		{method: "GET", target: "/static/css/a.css", route: "GET /static/"},
		{method: "DELETE", target: "/debug/pprof/", caller: root, route: "DELETE /debug/"},
		{method: "HEAD", target: "/debug/pprof/", caller: root, route: "GET /debug/"},

		// No route serves them, for any caller.
		{method: "GET", target: "/nothing", want: noRoute},
		{method: "GET", target: "/nothing", caller: root, want: noRoute},
		{method: "HEAD", target: "/nothing", want: noRoute},
		{method: "FOO", target: "/nothing", want: noRoute},
		{method: "GET", target: "/documents", caller: root, want: noRoute},
		{method: "GET", target: "/documents/", caller: root, want: noRoute},
		{method: "GET", target: "/documents/1/2", caller: root, want: noRoute},
		{method: "GET", target: "/Admin/users", caller: root, want: noRoute},
		{method: "GET", target: "/admin/users/", caller: root, want: noRoute},
		{method: "GET", target: "/admin%2Fusers", caller: root, want: noRoute},

		// What ServeMux would clean or redirect.
		{method: "GET", target: "//health", want: noRoute},
		{method: "GET", target: "/./health", want: noRoute},
		{method: "GET", target: "/x/../health", want: noRoute},
		{method: "GET", target: "/documents/../admin/users", caller: root, want: noRoute},
		{method: "GET", target: "/documents//42", caller: root, want: noRoute},
		{method: "GET", target: "/files/../admin/users", caller: root, want: noRoute},
		{method: "GET", target: "/static/../admin/users", caller: root, want: noRoute},
		{method: "GET", target: "/static", want: noRoute},
		{method: "GET", target: "/files", caller: root, want: noRoute},
		{method: "POST", target: "/tree", caller: root, want: noRoute},
		{method: "GET", target: "/tree", caller: root, want: noRoute},
		{method: "GET", target: "/debug", caller: root, want: noRoute},
		{method: "FOO", target: "/x/../health", want: noRoute},
		{method: "GET", target: "http://example.com", caller: root, want: noRoute},
		{method: "OPTIONS", target: "*", caller: root, want: noRoute},

		// Methods.
		{method: "FOO", target: "/health", want: methodNotAllowed("GET, HEAD")},
		{method: "get", target: "/health", want: methodNotAllowed("GET, HEAD")},
		{method: "TRACE", target: "/health", want: methodNotAllowed("GET, HEAD")},
		{method: "OPTIONS", target: "/health", want: methodNotAllowed("GET, HEAD")},
		{method: "POST", target: "/health", caller: root, want: methodNotAllowed("GET, HEAD")},
		{method: "CONNECT", target: "/health", want: methodNotAllowed("GET, HEAD")},
		{method: "CONNECT", target: "/static", want: noRoute},
		{method: "CONNECT", target: "/x/../health", want: noRoute},
		{method: "DELETE", target: "/documents/42", want: methodNotAllowed("GET, HEAD, PUT")},
		{method: "GET", target: "/tree/", caller: root, want: methodNotAllowed("POST")},
		{method: "HEAD", target: "/tree/", caller: root, want: methodNotAllowed("POST")},
		{method: "TRACE", target: "/debug/", caller: root, want: methodNotAllowed("DELETE, GET, HEAD, PATCH, POST, PUT")},
		{method: "FOO", target: "/debug/", caller: root, want: methodNotAllowed("DELETE, GET, HEAD, PATCH, POST, PUT")},

		// Path values, before the rule: an anonymous caller gets the same answer.
		{method: "GET", target: "/documents/%2e%2e", caller: user, want: pathValue},
		{method: "GET", target: "/documents/%2e%2e", want: pathValue},
		{method: "GET", target: "/documents/%2E", caller: user, want: pathValue},
		{method: "HEAD", target: "/documents/%2e%2e", caller: user, want: pathValue},
		{method: "GET", target: "/documents/..;", caller: user, want: pathValue},
		{method: "GET", target: "/documents/..;a=b", caller: user, want: pathValue},
		{method: "GET", target: "/documents/.%3Bx", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%2Fb", caller: user, want: pathValue},
		{method: "GET", target: "/documents/..%2Fadmin", caller: user, want: pathValue},
		{method: "GET", target: `/documents/a\b`, caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%5Cb", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%00", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%0d%0aX:y", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%7f", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%C2%85", caller: user, want: pathValue},
		{method: "GET", target: "/documents/%252e%252e", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%252Fb", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%255Cb", caller: user, want: pathValue},
		{method: "GET", target: "/documents/a%2500", caller: user, want: pathValue},
		{method: "PUT", target: "/documents/%2e%2e", caller: user, want: pathValue},
		{method: "GET", target: "/files/a%2Fb.txt", caller: user, want: pathValue},
		{method: "GET", target: "/static/a%2fb.txt", want: pathValue},
		{method: "GET", target: "/static/a%5Cb.txt", want: pathValue},
		{method: "GET", target: "/debug/a%2Fb", caller: root, want: pathValue},
		{method: "GET", target: "/files/%c0%ae%c0%ae/b", caller: user, want: pathValue},
		{method: "GET", target: "/files/a/..%2f..%2fadmin", caller: user, want: pathValue},
		{method: "GET", target: "/files/a/%2e%2e/b", caller: user, want: pathValue},
		{method: "GET", target: "/files/..;/admin", caller: user, want: pathValue},
		{method: "GET", target: "/files/a%5c..%5cb", caller: user, want: pathValue},
		{method: "GET", target: "/static/%2e%2e/admin", want: pathValue},
		{method: "GET", target: "/static/..%2fadmin", want: pathValue},
		{method: "GET", target: "/debug/..%2fadmin", caller: root, want: pathValue},

		// Rules.
		{method: "GET", target: "/documents/42", want: unauthenticated},
		{method: "HEAD", target: "/documents/42", want: want{status: 401, event: bulwark.AuthzFail, reason: "authz.unauthenticated"}},
		{method: "GET", target: "/files/a", want: unauthenticated},
		{method: "GET", target: "/files/a", caller: &bulwark.Principal{Issuer: accounts}, want: unauthenticated},
		{method: "GET", target: "/files/a", caller: &bulwark.Principal{Subject: "alice"}, want: unauthenticated},
		{method: "GET", target: "/admin/users", want: unauthenticated},
		{method: "GET", target: "/admin/users", caller: user, want: forbidden},
		{method: "GET", target: "/documents/42", caller: as("alice"), want: forbidden},
		{method: "GET", target: "/debug/x", caller: user, want: forbidden},
		{method: "POST", target: "/debug/x", want: unauthenticated},
	} {
		name := strings.NewReplacer("/", "_", " ", "_").Replace(test.method + test.target)
		if test.caller != nil {
			name += "_" + test.caller.Subject
		}
		t.Run(name, func(t *testing.T) {
			*reached = ""
			r := request(test.method, test.target, test.caller)
			if test.want.status != 0 {
				event := test.want.check(t, mux, r)
				if *reached != "" {
					t.Errorf("the handler of %s ran", *reached)
				}
				if test.want.status == 404 && (r.Pattern != "" || event.Route != "") {
					t.Errorf("an unknown route is named %q, in the event %q", r.Pattern, event.Route)
				}
				return
			}
			w := serve(mux, r)
			if w.Code != 200 || *reached != test.route || w.Header().Get("X-Value") != test.value {
				t.Errorf("%d, route %q with %q; want %q with %q", w.Code, *reached, w.Header().Get("X-Value"), test.route, test.value)
			}
			if r.Pattern != test.route {
				t.Errorf("outside, the pattern is %q", r.Pattern)
			}
		})
	}
}

// The same over a real connection, where net/http parses the request line.
func TestNoRedirectOnTheWire(t *testing.T) {
	mux, _ := spyMux(t)
	server := httptest.NewServer(mux)
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for target, status := range map[string]int{"/static": 404, "//health": 404, "/health/": 404, "/health": 200, "/static/": 200, "/x/../health": 404} {
		r, _ := http.NewRequest("GET", server.URL+"/", nil)
		r.URL.Opaque = target
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: %d, want %d", target, response.StatusCode, status)
		}
	}
}

func TestHostPatterns(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET admin.example.com/users", authz.RequireRole("admin"), ok())
	mux.Handle("GET /users", authz.Public("list"), ok())
	r := request("GET", "/users", nil)
	r.Host = "admin.example.com:8080"
	unauthenticated.check(t, mux, r)
	if got := get(mux, "/users", nil).Body.String(); got != "GET /users" {
		t.Errorf("served by %q", got)
	}
}

func TestRules(t *testing.T) {
	policy := mustPolicy(t, guide())
	scope := func(scopes string, params ...string) want {
		return want{status: 403, code: "authz.insufficient_scope", event: bulwark.AuthzFail,
			header: map[string]string{"Www-Authenticate": `Bearer error="insufficient_scope", scope="` + scopes + `"`}}
	}
	stepUp := func(params string) want {
		return want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail,
			header: map[string]string{"Www-Authenticate": `Bearer error="insufficient_user_authentication", ` + params}}
	}
	with := func(p *bulwark.Principal, change func(p *bulwark.Principal)) *bulwark.Principal {
		change(p)
		return p
	}
	scoped := func(role string, scopes ...string) *bulwark.Principal {
		return with(as("alice", role), func(p *bulwark.Principal) { p.Scopes = scopes })
	}
	login := func(acr string, age time.Duration) *bulwark.Principal {
		return with(as("alice", "admin"), func(p *bulwark.Principal) {
			p.ACR = acr
			if age != 0 {
				p.AuthTime = time.Now().Add(-age)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		mfa := authz.Authenticated().StepUp("urn:mfa urn:hw", 5*time.Minute)
		mfaParams := `acr_values="urn:mfa urn:hw", max_age="300"`
		write := authz.Require("user:create:all").Scopes("users:write", "users:read")
		for i, test := range []struct {
			rule   authz.Rule
			caller *bulwark.Principal
			want   want
		}{
			{authz.Public("x"), nil, want{}},
			{authz.Public("x"), as("alice", "unknown"), want{}},
			{authz.Authenticated(), as("alice"), want{}},
			{authz.Authenticated(), nil, unauthenticated},
			{authz.RequireRole("user"), as("alice", "user"), want{}},
			{authz.RequireRole("user"), as("bob", "moderator"), want{}},
			{authz.RequireRole("moderator"), as("alice", "user"), forbidden},
			{authz.RequireRole("user"), as("root", "admin"), forbidden},
			{authz.RequireRole("user", "admin"), as("root", "admin"), want{}},
			{authz.RequireRole("user"), as("x", "a", "b", "c", "d", "e", "f", "g", "h", "user"), want{}},
			{authz.RequireRole("admin"), as("x", "user", "user", "user", "user", "user", "user", "user", "user", "user", "admin"), want{}},
			{authz.Require("document:delete:own"), as("x", "user", "user", "user", "user", "user", "user", "user", "user", "user", "admin"), want{}},
			{authz.Require("document:delete:own"), as("alice", "user"), forbidden},
			{authz.Require("document:delete:own"), as("bob", "moderator"), want{}},
			{authz.Require("document:delete:all"), as("bob", "moderator"), forbidden},
			{authz.Require("document:read:own", "document:delete:own"), as("alice", "user"), forbidden},
			{authz.Require("read:all"), as("bob", "moderator"), want{}},
			{authz.Require("delete:own"), as("bob", "moderator"), want{}},
			{authz.Require("create:own"), as("bob", "moderator"), forbidden}, // no user:create
			{authz.Require("create:own"), as("root", "admin"), want{}},
			{write, scoped("admin", "users:write", "users:read"), want{}},
			{write, scoped("admin", "users:write"), scope("users:write users:read")},
			{write, scoped("admin", "users:write users:read"), scope("users:write users:read")},
			{write, scoped("user", "users:write", "users:read"), forbidden},
			{write, nil, unauthenticated},
			{authz.Authenticated().Scopes("a"), as("alice"), scope("a")},
			{authz.Authenticated().Scopes("a"), scoped("x", "a"), want{}},
			{mfa, login("urn:mfa", time.Minute), want{}},
			{mfa, login("urn:hw", 5*time.Minute), want{}},
			{mfa, login("urn:mfa", 5*time.Minute+1), stepUp(mfaParams)},
			{mfa, login("urn:mfa", 0), stepUp(mfaParams)},
			{mfa, login("", time.Minute), stepUp(mfaParams)},
			{mfa, login("urn:pwd", time.Minute), stepUp(mfaParams)},
			{mfa, login("urn:mfa urn:hw", time.Minute), stepUp(mfaParams)},
			{mfa, login("urn:mfa", -30*time.Second), want{}},
			{mfa, login("urn:mfa", -time.Hour), stepUp(mfaParams)},
			{mfa, nil, unauthenticated},
			{authz.Authenticated().StepUp("urn:mfa", 0), login("urn:mfa", 0), want{}},
			{authz.Authenticated().StepUp("urn:mfa", 0), login("", 0), stepUp(`acr_values="urn:mfa"`)},
			{authz.Authenticated().StepUp("", time.Hour), login("", time.Minute), want{}},
			{authz.Authenticated().StepUp("", time.Hour), login("", 0), stepUp(`max_age="3600"`)},
			{authz.Authenticated().Scopes("a").StepUp("urn:mfa", 0), as("alice"), scope("a")},
			{authz.All(authz.RequireRole("user"), authz.Authenticated().Scopes("a")), scoped("user", "a"), want{}},
			{authz.All(authz.Authenticated().Scopes("a"), authz.RequireRole("user")), as("x", "admin"), forbidden},
			{authz.All(authz.RequireRole("user"), authz.Authenticated().Scopes("a")), as("x", "user"), scope("a")},
			{authz.All(authz.RequireRole("user"), authz.Authenticated().Scopes("a")), nil, unauthenticated},
			{authz.Any(authz.RequireRole("admin"), authz.Authenticated().Scopes("a")), as("x", "admin"), want{}},
			{authz.Any(authz.RequireRole("admin"), authz.Authenticated().Scopes("a")), scoped("user", "a"), want{}},
			{authz.Any(authz.RequireRole("admin"), authz.Authenticated().Scopes("a")), as("x", "user"), scope("a")},
			{authz.Any(authz.RequireRole("admin"), authz.RequireRole("moderator")), as("x", "user"), forbidden},
			{authz.Any(authz.RequireRole("admin"), authz.RequireRole("moderator")), nil, unauthenticated},
			{authz.Any(authz.RequireRole("admin"), mfa).Scopes("a"), scoped("admin", "a"), want{}},
			{authz.Any(authz.RequireRole("admin"), mfa).Scopes("a"), as("x", "admin"), scope("a")},
			{authz.Any(authz.All(authz.RequireRole("user"), mfa), authz.RequireRole("admin")), as("x", "user"), stepUp(mfaParams)},
		} {
			mux := authz.NewMux(policy)
			path := fmt.Sprintf("/rule/%d", i) // names the row in a failure: a bubble has no subtests
			mux.Handle("GET "+path, test.rule, ok())
			if test.want.status == 0 {
				if w := get(mux, path, test.caller); w.Code != 200 {
					t.Errorf("%s %v: %d %s", path, test.rule, w.Code, w.Body)
				}
				continue
			}
			if e := test.want.check(t, mux, request("GET", path, test.caller)); e.Rule != test.rule.String() || e.Route != "GET "+path {
				t.Errorf("%s: event names rule %q and route %q", path, e.Rule, e.Route)
			}
		}
	})
}

func TestChallengesOfTheAuthenticationLayer(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.Authenticated().Scopes("a"), ok())
	auth := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, s := bulwark.Enter(r)
		s.SetChallenges([]bulwark.Challenge{{Scheme: "ApiKey"}, {Scheme: "Bearer", Params: [][2]string{{"realm", "api"}, {"scope", "old"}}}})
		mux.ServeHTTP(w, r)
	})
	if got := get(auth, "/x", nil).Header().Values("Www-Authenticate"); !slices.Equal(got, []string{"ApiKey", `Bearer realm="api", scope="old"`}) {
		t.Errorf("401 offers %q", got)
	}
	if got := get(auth, "/x", as("a")).Header().Values("Www-Authenticate"); !slices.Equal(got, []string{`Bearer realm="api", error="insufficient_scope", scope="a"`}) {
		t.Errorf("403 offers %q", got)
	}
}

func TestUnknownRolesAreReportedOnce(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.Authenticated(), ok())
	mux.Handle("GET /y", authz.RequireRole("admin"), ok())
	var rec bulwarktest.Recorder
	h := rec.Wrap(mux)
	get(h, "/x", as("a", "superuser", "user", "superuser"))
	events := rec.Take()
	if len(events) != 1 || events[0].Reason != "authz.unknown_role" || events[0].Attrs[0].String() != "role=superuser" {
		t.Fatalf("events: %+v", events)
	}
	if w := get(h, "/y", as("a", "superuser")); w.Code != 403 || len(rec.Take()) != 1 {
		t.Error("an unknown role is reported again, or passes")
	}
	for i := range 200 {
		get(h, "/x", as("a", fmt.Sprint("role", i)))
	}
	get(h, "/x", as("a", strings.Repeat("x", 1000)))
	if n := len(rec.Take()); n != 63 {
		t.Errorf("%d further names are reported, want 63", n)
	}
}

func TestLayersRunAfterTheRule(t *testing.T) {
	var ran []string
	layer := func(name string) bulwark.Layer {
		return bulwark.LayerFunc(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran = append(ran, name)
				next.ServeHTTP(w, r)
			})
		})
	}
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.RequireRole("admin"), ok(), layer("first"), layer("second"))
	mux.Mount("/m/", authz.RequireRole("admin"), ok(), layer("mounted"))
	get(mux, "/x", as("a", "user"))
	if len(ran) != 0 {
		t.Errorf("layers ran before the rule: %v", ran)
	}
	get(mux, "/x", as("a", "admin"))
	get(mux, "/m/x", as("a", "admin"))
	if !slices.Equal(ran, []string{"first", "second", "mounted"}) {
		t.Errorf("layers ran: %v", ran)
	}
}

func TestHandlerGetsTheRealWriter(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.Public("x"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(*httptest.ResponseRecorder); !ok {
			t.Errorf("the handler was given a %T", w)
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	if got := get(mux, "/x", nil).Code; got != http.StatusTeapot {
		t.Error(got)
	}
}

func TestPanicsPropagate(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /x", authz.Public("x"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	mux.Handle("GET /y", authz.Public("y"), ok())
	func() {
		defer func() {
			if got := recover(); got != http.ErrAbortHandler {
				t.Errorf("recovered %v", got)
			}
		}()
		get(mux, "/x", nil)
	}()
	if got := get(mux, "/y", nil); got.Code != 200 || get(mux, "/z", nil).Code != 404 {
		t.Error("the Mux is not itself after a panic")
	}
}

func TestUnconfigured(t *testing.T) {
	unconfigured := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}
	for name, mux := range map[string]*authz.Mux{"zero": {}, "nil": nil, "nil_policy": authz.NewMux(nil), "zero_policy": authz.NewMux(new(authz.Policy))} {
		t.Run(name, func(t *testing.T) {
			unconfigured.check(t, mux, request("GET", "/", as("root", "admin")))
			mustRefuse(t, "Mux(GET /x)", "without a policy", func() { mux.Handle("GET /x", authz.Public("x"), ok()) })
			if mux.Routes() != nil {
				t.Error("it has routes")
			}
		})
	}
}

// refusal returns the errors of a registration that panics, one by one.
func refusal(t *testing.T, register func()) (errs []error) {
	t.Helper()
	defer func() {
		t.Helper()
		fault := recover()
		joined, ok := fault.(interface {
			error
			Unwrap() []error
		})
		if !ok {
			t.Errorf("the registration panics with %T %v", fault, fault)
			return
		}
		errs = joined.Unwrap()
	}()
	register()
	return nil
}

// mustRefuse asserts that a registration panics with a ConfigError whose path
// is the place, such as "Mux(GET /x)", and goes on with the reason.
func mustRefuse(t *testing.T, place, reason string, register func()) {
	t.Helper()
	errs := refusal(t, register)
	found := slices.ContainsFunc(errs, func(err error) bool {
		var fault *bulwark.ConfigError
		if !errors.As(err, &fault) {
			return false
		}
		rest, ok := strings.CutPrefix(fault.Field, "authz."+place)
		return ok && strings.Contains(rest+": "+fault.Reason, reason)
	})
	if !found {
		t.Errorf("the registration of %s panics with %v, want %q", place, errs, reason)
	}
}

func TestWrongRegistrationsPanic(t *testing.T) {
	policy := mustPolicy(t, guide())
	var nilLayer bulwark.Layer
	for _, test := range []struct {
		name, pattern string
		rule          authz.Rule
		reason        string
	}{
		{"no_method", "/x", authz.Public("x"), "has no method"},
		{"connect", "CONNECT /x", authz.Public("x"), "CONNECT"},
		{"trace", "TRACE /x", authz.Public("x"), "TRACE"},
		{"lower_case", "get /x", authz.Public("x"), "lower case"},
		{"empty", "", authz.Public("x"), "has no method"},
		{"no_path", "GET x", authz.Public("x"), "host/path missing /"},
		{"unclean", "GET /x/../y", authz.Public("x"), "unclean path"},
		{"bad_wildcard", "GET /{id", authz.Public("x"), "bad wildcard"},
		{"colon", "GET /x/:id", authz.Public("x"), "has the segment :id, which matches only that text; write {id} for a part of the path"},
		{"colon_first", "GET host/:id/x", authz.Public("x"), "has the segment :id, which"},
		{"star", "GET /x/*", authz.Public("x"), "has the segment *, which matches only that text; write {rest...} for the rest of the path"},
		{"star_name", "GET /x/*path", authz.Public("x"), "has the segment *path, which matches only that text; write {path...} for the rest of the path"},
		{"duplicate", "GET /taken/{other}", authz.Public("x"), `conflicts with pattern "GET /taken/{id}"`},
		{"zero_rule", "GET /x", authz.Rule{}, "is the zero Rule"},
		{"public_without_reason", "GET /x", authz.Public(" "), "without a reason"},
		{"public_with_scope", "GET /x", authz.Public("x").Scopes("a"), "write Authenticated in place of Public"},
		{"no_role", "GET /x", authz.RequireRole(), "names no role"},
		{"role_typo", "GET /x", authz.RequireRole("admni"), "did you mean admin?"},
		{"no_permission", "GET /x", authz.Require(), "names no permission"},
		{"permission_typo", "GET /x", authz.Require("document:raed:own"), "did you mean read?"},
		{"permission_without_reach", "GET /x", authz.Require("document:read"), "has no reach"},
		{"permission_star", "GET /x", authz.Require("*"), "write a permission without *"},
		{"permission_part_star", "GET /x", authz.Require("document:*:own"), "write a permission without *"},
		{"no_scopes", "GET /x", authz.Authenticated().Scopes(), "Scopes without a scope"},
		{"scope_text", "GET /x", authz.Authenticated().Scopes("a b"), "write one argument for each scope"},
		{"scope_quote", "GET /x", authz.Authenticated().Scopes(`a"`), "write one argument for each scope"},
		{"step_up_nothing", "GET /x", authz.Authenticated().StepUp("", 0), "step-up without"},
		{"step_up_negative", "GET /x", authz.Authenticated().StepUp("a", -1), "whole seconds"},
		{"factor_nothing", "GET /x", authz.Authenticated().Factor("", 0), "method is empty"},
		{"factor_space", "GET /x", authz.Authenticated().Factor("otp pwd", 0), "method is empty"},
		{"factor_quote", "GET /x", authz.Authenticated().Factor(`o"`, 0), "method is empty"},
		{"factor_line", "GET /x", authz.Authenticated().Factor("o\n", 0), "method is empty"},
		{"factor_long", "GET /x", authz.Authenticated().Factor(strings.Repeat("o", 65), 0), "method is empty"},
		{"factor_negative", "GET /x", authz.Authenticated().Factor("otp", -time.Second), "whole seconds"},
		{"factor_fraction", "GET /x", authz.Authenticated().Factor("otp", 1500*time.Millisecond), "whole seconds"},
		{"factor_twice", "GET /x", authz.Authenticated().Factor("otp", time.Minute).Factor("pwd", 0).Factor("otp", time.Hour), "asks twice for the factor otp"},
		{"factor_twice_in_all", "GET /x", authz.All(authz.Authenticated().Factor("otp", 0).Factor("otp", 0)), "asks twice for the factor otp"},
		{"factor_public", "GET /x", authz.Public("x").Factor("otp", 0), "Public with Scopes, StepUp or Factor"},
		{"all_of_nothing", "GET /x", authz.All(), "has no rules"},
		{"any_of_nothing", "GET /x", authz.Any(), "has no rules"},
		{"any_public", "GET /x", authz.Any(authz.Public("x")), "use Public alone"},
		{"any_zero", "GET /x", authz.Any(authz.Rule{}, authz.RequireRole("admin")), "is the zero Rule"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := authz.NewMux(policy)
			mux.Handle("GET /taken/{id}", authz.Public("x"), ok())
			mustRefuse(t, "Mux("+test.pattern+")", test.reason, func() { mux.Handle(test.pattern, test.rule, ok()) })
			if len(mux.Routes()) != 1 {
				t.Errorf("the Mux lists %+v", mux.Routes())
			}
		})
	}
	mux := authz.NewMux(policy)
	mustRefuse(t, "Mux(GET /x)", "handler: is nil", func() { mux.Handle("GET /x", authz.Public("x"), nil) })
	mustRefuse(t, "Mux(GET /x)", "handler: is nil", func() { mux.Handle("GET /x", authz.Public("x"), http.HandlerFunc(nil)) })
	mustRefuse(t, "Mux(GET /x)", ".layers[0]: is nil", func() { mux.Handle("GET /x", authz.Public("x"), ok(), nilLayer) })
	mustRefuse(t, "Mux(/debug)", "not a prefix", func() { mux.Mount("/debug", authz.Public("x"), ok()) })
	mustRefuse(t, "Mux(GET /debug/)", "not a prefix", func() { mux.Mount("GET /debug/", authz.Public("x"), ok()) })
	mustRefuse(t, "Mux(/{x}/)", "not a prefix", func() { mux.Mount("/{x}/", authz.Public("x"), ok()) })
	// A colon or a star elsewhere is a part of the text.
	for _, path := range []string{"/x:search", "/x/:", "/x/:1", "/x*"} {
		mux.Handle("GET "+path, authz.Public("x"), ok())
		if w := get(mux, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// A route that was refused after all does not hold the policy.
	mux.Handle("GET /twice", authz.Public("x"), ok())
	mustRefuse(t, "Mux(GET /twice)", "conflicts", func() { mux.Handle("GET /twice", authz.RequireRole("moderator"), ok()) })
	slim := guide()
	delete(slim.Roles, "moderator")
	if err := policy.Replace(slim); err != nil {
		t.Errorf("Replace: %v", err)
	}
}

// An answer may not depend on anything that a sub-request shares with others.
func TestSubRequestsKeepTheirOwnAnswers(t *testing.T) {
	mux, _ := spyMux(t)
	batch := authz.NewMux(mustPolicy(t, guide()))
	var codes []int
	batch.Handle("POST /batch", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, target := range []string{"/admin/users", "/documents/1", "/nothing"} {
			sub := request("GET", target, nil).WithContext(context.WithoutCancel(r.Context()))
			codes = append(codes, serve(mux, sub).Code)
		}
	}))
	serve(batch, request("POST", "/batch", as("alice", "user")))
	if !slices.Equal(codes, []int{403, 200, 404}) {
		t.Errorf("sub-requests: %v", codes)
	}
}

func TestConfig(t *testing.T) {
	policy := mustPolicy(t, guide())
	layer, err := authz.New(authz.Config{Policy: policy, Rule: authz.RequireRole("admin")})
	if err != nil {
		t.Fatal(err)
	}
	if kind := bulwark.Kinded(layer).Kind(); kind != "authz" {
		t.Errorf("kind %q", kind)
	}
	if same, err := layer.Build(); same != layer || err != nil {
		t.Error("Build of a layer is not itself")
	}
	router := http.NewServeMux()
	router.Handle("GET /admin/{id}", layer.Wrap(ok()))
	router.Handle("GET /tree/{path...}", layer.Wrap(ok()))
	forbidden.check(t, router, request("GET", "/admin/1", as("alice", "user")))
	if e := unauthenticated.check(t, router, request("GET", "/admin/1", nil)); e.Route != "GET /admin/{id}" {
		t.Errorf("route %q", e.Route)
	}
	pathValue.check(t, router, request("GET", "/admin/%2e%2e", as("root", "admin")))
	pathValue.check(t, router, request("GET", "/admin/a%2Fb", as("root", "admin")))
	pathValue.check(t, router, request("GET", "/tree/a%2Fb", as("root", "admin")))
	for _, target := range []string{"/admin/1", "/tree/a/b"} {
		if w := get(router, target, as("root", "admin")); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	// A router that tells nothing: the path itself is all there is.
	bare := layer.Wrap(ok())
	for _, target := range []string{"/a/..;/b", "/a%2fb", "/a%5cb", "/x/../y", "/%252e"} {
		pathValue.check(t, bare, request("GET", target, as("root", "admin")))
	}
	for _, wrong := range []struct {
		config        authz.Config
		field, reason string
	}{
		{authz.Config{}, "authz.Policy", "is missing"},
		{authz.Config{Policy: policy}, "authz.Rule", "zero Rule"},
		{authz.Config{Policy: policy, Rule: authz.RequireRole("a", "admni").Scopes("a b")}, "authz.Rule", "did you mean admin?"},
	} {
		if layer, err := wrong.config.Build(); layer != nil || !hasFault(err, wrong.field, wrong.reason) {
			t.Errorf("Build = %v, %v; want %q", layer, err, wrong.reason)
		}
	}
	_, err = bulwark.Chain(layer, bulwark.LayerFunc(func(h http.Handler) http.Handler { return h }))
	if err != nil {
		t.Error(err)
	}
}

func TestGuard(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := http.NewServeMux()
	var ran string
	spy := func(w http.ResponseWriter, r *http.Request) {
		ran = r.Pattern + " " + r.PathValue("id") + r.PathValue("path")
	}
	for _, pattern := range []string{"GET /documents/{id}", "GET /documents/new", "/legacy", "GET /files/{path...}", "GET /static/", "GET /{$}", "POST example.com/a%20b", "GET /open", "POST /secret/", "/trees/{id}/"} {
		mux.HandleFunc(pattern, spy)
	}
	rules := map[string]authz.Rule{
		"GET /documents/{id}": authz.Require("document:read:own"), "/legacy": authz.RequireRole("admin"), "GET /files/{path...}": authz.Public("files"),
		"GET /static/": authz.Public("assets"), "GET /{$}": authz.Public("front page"), "POST example.com/a%20b": authz.Public("odd"), "GET /open": authz.Public("x"), "/trees/{id}/": authz.Public("x"),
	}
	guard, err := authz.Guard(mux, policy, rules)
	if err != nil {
		t.Fatal(err)
	}
	unlisted := want{status: 403, code: "authz.forbidden", event: bulwark.AuthzFail, reason: "authz.no_rule"}
	root, user := as("root", "admin"), as("alice", "user")
	for _, test := range []struct {
		method, target string
		caller         *bulwark.Principal
		want           want
		ran            string
	}{
		{method: "GET", target: "/", ran: "GET /{$} "},
		{method: "GET", target: "/documents/a%20b", caller: user, ran: "GET /documents/{id} a b"},
		{method: "HEAD", target: "/documents/1", caller: user, ran: "GET /documents/{id} 1"},
		{method: "GET", target: "/files/a/b%20c", ran: "GET /files/{path...} a/b c"},
		{method: "GET", target: "/files/a%2Fb/c", want: pathValue},
		{method: "GET", target: "/files/", ran: "GET /files/{path...} "},
		{method: "GET", target: "/static/x/y", ran: "GET /static/ "},
		{method: "POST", target: "/a%20b", ran: "POST example.com/a%20b "},
		{method: "DELETE", target: "/legacy", caller: root, ran: "/legacy "},
		{method: "GET", target: "/documents/1", want: unauthenticated},
		{method: "GET", target: "/legacy", caller: user, want: forbidden},
		{method: "GET", target: "/documents/new", caller: root, want: unlisted},
		{method: "GET", target: "/documents/new", want: unlisted},
		{method: "POST", target: "/secret/x", caller: root, want: unlisted},
		{method: "POST", target: "/secret", caller: root, want: noRoute},
		{method: "GET", target: "/secret/x", caller: root, want: noRoute},
		{method: "GET", target: "/nothing", want: noRoute},
		{method: "GET", target: "/static", want: noRoute},
		{method: "GET", target: "//open", want: noRoute},
		{method: "GET", target: "/files/../open", want: noRoute},
		{method: "GET", target: "/files//x", want: noRoute},
		{method: "GET", target: "http://example.com", want: noRoute},
		{method: "OPTIONS", target: "*", want: noRoute},
		{method: "CONNECT", target: "/files/../open", want: noRoute},
		{method: "POST", target: "/open", want: methodNotAllowed("GET, HEAD")},
		{method: "FOO", target: "/legacy", caller: root, want: methodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE")},
		{method: "TRACE", target: "/legacy", want: methodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE")},
		{method: "CONNECT", target: "/x/../legacy", caller: root, want: noRoute},
		{method: "CONNECT", target: "/trees/a%20b", want: noRoute}, // ServeMux returns "/trees/a b/" as the pattern
		{method: "CONNECT", target: "/trees/%7Bid%7D", want: noRoute},
		{method: "CONNECT", target: "/trees/a/", want: methodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE")},
		{method: "GET", target: "/trees/a%20b", want: noRoute},
		{method: "GET", target: "/trees/a%20b/", ran: "/trees/{id}/ a b"},
		{method: "GET", target: "/documents/%2e%2e", want: pathValue},
		{method: "GET", target: "/documents/a%2Fb", caller: user, want: pathValue},
		{method: "GET", target: "/files/%2e%2e/x", want: pathValue},
		{method: "GET", target: "/static/..%2fx", want: pathValue},
	} {
		ran = ""
		r := request(test.method, test.target, test.caller)
		if test.want.status != 0 {
			test.want.check(t, guard, r)
		} else if w := serve(guard, r); w.Code != 200 {
			t.Errorf("%s %s: %d %s", test.method, test.target, w.Code, w.Body)
		}
		if ran != test.ran {
			t.Errorf("%s %s ran %q, want %q", test.method, test.target, ran, test.ran)
		}
	}
	mux.HandleFunc("GET /later", spy)
	unlisted.check(t, guard, request("GET", "/later", root))

	_, err = authz.Guard(mux, policy, map[string]authz.Rule{
		"GET /opne": authz.Public("x"), "GET /open": authz.RequireRole("admni"), "TRACE /open": authz.Public("x"), "GET /%zz": authz.Public("x"), "GET /documents/{other}": authz.Public("x"),
	})
	for field, reason := range map[string]string{"GET /opne": "is not registered", "GET /open": "did you mean admin?", "TRACE /open": "TRACE", "GET /%zz": "is not registered", "GET /documents/{other}": "is not registered"} {
		if !hasFault(err, "authz.Guard.rules["+field+"]", reason) {
			t.Errorf("no error for %s in:\n%v", field, err)
		}
	}
	if h, err := authz.Guard(nil, nil, rules); h != nil || !hasFault(err, "authz.Guard.mux", "is nil") || !hasFault(err, "authz.Guard.policy", "is missing") {
		t.Error(err)
	}
	if _, err := authz.Guard(mux, new(authz.Policy), rules); !hasFault(err, "authz.Guard.policy", "is missing") {
		t.Error(err)
	}
	// A Guard that was refused does not hold the policy.
	slim := guide()
	delete(slim.Roles, "moderator")
	if _, err := authz.Guard(mux, policy, map[string]authz.Rule{"GET /open": authz.RequireRole("moderator"), "GET /opne": authz.Public("x")}); err == nil {
		t.Error("no error for a pattern that is not registered")
	}
	if err := policy.Replace(slim); err != nil {
		t.Errorf("Replace: %v", err)
	}
}

// The parts of a batch are shallow copies of a request, which share the storage
// of its path values. Guard and a layer do not write into it, and the scope has
// the route of Guard.
func TestGuardKeepsThePathValuesOutside(t *testing.T) {
	mux := http.NewServeMux()
	var inside, route string
	spy := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		inside, route = r.PathValue("id"), scope.Route()
	})
	mux.Handle("GET /documents/{id}", spy)
	guard, err := authz.Guard(mux, mustPolicy(t, guide()), map[string]authz.Rule{"GET /documents/{id}": authz.Public("x")})
	if err != nil {
		t.Fatal(err)
	}
	batch := request("GET", "/documents/1", nil)
	batch.SetPathValue("id", "of the batch")
	part := *batch
	if w := serve(guard, &part); w.Code != 200 || inside != "1" || batch.PathValue("id") != "of the batch" {
		t.Errorf("%d, inside %q, outside %q", w.Code, inside, batch.PathValue("id"))
	}
	if route != "GET /documents/{id}" {
		t.Errorf("the route is %q", route)
	}
	// A layer with PathValue sets path values too.
	layer := bulwark.Must(authz.New(authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.Public("x"), PathValue: func(*http.Request, string) string { return "2" }}))
	part = *batch
	if w := serve(layer.Wrap(spy), &part); w.Code != 200 || inside != "2" || batch.PathValue("id") != "of the batch" {
		t.Errorf("%d, inside %q, outside %q", w.Code, inside, batch.PathValue("id"))
	}
}

func TestRoutes(t *testing.T) {
	mux, _ := spyMux(t)
	mux.Handle("GET /x", authz.Any(authz.RequireRole("moderator"), authz.Require("user:create:all")).Scopes("s").StepUp("urn:mfa", time.Minute).Factor("otp", time.Minute), ok())
	mux.Handle("GET /y", authz.All(authz.Authenticated().Scopes("t").Factor("pwd", 0), authz.Require("document:delete:own")), ok())
	byPattern := map[string]authz.Route{}
	for _, route := range mux.Routes() {
		byPattern[route.Method+" "+route.Pattern] = route
	}
	for pattern, want := range map[string]authz.Route{
		"GET /health":         {Rule: "public (liveness)", Public: true, Roles: []string{"*"}},
		"GET /documents/{id}": {Rule: "permission document:read:own", Roles: []string{"admin", "moderator", "user"}, Weak: "the reach own is for the handler to check"},
		"GET /admin/users":    {Rule: "role admin", Roles: []string{"admin"}},
		"POST /tree/":         {Rule: "authenticated", Roles: []string{"*"}},
		"PATCH /debug/":       {Rule: "role admin", Roles: []string{"admin"}, Weak: "mounted: its own routes are not listed"},
		"GET /x":              {Rule: "any of (role moderator; permission user:create:all), scope s, acr urn:mfa, login within 1m0s, factor otp within 1m0s", Roles: []string{"admin", "moderator"}, Scopes: []string{"s"}, ACR: []string{"urn:mfa"}, Factors: []string{"otp"}},
		"GET /y": {Rule: "all of (authenticated, scope t, factor pwd; permission document:delete:own)", Roles: []string{"admin", "moderator"}, Scopes: []string{"t"}, Factors: []string{"pwd"},
			Weak: "the reach own is for the handler to check"},
	} {
		got := byPattern[pattern]
		want.Method, want.Pattern, _ = strings.Cut(pattern, " ")
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("Routes: %+v\nwant    %+v", got, want)
		}
	}
	if route := byPattern["GET /admin/users"]; route.Admits("") || route.Admits("user") || !route.Admits("admin") || route.Admits("adm") {
		t.Error("Admits is wrong about GET /admin/users")
	}
	if route := byPattern["GET /health"]; !route.Admits("") || !route.Admits("x") {
		t.Error("Admits is wrong about GET /health")
	}
	if route := byPattern["POST /tree/"]; route.Admits("") || !route.Admits("x") {
		t.Error("Admits is wrong about POST /tree/")
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/documents/1", "/files/a/b", "/x/../documents/1", "/documents/%2e%2e", "/files/%2e%2e%2fx", "//", "/static/..;/x", "/documents/%252e", "/static/a%2Fb", "/files/a%5Cb", "/files/%c0%ae"} {
		f.Add("GET", seed)
	}
	policy, err := authz.NewPolicy(guide())
	if err != nil {
		f.Fatal(err)
	}
	mux := authz.NewMux(policy)
	var seen *http.Request
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r })
	for _, pattern := range []string{"GET /documents/{id}", "GET /files/{path...}", "GET /static/", "GET /health"} {
		mux.Handle(pattern, authz.Public("fuzz"), spy)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		r, err := http.NewRequest(method, "http://example.com", nil)
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		seen = nil
		w := serve(mux, r)
		if w.Code >= 300 && w.Code < 400 || w.Code >= 500 {
			t.Fatalf("%s %q: %d", method, target, w.Code)
		}
		if (seen != nil) != (w.Code == 200) {
			t.Fatalf("%s %q: %d, and the handler ran: %v", method, target, w.Code, seen != nil)
		}
		if seen == nil {
			return
		}
		if method != "GET" && method != "HEAD" && method != "" {
			t.Fatalf("the method %q is served", method)
		}
		for segment := range strings.SplitSeq(seen.URL.Path, "/") {
			if head, _, _ := strings.Cut(segment, ";"); head == "." || head == ".." {
				t.Fatalf("%q is served", target)
			}
		}
		sent := strings.ToLower(seen.URL.EscapedPath())
		if strings.Contains(sent, "%2f") || strings.Contains(sent, "%5c") || !utf8.ValidString(seen.URL.Path) {
			t.Fatalf("%q is served", target)
		}
		if strings.ContainsAny(seen.URL.Path, "\\\x00\r\n") || strings.Contains(seen.PathValue("id"), "/") {
			t.Fatalf("%q is served", target)
		}
	})
}

var errStore = errors.New("the store is on fire, 10.0.0.7")
