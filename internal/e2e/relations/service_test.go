package relations

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

type Document struct {
	ID           string `json:"id"`
	OwnerIssuer  string `json:"-"`
	OwnerSubject string `json:"-"`
}

// newPolicy grants what the engine decides, and what the program knows by
// itself.
func newPolicy() (*authz.Policy, error) {
	return authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update", "delete"}},
		Reaches:   []string{"shared"},
		Roles: authz.Roles{
			"user": {Grants: []string{
				"document:read:own", "document:update:own", "document:delete:own",
				"document:read:shared", "document:update:shared", "document:delete:shared",
			}},
			"auditor": {Grants: []string{"document:read:all"}},
		},
	})
}

// newDocuments says how documents are found, and which engine decides about
// the reach "shared".
func newDocuments(store map[string]*Document, engine authz.Engine) authz.Resource[*Document] {
	return authz.Resource[*Document]{
		Name: "document",
		Load: func(ctx context.Context, r *http.Request) (*Document, error) {
			d, ok := store[r.PathValue("id")]
			if !ok {
				return nil, authz.ErrNotFound
			}
			private := *d
			return &private, nil
		},
		Owner:   func(d *Document) (issuer, subject string) { return d.OwnerIssuer, d.OwnerSubject },
		Engines: map[string]authz.Engine{"shared": engine},
		ID:      func(d *Document) string { return engineID(d.ID) },
	}
}

// A search returns the ids of the documents that an engine says the caller may
// read, as the engine knows them.
type search func(ctx context.Context, caller *bulwark.Principal) ([]string, error)

func newAPI(store map[string]*Document, engine authz.Engine, find search) (http.Handler, error) {
	policy, err := newPolicy()
	if err != nil {
		return nil, err
	}
	documents := newDocuments(store, engine)
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), show)
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), show)
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), show)
	authz.HandleList(mux, "GET /documents", documents.Can("read"), list(store, documents))
	authz.HandleList(mux, "GET /shared", documents.Can("read"), shared(store, find))
	return mux, nil
}

func show(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
	fmt.Fprintln(w, "document", d.Value().ID)
}

// list asks the engine about the documents that a query has found.
func list(store map[string]*Document, documents authz.Resource[*Document]) func(http.ResponseWriter, *http.Request, authz.Reach) {
	return func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		candidates := query(store, func(*Document) bool { return true })
		found, err := documents.Filter(r, reach, candidates)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.WriteList(w, r, reach, found)
	}
}

// shared asks the engine which documents there are for the caller.
func shared(store map[string]*Document, find search) func(http.ResponseWriter, *http.Request, authz.Reach) {
	return func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		ids, err := find(r.Context(), caller)
		if err != nil {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "documents.search", Err: err})
			return
		}
		authz.WriteList(w, r, reach, query(store, func(d *Document) bool {
			return slices.Contains(ids, engineID(d.ID))
		}))
	}
}

// query stands for a query to a database.
func query(store map[string]*Document, where func(*Document) bool) []*Document {
	var found []*Document
	for _, id := range slices.Sorted(maps.Keys(store)) {
		if where(store[id]) {
			found = append(found, store[id])
		}
	}
	return found
}
