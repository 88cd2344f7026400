package apikey

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// A Store keeps the records of all keys. It never sees a secret. It must be safe
// for concurrent use, bound its own time by the context and by itself, and obey:
//
//   - Get returns what the last successful Create or Update of that id stored.
//   - Create and Update are atomic: of two Updates from one Version exactly one succeeds.
//   - Update takes nothing from LastUsed and StaleReported, which only Mark changes.
//   - The slices of a record are shared: neither side modifies them.
//   - A record is not dropped before it has been revoked or has expired.
//
// Any error but [auth.ErrNotFound], [auth.ErrConflict] and [auth.ErrFull] is an
// outage: the request is answered with 503.
type Store interface {
	// Get returns the record with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Record, error)
	// Create stores a new record. It returns [auth.ErrConflict] if the id is taken
	// and [auth.ErrFull] if there is no room.
	Create(ctx context.Context, rec Record) error
	// Update stores rec in place of the record with its id, and gives it
	// another Version. It returns [auth.ErrNotFound] if there is none, and
	// [auth.ErrConflict] if its Version is no longer rec.Version.
	Update(ctx context.Context, rec Record) error
	// Mark sets a mark of the record to at, unless it is later than at minus
	// every, and reports whether it did: of several callers at once, one.
	Mark(ctx context.Context, id string, mark Mark, at time.Time, every time.Duration) (bool, error)
}

// A Mark names a time that a [Store] keeps beside a record.
type Mark string

// The marks.
const (
	Used  Mark = "used"  // Record.LastUsed
	Stale Mark = "stale" // Record.StaleReported
)

// A Record is what a [Store] keeps of a key.
type Record struct {
	// ID is the key's id: it may be shown and logged.
	ID string
	// Version is the store's, for Update.
	Version uint64
	// Name is what people call the key.
	Name string
	// Issuer and Subject are the caller that the key acts as.
	Issuer, Subject string
	// Roles and Scopes are the caller's.
	Roles, Scopes []string
	// Tier is the caller's.
	Tier string
	// Networks are those that the key may be used from; empty is any.
	Networks []netip.Prefix
	// Secrets are the hashes of the secrets, the newest first, at most four.
	Secrets []Secret
	// CreatedAt is when the key was issued. A rotation does not move it.
	CreatedAt time.Time
	// ExpiresAt is when the key ends.
	ExpiresAt time.Time
	// RevokedAt is zero for a key that is not revoked.
	RevokedAt time.Time
	// LastUsed is when the key was last accepted, as exact as [Config.UsedEvery].
	LastUsed time.Time
	// StaleReported is when authn_key_stale was last reported.
	StaleReported time.Time
}

// A Secret is one secret of a key, at rest.
type Secret struct {
	Hash      [32]byte  // HMAC-SHA-256 under the pepper
	Pepper    int       // Version of the pepper
	CreatedAt time.Time // when the issue or the rotation made it
	NotAfter  time.Time // zero until a rotation replaces the secret
}

// maxSecrets bounds the secrets of a key; verifying does the work for as many.
const maxSecrets = 4

// ended reports whether no secret of the key will be accepted any more.
func (rec *Record) ended(now time.Time) bool {
	return !rec.RevokedAt.IsZero() || !now.Before(rec.ExpiresAt)
}

func (rec Record) clone() Record {
	rec.Roles = slices.Clip(slices.Clone(rec.Roles))
	rec.Scopes = slices.Clip(slices.Clone(rec.Scopes))
	rec.Networks = slices.Clip(slices.Clone(rec.Networks))
	rec.Secrets = slices.Clip(slices.Clone(rec.Secrets))
	return rec
}
