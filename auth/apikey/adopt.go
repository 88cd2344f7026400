package apikey

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// Adopt moves a key that was given out before into the store. The client goes
// on using the same text. From then on the store decides about the key, and
// [Config.Legacy] is not asked for it again. The key can be listed, rotated and
// revoked, by the ID of the result. Its caller is the same as before.
//
// The store keeps the record of an adopted key for good, also after the key has
// expired or was revoked. Otherwise Legacy would be asked for it again. So the
// store needs room for every key that is adopted.
//
// Legacy may call Adopt itself, because the text of a key is known only when a
// client sends it. An error is a *[bulwark.Problem]:
//
//   - A text that Legacy would not be asked for is 422 "apikey.invalid_key".
//   - A wrong Grant is 422 "apikey.invalid_grant". The Grant needs a Name or an
//     Owner.
//   - A text that the store knows is 409 "apikey.adopted", also if its key has
//     ended.
//   - A store that is full or does not answer is 503.
//
// If [Keys.RevokeOwner] was called for the owner, the adopted key is revoked:
// see RevokedAt of the result. Without Legacy, Adopt returns a
// *[bulwark.ConfigError].
func (k *Keys) Adopt(ctx context.Context, presented string, g Grant) (Record, error) {
	if err := k.made(); err != nil {
		return Record{}, err
	}
	if k.legacy == nil {
		return Record{}, &bulwark.ConfigError{Field: "apikey.Legacy", Reason: "is nil; without it, a key of another format is always refused"}
	}
	if !isLegacy(presented, k.prefix) {
		return Record{}, &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "apikey.invalid_key",
			Detail: "The key must be 1 to 256 bytes of printable ASCII without spaces, in another format than new keys.", Err: k.causes.malformed}
	}
	now := time.Now()
	if g.ExpiresAt.IsZero() {
		g.ExpiresAt = now.Add(k.lifetime).Round(0)
	}
	if err := k.checkGrant(g, now); err != nil {
		return Record{}, err
	}
	if g.Name == "" && g.Owner == nil {
		return Record{}, &bulwark.Problem{Status: http.StatusUnprocessableEntity, Code: "apikey.invalid_grant", Detail: "The key cannot be adopted; see errors.",
			Errors: []bulwark.FieldError{{Pointer: "/name", In: "body", Code: "required", Detail: "The key must have a name or an owner."}}}
	}
	return k.adopt(ctx, presented, g, now)
}

func (k *Keys) adopt(ctx context.Context, text string, g Grant, now time.Time) (Record, error) {
	taken := &bulwark.Problem{Status: http.StatusConflict, Code: "apikey.adopted", Detail: "The key has been adopted before."}
	ids := k.legacyIDs(text)
	_, _, known, err := k.find(ctx, ids)
	switch {
	case err != nil:
		return Record{}, unavailable(err)
	case known: // perhaps under a pepper that is no longer the oldest
		return Record{}, taken
	}
	oldest := k.byAge[len(k.byAge)-1]
	rec := k.record(ids[len(ids)-1], g).clone()
	rec.Adopted = true
	rec.Secrets = []Secret{{Hash: oldest.sum(rec.ID, ofLegacy, text), Pepper: oldest.version, CreatedAt: now}}
	err = k.store.Create(ctx, rec)
	if errors.Is(err, auth.ErrConflict) {
		return Record{}, taken
	}
	if err == nil {
		rec, err = k.store.Get(ctx, rec.ID) // a mark of its owner may have revoked it
	}
	if err != nil {
		return Record{}, unavailable(err)
	}
	return rec.shown(), nil
}
