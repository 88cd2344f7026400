package authz_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// A repository deletes what it has a grant for. A raw *document does not
// compile as an argument of delete.
type repository map[string]*document

func (r repository) delete(ctx context.Context, g authz.Granted[*document]) error {
	d, err := g.For(ctx, "delete")
	if err != nil {
		return err
	}
	delete(r, d.ID)
	return nil
}

// A repository refuses every grant but the grant for its own action, of the
// caller and of the request of ctx. The handler has a grant to read, and uses
// it to delete. Nothing is deleted, and the log says what is wrong.
func ExampleGranted_incorrect() {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:read:own", "document:delete:own"}}},
	}))
	store := repository{"42": {ID: "42", OwnerID: "alice"}}
	documents := authz.Resource[*document]{
		Name:  "document",
		Load:  func(_ context.Context, r *http.Request) (*document, error) { return store[r.PathValue("id")], nil },
		Owner: func(d *document) (issuer, subject string) { return accounts, d.OwnerID },
	}
	attempt := func(what string, err error) {
		fmt.Println(what+":", errors.Unwrap(err))
	}
	var earlier authz.Granted[*document] // of the request before
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		attempt("a grant to read", store.delete(r.Context(), d))
		attempt("no grant", store.delete(r.Context(), authz.Granted[*document]{}))
	})
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) {
		if earlier.Caller() == nil {
			earlier = d
			return
		}
		attempt("a grant of another request", store.delete(r.Context(), earlier))
		fmt.Println("its own grant:", store.delete(r.Context(), d))
	})

	for _, method := range []string{"GET", "DELETE", "DELETE"} {
		r := httptest.NewRequest(method, "/documents/42", nil)
		alice := &bulwark.Principal{Issuer: accounts, Subject: "alice", Roles: []string{"user"}}
		mux.ServeHTTP(httptest.NewRecorder(), r.WithContext(bulwark.WithPrincipal(r.Context(), alice)))
	}
	fmt.Println(len(store), "documents are left")
	// Output:
	// a grant to read: Granted.For was called with another action than the route has in Resource.Can; use the same action in both
	// no grant: Granted.For was called on the zero Granted; pass on the grant of the route
	// a grant of another request: Granted.For was called with the context of another request or of another caller; pass on the context of the request that the grant was made for, in a goroutine that outlives it as context.WithoutCancel(r.Context())
	// its own grant: <nil>
	// 0 documents are left
}
