package guide

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// permissions are the guide's, for documents.
func permissions() (*authz.Policy, error) {
	return authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update", "delete"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"read:own", "update:own"}},
			"moderator": {Grants: []string{"read:all", "update:own", "delete:own"}},
			"admin":     {Grants: []string{"*"}},
		},
	})
}

// A Document is the guide's object.
type Document struct {
	ID      int    `json:"id"`
	OwnerID string `json:"ownerId"`
}

// documentsAPI is our way to check roles and owners.
func documentsAPI(policy *authz.Policy, find func(id string) *Document, listUsers http.Handler) *authz.Mux {
	documents := authz.Resource[*Document]{
		Name: "document",
		Load: func(_ context.Context, r *http.Request) (*Document, error) {
			return find(r.PathValue("id")), nil // nil is a document that does not exist
		},
		Owner: func(d *Document) (issuer, subject string) { return "your-api", d.OwnerID },
	}
	mux := authz.NewMux(policy)
	mux.Handle("GET /admin/users", authz.RequireRole("admin"), listUsers)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"),
		func(w http.ResponseWriter, r *http.Request, d authz.Granted[*Document]) {
			json.NewEncoder(w).Encode(d.Value())
		})
	return mux
}

func TestRolesAndOwners(t *testing.T) {
	their := theirs(t)
	policy := bulwark.Must(permissions())
	find := func(id string) *Document {
		if id == "1" {
			return &Document{1, "alice"}
		}
		return nil
	}
	none := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("[]")) })
	// The mux lets nobody in without a rule, so that auth need not refuse.
	handler := bulwark.Must(authenticated(&signing().PublicKey, documentsAPI(policy, find, none)))
	our := serve(t, handler)
	as := func(subject, role string) map[string]string {
		return bearer(token(t, nil, map[string]any{"sub": subject, "role": role}))
	}
	for _, tt := range []struct {
		name     string
		path     string
		header   map[string]string
		them, we int
	}{
		{"nobody asks for users", "/admin/users", nil, 401, 401},
		{"a user asks for users", "/admin/users", as("alice", "user"), 403, 403},
		{"a moderator asks for users", "/admin/users", as("bob", "moderator"), 403, 403},
		{"an admin asks for users", "/admin/users", as("root", "admin"), 200, 200},
		{"the owner", "/documents/1", as("alice", "user"), 200, 200},
		{"an admin", "/documents/1", as("root", "admin"), 200, 200},
		{"a moderator, who has read:all", "/documents/1", as("bob", "moderator"), 403, 200},
		{"a stranger", "/documents/1", as("mallory", "user"), 403, 404},
		{"a document that does not exist", "/documents/2", as("mallory", "user"), 500, 404},
	} {
		them, we := call{"GET", tt.path, "", tt.header}.of(t, their), call{"GET", tt.path, "", tt.header}.of(t, our)
		if them.status != tt.them || we.status != tt.we {
			t.Errorf("%s: theirs %d, ours %d, want %d and %d", tt.name, them.status, we.status, tt.them, tt.we)
		}
	}
}
