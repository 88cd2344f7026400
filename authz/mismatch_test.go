package authz_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// instance is the member of an answer that differs for each request.
var instance = regexp.MustCompile(`"instance":"[^"]*"`)

// attr returns the text of an attribute of the event.
func attr(e bulwark.Event, key string) string {
	for _, attr := range e.Attrs {
		if attr.Key == key {
			return attr.Value.String()
		}
	}
	return ""
}

// The authenticator decides which claims are roles. The refusal of a caller
// without roles names the field of its Config.
func TestACallerWithoutRolesIsTheAuthenticatorsMistake(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	mux.Handle("GET /users", authz.RequireRole("admin"), ok())
	e := forbidden.check(t, mux, request("GET", "/users", as("alice")))
	for _, part := range []string{"Principal.Roles", "RolesClaims", "Config of the authenticator"} {
		if text := wanted(e); !strings.Contains(text, part) {
			t.Errorf("error %q lacks %q", text, part)
		}
	}
}

// Every refusal of a caller whose roles are all unknown says so, not only the
// first. The names come from an issuer: they are bounded and escaped.
func TestEveryRefusalForUnknownRolesSaysSo(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("GET /users", authz.RequireRole("admin"), ok())
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	same := func(w *httptest.ResponseRecorder) string { return instance.ReplaceAllString(w.Body.String(), "") }
	plain := same(get(mux, "/users", as("bob", "user")))
	for _, test := range []struct {
		name  string
		roles []string
		want  string // of the attribute roles
	}{
		{"one", []string{"Admin"}, "Admin"},
		{"three", []string{"a", "b", "c"}, "a, b, c"},
		{"four", []string{"a", "b", "c", "d"}, "a, b, c, …"},
		{"long", []string{strings.Repeat("x", 1000), "b"}, strings.Repeat("x", 64) + "…, b"},
		{"cut_in_a_character", []string{strings.Repeat("x", 63) + "é"}, strings.Repeat("x", 63) + "…"},
		{"forging", []string{"a\nlevel=INFO", "\u202eb"}, `a\x0alevel=INFO, \u202eb`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, path := range []string{"/users", "/users", "/documents/1", "/documents/1"} {
				var rec bulwarktest.Recorder
				w := serve(rec.Wrap(mux), request("GET", path, as("alice", test.roles...)))
				events := rec.Take()
				e := events[len(events)-1]
				if w.Code != http.StatusForbidden || e.Reason != "authz.forbidden" {
					t.Fatalf("%d, %+v", w.Code, e)
				}
				if text := wanted(e); !strings.Contains(text, "none of the caller's roles is in PolicyConfig.Roles") || !strings.Contains(text, "RolesClaims") {
					t.Errorf("error %q", text)
				}
				if got := attr(e, "roles"); got != test.want {
					t.Errorf("roles %q, want %q", got, test.want)
				}
				if same(w) != plain {
					t.Errorf("the answer %s differs from the answer to another caller", w.Body)
				}
			}
		})
	}
	// A caller with one role of the policy is refused in the ordinary way.
	var rec bulwarktest.Recorder
	serve(rec.Wrap(mux), request("GET", "/users", as("alice", "user", "Admin")))
	events := rec.Take()
	if e := events[len(events)-1]; e.Status != http.StatusForbidden || wanted(e) != "" || attr(e, "roles") != "" {
		t.Errorf("%+v", e)
	}
}

// The issuers of owner and caller often differ by a slash alone. Only the log
// says so: the client gets the answer for an object that does not exist.
func TestAnOwnerOfAnotherIssuerIsNamedInTheLog(t *testing.T) {
	policy := mustPolicy(t, guide())
	res := documents()
	res.Owner = func(d *document) (string, string) { return accounts + "/", d.OwnerID }
	res.Policy = policy
	mux := authz.NewMux(policy)
	for method, action := range map[string]string{"GET": "read", "PUT": "update"} {
		authz.HandleObject(mux, method+" /documents/{id}", res.Can(action), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {
			t.Error("the handler ran")
		})
	}
	authz.HandleCreate(mux, "POST /documents", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
		_, err := check(&document{OwnerID: "alice"})
		bulwark.Deny(w, r, err)
	})
	const issuer = "Resource.Owner returned another Issuer than the caller's for the same subject"
	notMine := forbidden
	notMine.reason = "authz.not_within_reach"
	for _, test := range []struct {
		name, method, path string
		caller             *bulwark.Principal
		want               want
		text               string
	}{
		{"hidden", "GET", "/documents/1", as("alice", "user"), hidden("authz.not_readable"), issuer},
		{"hidden_update", "PUT", "/documents/1", as("alice", "user"), hidden("authz.not_readable"), issuer},
		{"visible", "PUT", "/documents/1", as("alice", "moderator"), notMine, issuer},
		{"created", "POST", "/documents", as("alice", "user"), notMine, issuer},
		{"other_subject", "GET", "/documents/1", as("mallory", "user"), hidden("authz.not_readable"), ""},
		{"nobodys", "GET", "/documents/3", as("alice", "user"), hidden("authz.not_readable"), ""},
		{"missing", "GET", "/documents/99", as("alice", "user"), hidden("authz.not_found"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := test.want.check(t, mux, request(test.method, test.path, test.caller))
			text := wanted(e)
			if !strings.HasPrefix(text, test.text) || test.text == "" && text != "" {
				t.Errorf("error %q, want %q", text, test.text)
			}
			if test.text != "" && !strings.HasSuffix(text, "both must be equal, a slash at the end counts") {
				t.Errorf("error %q is cut", text)
			}
		})
	}
	// Byte for byte the answer for an object that does not exist.
	there, missing := get(mux, "/documents/1", as("alice", "user")), get(mux, "/documents/99", as("alice", "user"))
	if there.Code != missing.Code || instance.ReplaceAllString(there.Body.String(), "") != instance.ReplaceAllString(missing.Body.String(), "") {
		t.Errorf("%d %s, and of a missing object %d %s", there.Code, there.Body, missing.Code, missing.Body)
	}
	var p *bulwark.Problem
	if _, err := res.Check(request("GET", "/", as("alice", "user")), "read", &document{OwnerID: "alice"}); !errors.As(err, &p) || p.Status != http.StatusNotFound || p.Err == nil || !strings.HasPrefix(p.Err.Error(), issuer) {
		t.Errorf("Check: %v", err)
	}
}

// An object without a whole owner belongs to nobody. If that is likely a
// mistake of Owner, or of the handler that makes the object, the log says so.
func TestAnOwnerThatIsNotWholeIsNamedInTheLog(t *testing.T) {
	const issuer = "Resource.Owner returned the caller's Subject without an Issuer, so that nobody owns the object; return both"
	const draft = "Resource.Owner returned no Issuer or no Subject for the new object; set both, from bulwark.PrincipalFrom, before check"
	notMine := forbidden
	notMine.reason = "authz.not_within_reach"
	for _, test := range []struct {
		name, method, path string
		owner              func(*document) (string, string)
		caller             *bulwark.Principal
		want               want
		text               string
	}{
		{"no_issuer", "GET", "/documents/1", func(d *document) (string, string) { return "", d.OwnerID }, as("alice", "user"), hidden("authz.not_readable"), issuer},
		{"no_issuer_visible", "PUT", "/documents/1", func(d *document) (string, string) { return "", d.OwnerID }, as("alice", "moderator"), notMine, issuer},
		{"no_issuer_of_another", "GET", "/documents/2", func(d *document) (string, string) { return "", d.OwnerID }, as("alice", "user"), hidden("authz.not_readable"), ""},
		{"no_subject", "GET", "/documents/1", func(*document) (string, string) { return accounts, "" }, as("alice", "user"), hidden("authz.not_readable"), ""},
		{"no_issuer_created", "POST", "/documents", func(*document) (string, string) { return "", "alice" }, as("alice", "user"), notMine, draft},
		{"no_subject_created", "POST", "/documents", func(*document) (string, string) { return accounts, "" }, as("alice", "user"), notMine, draft},
		{"no_owner_created", "POST", "/documents", func(*document) (string, string) { return "", "" }, as("alice", "user"), notMine, draft},
		{"another_owner_created", "POST", "/documents", func(*document) (string, string) { return accounts, "bob" }, as("alice", "user"), notMine, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := mustPolicy(t, guide())
			res := documents()
			res.Owner = test.owner
			mux := authz.NewMux(policy)
			for method, action := range map[string]string{"GET": "read", "PUT": "update"} {
				authz.HandleObject(mux, method+" /documents/{id}", res.Can(action), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {
					t.Error("the handler ran")
				})
			}
			authz.HandleCreate(mux, "POST /documents", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
				_, err := check(&document{})
				bulwark.Deny(w, r, err)
			})
			if text := wanted(test.want.check(t, mux, request(test.method, test.path, test.caller))); text != test.text {
				t.Errorf("error %q, want %q", text, test.text)
			}
		})
	}
	// A new object that is checked late.
	res := documents()
	res.Policy = mustPolicy(t, guide())
	var p *bulwark.Problem
	if _, err := res.Check(request("POST", "/", as("alice", "user")), "create", &document{}); !errors.As(err, &p) || p.Status != http.StatusForbidden || p.Err == nil || p.Err.Error() != draft {
		t.Errorf("Check: %v", err)
	}
}

// A caller who may read an object, but has no grant of the action at all, is
// told apart from a caller whose grant does not reach the object.
func TestARefusalWithoutAnyGrantOfTheAction(t *testing.T) {
	policy := mustPolicy(t, guide())
	res := documents()
	res.Policy = policy
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "DELETE /documents/{id}", res.Can("delete"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	notMine := forbidden
	notMine.reason = "authz.not_within_reach"
	const none = "no role of the caller grants this action on any object of the resource"
	e := notMine.check(t, mux, request("DELETE", "/documents/1", as("alice", "user")))
	if text := wanted(e); !strings.HasPrefix(text, none) || !strings.Contains(text, "Role.Grants") {
		t.Errorf("error %q", text)
	}
	e = notMine.check(t, mux, request("DELETE", "/documents/1", as("bob", "moderator")))
	if text := wanted(e); text != "" {
		t.Errorf("a grant that does not reach the object: error %q", text)
	}
	for _, test := range []struct {
		name   string
		caller *bulwark.Principal
		action string
		status int
		want   string
	}{
		{"no_grant", as("alice", "user"), "delete", 403, none},
		{"no_grant_to_create", as("alice", "user"), "create", 403, ""},
		{"no_roles", as("alice"), "read", 404, "the caller has no roles"},
		{"no_roles_to_create", as("alice"), "create", 403, "the caller has no roles"},
		{"unknown_roles", as("alice", "Admin"), "read", 404, "none of the caller's roles"},
	} {
		var p *bulwark.Problem
		object := &document{OwnerID: "alice"}
		if test.name == "no_grant_to_create" {
			object.OwnerID = "bob"
		}
		_, err := res.Check(request("GET", "/", test.caller), test.action, object)
		if !errors.As(err, &p) || p.Status != test.status {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		text := ""
		if p.Err != nil {
			text = p.Err.Error()
		}
		if !strings.HasPrefix(text, test.want) || test.want == "" && text != "" {
			t.Errorf("%s: error %q, want %q", test.name, text, test.want)
		}
	}
}

// The texts for the log cost nothing on the way of an allowed request.
func TestAnAllowedObjectAllocatesAsBefore(t *testing.T) {
	policy := mustPolicy(t, guide())
	res := documents()
	one := &document{ID: "1", OwnerID: "alice"}
	res.Load = func(context.Context, *http.Request) (*document, error) { return one, nil }
	h := authz.Object(policy, res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	r, _ := bulwark.Enter(request("GET", "/documents/1", as("alice", "user", "Admin")))
	serve(h, r) // reports the unknown role
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(nil, r) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
