package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// The members of a project read its tickets. The policy grants the reach
// "project", and the resource says what it means.
func ExampleResource() {
	type ticket struct {
		Title   string
		Members []string `json:"-"` // of the project: the Key of each Principal
	}
	as := func(subject string) *bulwark.Principal {
		return &bulwark.Principal{Issuer: "https://accounts.example", Subject: subject, Roles: []string{"user"}}
	}
	store := []*ticket{{"Launch", []string{as("bob").Key(), as("carol").Key()}}, {"Dock", []string{as("carol").Key()}}}
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"ticket": {"read"}},
		Reaches:   []string{"project"},
		Roles:     authz.Roles{"user": {Grants: []string{"ticket:read:own", "ticket:read:project"}}},
	}))
	tickets := authz.Resource[*ticket]{
		Name: "ticket",
		Load: func(context.Context, *http.Request) (*ticket, error) {
			return store[0], nil // with the members of its project
		},
		Owner: func(*ticket) (issuer, subject string) { return "https://accounts.example", "alice" },
		Reaches: map[string]func(*bulwark.Principal, *ticket) bool{
			"project": func(caller *bulwark.Principal, t *ticket) bool { return slices.Contains(t.Members, caller.Key()) },
		},
		Match: map[string]func(*bulwark.Principal) string{ // for the query of a list
			"project": func(caller *bulwark.Principal) string { return caller.Key() },
		},
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /tickets/{id}", tickets.Can("read"), func(w http.ResponseWriter, _ *http.Request, t authz.Granted[*ticket]) {
		fmt.Fprint(w, t.Value().Title)
	})
	authz.HandleList(mux, "GET /tickets", tickets.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		var found []*ticket
		for _, t := range store {
			mine := reach.Match["subject"] == "alice" && reach.Match["issuer"] == "https://accounts.example"
			if mine || slices.Contains(t.Members, reach.Match["project"]) {
				found = append(found, t)
			}
		}
		authz.WriteList(w, r, reach, found)
	})

	for _, test := range []struct{ subject, path string }{
		{"alice", "/tickets/1"}, // the owner
		{"bob", "/tickets/1"},
		{"mallory", "/tickets/1"},
		{"alice", "/tickets"},
		{"bob", "/tickets"},
		{"mallory", "/tickets"},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), as(test.subject))))
		if w.Code != http.StatusOK {
			w.Body.Reset() // the problem
		}
		fmt.Println(strings.TrimSpace(fmt.Sprint(test.subject, " ", test.path, " ", w.Code, " ", w.Body)))
	}
	// Output:
	// alice /tickets/1 200 Launch
	// bob /tickets/1 200 Launch
	// mallory /tickets/1 404
	// alice /tickets 200 {"items":[{"Title":"Launch"},{"Title":"Dock"}]}
	// bob /tickets 200 {"items":[{"Title":"Launch"}]}
	// mallory /tickets 200 {"items":[]}
}
