package apikey

import (
	"context"
	"errors"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// List returns a page of the keys that the filter chooses, in the order of
// their ids. The result shows whose keys exist and which keys are stale. It
// does not contain the hashes. It contains keys that are revoked or expired,
// until the store forgets them.
func (k *Keys) List(ctx context.Context, f Filter) ([]Record, error) {
	if err := k.made(); err != nil {
		return nil, err
	}
	f.Family = k.family
	if f.Limit < 1 || f.Limit > maxPage {
		f.Limit = maxPage
	}
	all, err := k.store.List(ctx, f)
	if err != nil {
		return nil, unavailable(err)
	}
	for i := range all {
		all[i] = all[i].clone() // the store shares its slices
		for j := range all[i].Secrets {
			all[i].Secrets[j].Hash = [32]byte{}
		}
	}
	return all, nil
}

// RevokeOwner ends all keys that act as the owner, and reports each of them as
// [Keys.Revoke] does. Call it when an account is closed. A key of the owner
// that is issued or rotated at the same time also ends. A key that is issued
// afterwards is accepted.
//
// After a failure, RevokeOwner still ends every key that it can end. It returns
// the failure.
func (k *Keys) RevokeOwner(ctx context.Context, o *bulwark.Principal) error {
	if err := k.made(); err != nil {
		return err
	}
	if o == nil || o.Issuer == "" || o.Subject == "" {
		return errors.New("apikey: revoke the keys of an owner: the Principal is nil, or has no Issuer or Subject")
	}
	var failed error
	if err := k.store.RevokeOwner(ctx, o.Issuer, o.Subject, time.Now().Round(0)); err != nil {
		failed = unavailable(err)
	}
	page := Filter{Family: k.family, Owner: o, Limit: maxPage}
	for {
		all, err := k.store.List(ctx, page)
		if err != nil {
			return unavailable(err)
		}
		for _, rec := range all {
			if !rec.RevokedAt.IsZero() {
				continue
			}
			if err := k.Revoke(ctx, rec.ID); err != nil && !errors.Is(err, auth.ErrNotFound) {
				failed = err
			}
		}
		if len(all) < page.Limit {
			return failed
		}
		page.After = all[len(all)-1].ID
	}
}
