package apikey

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// A Store keeps the records of all keys, for all processes of a service. It
// never sees a secret.
//
// A Store is safe for concurrent use. It bounds its own time, by the context
// and by a deadline of its own. It keeps the rules below, and
// authtest.TestKeyStore checks each of them in a subtest of the same name:
//
//   - fields: Get returns every field as the last successful Create or Update
//     of that ID has stored it. Slices keep their order. Times keep their
//     instant to the microsecond, and the zero time stays zero. Their location
//     may be lost.
//   - versions: Each successful Create and Update gives the record a Version
//     that it has not had before. Update succeeds from that Version alone. From
//     any other it returns [auth.ErrConflict] and changes nothing. Mark leaves
//     the Version alone.
//   - taken: Create returns [auth.ErrConflict] where the ID is taken, and
//     changes nothing.
//   - unknown: Where there is no record with the ID, Get, Update and Mark
//     return [auth.ErrNotFound] and make no record.
//   - marks: Mark sets the mark where at is at least every later than the mark
//     is. A mark that was never set is set by the first Mark. No mark moves
//     back.
//   - marks-apart: Each record has two marks of its own. Update takes neither
//     from what it is given: LastUsed and StaleReported stay as they are.
//   - slices: The store copies the slices that it is given. What Get returns is
//     shared with other callers: neither the store nor the caller modifies it.
//   - ids: IDs are compared byte by byte, whatever bytes they hold and however
//     long they are.
//   - expiry: A record is kept until its ExpiresAt, which Update may move in
//     both directions. From then on, and from its RevokedAt on, the store may
//     forget it.
//   - many: Nothing else is forgotten, not even to make room.
//   - full: Where there is no room, Create returns [auth.ErrFull] and changes
//     nothing. Update and Mark go on working.
//   - concurrent-updates: Of many Updates from one Version exactly one
//     succeeds.
//   - concurrent-creates: Of many Creates of one ID exactly one succeeds.
//   - concurrent-marks: Of many Marks of one kind at once exactly one reports
//     true. Neither an Update nor the other mark is lost to them.
//   - cancelled, deadline: A call whose context is cancelled, or past its
//     deadline, returns at once. It returns the right answer, or an error that
//     is not one of the three, never a wrong answer. What was done without an
//     error is done.
//
// Any error but [auth.ErrNotFound], [auth.ErrConflict] and [auth.ErrFull] is an
// outage: the request is answered with 503.
type Store interface {
	// Get returns the record with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Record, error)
	// Create stores a new record.
	Create(ctx context.Context, rec Record) error
	// Update stores rec in place of the record with its ID. It returns
	// [auth.ErrNotFound] where there is no such record, and [auth.ErrConflict]
	// where the Version of that record is not rec.Version.
	Update(ctx context.Context, rec Record) error
	// Mark sets a mark of the record to at, unless the mark is later than at
	// minus every, and reports whether it did.
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
	// ID is the id of the key. It may be shown and logged.
	ID string
	// Version is set by the store, for Update.
	Version uint64
	// Name is what people call the key.
	Name string
	// Issuer and Subject are the caller that the key acts as.
	Issuer, Subject string
	// Roles and Scopes are the caller's.
	Roles, Scopes []string
	// Tier is the caller's.
	Tier string
	// Networks are the networks that the key may be used from. Empty is any.
	Networks []netip.Prefix
	// Secrets are the hashes of the secrets, the newest first, at most four.
	Secrets []Secret
	// CreatedAt is when the key was issued. A rotation does not move it.
	CreatedAt time.Time
	// ExpiresAt is when the key ends.
	ExpiresAt time.Time
	// RevokedAt is zero for a key that is not revoked.
	RevokedAt time.Time
	// LastUsed is when the key was last accepted, as exact as
	// [Config.UsedEvery].
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
