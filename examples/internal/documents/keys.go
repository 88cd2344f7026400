package documents

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/validate"
)

const (
	// overlap is how long the old secret of a key works beside the new one.
	overlap = 24 * time.Hour
	// staleAge is the age from which a secret should be rotated.
	staleAge = 90 * 24 * time.Hour
)

// issuedKey is the answer with a new key. The key is shown only in this answer.
type issuedKey struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Tier      string    `json:"tier"`
	ExpiresAt time.Time `json:"expires_at"`
}

// createKey makes a key. Without an owner, the key is a caller of its own, with
// the role of a user.
func (a *App) createKey(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[struct {
		Name  string `json:"name"`
		Tier  string `json:"tier"`
		Owner string `json:"owner"`
	}](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	grant := apikey.Grant{Name: said.Name, Tier: said.Tier, Roles: []string{"user"}}
	if said.Owner != "" {
		owner, err := a.keyOwner(r.Context(), said.Owner)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		grant.Owner, grant.Roles = owner, owner.Roles
	}
	made, err := a.keys.Issue(r.Context(), grant)
	answerKey(w, r, made, err)
}

// keyOwner returns the caller that a key may act as. A key of an administrator
// would be an administrator who never confirms a password.
func (a *App) keyOwner(ctx context.Context, id string) (*bulwark.Principal, error) {
	account, err := a.accounts.Get(ctx, id)
	if err != nil {
		return nil, storeProblem(err)
	}
	if account != nil && account.Role != "admin" {
		return a.principal(account), nil
	}
	return nil, &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "keys.owner", Detail: "The key cannot have this owner; see errors.",
		Errors: []bulwark.FieldError{{Pointer: "/owner", In: "body", Code: "owner", Detail: "There is no such account, or it is the account of an administrator."}}}
}

func (a *App) rotateKey(w http.ResponseWriter, r *http.Request) {
	made, err := a.keys.Rotate(r.Context(), r.PathValue("id"), overlap)
	answerKey(w, r, made, err)
}

func answerKey(w http.ResponseWriter, r *http.Request, made apikey.Issued, err error) {
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenCreated, Reason: "api_key", Rule: made.ID})
	answer(w, r, http.StatusCreated, issuedKey{made.ID, made.Key, made.Tier, made.ExpiresAt})
}

// shownKey is a key as an administrator sees it.
type shownKey struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id,omitempty"` // not there if the key is a caller of its own
	Tier    string `json:"tier"`
	// RotatedAt is when the newest secret was made, and Stale says that this is
	// too long ago.
	RotatedAt time.Time `json:"rotated_at"`
	Stale     bool      `json:"stale"`
	// Secrets is how many secrets work. More than one means that a rotation is
	// not over.
	Secrets   int       `json:"secrets"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// keysQuery says which keys an administrator asks for.
type keysQuery struct {
	Owner string `json:"owner"`
	Tier  string `json:"tier"`
	Stale *bool  `json:"stale"`
	pageQuery
}

// listKeys answers with the keys that work. The key that was used last comes
// first.
func (a *App) listKeys(w http.ResponseWriter, r *http.Request) {
	asked, err := validate.QueryAs[keysQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	filter := apikey.Filter{Tier: asked.Tier}
	if asked.Owner != "" {
		filter.Owner = &bulwark.Principal{Issuer: a.issuer(), Subject: asked.Owner}
	}
	now, items := time.Now(), []shownKey{}
	err = a.working(r.Context(), filter, now, func(key apikey.Record) {
		if shown := a.showKey(key, now); asked.Stale == nil || *asked.Stale == shown.Stale {
			items = append(items, shown)
		}
	})
	slices.SortStableFunc(items, func(a, b shownKey) int { return b.LastUsed.Compare(a.LastUsed) })
	answerPage(w, r, asked.pageQuery, items, err)
}

// working calls each with every key of the filter that is neither revoked nor
// expired.
func (a *App) working(ctx context.Context, filter apikey.Filter, now time.Time, each func(apikey.Record)) error {
	const perPage = 1000
	for filter.Limit = perPage; ; {
		keys, err := a.keys.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if key.RevokedAt.IsZero() && now.Before(key.ExpiresAt) {
				each(key)
			}
			filter.After = key.ID
		}
		if len(keys) < perPage {
			return nil
		}
	}
}

func (a *App) showKey(key apikey.Record, now time.Time) shownKey {
	shown := shownKey{ID: key.ID, Name: key.Name, Tier: key.Tier, LastUsed: key.LastUsed.UTC(), CreatedAt: key.CreatedAt.UTC(), ExpiresAt: key.ExpiresAt.UTC()}
	if key.Issuer == a.issuer() {
		shown.OwnerID = key.Subject
	}
	for i, secret := range key.Secrets {
		if i == 0 {
			shown.RotatedAt = secret.CreatedAt.UTC()
			shown.Stale = now.Sub(secret.CreatedAt) > staleAge
		}
		if secret.NotAfter.IsZero() || now.Before(secret.NotAfter) {
			shown.Secrets++
		}
	}
	return shown
}

func (a *App) revokeKey(w http.ResponseWriter, r *http.Request) {
	answerDone(w, r, a.keys.Revoke(r.Context(), r.PathValue("id")))
}

// revokeKeysOf ends all keys of an owner.
func (a *App) revokeKeysOf(w http.ResponseWriter, r *http.Request) {
	account, err := a.account(r.Context(), r.PathValue("id"))
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	answerDone(w, r, a.keys.RevokeOwner(r.Context(), a.principal(account)))
}
