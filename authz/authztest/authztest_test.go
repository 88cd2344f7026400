package authztest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Unsetenv("UPDATE_GOLDEN") // the Examples compare with a file on purpose
	os.Exit(m.Run())
}

// failing collects what a test helper finds wrong.
type failing struct {
	testing.TB
	errs []string
}

func (f *failing) Helper() {}
func (f *failing) Errorf(format string, args ...any) {
	f.errs = append(f.errs, fmt.Sprintf(format, args...))
}
func (f *failing) Fatalf(format string, args ...any) { f.Errorf(format, args...) }

type document struct{ owner string }

func service(t *testing.T, userGrant string, ran *int) *authz.Mux {
	t.Helper()
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{userGrant}}, "guest": {}, "admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *ran++ })
	documents := authz.Resource[*document]{Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			if r.PathValue("id") != "authztest" {
				t.Errorf("the id is %q", r.PathValue("id"))
			}
			return nil, authz.ErrNotFound
		},
		Owner: func(d *document) (string, string) { return authztest.Issuer, d.owner }}
	mux := authz.NewMux(policy)
	mux.Handle("GET /{$}", authz.Public("front page"), h)
	mux.Handle("GET /me", authz.Authenticated(), h)
	mux.Handle("GET admin.example.com/users", authz.RequireRole("admin").Scopes("users").StepUp("urn:mfa urn:hw", time.Minute).Factor("otp", time.Minute).Factor("pwd", 0), h)
	mux.Handle("GET /late", authz.Require("document:delete:own"), h)
	mux.Mount("/debug/", authz.RequireRole("admin"), h)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	return mux
}

// A reason cannot look like the line of another route.
func TestRoutesHaveOneLineEach(t *testing.T) {
	ran := 0
	mux := service(t, "document:read:own", &ran)
	before := strings.Count(authztest.Routes(mux), "\n")
	mux.Handle("GET /open", authz.Public("x) | everybody\nGET /zz | role admin | admin\u202e"), http.NotFoundHandler())
	text := authztest.Routes(mux)
	if got := strings.Count(text, "\n"); got != before+1 {
		t.Errorf("%d lines, want %d:\n%s", got, before+1, text)
	}
	if want := `GET /open | public (x) | everybody\x0aGET /zz | role admin | admin\u202e) | everybody` + "\n"; !strings.Contains(text, want) {
		t.Errorf("got\n%swant the line\n%s", text, want)
	}
}

const golden = `DELETE /debug/ | role admin | admin | weak: mounted: its own routes are not listed
GET /debug/ | role admin | admin | weak: mounted: its own routes are not listed
PATCH /debug/ | role admin | admin | weak: mounted: its own routes are not listed
POST /debug/ | role admin | admin | weak: mounted: its own routes are not listed
PUT /debug/ | role admin | admin | weak: mounted: its own routes are not listed
DELETE /documents/{id} | object document:delete | admin (all)
GET /documents/{id} | object document:read | admin (all), user (own)
GET /late | permission document:delete:own | admin | weak: the reach own is for the handler to check
GET /me | authenticated | every caller
GET /{$} | public (front page) | everybody
GET admin.example.com/users | role admin, scope users, acr urn:mfa urn:hw, login within 1m0s, factor otp within 1m0s, factor pwd | admin
`

func TestGolden(t *testing.T) {
	t.Setenv("UPDATE_GOLDEN", "")
	file := filepath.Join(t.TempDir(), "golden", "routes.golden")
	var ran int
	mux := service(t, "document:read:own", &ran)

	missing := &failing{TB: t}
	authztest.Golden(missing, mux, file)
	if len(missing.errs) != 1 || !strings.Contains(missing.errs[0], "UPDATE_GOLDEN=1") {
		t.Errorf("without a file: %q", missing.errs)
	}
	t.Setenv("UPDATE_GOLDEN", "1")
	authztest.Golden(t, mux, file)
	if text, err := os.ReadFile(file); err != nil || string(text) != golden {
		t.Errorf("wrote\n%s(%v)", text, err)
	}
	t.Setenv("UPDATE_GOLDEN", "")
	authztest.Golden(t, mux, file)

	wider := &failing{TB: t}
	authztest.Golden(wider, service(t, "document:read:all", &ran), file)
	if len(wider.errs) != 1 ||
		!strings.Contains(wider.errs[0], "- GET /documents/{id} | object document:read | admin (all), user (own)\n") ||
		!strings.Contains(wider.errs[0], "+ GET /documents/{id} | object document:read | admin (all), user (all)\n") || strings.Contains(wider.errs[0], "/me") {
		t.Errorf("a wider reach: %q", wider.errs)
	}
	t.Setenv("UPDATE_GOLDEN", "1")
	for _, unwritable := range []string{filepath.Join(file, "x", "routes.golden"), filepath.Dir(file)} {
		broken := &failing{TB: t}
		authztest.Golden(broken, mux, unwritable)
		if len(broken.errs) == 0 {
			t.Errorf("writing to %s does not fail", unwritable)
		}
	}
}

func TestRoutesOfNobody(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"document": {"read"}}, Roles: authz.Roles{"user": {}}})
	if err != nil {
		t.Fatal(err)
	}
	mux := authz.NewMux(policy)
	mux.Handle("GET /x", authz.Require("document:read:all"), http.NotFoundHandler())
	if got := authztest.Routes(mux); got != "GET /x | permission document:read:all | nobody\n" {
		t.Errorf("Routes = %q", got)
	}
}

func TestMatrix(t *testing.T) {
	var ran int
	mux := service(t, "document:read:own", &ran)
	authztest.Matrix(t, mux, []string{"user", "guest", "admin", "unheard-of"})
	if want := 5 + 4 + 1 + 1 + 5; ran != want { // front page, me, users, late, the mounted
		t.Errorf("handlers ran %d times, want %d", ran, want)
	}
	for name, nothing := range map[string]struct {
		mux   *authz.Mux
		roles []string
	}{"no_roles": {mux, nil}, "no_routes": {authz.NewMux(nil), []string{"user"}}} {
		f := &failing{TB: t}
		authztest.Matrix(f, nothing.mux, nothing.roles)
		if len(f.errs) != 1 {
			t.Errorf("%s: %q", name, f.errs)
		}
	}
}

// A service whose answers are not those of its table.
func TestMatrixFindsWhatTheTableDoesNotSay(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:all"}}, "admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := authz.NewMux(policy)
	mux.Handle("GET /twice", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, _ := bulwark.PrincipalFrom(r.Context()); !p.HasRole("admin") { // a second rule, in the handler
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	documents := authz.Resource[*document]{Name: "document", Owner: func(*document) (string, string) { return "", "" },
		Load: func(context.Context, *http.Request) (*document, error) {
			return nil, &bulwark.Problem{Status: http.StatusGone, Code: "documents.gone"}
		}}
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	f := &failing{TB: t}
	authztest.Matrix(f, mux, []string{"user", "admin"})
	if got := strings.Join(f.errs, "\n"); len(f.errs) != 2 || !strings.Contains(got, "GET /twice as role user: 403 Forbidden, but Mux.Routes says that the caller may pass") ||
		!strings.Contains(got, "DELETE /documents/{id} as role user: 410 Gone, want 403") {
		t.Errorf("Matrix found:\n%s", got)
	}
}

// Whether a new object is within a reach of the application depends on the
// object. A caller is always the owner of what the caller makes.
func TestMatrixOfACreateWithinAReach(t *testing.T) {
	for _, test := range []struct {
		grants []string
		want   string
	}{
		{[]string{"document:create:team"}, ""},
		{[]string{"document:create:team", "document:create:own"}, "POST /documents as role user: 403 Forbidden, but Mux.Routes says that the caller may pass"},
		{[]string{"document:create:own"}, "POST /documents as role user: 403 Forbidden, but"},
		{[]string{"document:create:all"}, "POST /documents as role user: 403 Forbidden, but"},
	} {
		policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"document": {"create"}}, Reaches: []string{"team"},
			Roles: authz.Roles{"user": {Grants: test.grants}, "use": {}}})
		if err != nil {
			t.Fatal(err)
		}
		mux := authz.NewMux(policy)
		documents := authz.Resource[*document]{Name: "document", Owner: func(*document) (string, string) { return "", "" },
			Reaches: map[string]func(*bulwark.Principal, *document) bool{"team": func(*bulwark.Principal, *document) bool { return false }}}
		authz.HandleCreate(mux, "POST /documents", documents.Can("create"), func(w http.ResponseWriter, r *http.Request, _ func(*document) (authz.Granted[*document], error)) {
			w.WriteHeader(http.StatusForbidden)
		})
		f := &failing{TB: t}
		authztest.Matrix(f, mux, []string{"user", "use"})
		if got := strings.Join(f.errs, "\n"); !strings.HasPrefix(got, test.want) || (test.want == "") != (got == "") {
			t.Errorf("%s: Matrix found %q, want %q", test.grants, got, test.want)
		}
	}
}

// A handler that verifies a credential of its own may refuse whom the rule lets
// in, if the test says so. A caller whom the rule refuses stays refused.
func TestMatrixOfAHandlerThatVerifies(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"document": {"read"}}, Roles: authz.Roles{"user": {}, "admin": {}}})
	if err != nil {
		t.Fatal(err)
	}
	mux := authz.NewMux(policy)
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	mux.Handle("POST /refresh", authz.Public("the cookie is the credential"), refuse)
	mux.Handle("POST /other", authz.Public("test"), refuse)
	mux.Handle("GET /v1;x/", authz.RequireRole("admin"), http.NotFoundHandler()) // 400 before the rule
	f := &failing{TB: t}
	authztest.Matrix(f, mux, []string{"user"}, "POST /refresh", "GET /v1;x/", "POST /gone")
	want := []string{
		`Matrix was given "POST /gone", and the Mux has no such route`,
		"POST /other as an anonymous caller: 401 Unauthorized, but", "POST /other as role user: 401 Unauthorized, but",
		"GET /v1;x/ as an anonymous caller: 400 Bad Request, want 401", "GET /v1;x/ as role user: 400 Bad Request, want 403",
	}
	if len(f.errs) != len(want) {
		t.Fatalf("Matrix found %q, want %q", f.errs, want)
	}
	for i := range want {
		if !strings.Contains(f.errs[i], want[i]) {
			t.Errorf("Matrix found %q, want %q", f.errs[i], want[i])
		}
	}
}

// Routes that answer an anonymous caller, or an unknown method, otherwise than
// the table says.
func TestMatrixFindsWrongAnswersToNobody(t *testing.T) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"document": {"read"}}, Roles: authz.Roles{"user": {}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pattern string
		rule    authz.Rule
		status  int // of the handler
		want    []string
	}{
		"public_refuses_nobody": {"GET /open", authz.Public("x"), 401, []string{
			"GET /open as an anonymous caller: 401 Unauthorized, but Mux.Routes says that the caller may pass",
			"GET /open as role user: 401 Unauthorized, but Mux.Routes says that the caller may pass"}},
		// The path that a pattern with a semicolon needs is refused before the rule.
		"path_never_passes":  {"GET /v1;x/", authz.RequireRole("user"), 200, []string{"GET /v1;x/ as an anonymous caller: 400 Bad Request, want 401"}},
		"method_of_the_test": {"BULWARK /odd", authz.Public("x"), 200, []string{"/odd with an unknown method: 200, want 405"}},
	} {
		mux := authz.NewMux(policy)
		mux.Handle(test.pattern, test.rule, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(test.status) }))
		f := &failing{TB: t}
		authztest.Matrix(f, mux, []string{"user"})
		if len(f.errs) != len(test.want) {
			t.Errorf("%s: Matrix found %q, want %q", name, f.errs, test.want)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(f.errs[i], want) {
				t.Errorf("%s: Matrix found %q, want %q", name, f.errs[i], want)
			}
		}
	}
}

// A Deferred route is accepted if its handler checks, and refused if the
// handler has forgotten the check.
func TestMatrixOfDeferredRoutes(t *testing.T) {
	for name, test := range map[string]struct {
		handler func(documents authz.Resource[*document]) http.HandlerFunc
		want    string // a part of the failure
	}{
		"checks": {func(documents authz.Resource[*document]) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if _, err := documents.Check(r, "delete", &document{owner: "admin"}); err != nil {
					bulwark.Deny(w, r, err)
				}
			}
		}, ""},
		"forgets": {func(authz.Resource[*document]) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("a document")) }
		}, "authz.unchecked"},
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := authz.NewPolicy(authz.PolicyConfig{
				Resources: map[string][]string{"document": {"read", "delete"}},
				Roles:     authz.Roles{"user": {Grants: []string{"document:read:all"}}, "guest": {}, "admin": {Grants: []string{"*"}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			documents := authz.Resource[*document]{Name: "document", Policy: policy,
				Owner: func(d *document) (string, string) { return authztest.Issuer, d.owner }}
			mux := authz.NewMux(policy)
			mux.Handle("POST /search", authz.Deferred(), test.handler(documents))
			if got := authztest.Routes(mux); got != "POST /search | deferred | every caller | weak: the handler checks late\n" {
				t.Errorf("the table is %q", got)
			}
			f := &failing{TB: t}
			authztest.Matrix(f, mux, []string{"user", "guest", "admin"})
			all := strings.Join(f.errs, "\n")
			if (test.want == "") != (all == "") || !strings.Contains(all, test.want) {
				t.Errorf("Matrix says %q, want %q", all, test.want)
			}
		})
	}
}

// A deferred check is about an object, so that a caller who passes the rule may
// be refused, as on a route for an object. An anonymous caller may not pass.
func TestMatrixJudgesDeferredRoutes(t *testing.T) {
	for _, test := range []struct {
		rule, role string
		status     int
		fine       bool
	}{
		{"deferred", "user", 200, true},
		{"deferred", "user", 403, true},
		{"deferred", "user", 404, true},
		{"deferred, scope x", "user", 403, true},
		{"deferred", "user", 401, false},
		{"deferred", "", 401, true},
		{"deferred", "", 404, false},
		{"deferred", "", 200, false},
		{"authenticated", "user", 403, false},
		{"object document:read", "user", 403, true},
	} {
		fault := authztest.Judge(authz.Route{Rule: test.rule, Roles: []string{"*"}}, test.role, false, test.status)
		if (fault == "") != test.fine {
			t.Errorf("%s as %q: %d is found %q", test.rule, test.role, test.status, fault)
		}
	}
}

// A role that is not listed gets 403, and 404 only where an object could be
// hidden. A role that is listed is never 401.
func TestMatrixJudgesRoles(t *testing.T) {
	for _, test := range []struct {
		rule, weak, role string
		status           int
		fine             bool
	}{
		{"role admin", "", "user", 403, true},
		{"role admin", "", "user", 404, false},
		{"role admin", "", "user", 200, false},
		{"role admin", "", "user", 401, false},
		{"object document:read", "", "user", 404, true},
		{"object document:read", "", "user", 200, false},
		{"list document:read", "", "user", 404, false},
		{"create document:create", "", "user", 404, false},
		{"role admin", "", "admin", 404, true},
		{"role admin", "", "admin", 401, false},
		{"role admin", "", "admin", 403, false},
		{"role admin", "an engine decides", "admin", 403, true},
		{"role admin", "an engine decides", "admin", 401, false},
		{"object document:read", "", "admin", 403, true},
		{"object document:read", "", "admin", 401, false},
	} {
		roles := []string{"admin"}
		if test.rule != "role admin" {
			roles = []string{"admin (all)"}
		}
		fault := authztest.Judge(authz.Route{Rule: test.rule, Weak: test.weak, Roles: roles}, test.role, false, test.status)
		if (fault == "") != test.fine {
			t.Errorf("%s (%s) as %q: %d is found %q", test.rule, test.weak, test.role, test.status, fault)
		}
	}
}
