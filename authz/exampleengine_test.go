package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// A note is what users share with each other.
type note struct{ ID, Author string }

// A share says that a user may do something with a note.
type share struct{ user, action, note string }

// shares is an engine for relationships that is kept in memory. A service asks
// a store of relationships in its place.
type shares map[share]bool

// Decide implements authz.Engine.
func (s shares) Decide(_ context.Context, q *authz.Query) (authz.Decision, error) {
	if q.Resource != "note" || q.Reach != "shared" || q.Principal.Issuer != "https://accounts.example" {
		return authz.Decision{Reason: "not a question about a shared note"}, nil
	}
	if s[share{q.Principal.Subject, q.Action, q.ID}] {
		return authz.Decision{Allowed: true, Reason: "shared"}, nil
	}
	return authz.Decision{Reason: "not shared"}, nil
}

// A user may read the notes that others share with the user. An engine knows
// who shares what.
func ExampleEngine() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"note": {"read", "update"}},
		Reaches:   []string{"shared"},
		Roles: authz.Roles{"user": {Grants: []string{
			"note:read:own", "note:update:own", "note:read:shared", "note:update:shared",
		}}},
	}))
	notes := authz.Resource[*note]{
		Name: "note",
		Load: func(_ context.Context, r *http.Request) (*note, error) {
			if id := r.PathValue("id"); id != "7" {
				return nil, authz.ErrNotFound
			}
			return &note{ID: "7", Author: "alice"}, nil
		},
		Owner:   func(n *note) (issuer, subject string) { return "https://accounts.example", n.Author },
		ID:      func(n *note) string { return n.ID },
		Engines: map[string]authz.Engine{"shared": shares{{"bob", "read", "7"}: true}},
	}
	mux := authz.NewMux(policy)
	show := func(w http.ResponseWriter, r *http.Request, n authz.Granted[*note]) {}
	authz.HandleObject(mux, "GET /notes/{id}", notes.Can("read"), show)
	authz.HandleObject(mux, "PUT /notes/{id}", notes.Can("update"), show)

	for _, try := range []struct{ user, method string }{{"alice", "PUT"}, {"bob", "GET"}, {"bob", "PUT"}, {"mallory", "GET"}} {
		r := httptest.NewRequest(try.method, "/notes/7", nil)
		caller := &bulwark.Principal{Issuer: "https://accounts.example", Subject: try.user, Roles: []string{"user"}}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		fmt.Println(try.user, try.method, w.Code)
	}
	// Output:
	// alice PUT 200
	// bob GET 200
	// bob PUT 403
	// mallory GET 404
}

// reviews is an engine with rules of its own: reports are for people whose
// training is up to date.
type reviews struct{ trained []string }

// Decide implements authz.Engine.
func (v reviews) Decide(_ context.Context, q *authz.Query) (authz.Decision, error) {
	for _, subject := range v.trained {
		if q.Principal.Subject == subject && q.Resource == "report" && q.Action == "run" {
			return authz.Decision{Allowed: true, ID: "2024-17"}, nil
		}
	}
	return authz.Decision{ID: "2024-18", Reason: "training is due"}, nil
}

// A route asks an engine after its own conditions. Administrators pass without
// the engine.
func ExampleRule_Ask() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"user": {"read"}},
		Roles:     authz.Roles{"staff": {}, "admin": {Grants: []string{"*"}}},
	}))
	pdp := reviews{trained: []string{"carol"}}
	mux := authz.NewMux(policy)
	mux.Handle("POST /reports", authz.Any(
		authz.RequireRole("admin"),
		authz.RequireRole("staff").Ask(pdp, "report", "run"),
	), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	for _, try := range []struct{ user, role string }{{"carol", "staff"}, {"dave", "staff"}, {"root", "admin"}} {
		r := httptest.NewRequest("POST", "/reports", nil)
		caller := &bulwark.Principal{Issuer: "https://accounts.example", Subject: try.user, Roles: []string{try.role}}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		fmt.Println(try.user, w.Code)
	}
	fmt.Println(mux.Routes()[0].Weak)
	// Output:
	// carol 200
	// dave 403
	// root 200
	// an engine decides
}

// A list takes candidates from a query, and keeps those that the engine allows.
func ExampleResource_Filter() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"note": {"read"}},
		Reaches:   []string{"shared"},
		Roles:     authz.Roles{"user": {Grants: []string{"note:read:own", "note:read:shared"}}},
	}))
	notes := authz.Resource[*note]{
		Name:    "note",
		Owner:   func(n *note) (issuer, subject string) { return "https://accounts.example", n.Author },
		ID:      func(n *note) string { return n.ID },
		Engines: map[string]authz.Engine{"shared": shares{{"bob", "read", "7"}: true}},
	}
	mux := authz.NewMux(policy)
	authz.HandleList(mux, "GET /notes", notes.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		candidates := []*note{{"7", "alice"}, {"8", "bob"}, {"9", "carol"}} // of a query with a limit
		found, err := notes.Filter(r, reach, candidates)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.WriteList(w, r, reach, found)
	})

	r := httptest.NewRequest("GET", "/notes", nil)
	bob := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "bob", Roles: []string{"user"}}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), bob)))
	fmt.Print(w.Body)
	// Output:
	// {"items":[{"ID":"7","Author":"alice"},{"ID":"8","Author":"bob"}]}
}
