package authz_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// wanted returns the text of the event's attribute error.
func wanted(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}

// bare is a request that no authentication layer has seen.
func bare(target string) *http.Request {
	return httptest.NewRequest("GET", target, nil)
}

// The event of a refusal that the program or its configuration brings about
// names the field or the call that changes it. The event of an ordinary refusal
// has no such text: its Rule is enough.
func TestEventsNameTheField(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("GET /users", authz.RequireRole("admin"), ok())
	mux.Handle("GET /any", authz.Any(authz.RequireRole("admin"), authz.Require("document:read:all")), ok())
	mux.Handle("GET /scoped", authz.Authenticated().Scopes("users"), ok())
	mux.Handle("GET /strong", authz.Authenticated().StepUp("urn:mfa", 0), ok())
	mux.Handle("GET /recent", authz.Authenticated().StepUp("", time.Minute), ok())
	mux.Handle("GET /otp", authz.Authenticated().Factor("otp", time.Minute), ok())
	mux.Handle("GET /files/{name}", authz.Public("x"), ok())
	mux.Handle("GET /tree/", authz.Public("x"), ok())

	inner := http.NewServeMux()
	inner.Handle("GET /ruled/{name}", ok())
	inner.Handle("GET /tree/", ok())
	inner.Handle("GET /forgotten", ok())
	guarded, err := authz.Guard(inner, policy, map[string]authz.Rule{
		"GET /ruled/{name}": authz.Public("x"), "GET /tree/": authz.Public("x")})
	if err != nil {
		t.Fatal(err)
	}
	one := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Public("x"),
		PathValue: func(r *http.Request, name string) string { return r.Header.Get("Id") }})).Wrap(ok())
	wild := http.NewServeMux()
	wild.Handle("GET /w/{name}", bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Public("x")})).Wrap(ok()))

	half := &bulwark.Principal{Subject: "alice", Roles: []string{"admin"}}
	weak := as("alice")
	weak.Scopes, weak.ACR, weak.AuthTime = []string{"other"}, "urn:pwd", time.Now().Add(-time.Hour)
	weak.Factors = map[string]time.Time{"pwd": time.Now()}
	timeless, late := as("alice"), as("alice")
	timeless.Factors = map[string]time.Time{"otp": {}}
	late.Factors = map[string]time.Time{"otp": time.Now().Add(-time.Hour)}
	header := func(r *http.Request, id string) *http.Request {
		r.Header.Set("Id", id)
		return r
	}
	opaque := request("GET", "/", nil)
	opaque.URL.Opaque = "http://x/admin"
	for name, test := range map[string]struct {
		handler http.Handler
		r       *http.Request
		status  int
		reason  string
		want    []string // nothing is an ordinary refusal
	}{
		"no_auth":      {mux, bare("/users"), 401, "authz.unauthenticated", []string{"no authentication layer", "auth.Config"}},
		"half_known":   {mux, request("GET", "/users", half), 401, "authz.unauthenticated", []string{"Issuer"}},
		"anonymous":    {mux, request("GET", "/users", nil), 401, "authz.unauthenticated", nil},
		"no_roles":     {mux, request("GET", "/users", as("alice")), 403, "authz.forbidden", []string{"Principal.Roles", "PolicyConfig.Roles"}},
		"no_roles_any": {mux, request("GET", "/any", as("alice")), 403, "authz.forbidden", []string{"Principal.Roles"}},
		"forbidden":    {mux, request("GET", "/users", as("alice", "user")), 403, "authz.forbidden", nil},
		"no_scopes":    {mux, request("GET", "/scoped", as("alice")), 403, "authz.insufficient_scope", []string{"Principal.Scopes", "Rule.Scopes"}},
		"other_scope":  {mux, request("GET", "/scoped", weak), 403, "authz.insufficient_scope", nil},
		"no_acr":       {mux, request("GET", "/strong", as("alice")), 401, "authz.insufficient_user_authentication", []string{"Principal.ACR", "Rule.StepUp"}},
		"other_acr":    {mux, request("GET", "/strong", weak), 401, "authz.insufficient_user_authentication", nil},
		"no_auth_time": {mux, request("GET", "/recent", as("alice")), 401, "authz.insufficient_user_authentication", []string{"Principal.AuthTime", "Rule.StepUp"}},
		"old_login":    {mux, request("GET", "/recent", weak), 401, "authz.insufficient_user_authentication", nil},
		"no_factors":   {mux, request("GET", "/otp", as("alice")), 401, "authz.insufficient_user_authentication", []string{"Principal.Factors", "Rule.Factor"}},
		"no_time":      {mux, request("GET", "/otp", timeless), 401, "authz.insufficient_user_authentication", []string{"time of a factor", "Principal.Factors", "Rule.Factor"}},
		"other_factor": {mux, request("GET", "/otp", weak), 401, "authz.insufficient_user_authentication", nil},
		"old_factor":   {mux, request("GET", "/otp", late), 401, "authz.insufficient_user_authentication", nil},
		"no_route":     {mux, request("GET", "/secret-name", nil), 404, "authz.no_route", []string{"no registered pattern", "Mux.Handle"}},
		"redirect":     {mux, request("GET", "/tree", nil), 404, "authz.no_route", []string{"does not redirect"}},
		"method":       {mux, request("POST", "/users", nil), 405, "authz.method_not_allowed", []string{"this method", "Mux.Handle"}},
		"slash":        {mux, request("GET", "/files/a%2Fsecret-name", nil), 400, "authz.path_value", []string{"encoded slash", "query or the body"}},
		"wildcard":     {mux, request("GET", "/files/%252e%252e", nil), 400, "authz.path_value", []string{"wildcard", "query or the body"}},
		"tail":         {mux, request("GET", "/tree/a;secret-name", nil), 400, "authz.path_value", []string{"Mount", "Mux.Handle", "{name}"}},
		"no_rule":      {guarded, request("GET", "/forgotten", as("root", "admin")), 403, "authz.no_rule", []string{"rules", "Guard"}},
		"guard_none":   {guarded, request("GET", "/secret-name", nil), 404, "authz.no_route", []string{"no registered pattern"}},
		"guard_to":     {guarded, request("GET", "/tree", nil), 404, "authz.no_route", []string{"does not redirect"}},
		"guard_value":  {guarded, request("GET", "/ruled/%252e", nil), 400, "authz.path_value", []string{"wildcard"}},
		"guest_empty":  {one, request("GET", "/a//secret-name", nil), 400, "authz.path_value", []string{"empty segment", "authz.Mux"}},
		"guest_slash":  {one, request("GET", "/a%2Fsecret-name", nil), 400, "authz.path_value", []string{"encoded slash"}},
		"guest_opaque": {one, opaque, 400, "authz.path_value", []string{"no path"}},
		"own_value":    {one, header(request("GET", "/a", nil), "../secret-name"), 400, "authz.path_value", []string{"PathValue"}},
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := serve(rec.Wrap(test.handler), test.r)
			events := rec.Take()
			if w.Code != test.status || len(events) != 1 || events[0].Reason != test.reason {
				t.Fatalf("%d, events %+v, want %d with one for %s", w.Code, events, test.status, test.reason)
			}
			text := wanted(events[0])
			if test.want == nil && text != "" {
				t.Errorf("an ordinary refusal has the error %q", text)
			}
			for _, part := range test.want {
				if !strings.Contains(text, part) {
					t.Errorf("error %q lacks %q", text, part)
				}
			}
			if strings.Contains(text+w.Body.String(), "secret-name") {
				t.Errorf("what was sent is echoed: %q, %s", text, w.Body)
			}
		})
	}
	if w := get(wild, "/w/a", nil); w.Code != http.StatusOK {
		t.Errorf("a wildcard of another router: %d", w.Code)
	}
	want{status: 400, code: "authz.path_value", event: bulwark.InputValidationFail}.check(t, wild, request("GET", "/w/%252e", nil))
}

// A role that the policy does not know is reported with the field that has to
// change, and a Check without a caller names the layer that is missing.
func TestEventsNameTheFieldOutsideOfRules(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("GET /me", authz.Authenticated(), ok())
	var rec bulwarktest.Recorder
	if w := serve(rec.Wrap(mux), request("GET", "/me", as("alice", "unheard-of"))); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	events := rec.Take()
	if len(events) != 1 || events[0].Reason != "authz.unknown_role" || !strings.Contains(wanted(events[0]), "PolicyConfig.Roles") {
		t.Errorf("events %+v", events)
	}

	res := documents()
	res.Policy = policy
	var p *bulwark.Problem
	if _, err := res.Check(bare("/"), "read", &document{}); !errors.As(err, &p) || p.Status != http.StatusUnauthorized || p.Err == nil || !strings.Contains(p.Err.Error(), "auth.Config") {
		t.Errorf("Check that no authentication layer has seen: %v", err)
	}
	if _, err := res.Check(request("GET", "/", nil), "read", &document{}); !errors.As(err, &p) || p.Status != http.StatusUnauthorized || p.Err != nil {
		t.Errorf("Check of an anonymous caller: %v", err)
	}
	if _, err := res.Check(request("GET", "/", as("a")), "raed", &document{}); err == nil || !strings.Contains(err.Error(), "PolicyConfig.Resources") {
		t.Errorf("Check of an unknown action: %v", err)
	}
	res.Policy = nil
	if _, err := res.Check(request("GET", "/", as("a")), "read", &document{}); err == nil || !strings.Contains(err.Error(), "Policy") || !strings.Contains(err.Error(), "Owner") {
		t.Errorf("Check without a policy: %v", err)
	}
	var none authz.Granted[*document]
	if _, err := none.For(t.Context(), "read"); !errors.As(err, &p) || p.Code != "authz.wrong_grant" || p.Err == nil || !strings.Contains(p.Err.Error(), "zero Granted") {
		t.Errorf("For of the zero Granted: %v", err)
	}
}

// A list with an element outside the reach names the reach that the query
// forgot.
func TestALeakNamesTheReach(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleList(mux, "GET /documents", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []*document{{ID: "1", OwnerID: "alice"}, {ID: "2", OwnerID: "bob"}})
	})
	e := want{status: 500, code: "authz.list_leak", event: bulwark.SysUnavailable}.check(t, mux, request("GET", "/documents", as("alice", "user")))
	text := wanted(e)
	for _, part := range []string{"element 1 of 2", "Reach.Match", "what Owner and Reaches look at", "or call Resource.Filter"} {
		if !strings.Contains(text, part) {
			t.Errorf("error %q lacks %q", text, part)
		}
	}
}

// A list that a layer of the route hands on for nobody is refused before the
// handler runs.
func TestAListRefusesBeforeTheHandler(t *testing.T) {
	ran := 0
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleList(mux, "GET /documents", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Reach) { ran++ }, asNobody{})
	e := unauthenticated.check(t, mux, request("GET", "/documents", as("alice", "user")))
	if ran != 0 || wanted(e) != "" {
		t.Errorf("the handler ran %d times; %+v", ran, e)
	}
	// The check of a new object asks again who the caller is.
	authz.HandleCreate(mux, "POST /documents", documents().Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
		if _, err := check(&document{OwnerID: "alice"}); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		ran++
	}, asNobody{})
	unauthenticated.check(t, mux, request("POST", "/documents", as("alice", "user")))
	if ran != 0 {
		t.Error("the object was made for nobody")
	}
}

// A caller may have more roles than the table keeps room for on the stack.
func TestTheNinthRoleCounts(t *testing.T) {
	c := guide()
	var roles []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c.Roles[name] = authz.Role{}
		roles = append(roles, name)
	}
	mux := authz.NewMux(mustPolicy(t, c))
	mux.Handle("GET /users", authz.Require("user:read:all"), ok())
	mux.Handle("GET /admin", authz.RequireRole("admin"), ok())
	for _, path := range []string{"/users", "/admin"} {
		forbidden.check(t, mux, request("GET", path, as("alice", roles...)))
		if w := get(mux, path, as("alice", append(roles, "admin")...)); w.Code != http.StatusOK {
			t.Errorf("%s with admin as the ninth role: %d", path, w.Code)
		}
	}
}

// Roles that inherit from one role on two ways are explained once.
func TestExplainOfADiamond(t *testing.T) {
	p := mustPolicy(t, authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles: authz.Roles{
			"base": {Grants: []string{"document:read:own"}}, "left": {Inherits: []string{"base"}}, "right": {Inherits: []string{"base"}},
			"top": {Inherits: []string{"left", "right"}},
		},
	})
	got := p.Explain(authz.Query{Principal: as("alice", "top"), Resource: "document", Action: "read", Reach: "own"})
	want := "allow document:read:own to \"alice\" of \"https://accounts.example\"\n" +
		"  role top inherits left inherits base grants document:read:own: objects whose owner is the caller\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// asNobody is a layer of a route that drops the caller.
type asNobody struct{}

func (asNobody) Build() (bulwark.Layer, error) { return asNobody{}, nil }

func (asNobody) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(context.WithoutCancel(r.Context()), nil)))
	})
}
