package documents

import (
	"context"
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark/authz"
)

// openPolicy says which role may do what, and registers the types whose tags
// say who may read and write their fields. Everything else is denied.
func (a *App) openPolicy() (err error) {
	a.policy, err = authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}, "account": {"list"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:create:own", "read:own", "update:own"}},
			"moderator": {Grants: []string{"document:create:own", "read:all", "update:own", "delete:own"}},
			"admin":     {Grants: []string{"*"}},
		},
	})
	if err != nil {
		return err
	}
	return errors.Join(authz.Fields[Document](a.policy), authz.Fields[Account](a.policy))
}

// documents says how a document is loaded and who owns it.
func (a *App) documents() authz.Resource[*Document] {
	return authz.Resource[*Document]{
		Name: "document",
		Load: func(ctx context.Context, r *http.Request) (*Document, error) {
			d, err := a.store.Get(ctx, r.PathValue("id"))
			if errors.Is(err, ErrNoDocument) {
				return nil, authz.ErrNotFound
			}
			return d, storeProblem(err)
		},
		Owner:        func(d *Document) (issuer, subject string) { return d.OwnerIssuer, d.OwnerID },
		MaxBodyBytes: maxDocumentBody,
		JSON:         documentStrings,
	}
}

// people says who owns an account: its person.
func (a *App) people() authz.Resource[*Account] {
	return authz.Resource[*Account]{
		Name:  "account",
		Owner: func(account *Account) (issuer, subject string) { return a.issuer(), account.ID },
	}
}
