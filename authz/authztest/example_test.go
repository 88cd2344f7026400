package authztest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

// newMux makes the routes of a service, with what its users may read.
func newMux(userGrant string) *authz.Mux {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read"}},
		Roles: authz.Roles{
			"user":  {Grants: []string{userGrant}},
			"admin": {Grants: []string{"*"}},
		},
	}))
	documents := authz.Resource[*document]{
		Name:  "document",
		Load:  func(context.Context, *http.Request) (*document, error) { return nil, authz.ErrNotFound },
		Owner: func(d *document) (issuer, subject string) { return "https://accounts.example", d.owner },
	}
	h := func(http.ResponseWriter, *http.Request) {}
	mux := authz.NewMux(policy)
	mux.Handle("GET /health", authz.Public("liveness probe"), http.HandlerFunc(h))
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), http.HandlerFunc(h))
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"),
		func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	return mux
}

// printing stands for the *testing.T of a test, and prints what fails.
type printing struct{ testing.TB }

func (printing) Helper()                           {}
func (printing) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printing) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// The test of a service compares its routes with a file, and tries them as each
// role. Nothing fails here.
func Example() {
	var t printing // in a test: t *testing.T
	mux := newMux("document:read:own")
	authztest.Golden(t, mux, "testdata/routes.golden")
	authztest.Matrix(t, mux, []string{"user", "admin"})
	fmt.Print(authztest.Routes(mux)) // what the file holds
	// Output:
	// GET /admin/users | role admin | admin
	// GET /documents/{id} | object document:read | admin (all), user (own)
	// GET /health | public (liveness probe) | everybody
}

// Somebody changed a grant from "own" to "all", and did not write the file
// again. The test shows who can now read what.
func ExampleGolden_incorrect() {
	var t printing // in a test: t *testing.T
	mux := newMux("document:read:all")
	authztest.Golden(t, mux, "testdata/routes.golden")
	// Output:
	// the routes differ from testdata/routes.golden (- file, + now):
	// - GET /documents/{id} | object document:read | admin (all), user (own)
	// + GET /documents/{id} | object document:read | admin (all), user (all)
	// if the change is intended, run the test with UPDATE_GOLDEN=1 in the environment
}

// A handler decides by itself, against the rule of its route. The table of
// routes would say that a user may pass.
func ExampleMatrix_incorrect() {
	var t printing // in a test: t *testing.T
	mux := newMux("document:read:own")
	mux.Handle("GET /reports", authz.Authenticated(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, _ := bulwark.PrincipalFrom(r.Context()); !p.HasRole("admin") {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	authztest.Matrix(t, mux, []string{"user", "admin"})
	// Output:
	// GET /reports as role user: 403 Forbidden, but Mux.Routes says that the caller may pass (rule: authenticated)
}
