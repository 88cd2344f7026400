package apikey_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/internal/pagetest"
)

// The code of docs/api-keys.md, and tests that run it.

// openKeys opens the keys of the service. The file and its folder belong to the
// service alone.
func openKeys(file string, peppers []apikey.Pepper, users *Users, old *OldKeys) (*apikey.Keys, *apikey.FileStore, error) {
	store, err := apikey.OpenFile(file, 0)
	if err != nil {
		return nil, nil, err
	}
	keys, err := apikey.New(apikey.Config{
		Prefix:         "acme",
		Issuer:         "https://api.example.com/keys",
		Peppers:        peppers, // the newest first
		Store:          store,
		Header:         "X-Api-Key",
		Lookup:         users.Owner,
		Legacy:         old.Grant,
		LegacyPrefixes: []string{"sk_"},
	})
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	old.Keys = keys
	return keys, store, nil
}

// protect lets only callers with a key in.
func protect(keys *apikey.Keys, api http.Handler) (http.Handler, error) {
	stack, err := bulwark.Chain(
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		auth.Config{Authenticators: []auth.Authenticator{keys}},
	)
	if err != nil {
		return nil, err
	}
	return stack.Wrap(api), nil
}

// issueKey answers an administrator with a new key, and shows it once.
func issueKey(keys *apikey.Keys) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		issued, err := keys.Issue(r.Context(), apikey.Grant{
			Name:   "partner of the month",
			Owner:  &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice"},
			Scopes: []string{"documents:read"},
			Tier:   "premium",
		})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(issued)
	}
}

// Users are the accounts of the service.
type Users struct {
	Scopes map[string][]string // by subject; disabled accounts are not here
}

// Owner is the Lookup of the keys: what the owner of a key may do now.
func (u *Users) Owner(_ context.Context, owner *bulwark.Principal) (*bulwark.Principal, error) {
	scopes, active := u.Scopes[owner.Subject]
	if !active {
		return nil, nil // the key is refused as revoked
	}
	return &bulwark.Principal{Issuer: owner.Issuer, Subject: owner.Subject, Scopes: scopes}, nil
}

// closeAccount ends all keys of an account at once.
func closeAccount(ctx context.Context, keys *apikey.Keys, users *Users, subject string) error {
	delete(users.Scopes, subject)
	return keys.RevokeOwner(ctx, &bulwark.Principal{Issuer: "https://login.example.com", Subject: subject})
}

// OldKeys is the table of the keys that were given out before.
type OldKeys struct {
	Rows map[[32]byte]string // the subject, by the SHA-256 of the key
	Keys *apikey.Keys
}

// Grant is the Legacy of the keys. It also adopts the key, so that the next
// request finds it in the store.
func (o *OldKeys) Grant(ctx context.Context, presented string) (apikey.Grant, error) {
	subject, known := o.Rows[sha256.Sum256([]byte(presented))]
	if !known {
		return apikey.Grant{}, auth.ErrNotFound
	}
	g := apikey.Grant{
		Name:   "moved from the old table",
		Owner:  &bulwark.Principal{Issuer: "https://login.example.com", Subject: subject},
		Scopes: []string{"documents:read"},
	}
	_, err := o.Keys.Adopt(ctx, presented, g)
	if p := new(bulwark.Problem); errors.As(err, &p) && p.Code == "apikey.adopted" {
		err = nil // another request was faster
	}
	return g, err
}

// needPepper lists the ids of keys with a secret that still needs a pepper.
func needPepper(ctx context.Context, keys *apikey.Keys, version int) (ids []string, err error) {
	page := apikey.Filter{Limit: 1000}
	for {
		all, err := keys.List(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, key := range all {
			for _, secret := range key.Secrets {
				over := !secret.NotAfter.IsZero() && !time.Now().Before(secret.NotAfter)
				if secret.Pepper == version && !over && key.RevokedAt.IsZero() {
					ids = append(ids, key.ID)
					break
				}
			}
		}
		if len(all) < page.Limit {
			return ids, nil
		}
		page.After = all[len(all)-1].ID
	}
}

// staleKeys are the keys whose newest secret is older than 90 days.
func staleKeys(ctx context.Context, keys *apikey.Keys) ([]apikey.Record, error) {
	return keys.List(ctx, apikey.Filter{Stale: time.Now().Add(-90 * 24 * time.Hour)})
}

func TestTheGuide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "keys.json")
		users := &Users{Scopes: map[string][]string{"alice": {"documents:read", "documents:write"}, "bob": {"documents:read"}}}
		old := &OldKeys{Rows: map[[32]byte]string{sha256.Sum256([]byte(oldKey)): "bob"}}
		keys, store, err := openKeys(file, []apikey.Pepper{pepper(1)}, users, old)
		must(t, err)
		defer func() { store.Close() }()
		var caller *bulwark.Principal
		use := func(key string) int {
			t.Helper()
			api, err := protect(keys, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caller, _ = bulwark.PrincipalFrom(r.Context()) }))
			must(t, err)
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "https://api.example.com/documents", nil)
			r.Header.Set("X-Api-Key", key)
			caller = nil
			api.ServeHTTP(w, r)
			return w.Code
		}
		w := httptest.NewRecorder()
		issueKey(keys)(w, httptest.NewRequest("POST", "https://admin.example.com/keys", nil))
		var issued apikey.Issued
		must(t, json.Unmarshal(w.Body.Bytes(), &issued))
		if code := use(issued.Key); code != 200 || caller.Subject != "alice" || !caller.HasScope("documents:read") || caller.Tier != "premium" {
			t.Errorf("%d, %+v", code, caller)
		}
		for range 2 {
			if code := use(oldKey); code != 200 || caller.Subject != "bob" || !caller.HasScope("documents:read") {
				t.Errorf("an old key: %d, %+v", code, caller)
			}
		}
		if code := use("sk_made_up"); code != 401 {
			t.Errorf("a made-up key: %d", code)
		}
		// The pepper goes: the procedure of the page.
		must(t, store.Close())
		keys, store, err = openKeys(file, []apikey.Pepper{pepper(2), pepper(1)}, users, old)
		must(t, err)
		ids, err := needPepper(t.Context(), keys, 1)
		must(t, err)
		if len(ids) != 2 {
			t.Fatalf("%d keys need the old pepper, want 2", len(ids))
		}
		next := map[string]string{}
		for _, id := range ids {
			rotated, err := keys.Rotate(t.Context(), id, 24*time.Hour)
			must(t, err)
			next[id] = rotated.Key
			if use(rotated.Key) != 200 {
				t.Error("a rotated key is refused")
			}
		}
		if use(issued.Key) != 200 || use(oldKey) != 200 {
			t.Error("a key within its overlap is refused")
		}
		time.Sleep(24 * time.Hour)
		if ids, err = needPepper(t.Context(), keys, 1); err != nil || len(ids) != 0 {
			t.Errorf("%q still need the old pepper, %v", ids, err)
		}
		clear(old.Rows)
		must(t, store.Close())
		keys, store, err = openKeys(file, []apikey.Pepper{pepper(2)}, users, old)
		must(t, err)
		for _, key := range next {
			if use(key) != 200 {
				t.Error("a key is refused without the old pepper")
			}
		}
		if use(issued.Key) != 401 || use(oldKey) != 401 {
			t.Error("a replaced key works")
		}
		time.Sleep(91 * 24 * time.Hour)
		if stale, err := staleKeys(t.Context(), keys); err != nil || len(stale) != 2 {
			t.Errorf("%d stale keys, %v", len(stale), err)
		}
		must(t, closeAccount(t.Context(), keys, users, "alice"))
		if use(next[issued.ID]) != 401 {
			t.Error("a key of a closed account works")
		}
		synctest.Wait()
	})
}

// Each block of the page in Go is code of this file.
func TestThePageShowsThisCode(t *testing.T) {
	pagetest.Read(t, "guide_test.go").HasBlocks(t, "../../docs/api-keys.md", 7, "go")
}
