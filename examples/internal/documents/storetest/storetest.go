// Package storetest tests that a documents.Store writes nothing without the
// grant for that very action, caller and request.
package storetest

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

// issuer is the issuer of the callers.
const issuer = "storetest"

// A desk makes grants as the routes do.
type desk struct {
	t         *testing.T
	documents authz.Resource[*documents.Document]
	callers   map[string]*bulwark.Principal
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:create:own", "read:own", "update:own"}}, "admin": {Grants: []string{"*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, authz.Resource[*documents.Document]{
		Name: "document", Policy: policy,
		Owner: func(d *documents.Document) (string, string) { return d.OwnerIssuer, d.OwnerID },
	}, map[string]*bulwark.Principal{
		"alice": {Issuer: issuer, Subject: "alice", Roles: []string{"user"}},
		"root":  {Issuer: issuer, Subject: "root", Roles: []string{"admin"}},
	}}
}

// request returns the context of a new request of a caller.
func (d *desk) request(who string) context.Context {
	r := httptest.NewRequest("GET", "/", nil)
	r, _ = bulwark.Enter(r.WithContext(bulwark.WithPrincipal(r.Context(), d.callers[who])))
	return r.Context()
}

// grant returns the grant of the request of ctx.
func (d *desk) grant(ctx context.Context, action string, object *documents.Document) authz.Granted[*documents.Document] {
	d.t.Helper()
	g, err := d.documents.Check(httptest.NewRequest("GET", "/", nil).WithContext(ctx), action, object)
	if err != nil {
		d.t.Fatal(err)
	}
	return g
}

// Grants tests a store in which there is room for two documents.
func Grants(t *testing.T, store documents.Store) {
	d := newDesk(t)
	mine := d.request("alice")
	draft := &documents.Document{Title: "T", Content: "c", OwnerID: "alice", OwnerIssuer: issuer}
	made, err := store.Create(mine, d.grant(mine, "create", draft))
	if err != nil {
		t.Fatal(err)
	}
	root := d.request("root")
	next := *made
	next.Title = "U"

	type granted = authz.Granted[*documents.Document]
	for name, wrong := range map[string]struct {
		ctx   context.Context
		grant func(action string, object *documents.Document) granted
	}{
		"zero":            {root, func(string, *documents.Document) granted { return granted{} }},
		"read":            {root, func(_ string, object *documents.Document) granted { return d.grant(root, "read", object) }},
		"another_action":  {root, func(action string, object *documents.Document) granted { return d.grant(root, other[action], object) }},
		"another_caller":  {d.request("alice"), func(action string, object *documents.Document) granted { return d.grant(root, action, object) }},
		"another_request": {d.request("root"), func(action string, object *documents.Document) granted { return d.grant(root, action, object) }},
		"no_request":      {t.Context(), func(action string, object *documents.Document) granted { return d.grant(root, action, object) }},
		"shown_only": {root, func(action string, object *documents.Document) granted {
			return d.grant(root, action, made).With(object)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, created := store.Create(wrong.ctx, wrong.grant("create", draft))
			_, updated := store.Update(wrong.ctx, wrong.grant("update", &next))
			for action, err := range map[string]error{"create": created, "update": updated, "delete": store.Delete(wrong.ctx, wrong.grant("delete", made))} {
				var problem *bulwark.Problem
				if !errors.As(err, &problem) || problem.Status != 500 || problem.Code != "authz.wrong_grant" {
					t.Errorf("%s: %v, want 500 authz.wrong_grant", action, err)
				}
			}
			kept, err := store.Get(t.Context(), made.ID)
			if err != nil || kept.Title != "T" || kept.Version != made.Version {
				t.Errorf("the document is %+v, %v", kept, err)
			}
			if _, total, err := store.List(t.Context(), nil, 10, 0); total != 1 || err != nil {
				t.Errorf("there are %d documents, %v", total, err)
			}
		})
	}
	t.Run("right", func(t *testing.T) {
		changed, err := store.Update(mine, d.grant(mine, "update", &next))
		if err != nil || changed.Title != "U" || changed.Version == made.Version {
			t.Fatalf("update: %+v, %v", changed, err)
		}
		if err := store.Delete(root, d.grant(root, "delete", made)); !errors.Is(err, documents.ErrConflict) {
			t.Errorf("delete of another version: %v, want a conflict", err)
		}
		if err := store.Delete(root, d.grant(root, "delete", changed)); err != nil {
			t.Error(err)
		}
		if _, err := store.Get(t.Context(), made.ID); !errors.Is(err, documents.ErrNoDocument) {
			t.Errorf("after the delete: %v", err)
		}
	})
}

// other has another action that also writes.
var other = map[string]string{"create": "update", "update": "delete", "delete": "update"}
