package authz_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

var (
	_ bulwark.Layer  = (*authz.Middleware)(nil)
	_ bulwark.Kinded = (*authz.Middleware)(nil)
)

var unconfigured = want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}

func TestUnmadeMiddlewareRefuses(t *testing.T) {
	for name, m := range map[string]*authz.Middleware{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			ran := false
			h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
			unconfigured.check(t, h, request("GET", "/", as("root", "admin")))
			if ran {
				t.Error("the handler ran")
			}
			if err := m.Check(request("GET", "/", as("root", "admin"))); !hasFault(err, "authz", "without New") {
				t.Errorf("Check: %v", err)
			}
			if layer, err := m.Build(); layer != nil || !hasFault(err, "authz", "without New") {
				t.Errorf("Build = %v, %v", layer, err)
			}
			if m.Kind() != bulwark.KindAuthz {
				t.Errorf("kind %q", m.Kind())
			}
		})
	}
}

// denied answers with what Check says.
func denied(m *authz.Middleware, ran *bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.Check(r); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		*ran = true
	})
}

func TestCheckIsWrapWithoutAWriter(t *testing.T) {
	policy := mustPolicy(t, guide())
	scoped := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.RequireRole("admin").Scopes("users")}))
	lacks := want{status: 403, code: "authz.insufficient_scope", event: bulwark.AuthzFail,
		header: map[string]string{"Www-Authenticate": `Bearer error="insufficient_scope", scope="users"`}}
	root := as("root", "admin")
	root.Scopes = []string{"users"}
	for _, test := range []struct {
		name, target string
		caller       *bulwark.Principal
		want         want
	}{
		{"passes", "/users/1", root, want{}},
		{"anonymous", "/users/1", nil, unauthenticated},
		{"role", "/users/1", as("alice", "user"), forbidden},
		{"scope", "/users/1", as("root", "admin"), lacks},
		{"dots", "/users/%2e%2e", root, pathValue},
		{"dots_anonymous", "/users/%2e%2e", nil, pathValue},
		{"encoded_slash", "/users/a%2Fb", root, pathValue},
		{"empty_segment", "/users//1", root, pathValue},
		{"backslash", "/users/a%5Cb", root, pathValue},
	} {
		t.Run(test.name, func(t *testing.T) {
			ran := false
			wrapped := scoped.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
			for name, h := range map[string]http.Handler{"wrap": wrapped, "check": denied(scoped, &ran)} {
				ran = false
				r := request("GET", test.target, test.caller)
				if test.want.status != 0 {
					test.want.check(t, h, r)
				} else if w := serve(h, r); w.Code != 200 {
					t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
				if ran != (test.want.status == 0) {
					t.Errorf("%s: the handler ran: %v", name, ran)
				}
			}
		})
	}
}

// A pattern of ServeMux tells Check which values there are.
func TestCheckReadsThePattern(t *testing.T) {
	m := bulwark.Must(authz.New(authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.Public("x")}))
	r := request("GET", "/files/a", nil)
	r.Pattern = "GET /files/{name}"
	r.SetPathValue("name", "..")
	var problem *bulwark.Problem
	if err := m.Check(r); !errors.As(err, &problem) || problem.Code != "authz.path_value" {
		t.Errorf("Check: %v", err)
	}
	r.SetPathValue("name", "a")
	if err := m.Check(r); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// A router that keeps its path values to itself tells them through PathValue.
func TestConfigPathValue(t *testing.T) {
	names := []string{"id", "part"}
	c := authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.Authenticated(), PathNames: names,
		PathValue: func(r *http.Request, name string) string { return r.Header.Get("X-" + name) }}
	m := bulwark.Must(authz.New(c))
	names[1] = "changed"
	got := ""
	for name, h := range map[string]http.Handler{
		"wrap": m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("id") + r.PathValue("part") })),
		"check": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := m.Check(r); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			got = c.PathValue(r, "id") + c.PathValue(r, "part")
			if set := r.PathValue("id") + r.PathValue("part"); set != "" {
				t.Errorf("Check has set %q on the request", set)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			got = ""
			r := request("GET", "/documents/1", as("alice"))
			r.Header.Set("X-Id", "1")
			r.Header.Set("X-Part", "2")
			if w := serve(h, r); w.Code != 200 || got != "12" {
				t.Errorf("%d, values %q", w.Code, got)
			}
			for _, value := range []string{"..", "a/b", `a\b`, "%2e", "a\x00"} {
				r := request("GET", "/documents/1", as("alice"))
				r.Header.Set("X-Id", "1")
				r.Header.Set("X-Part", value)
				got = ""
				pathValue.check(t, h, r)
				if got != "" {
					t.Errorf("%q: the handler ran", value)
				}
			}
		})
	}
	c.PathNames = nil
	only := bulwark.Must(authz.New(c))
	r := request("GET", "/documents/1", as("alice"))
	r.Header.Set("X-Id", "7")
	serve(only.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("id") })), r)
	if got != "7" || r.PathValue("id") != "" {
		t.Errorf("the default name: id %q inside, %q outside", got, r.PathValue("id"))
	}
}

func TestConfigReportsEverythingAtOnce(t *testing.T) {
	m, err := authz.New(authz.Config{PathNames: []string{"id"}})
	if m != nil || !hasFault(err, "authz.Policy", "is missing") || !hasFault(err, "authz.Rule", "zero Rule") || !hasFault(err, "authz.PathNames", "PathValue") {
		t.Errorf("New = %v, %v", m, err)
	}
	layer, err := authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.RequireRole("admni").Scopes("a b")}.Build()
	if layer != nil || !hasFault(err, "authz.Rule", "did you mean admin?") || !hasFault(err, "authz.Rule", "write one argument for each scope") {
		t.Errorf("Build = %v, %v", layer, err)
	}
	if strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want 2 errors:\n%v", err)
	}
}

// A Config that failed must not keep a policy from being replaced.
func TestRefusedConfigDoesNotHoldThePolicy(t *testing.T) {
	policy := mustPolicy(t, guide())
	if _, err := authz.New(authz.Config{Policy: policy, Rule: authz.RequireRole("moderator"), PathNames: []string{"id"}}); err == nil {
		t.Fatal("PathNames without PathValue are no error")
	}
	slim := guide()
	delete(slim.Roles, "moderator")
	if err := policy.Replace(slim); err != nil {
		t.Errorf("Replace: %v", err)
	}
}

// A rule inside a chain is one event, and the order of the chain knows it.
func TestConfigInAChain(t *testing.T) {
	c := authz.Config{Policy: mustPolicy(t, guide()), Rule: authz.RequireRole("admin")}
	var rec bulwarktest.Recorder
	stack := bulwark.Must(bulwark.Chain(&rec, c))
	if w := get(stack.Wrap(ok()), "/x", as("alice", "user")); w.Code != 403 {
		t.Error(w.Code)
	}
	if events := rec.Take(); len(events) != 1 || events[0].Rule != "role admin" {
		t.Errorf("events %+v", events)
	}
	if w := get(stack.Wrap(ok()), "/x", as("root", "admin")); w.Code != 200 {
		t.Error(w.Code)
	}
}
