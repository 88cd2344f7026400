package documents_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

// The files in testdata are reviewed: a change of who may call a route, and of
// who sees a field, is a changed line. Write them with UPDATE_GOLDEN=1.

func TestRoutes(t *testing.T) {
	authztest.Golden(t, start(t).app.Mux(), "testdata/routes.golden")
}

func TestRoles(t *testing.T) {
	authztest.Matrix(t, start(t).app.Mux(), []string{"user", "moderator", "admin"}, "POST /api/auth/refresh")
}

func TestFieldsOfAnswers(t *testing.T) {
	s := start(t)
	w := newWalker(s)
	for _, name := range []string{"alice", "mallory", "bob"} {
		s.create(w.freshly(name), 1)
	}
	authztest.Fields(t, s.app.Mux(), authztest.Walk{
		Callers: w.callers(),
		Values:  w.values,
		Prepare: w.prepare,
		Bodies: map[string]string{
			"POST /api/auth/login":   `{"email": "alice@example.com", "password": "` + password + `"}`,
			"POST /api/auth/confirm": `{"password": "` + password + `"}`,
			"POST /documents":        `{"title": "T", "content": "<p>c</p>"}`,
			"PUT /documents/{id}":    `{"title": "U"}`,
			"PATCH /documents/{id}":  `{"content": "<p>d</p>"}`,
			"POST /admin/keys":       `{"name": "partner", "tier": "default"}`,
			"POST /reports/csp":      `{"csp-report": {"document-uri": "https://api.example.com/", "violated-directive": "script-src"}}`,
			"POST /users":            "the body is from prepare",
		},
		Known: map[string]string{
			"GET /api/auth/me": "a caller reads their own account",
			"POST /users":      "a sign-up has no caller; the answer is what the client has sent",
		},
	}, "testdata/fields.golden")
}

// A walker makes what the requests of a walk need, each time anew.
type walker struct {
	*service
	alice, root answer // to their logins
	made        int
}

func newWalker(s *service) *walker {
	w := &walker{service: s}
	w.alice, w.root = w.login(w.address(), "alice", password), w.login(w.address(), "root", password)
	return w
}

func (w *walker) callers() map[string]*bulwark.Principal {
	return map[string]*bulwark.Principal{
		"alice, owner": w.caller(bearerOf(w.alice)), "mallory, stranger": w.caller(w.bearer("mallory")), "bob, moderator": w.caller(w.bearer("bob")),
		"root, admin": w.caller(bearerOf(w.root)), "key, a stranger": w.caller("ApiKey " + w.apiKey), "nobody": nil,
	}
}

func (w *walker) caller(authorization string) *bulwark.Principal {
	w.t.Helper()
	caller, err := w.app.Caller(authorization)
	if err != nil {
		w.t.Fatal(err)
	}
	return caller
}

func bearerOf(login answer) string { return "Bearer " + login.body["access_token"].(string) }

// address returns an address that has not sent anything, so that no limit is in
// the way.
func (w *walker) address() string {
	w.made++
	return fmt.Sprintf("198.51.%d.%d", w.made/250, w.made%250+1)
}

// values makes the object of a route: a document or a session of alice, an
// account, or a key.
func (w *walker) values(route authz.Route) map[string]string {
	w.t.Helper()
	id := func(a answer, field string) map[string]string {
		value, _ := a.body[field].(string)
		if value == "" {
			w.t.Fatalf("%s %s: %v", route.Method, route.Pattern, a)
		}
		return map[string]string{"id": value}
	}
	root := []string{"Authorization", bearerOf(w.root)}
	switch {
	case !strings.Contains(route.Pattern, "{id}"):
		return nil
	case strings.HasPrefix(route.Pattern, "/documents/"):
		return id(w.do(w.address(), "POST", "/documents", map[string]string{"title": "T"}, "Authorization", w.freshly("alice")), "id")
	case strings.HasPrefix(route.Pattern, "/admin/keys/"):
		return id(w.do(w.address(), "POST", "/admin/keys", map[string]string{"name": "partner", "tier": "default"}, root...), "id")
	case strings.HasPrefix(route.Pattern, "/admin/users/"):
		return id(w.do(w.address(), "POST", "/users", w.person()), "id")
	}
	return map[string]string{"id": w.caller(w.freshly("alice")).SessionID}
}

// freshly logs in anew, because an account has few sessions.
func (w *walker) freshly(name string) string { return bearerOf(w.login(w.address(), name, password)) }

// person returns a sign-up.
func (w *walker) person() map[string]string {
	w.made++
	return map[string]string{"email": fmt.Sprintf("p%d@example.com", w.made), "password": "long enough", "name": "P"}
}

func (w *walker) prepare(r *http.Request, who string) {
	r.RemoteAddr = w.address() + ":40000"
	switch r.URL.Path {
	case "/users":
		one := w.person()
		r.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"email": %q, "password": %q, "name": "P"}`, one["email"], one["password"])))
	case "/reports/csp":
		r.Header.Set("Content-Type", "application/csp-report")
	case "/api/auth/confirm":
		if strings.HasPrefix(who, "alice") { // the handler asks for the token of the session
			r.Header.Set("Authorization", bearerOf(w.alice))
		}
	case "/api/auth/refresh":
		for _, c := range w.login(w.address(), "alice", password).Cookies() {
			if strings.HasSuffix(c.Name, "refresh") {
				r.AddCookie(c)
			}
		}
	}
}
