package apikey

import (
	"context"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
)

// Review looks again whether the key of a caller is still good, while a stream
// of the caller is open: see [auth.Reviewer]. The name is the id of the key and
// the time of its secret, because a rotation ends one secret and not the other.
//
//   - A key that was revoked, or that the store does not have any more, is 401
//     with the reason "revoked".
//   - A key or a secret that has ended is 401 with the reason "expired".
//   - An owner that [Config.Lookup] does not find is 401 with the reason
//     "revoked".
//   - A store or a Lookup that does not answer is 503.
//
// A caller whose key only [Config.Legacy] knows needs no review: it ends after
// two minutes.
func (k *Keys) Review(p *bulwark.Principal) (name string, again func(context.Context) error) {
	if k.made() != nil || p == nil || p.TokenID == "" || k.legacy != nil && p.IssuedAt.IsZero() {
		return "", nil
	}
	id, made := p.TokenID, p.IssuedAt
	name = k.family + "_" + id + "/" + strconv.FormatInt(made.UnixNano(), 36)
	return name, func(ctx context.Context) error { return attempt.Mark(k.review(ctx, id, made), method) }
}

// review looks at the secret of the key that was made at the time.
func (k *Keys) review(ctx context.Context, id string, made time.Time) error {
	rec, known, err := k.get(ctx, id)
	switch {
	case err != nil:
		return storeDown(err)
	case !known:
		return auth.Invalid("revoked", k.causes.unknown)
	}
	secret := rec.secretOf(made)
	if reason, cause := secret.fault(&rec, time.Now()); reason != "" {
		return auth.Invalid(reason, cause)
	}
	return k.narrow(ctx, &rec)
}

// secretOf returns the secret that was made at the time. If a rotation has
// dropped it, secretOf returns a secret that ended long ago.
func (rec *Record) secretOf(made time.Time) *Secret {
	for i := range rec.Secrets {
		if rec.Secrets[i].CreatedAt.Equal(made) {
			return &rec.Secrets[i]
		}
	}
	return &Secret{NotAfter: time.Unix(1, 0)}
}
