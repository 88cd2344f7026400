package apikey

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
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
//   - list: List returns the records that [Filter.Matches], in the order of
//     their IDs, byte by byte. It begins behind After and ends after Limit
//     records. A Limit below 1 counts as 1000. The list is the caller's to
//     change, its slices are not.
//   - owners: RevokeOwner leaves a mark for a caller. From then on Create and
//     Update store a record of that caller as revoked whose CreatedAt is until
//     or earlier: a RevokedAt that is zero becomes until. Of two marks for one
//     caller the later until counts. Records that are there, records that were
//     made later and other callers stay as they are. No mark is forgotten.
//   - marks: Mark sets the mark where at is at least every later than the mark
//     is. A mark that was never set is set by the first Mark. No mark moves
//     back.
//   - marks-apart: Each record has two marks of its own. Update takes neither
//     from what it is given: LastUsed and StaleReported stay as they are.
//   - slices: The store copies the slices that it is given. What Get returns is
//     shared with other callers: neither the store nor the caller modifies it.
//   - ids: IDs, Issuers and Subjects are compared byte by byte, whatever bytes
//     they hold and however long they are.
//   - expiry: A record is kept until its ExpiresAt, which Update may move in
//     both directions, whether it is revoked or not. From then on the store may
//     forget it.
//   - sweep: Sweep forgets the records that have expired, where nothing else
//     does, and no others.
//   - many: Nothing else is forgotten, not even to make room.
//   - full: Where there is no room, Create returns [auth.ErrFull] and changes
//     nothing. Update and Mark go on working. RevokeOwner may return
//     [auth.ErrFull] for a caller who has no mark.
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
	// List returns the records that the filter matches, a page of them.
	List(ctx context.Context, f Filter) ([]Record, error)
	// RevokeOwner leaves a mark that later writes of the caller's older records
	// meet. It changes no record that is there.
	RevokeOwner(ctx context.Context, issuer, subject string, until time.Time) error
	// Sweep forgets what has expired. The application calls it now and then,
	// every few minutes, where the engine has no expiry of its own. A store
	// that needs no sweeping returns nil.
	Sweep(ctx context.Context) error
}

// A Filter chooses keys, page by page. Empty fields match everything.
type Filter struct {
	// Family is that of the keys: prefix and environment, "acme_live".
	// [Keys.List] sets it.
	Family string
	// Owner is the caller whom the keys act as. Its Issuer and Subject are
	// taken, nothing else.
	Owner *bulwark.Principal
	// Tier is that of the keys.
	Tier string
	// Stale chooses the keys whose newest secret was made before that time.
	Stale time.Time
	// After is the ID behind which the page begins: the last one of the page
	// before.
	After string
	// Limit is how many keys a page has. Default: 1000. At most 1000.
	Limit int
}

// Matches reports whether the Filter chooses the record, on whatever page.
func (f Filter) Matches(rec Record) bool {
	switch {
	case f.Family != "" && f.Family != rec.Family,
		f.Owner != nil && (f.Owner.Issuer != rec.Issuer || f.Owner.Subject != rec.Subject),
		f.Tier != "" && f.Tier != rec.Tier,
		!f.Stale.IsZero() && (len(rec.Secrets) == 0 || !rec.Secrets[0].CreatedAt.Before(f.Stale)):
		return false
	}
	return true
}

const maxPage = 1000

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
	// Family is the prefix and the environment of the key: "acme_live". At most
	// 33 bytes.
	Family string
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
