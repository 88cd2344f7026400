package apikey

import (
	"context"
	"errors"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// markLife is how long the mark of an owner is kept. No key lasts longer, so
// later there is no key that the mark could meet. A day allows for clocks that
// differ.
const markLife = longest + day

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
		all[i] = all[i].shown()
	}
	return all, nil
}

// shown is the record without the hashes.
func (rec Record) shown() Record {
	rec = rec.clone() // the store shares its slices
	for i := range rec.Secrets {
		rec.Secrets[i].Hash = [32]byte{}
	}
	return rec
}

// RevokeOwner ends all keys that act as the owner, and reports each of them as
// [Keys.Revoke] does. Call it when an account is closed. A key of the owner
// that is issued or rotated at the same time also ends. A key that is issued
// afterwards is accepted. A key that is adopted afterwards is revoked, because
// it was given out before. RevokeOwner does not reach a key that
// [Config.Legacy] knows and nobody has adopted: [Config.Lookup] refuses such a
// key.
//
// A key of the owner in other Keys that share the store ends at its next
// rotation. So call RevokeOwner of each of them.
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
	now := time.Now().Round(0)
	if err := k.store.RevokeOwner(ctx, o.Issuer, o.Subject, now, now.Add(markLife)); err != nil {
		failed = unavailable(err)
	}
	page := Filter{Family: k.family, Owner: o, Limit: maxPage}
	for {
		all, err := k.store.List(ctx, page)
		if err != nil {
			return unavailable(err)
		}
		for _, rec := range all {
			if rec.isOver() {
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
