package authz_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// shelf holds the documents of the tests: alice's, mallory's, nobody's.
var shelf = map[string]document{
	"1": {ID: "1", OwnerID: "alice", Tenant: "acme"}, "2": {ID: "2", OwnerID: "mallory", Tenant: "acme"},
	"3": {ID: "3"}, "4": {ID: "4", OwnerID: "bob", Tenant: "other"},
}

func load(_ context.Context, r *http.Request) (*document, error) {
	id := r.PathValue("id")
	switch id {
	case "fire":
		return &document{OwnerID: "alice"}, errStore
	case "slow":
		return nil, fmt.Errorf("query: %w", context.DeadlineExceeded)
	case "gone":
		return nil, &bulwark.Problem{Status: http.StatusGone, Code: "documents.gone"}
	case "nil":
		return nil, nil
	}
	d, ok := shelf[id]
	if !ok {
		return nil, fmt.Errorf("document: %w", authz.ErrNotFound)
	}
	return &d, nil
}

func owner(d *document) (string, string) { return accounts, d.OwnerID }

func documents() authz.Resource[*document] {
	return authz.Resource[*document]{Name: "document", Load: load, Owner: owner}
}

// tenantPolicy adds a reach of the application's own.
func tenantPolicy() authz.PolicyConfig {
	c := guide()
	c.Reaches = []string{"team", "tenant"}
	c.Roles["auditor"] = authz.Role{Grants: []string{"document:read:tenant"}}
	c.Roles["writer"] = authz.Role{Inherits: []string{"user"}, Grants: []string{"document:read:tenant"}}
	c.Roles["eraser"] = authz.Role{Grants: []string{"document:delete:own"}}
	return c
}

func tenantOf(p *bulwark.Principal) string {
	tenant, _ := p.Claim("tenant")
	text, _ := tenant.(string)
	return text
}

func tenants() authz.Resource[*document] {
	res := documents()
	res.Reaches = map[string]func(*bulwark.Principal, *document) bool{
		"tenant": func(p *bulwark.Principal, d *document) bool { return d.Tenant != "" && d.Tenant == tenantOf(p) }}
	res.Match = map[string]func(*bulwark.Principal) string{"tenant": tenantOf}
	return res
}

func inTenant(tenant, subject string, roles ...string) *bulwark.Principal {
	p := as(subject, roles...)
	p.Claims = func(name string) (any, bool) { return tenant, name == "tenant" }
	return p
}

// objectMux serves every action on documents, and tells what handlers ran.
func objectMux(t *testing.T) (http.Handler, *[]string) {
	t.Helper()
	ran := new([]string)
	mux := authz.NewMux(mustPolicy(t, tenantPolicy()))
	res := tenants()
	for method, action := range map[string]string{"GET": "read", "PUT": "update", "DELETE": "delete"} {
		authz.HandleObject(mux, method+" /documents/{id}", res.Can(action), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
			*ran = append(*ran, action+" "+d.Value().ID)
			if got, err := d.For(r.Context(), action); err != nil || got != d.Value() || d.Action() != action || d.Caller().Subject == "" {
				t.Errorf("the grant does not hold: %v", err)
			}
		})
	}
	return mux, ran
}

func hidden(reason string) want {
	return want{status: 404, code: "authz.not_found", event: bulwark.AuthzFail, reason: reason}
}

func TestObjects(t *testing.T) {
	notMine := forbidden
	notMine.reason = "authz.not_within_reach"
	alice, mallory, bob, root := as("alice", "user"), as("mallory", "user"), as("bob", "moderator"), as("root", "admin")
	foreign := &bulwark.Principal{Issuer: "https://elsewhere.example", Subject: "alice", Roles: []string{"user"}}
	for _, test := range []struct {
		name, method, id string
		caller           *bulwark.Principal
		want             want
	}{
		{"owner_reads", "GET", "1", alice, want{}},
		{"owner_heads", "HEAD", "1", alice, want{}},
		{"owner_updates", "PUT", "1", alice, want{}},
		{"owner_without_grant", "DELETE", "1", alice, notMine},
		{"stranger_reads", "GET", "1", mallory, hidden("authz.not_readable")},
		{"stranger_heads", "HEAD", "1", mallory, hidden("authz.not_readable")},
		{"stranger_updates", "PUT", "1", mallory, hidden("authz.not_readable")},
		{"stranger_deletes", "DELETE", "1", mallory, hidden("authz.not_readable")},
		{"other_issuers_alice", "GET", "1", foreign, hidden("authz.not_readable")},
		{"moderator_reads_any", "GET", "1", bob, want{}},
		{"moderator_updates_other", "PUT", "1", bob, notMine},
		{"moderator_updates_own", "PUT", "4", bob, want{}},
		{"moderator_deletes_own", "DELETE", "4", bob, want{}},
		{"moderator_deletes_other", "DELETE", "1", bob, notMine},
		{"admin_reads", "GET", "1", root, want{}},
		{"admin_deletes", "DELETE", "2", root, want{}},
		{"admin_reads_unowned", "GET", "3", root, want{}},
		{"unowned", "GET", "3", alice, hidden("authz.not_readable")},
		{"unowned_and_empty_subject", "GET", "3", &bulwark.Principal{Issuer: accounts, Roles: []string{"user"}}, unauthenticated},
		{"missing", "GET", "99", alice, hidden("authz.not_found")},
		{"missing_for_admin", "PUT", "99", root, hidden("authz.not_found")},
		{"missing_and_no_grant", "DELETE", "99", alice, hidden("authz.not_found")},
		{"nil_object", "GET", "nil", root, hidden("authz.not_found")},
		{"anonymous", "GET", "1", nil, unauthenticated},
		{"anonymous_missing", "GET", "99", nil, unauthenticated},
		{"no_roles", "GET", "1", as("alice"), forbidden},
		{"no_roles_missing", "GET", "99", as("alice"), forbidden},
		{"path_value", "GET", "%2e%2e", alice, pathValue},
		{"path_value_anonymous", "GET", "%2e%2e", nil, pathValue},
		{"same_tenant", "GET", "2", inTenant("acme", "carol", "auditor"), want{}},
		{"other_tenant", "GET", "4", inTenant("acme", "carol", "auditor"), hidden("authz.not_readable")},
		{"no_tenant", "GET", "3", inTenant("", "carol", "auditor"), hidden("authz.not_readable")},
		{"tenant_reads_only", "PUT", "2", inTenant("acme", "carol", "writer"), notMine},
		{"own_or_tenant", "GET", "4", inTenant("acme", "bob", "writer"), want{}},
		{"delete_without_read", "DELETE", "1", as("alice", "eraser"), want{}},
		{"delete_without_read_stranger", "DELETE", "1", as("mallory", "eraser"), hidden("authz.not_readable")},
		{"store_fails", "GET", "fire", alice, want{status: 500, code: "authz.load_failed", event: bulwark.SysUnavailable}},
		{"store_fails_for_admin", "GET", "fire", root, want{status: 500, code: "authz.load_failed", event: bulwark.SysUnavailable}},
		{"store_times_out", "GET", "slow", root, want{status: 503, code: "authz.load_timeout", event: bulwark.SysUnavailable, header: map[string]string{"Retry-After": "1"}}},
		{"store_has_a_problem", "GET", "gone", root, want{status: 410, code: "documents.gone", event: bulwark.InputValidationFail}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux, ran := objectMux(t)
			r := request(test.method, "/documents/"+test.id, test.caller)
			if test.want.status == 0 {
				if w := serve(mux, r); w.Code != 200 || len(*ran) != 1 {
					t.Errorf("%d, handlers %v", w.Code, *ran)
				}
				return
			}
			e := test.want.check(t, mux, r)
			if len(*ran) != 0 {
				t.Errorf("the handler ran: %v", *ran)
			}
			if want := test.want.reason; want == "authz.not_readable" || want == "authz.not_found" || want == "authz.not_within_reach" {
				if e.Route == "" || e.Attrs[0].String() != "resource=document" || e.Attrs[1].Key != "object" || len(e.Attrs[1].Value.String()) != 16 {
					t.Errorf("event %+v", e)
				}
			}
		})
	}
}

// Whoever may not read an object must not learn that it exists.
func TestHiddenIsMissing(t *testing.T) {
	mux, _ := objectMux(t)
	// Only the path and the id of the request differ; the id is fixed here.
	answer := func(method, id string) string {
		r := request(method, "/documents/"+id, as("mallory", "user"))
		edge := bulwark.Must(bulwark.Edge{InsecureAnyHost: true, TrustedProxies: nil}.Build())
		w := serve(edge.Wrap(mux), r)
		requestID := w.Header().Get("X-Request-Id")
		if requestID == "" {
			t.Fatal("no request id")
		}
		names := slices.Sorted(maps.Keys(w.Header()))
		text := fmt.Sprint(w.Code, names)
		for _, name := range names {
			text += fmt.Sprint(name, w.Header()[name])
		}
		return strings.ReplaceAll(text+w.Body.String(), requestID, "ID")
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if there, missing := answer(method, "1"), answer(method, "99"); there != missing {
			t.Errorf("%s tells them apart:\n%s\n%s", method, there, missing)
		}
	}
}

func TestObjectHashIsStableAndKeyed(t *testing.T) {
	hashes := func(mux http.Handler, id string) string {
		return hidden("authz.not_readable").check(t, mux, request("GET", "/documents/"+id, as("x", "user"))).Attrs[1].Value.String()
	}
	mux, _ := objectMux(t)
	other, _ := objectMux(t)
	first, again := hashes(mux, "1"), hashes(mux, "1")
	if first != again || first == hashes(mux, "2") || first == hashes(other, "1") {
		t.Error("the hash is not one per object and policy")
	}
}

func TestStoreErrorsStayInside(t *testing.T) {
	mux, _ := objectMux(t)
	var rec bulwarktest.Recorder
	w := get(rec.Wrap(mux), "/documents/fire", as("alice", "user"))
	if strings.Contains(w.Body.String(), "fire") || !strings.Contains(fmt.Sprint(rec.Events()), "10.0.0.7") {
		t.Errorf("body %s, events %+v", w.Body, rec.Events())
	}
}

func TestPanicsAreNoGrant(t *testing.T) {
	for _, where := range []string{"load", "owner", "reach"} {
		res := tenants()
		switch where {
		case "load":
			res.Load = func(context.Context, *http.Request) (*document, error) { panic(where) }
		case "owner":
			res.Owner = func(*document) (string, string) { panic(where) }
		case "reach":
			res.Reaches["tenant"] = func(*bulwark.Principal, *document) bool { panic(where) }
		}
		mux := authz.NewMux(mustPolicy(t, tenantPolicy()))
		ran := false
		authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran = true })
		func() {
			defer func() {
				if got := recover(); got != where {
					t.Errorf("%s: recovered %v", where, got)
				}
			}()
			get(mux, "/documents/2", inTenant("acme", "carol", "writer"))
		}()
		if ran {
			t.Errorf("%s: the handler ran", where)
		}
	}
}

// layerKey is what a layer puts into the context.
type layerKey struct{}

func TestLayersRunAfterTheGrant(t *testing.T) {
	ran := 0
	layer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ran++
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), layerKey{}, "value")))
		})
	})
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleObject(mux, "PUT /documents/{id}", documents().Can("update"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		if d.Value().ID != r.PathValue("id") || r.Context().Value(layerKey{}) != "value" {
			t.Error("the grant or the context was lost")
		}
		if p, ok := bulwark.PrincipalFrom(r.Context()); !ok || p.Subject != "alice" {
			t.Error("the caller was lost")
		}
		w.WriteHeader(http.StatusNoContent)
	}, layer)
	for _, refused := range []*http.Request{request("PUT", "/documents/2", as("alice", "user")), request("PUT", "/documents/1", nil), request("PUT", "/documents/1", as("alice"))} {
		if w := serve(mux, refused); w.Code < 400 || ran != 0 {
			t.Errorf("%d, layers ran: %d", w.Code, ran)
		}
	}
	if w := serve(mux, request("PUT", "/documents/1", as("alice", "user"))); w.Code != 204 || ran != 1 {
		t.Errorf("%d, layers ran: %d", w.Code, ran)
	}
	// A layer that throws the context away has thrown the grant away.
	forget := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.Background()))
		})
	})
	mux = authz.NewMux(mustPolicy(t, guide()))
	called := false
	authz.HandleObject(mux, "PUT /documents/{id}", documents().Can("update"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { called = true }, forget)
	if w := serve(mux, request("PUT", "/documents/1", as("alice", "user"))); w.Code != 500 || called {
		t.Errorf("%d, called %v", w.Code, called)
	}
}

func TestGranted(t *testing.T) {
	wrong := func(err error) bool {
		var problem *bulwark.Problem
		return errors.As(err, &problem) && problem.Status == 500 && problem.Code == "authz.wrong_grant"
	}
	var zero authz.Granted[*document]
	for _, action := range []string{"", "read", "delete"} {
		if d, err := zero.For(t.Context(), action); d != nil || !wrong(err) {
			t.Errorf("the zero Granted is one for %q: %v", action, err)
		}
	}
	if zero.Caller() != nil || zero.Action() != "" {
		t.Error("the zero Granted has a caller or an action")
	}
	mux := authz.NewMux(mustPolicy(t, guide()))
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		for _, action := range []string{"", "delete", "Read", "read "} {
			if got, err := d.For(r.Context(), action); got != nil || !wrong(err) {
				t.Errorf("a grant to read is one for %q", action)
			}
		}
	})
	if w := get(mux, "/documents/1", as("alice", "user")); w.Code != 200 {
		t.Error(w.Code)
	}
}

func TestObjectConditions(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	loaded := false
	res := documents()
	res.Load = func(ctx context.Context, r *http.Request) (*document, error) { loaded = true; return load(ctx, r) }
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read").Scopes("documents:read").StepUp("urn:mfa", 0), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	caller := as("alice", "user")
	want{status: 403, code: "authz.insufficient_scope", event: bulwark.AuthzFail}.check(t, mux, request("GET", "/documents/1", caller))
	caller.Scopes = []string{"documents:read"}
	want{status: 401, code: "authz.insufficient_user_authentication", event: bulwark.AuthzFail}.check(t, mux, request("GET", "/documents/1", caller))
	if loaded {
		t.Error("Load ran before the rule passed")
	}
	caller.ACR = "urn:mfa"
	if w := get(mux, "/documents/1", caller); w.Code != 200 || !loaded {
		t.Error(w.Code)
	}
}

func TestValueObjects(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, guide()))
	res := authz.Resource[document]{Name: "document",
		Load: func(_ context.Context, r *http.Request) (document, error) {
			if d, ok := shelf[r.PathValue("id")]; ok {
				return d, nil
			}
			return document{}, authz.ErrNotFound
		},
		Owner: func(d document) (string, string) { return accounts, d.OwnerID }}
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[document]) {})
	for id, status := range map[string]int{"1": 200, "2": 404, "9": 404} {
		if w := get(mux, "/documents/"+id, as("alice", "user")); w.Code != status {
			t.Errorf("%s: %d", id, w.Code)
		}
	}
}

func TestForeignRouter(t *testing.T) {
	policy := mustPolicy(t, guide())
	show := func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		w.Write([]byte(d.Value().ID))
	}

	// Under net/http's own, which sets the path values.
	own := http.NewServeMux()
	own.Handle("GET /documents/{id}", authz.Object(policy, documents().Can("read"), show))
	// Under one that keeps them to itself and names no pattern.
	res := documents()
	res.PathValue = func(r *http.Request, name string) string {
		if name != "id" {
			return ""
		}
		return strings.TrimPrefix(r.URL.EscapedPath(), "/documents/") // not even decoded
	}
	foreign := bulwark.RecordRoute(func(*http.Request) string { return "/documents/:id" }).(bulwark.LayerFunc)(authz.Object(policy, res.Can("read"), show))

	for name, router := range map[string]http.Handler{"servemux": own, "foreign": foreign} {
		t.Run(name, func(t *testing.T) {
			if w := get(router, "/documents/1", as("alice", "user")); w.Code != 200 || w.Body.String() != "1" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if e := hidden("authz.not_readable").check(t, router, request("GET", "/documents/1", as("mallory", "user"))); !strings.HasPrefix(e.Route, "GET /documents/{id}") && e.Route != "/documents/:id" {
				t.Errorf("route %q", e.Route)
			}
			hidden("authz.not_found").check(t, router, request("GET", "/documents/99", as("mallory", "user")))
			unauthenticated.check(t, router, request("GET", "/documents/1", nil))
			forbidden.check(t, router, request("GET", "/documents/1", as("alice")))
			for _, id := range []string{"%2e%2e", "..;x", "a%2Fb", "a%5cb", "%252e", "a%00"} {
				pathValue.check(t, router, request("GET", "/documents/"+id, as("alice", "user")))
			}
		})
	}
	mustRefuse(t, "Object(document:raed)", "did you mean read?", func() { authz.Object(policy, documents().Can("raed"), show) })
	mustRefuse(t, "Object(document:read)", "handler: is nil", func() { authz.Object(policy, documents().Can("read"), nil) })
	mustRefuse(t, "Object(document:read)", "policy: was made without NewPolicy", func() { authz.Object(nil, documents().Can("read"), show) })
}

func TestWrongResourcesPanic(t *testing.T) {
	policy := mustPolicy(t, tenantPolicy())
	mux := authz.NewMux(policy)
	show := func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}
	list := func(http.ResponseWriter, *http.Request, authz.Reach) {}
	create := func(http.ResponseWriter, *http.Request, func(*document) (authz.Granted[*document], error)) {}
	with := func(change func(res *authz.Resource[*document])) authz.Resource[*document] {
		res := tenants()
		change(&res)
		return res
	}
	for name, test := range map[string]struct {
		access authz.Access[*document]
		reason string
	}{
		"zero":               {authz.Access[*document]{}, "zero Access"},
		"no_name":            {with(func(res *authz.Resource[*document]) { res.Name = "" }).Can("read"), "undeclared resource"},
		"typo":               {with(func(res *authz.Resource[*document]) { res.Name = "documnet" }).Can("read"), "did you mean document?"},
		"action":             {tenants().Can("burn"), "undeclared action"},
		"star":               {tenants().Can("*"), "only Role.Grants may have"},
		"no_load":            {with(func(res *authz.Resource[*document]) { res.Load = nil }).Can("read"), "without Load"},
		"no_owner":           {with(func(res *authz.Resource[*document]) { res.Owner = nil }).Can("read"), "without Owner"},
		"no_predicate":       {documents().Can("read"), "role auditor is granted document:read:tenant"},
		"nil_predicate":      {with(func(res *authz.Resource[*document]) { res.Reaches["tenant"] = nil }).Can("read"), "is nil"},
		"undeclared":         {with(func(res *authz.Resource[*document]) { res.Reaches["tenent"] = res.Reaches["tenant"] }).Can("read"), "did you mean tenant?"},
		"predicate_for_all":  {with(func(res *authz.Resource[*document]) { res.Reaches["all"] = res.Reaches["tenant"] }).Can("read"), "not in PolicyConfig.Reaches"},
		"match_without":      {with(func(res *authz.Resource[*document]) { res.Match["team"] = tenantOf }).Can("read"), "has no entry in Reaches"},
		"other_policy":       {with(func(res *authz.Resource[*document]) { res.Policy = mustPolicy(t, guide()) }).Can("read"), "with another Policy than the route"},
		"scope_that_is_none": {tenants().Can("read").Scopes(""), "write one argument for each scope"},
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuse(t, "Mux(GET /x)", test.reason, func() { authz.HandleObject(mux, "GET /x", test.access, show) })
		})
	}
	mustRefuse(t, "Mux(GET /x)", "handler: is nil", func() { authz.HandleObject[*document](mux, "GET /x", tenants().Can("read"), nil) })
	mustRefuse(t, "Mux(GET /x)", "handler: is nil", func() { authz.HandleList(mux, "GET /x", tenants().Can("read"), nil) })
	mustRefuse(t, "Mux(GET /x)", "handler: is nil", func() { authz.HandleCreate(mux, "GET /x", tenants().Can("create"), nil) })
	other := with(func(res *authz.Resource[*document]) { res.Policy = mustPolicy(t, guide()) })
	mustRefuse(t, "Mux(GET /x)", "with another Policy than the route", func() { authz.HandleList(mux, "GET /x", other.Can("read"), list) })
	mustRefuse(t, "Mux(GET /x)", "with another Policy than the route", func() { authz.HandleCreate(mux, "GET /x", other.Can("create"), create) })
	mustRefuse(t, "Mux(GET /x)", ".layers[0]: is nil", func() { authz.HandleObject(mux, "GET /x", tenants().Can("read"), show, bulwark.LayerFunc(nil)) })
	if len(mux.Routes()) != 0 {
		t.Errorf("routes %+v", mux.Routes())
	}

	// A later policy may not grant what no resource understands.
	authz.HandleObject(mux, "GET /documents/{id}", tenants().Can("read"), show)
	c := tenantPolicy()
	c.Roles["auditor"] = authz.Role{Grants: []string{"document:read:team"}}
	if err := policy.Replace(c); !hasFault(err, "authz.Policy(GET /documents/{id})", "no predicate for team") {
		t.Errorf("Replace: %v", err)
	}
}

// reachMux lists documents through the reach, or through a query that forgot
// it.
func reachMux(t *testing.T, forgetful bool) *authz.Mux {
	t.Helper()
	mux := authz.NewMux(mustPolicy(t, tenantPolicy()))
	authz.HandleList(mux, "GET /documents", tenants().Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		var found []*document
		for _, id := range slices.Sorted(maps.Keys(shelf)) {
			d := shelf[id]
			mine := reach.Match["issuer"] == accounts && reach.Match["subject"] == d.OwnerID && d.OwnerID != ""
			within := reach.Match["tenant"] != "" && reach.Match["tenant"] == d.Tenant
			if reach.All || mine || within || forgetful {
				found = append(found, &d)
			}
		}
		w.Header().Set("X-Total-Count", fmt.Sprint(len(found)))
		authz.WriteList(w, r, reach, found)
	})
	return mux
}

func TestLists(t *testing.T) {
	mux := reachMux(t, false)
	for _, test := range []struct {
		name   string
		caller *bulwark.Principal
		ids    string
	}{
		{"own", as("alice", "user"), "1"},
		{"none", as("zoe", "user"), ""},
		{"other_issuer", &bulwark.Principal{Issuer: "x", Subject: "alice", Roles: []string{"user"}}, ""},
		{"all", as("bob", "moderator"), "1 2 3 4"},
		{"admin", as("root", "admin"), "1 2 3 4"},
		{"tenant", inTenant("acme", "carol", "auditor"), "1 2"},
		{"own_and_tenant", inTenant("acme", "bob", "writer"), "1 2 4"},
		{"no_tenant", inTenant("", "bob", "writer"), "4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := get(mux, "/documents", test.caller)
			var body struct{ Items []document }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 200 || body.Items == nil {
				t.Fatalf("%d %s %v", w.Code, w.Body, err)
			}
			var ids []string
			for _, d := range body.Items {
				ids = append(ids, d.ID)
			}
			if got := strings.Join(ids, " "); got != test.ids || w.Header().Get("X-Total-Count") != fmt.Sprint(len(ids)) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %q, want %q; header %v", got, test.ids, w.Header())
			}
		})
	}
	unauthenticated.check(t, mux, request("GET", "/documents", nil))
	forbidden.check(t, mux, request("GET", "/documents", as("alice", "eraser")))
	if w := serve(mux, request("HEAD", "/documents", as("alice", "user"))); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", w.Code, w.Body)
	}
}

func TestListsAreCheckedAgain(t *testing.T) {
	mux := reachMux(t, true)
	leak := want{status: 500, code: "authz.list_leak", event: bulwark.SysUnavailable, header: map[string]string{"X-Total-Count": ""}}
	leak.check(t, mux, request("GET", "/documents", as("alice", "user")))
	leak.check(t, mux, request("HEAD", "/documents", inTenant("acme", "carol", "auditor")))
	if w := get(mux, "/documents", as("root", "admin")); w.Code != 200 {
		t.Error(w.Code)
	}

	// The handler's own mistakes.
	mux = authz.NewMux(mustPolicy(t, tenantPolicy()))
	add := func(path string, write func(w http.ResponseWriter, r *http.Request, reach authz.Reach)) {
		authz.HandleList(mux, "GET "+path, tenants().Can("read"), write)
	}
	add("/zero", func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, authz.Reach{All: true}, []*document{})
	})
	add("/type", func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []document{})
	})
	add("/forged", func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		reach.All = true
		authz.WriteList(w, r, reach, []*document{{OwnerID: "bob"}})
	})
	add("/nil", func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []*document{nil})
	})
	unconfigured := want{status: 500, code: "authz.unconfigured", event: bulwark.SysUnavailable}
	alice := as("alice", "user")
	unconfigured.check(t, mux, request("GET", "/zero", alice))
	unconfigured.check(t, mux, request("GET", "/type", alice))
	leak.check(t, mux, request("GET", "/forged", alice))
	leak.check(t, mux, request("GET", "/nil", alice))

	mux = authz.NewMux(mustPolicy(t, guide()))
	res := authz.Resource[func()]{Name: "document", Owner: func(func()) (string, string) { return accounts, "alice" }}
	authz.HandleList(mux, "GET /x", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []func(){func() {}})
	})
	want{status: 500, code: "authz.list_encoding", event: bulwark.SysUnavailable}.check(t, mux, request("GET", "/x", alice))
}

func TestCreates(t *testing.T) {
	policy := mustPolicy(t, tenantPolicy())
	mux := authz.NewMux(policy)
	res := tenants()
	res.Policy = policy
	made := 0
	insert := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*document], err error) {
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		if _, err := g.For(r.Context(), "create"); err != nil {
			t.Error(err)
		}
		made++
		w.WriteHeader(http.StatusCreated)
	}
	decode := func(r *http.Request) *document {
		if r.URL.Query().Get("owner") == "nil" {
			return nil
		}
		return &document{OwnerID: r.URL.Query().Get("owner")}
	}
	authz.HandleCreate(mux, "POST /documents", res.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(*document) (authz.Granted[*document], error)) {
		g, err := check(decode(r))
		insert(w, r, g, err)
	})
	mux.Handle("POST /late", authz.Require("document:create:own"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := decode(r)
		if d == nil {
			d = &document{}
		}
		g, err := res.Check(r, "create", d)
		insert(w, r, g, err)
	}))
	notMine := forbidden
	notMine.reason = "authz.not_within_reach"
	for _, path := range []string{"/documents", "/late"} {
		for _, test := range []struct {
			owner  string
			caller *bulwark.Principal
			want   want
		}{
			{"alice", as("alice", "user"), want{}},
			{"alice", as("root", "admin"), want{}},
			{"bob", as("alice", "user"), notMine},
			{"bob", as("carol", "moderator"), notMine},
			{"", as("alice", "user"), notMine},
			{"nil", as("alice", "user"), notMine},
			{"alice", &bulwark.Principal{Issuer: "elsewhere", Subject: "alice", Roles: []string{"user"}}, notMine},
			{"alice", as("alice", "eraser"), forbidden},
			{"alice", nil, unauthenticated},
		} {
			made = 0
			r := request("POST", path+"?owner="+test.owner, test.caller)
			if test.want.status != 0 {
				test.want.check(t, mux, r)
			} else if w := serve(mux, r); w.Code != http.StatusCreated {
				t.Errorf("%s for %s: %d", path, test.owner, w.Code)
			}
			if (made == 1) != (test.want.status == 0) {
				t.Errorf("%s for %s by %v: made %d", path, test.owner, test.caller, made)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	res := tenants()
	alices := &document{OwnerID: "alice", Tenant: "acme"}
	status := func(res authz.Resource[*document], caller *bulwark.Principal, action string) (int, string) {
		r := request("GET", "/", caller)
		g, err := res.Check(r, action, alices)
		if err == nil {
			if got, err := g.For(r.Context(), action); err != nil || got != alices {
				t.Errorf("%s: the grant does not hold", action)
			}
			return 200, ""
		}
		if g.Caller() != nil || g.Value() != nil {
			t.Errorf("%s: a refusal with a grant", action)
		}
		var problem *bulwark.Problem
		if errors.As(err, &problem) {
			return problem.Status, problem.Log.Reason
		}
		return 500, err.Error()
	}
	if got, _ := status(res, as("alice", "user"), "read"); got != 500 {
		t.Errorf("without a policy: %d", got)
	}
	res.Policy = mustPolicy(t, tenantPolicy())
	for _, test := range []struct {
		caller *bulwark.Principal
		action string
		status int
	}{
		{as("alice", "user"), "read", 200}, {as("alice", "user"), "delete", 403}, {as("mallory", "user"), "update", 404},
		{as("bob", "moderator"), "update", 403}, {nil, "read", 401}, {as("root", "admin"), "delete", 200}, {as("x"), "read", 404},
		{inTenant("acme", "x", "auditor"), "read", 200}, {inTenant("acme", "x", "auditor"), "update", 403}, {as("root", "admin"), "burn", 500},
	} {
		if got, reason := status(res, test.caller, test.action); got != test.status {
			t.Errorf("%v %s: %d %s, want %d", test.caller, test.action, got, reason, test.status)
		}
	}
}

// Routes shows how far each role reaches, so that a wider grant is seen.
func TestObjectRoutes(t *testing.T) {
	mux := authz.NewMux(mustPolicy(t, tenantPolicy()))
	authz.HandleObject(mux, "GET /documents/{id}", tenants().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	authz.HandleList(mux, "GET /documents", tenants().Can("read"), func(http.ResponseWriter, *http.Request, authz.Reach) {})
	authz.HandleCreate(mux, "POST /documents", tenants().Can("create"), func(http.ResponseWriter, *http.Request, func(*document) (authz.Granted[*document], error)) {
	})
	got := fmt.Sprint(mux.Routes())
	want := fmt.Sprint([]authz.Route{
		{Method: "GET", Pattern: "/documents", Rule: "list document:read", Roles: []string{"admin (all)", "auditor (tenant)", "moderator (all)", "user (own)", "writer (own+tenant)"}},
		{Method: "POST", Pattern: "/documents", Rule: "create document:create", Roles: []string{"admin (all)", "moderator (own)", "user (own)", "writer (own)"}},
		{Method: "GET", Pattern: "/documents/{id}", Rule: "object document:read", Roles: []string{"admin (all)", "auditor (tenant)", "moderator (all)", "user (own)", "writer (own+tenant)"}},
	})
	if got != want {
		t.Errorf("Routes:\n%s\nwant\n%s", got, want)
	}
	if route := mux.Routes()[2]; !route.Admits("user") || route.Admits("use") || route.Admits("") {
		t.Error("Admits is wrong")
	}
}

// The next handler must not be able to tell that ServeMux ran inside.
func TestRecorderSeesOneWriter(t *testing.T) {
	mux, _ := objectMux(t)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, request("GET", "/documents/no-such-thing", as("alice", "user"))) // longer than chance puts into a request id
	if w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "no-such-thing") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// One Access is for every handle, which gives it its own rule.
func TestOneCanForAllHandles(t *testing.T) {
	policy := mustPolicy(t, tenantPolicy())
	mux := authz.NewMux(policy)
	can := tenants().Can("read").Scopes("documents")
	authz.HandleObject(mux, "GET /documents/{id}", can, func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	authz.HandleList(mux, "GET /documents", can, func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []*document{})
	})
	authz.HandleCreate(mux, "POST /documents", can, func(http.ResponseWriter, *http.Request, func(*document) (authz.Granted[*document], error)) {})
	object := http.NewServeMux()
	object.Handle("GET /documents/{id}", authz.Object(policy, can, func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {}))
	lacks := want{status: 403, code: "authz.insufficient_scope", event: bulwark.AuthzFail,
		header: map[string]string{"Www-Authenticate": `Bearer error="insufficient_scope", scope="documents"`}}
	for _, test := range []struct {
		h                    http.Handler
		method, target, rule string
	}{
		{mux, "GET", "/documents/1", "object document:read, scope documents"},
		{mux, "GET", "/documents", "list document:read, scope documents"},
		{mux, "POST", "/documents", "create document:read, scope documents"},
		{object, "GET", "/documents/1", "object document:read, scope documents"},
	} {
		alice := as("alice", "user")
		if e := lacks.check(t, test.h, request(test.method, test.target, alice)); e.Rule != test.rule {
			t.Errorf("%s %s: rule %q, want %q", test.method, test.target, e.Rule, test.rule)
		}
		alice.Scopes = []string{"documents"}
		if w := serve(test.h, request(test.method, test.target, alice)); w.Code != 200 {
			t.Errorf("%s %s: %d", test.method, test.target, w.Code)
		}
	}
}

// A handler that finds no object by itself answers as for an object that is
// hidden, byte for byte.
func TestAMissingObjectOutsideTheMux(t *testing.T) {
	res := tenants()
	res.Policy = mustPolicy(t, tenantPolicy())
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"a stranger's": func(w http.ResponseWriter, r *http.Request) {
			_, err := res.Check(r, "read", &document{OwnerID: "bob", Tenant: "other"})
			bulwark.Deny(w, r, err)
		},
		"nil": func(w http.ResponseWriter, r *http.Request) {
			grant, err := res.Check(r, "read", nil)
			if err == nil {
				t.Errorf("a grant for nothing: %v", grant)
				return
			}
			bulwark.Deny(w, r, err)
		},
		"the error": func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, authz.ErrNotFound) },
		"the error wrapped": func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, fmt.Errorf("find 42: %w", authz.ErrNotFound))
		},
	}
	for _, caller := range []*bulwark.Principal{as("alice", "user"), as("root", "admin")} {
		bodies := map[string]bool{}
		for name, answer := range answers {
			if name == "a stranger's" && caller.Subject == "root" {
				continue // whose documents root may read
			}
			expected := want{status: 404, code: "authz.not_found", event: bulwark.AuthzFail}
			if name == "a stranger's" {
				expected.reason = "authz.not_readable" // which only the log has
			}
			expected.check(t, http.HandlerFunc(answer), request("GET", "/42", caller))
			w := serve(http.HandlerFunc(answer), request("GET", "/42", caller))
			body := w.Body.String()
			bodies[body[:strings.Index(body, `"instance"`)]+body[strings.Index(body, `"code"`):]] = true
		}
		if len(bodies) != 1 {
			t.Errorf("%s can tell them apart: %v", caller.Subject, bodies)
		}
	}
	if _, err := res.Check(request("POST", "/", as("root", "admin")), "create", nil); err == nil {
		t.Error("nothing may be created")
	}
}
