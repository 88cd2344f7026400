package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// One route for one role. Each route has its rule as an argument.
func Example() {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "delete"}},
		Roles: authz.Roles{
			"user":  {Grants: []string{"document:read:own"}},
			"admin": {Grants: []string{"*"}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := authz.NewMux(policy)
	mux.Handle("GET /health", authz.Public("liveness probe"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ok")
	}))
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "all users")
	}))

	// In a service the authentication layer outside sets the caller.
	alice := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "alice", Roles: []string{"user"}}
	root := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "root", Roles: []string{"admin"}}
	for _, test := range []struct {
		path   string
		caller *bulwark.Principal
	}{{"/health", nil}, {"/admin/users", nil}, {"/admin/users", alice}, {"/admin/users", root}} {
		r := httptest.NewRequest("GET", test.path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), test.caller)))
		fmt.Println(test.path, w.Code)
	}
	// Output:
	// /health 200
	// /admin/users 401
	// /admin/users 403
	// /admin/users 200
}

// The handler runs only for the owner of the document. To everybody else the
// document looks as if it did not exist.
func ExampleHandleObject() {
	type document struct{ ID, OwnerID string }
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := map[string]*document{"42": {ID: "42", OwnerID: "alice"}}
	documents := authz.Resource[*document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			return store[r.PathValue("id")], nil // nil: there is no such document
		},
		Owner: func(d *document) (issuer, subject string) {
			return "https://accounts.example", d.OwnerID
		},
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"),
		func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
			fmt.Fprint(w, "document ", d.Value().ID)
		})

	for _, test := range []struct{ subject, path string }{
		{"alice", "/documents/42"},
		{"mallory", "/documents/42"},
		{"alice", "/documents/43"},
	} {
		caller := &bulwark.Principal{Issuer: "https://accounts.example", Subject: test.subject, Roles: []string{"user"}}
		r := httptest.NewRequest("GET", test.path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		fmt.Println(test.subject, test.path, w.Code)
	}
	// Output:
	// alice /documents/42 200
	// mallory /documents/42 404
	// alice /documents/43 404
}

// A service with a public route, an object, a list and a limit on one route.
func Example_service() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:create:own", "document:read:own", "document:update:own"}},
			"moderator": {Inherits: []string{"user"}, Grants: []string{"document:read:all", "document:delete:own"}},
			"admin":     {Grants: []string{"*"}},
		},
	}))
	store := map[string]*document{"42": {ID: "42", OwnerID: "alice"}}
	documents := authz.Resource[*document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			if d, ok := store[r.PathValue("id")]; ok {
				return d, nil
			}
			return nil, authz.ErrNotFound
		},
		Owner: func(d *document) (issuer, subject string) { return accounts, d.OwnerID },
	}

	mux := authz.NewMux(policy)
	mux.Handle("GET /health", authz.Public("liveness"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		fmt.Fprintf(w, "document %s", d.Value().ID)
	})
	authz.HandleList(mux, "GET /documents", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		authz.WriteList(w, r, reach, []*document{}) // the result of a query with the reach
	}, ratelimit.Config{Name: "lists", Key: ratelimit.ByIP, Rate: "60/minute", MaxKeys: 1024})

	for _, who := range []struct{ name, role string }{{"alice", "user"}, {"mallory", "user"}, {"bob", "moderator"}} {
		r := httptest.NewRequest("GET", "/documents/42", nil)
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: accounts, Subject: who.name, Roles: []string{who.role}}))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(who.name, w.Code)
	}
	// Output:
	// alice 200
	// mallory 404
	// bob 200
}

func ExamplePolicy_Explain() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "delete"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:read:own"}},
			"moderator": {Inherits: []string{"user"}, Grants: []string{"document:delete:own"}},
		},
	}))
	bob := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "bob", Roles: []string{"moderator"}}
	fmt.Print(policy.Explain(authz.Query{Principal: bob, Resource: "document", Action: "read", Reach: "own"}))
	fmt.Print(policy.Explain(authz.Query{Principal: bob, Resource: "document", Action: "delete", Reach: "all"}))
	// Output:
	// allow document:read:own to "bob" of "https://accounts.example"
	//   role moderator inherits user grants document:read:own: objects whose owner is the caller
	// deny document:delete:all to "bob" of "https://accounts.example"
	//   nearest: role moderator grants document:delete:own: objects whose owner is the caller, not all
}

func ExampleNewPolicy_incorrect() {
	_, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "delete"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:read", "document:raed:own"}},
			"moderator": {Inherits: []string{"usr"}},
		},
	})
	fmt.Println(err)
	// Output:
	// authz.Roles[moderator].Inherits[0]: usr: is not a role of the policy; did you mean user?
	// authz.Roles[user].Grants[0]: document:read: has no reach; write document:read:own or document:read:all
	// authz.Roles[user].Grants[1]: document:raed:own: names an undeclared action; did you mean read?
}

// A rule for one route of a router that the application already has.
func ExampleNew() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"user": {"read"}},
		Roles:     authz.Roles{"admin": {Grants: []string{"user:read:all"}}, "guest": {}},
	}))
	admins := bulwark.Must(authz.New(authz.Config{Policy: policy, Rule: authz.Require("user:read:all")}))
	router := http.NewServeMux()
	router.Handle("GET /users", admins.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "users")
	})))

	for _, role := range []string{"admin", "guest"} {
		r := httptest.NewRequest("GET", "/users", nil)
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: accounts, Subject: "alice", Roles: []string{role}}))
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		fmt.Println(role, w.Code, "may:", admins.Check(r) == nil)
	}
	// Output:
	// admin 200 may: true
	// guest 403 may: false
}

// A payment needs a one-time password of the last five minutes. The client
// learns from the challenge what its user has to prove.
func ExampleRule_Factor() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"payment": {"create"}},
		Roles:     authz.Roles{"clerk": {Grants: []string{"payment:create:all"}}},
	}))
	mux := authz.NewMux(policy)
	mux.Handle("POST /payments", authz.Require("payment:create:all").Factor("otp", 5*time.Minute),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }))

	pay := func(factors map[string]time.Time) {
		clerk := &bulwark.Principal{Issuer: accounts, Subject: "alice", Roles: []string{"clerk"}, Factors: factors}
		r := httptest.NewRequest("POST", "/payments", nil)
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), clerk))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	now := time.Now()
	pay(map[string]time.Time{"pwd": now.Add(-8 * time.Hour), "otp": now.Add(-time.Minute)})
	pay(map[string]time.Time{"pwd": now.Add(-8 * time.Hour), "otp": now.Add(-8 * time.Hour)})
	// Output:
	// 201 []
	// 401 [Bearer error="insufficient_user_authentication", error_description="The login must have factor otp within 5m0s.", max_age="300"]
}

// Rules for a ServeMux that the application already has. A route without a rule
// is denied, for everybody.
func ExampleGuard() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"user": {"read"}},
		Roles:     authz.Roles{"admin": {Grants: []string{"user:read:all"}}},
	}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("GET /forgotten", func(w http.ResponseWriter, r *http.Request) {})
	guarded, err := authz.Guard(mux, policy, map[string]authz.Rule{
		"GET /users": authz.RequireRole("admin"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	admin := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "root", Roles: []string{"admin"}}
	for _, path := range []string{"/users", "/forgotten"} {
		r := httptest.NewRequest("GET", path, nil)
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), admin)))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /users 200
	// /forgotten 403
}

// The panic of a wrong registration lists every mistake.
func ExampleMux_Handle_incorrect() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"user": {"create"}},
		Roles:     authz.Roles{"admin": {Grants: []string{"user:create:all"}}},
	}))
	mux := authz.NewMux(policy)
	defer func() {
		if err, ok := recover().(interface{ Unwrap() []error }); ok {
			for _, err := range err.Unwrap() {
				fmt.Println(err)
			}
		}
	}()
	var createUser http.Handler
	var noLimit bulwark.Builder
	mux.Handle("POST /users", authz.Require("user:craete:all").Scopes(), createUser,
		noLimit, authz.Config{Policy: policy, Rule: authz.RequireRole("admni")})
	// Output:
	// authz.Mux(POST /users).handler: is nil; give the route a handler
	// authz.Mux(POST /users).layers[0]: is nil; remove it or give it a Config
	// authz.Rule: role admni: admni is not a role of the policy; did you mean admin?
	// authz.Mux(POST /users).rule: permission user:craete:all: calls Scopes without a scope; name at least one, or remove the call
	// authz.Mux(POST /users).rule: permission user:craete:all: user:craete:all names an undeclared action; did you mean create?
}

// The handler finds its document in the query, and checks it late. Without the
// check, the answer is 500.
func ExampleDeferred() {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	documents := authz.Resource[*document]{
		Name:   "document",
		Owner:  func(d *document) (issuer, subject string) { return accounts, d.OwnerID },
		Policy: policy, // for Check
	}
	plan := &document{ID: "1", OwnerID: "alice"}

	mux := authz.NewMux(policy)
	mux.Handle("GET /search", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("forget") {
			fmt.Fprint(w, plan.ID)
			return
		}
		d, err := documents.Check(r, "read", plan)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		fmt.Fprint(w, "document ", d.Value().ID)
	}))

	fmt.Println(get(mux, "/search", as("alice", "user")).Body)
	fmt.Println(get(mux, "/search", as("mallory", "user")).Code)
	fmt.Println(get(mux, "/search?forget", as("alice", "user")).Code)
	// Output:
	// document 1
	// 404
	// 500
}

// The names of groups have slashes, which a client sends as %2F.
func ExampleSlashIn() {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"group": {"read"}},
		Roles:     authz.Roles{"admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("name")) })
	mux := authz.NewMux(policy)
	mux.Handle("GET /groups/{name}", authz.Public("list of groups"), show, authz.SlashIn("name"))
	mux.Handle("GET /groups/private/{name}", authz.RequireRole("admin"), show)

	fmt.Println(get(mux, "/groups/tools%2Fgo", nil).Body)
	fmt.Println(get(mux, "/groups/private%2Fplans", nil).Code) // the rule of the other route is not evaded
	// Output:
	// tools/go
	// 400
}
