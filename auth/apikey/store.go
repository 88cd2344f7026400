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
//     instant to the microsecond, and the zero time stays zero. The location of
//     a time may be lost.
//   - versions: Each successful Create and Update gives the record a Version
//     that it has not had before. Update succeeds only with the current
//     Version. With any other Version it returns [auth.ErrConflict] and changes
//     nothing. Mark does not change the Version.
//   - taken: If the ID is taken, Create returns [auth.ErrConflict] and changes
//     nothing.
//   - unknown: If the store has no record with the ID, Get, Update and Mark
//     return [auth.ErrNotFound] and make no record.
//   - list: List returns the records that [Filter.Matches], in the order of
//     their IDs, byte by byte. The list begins after the ID After, and ends
//     after Limit records. A Limit below 1 counts as 1000. The caller may
//     change the list, but not the slices inside its records.
//   - owners: RevokeOwner leaves a mark for a caller. From then on, Create and
//     Update store an older record of the caller as revoked. A record is older
//     if its CreatedAt is not after the time until. If its RevokedAt is zero,
//     it becomes until. Records that exist, records that were made later, and
//     records of other callers stay as they are.
//   - owners-end: A mark of a caller is kept until the time expires. From then
//     on the store may forget the mark, and Sweep forgets it. If a caller has
//     two marks, the later until counts, and the later expires.
//   - marks: Mark sets the mark if the time at is later than the mark by the
//     duration every, or by more. The first Mark sets a mark that was never
//     set. No mark moves back.
//   - marks-apart: Each record has two marks: LastUsed and StaleReported.
//     Update does not change them. It ignores their values in its argument.
//   - slices: The store copies the slices that it is given. The slices that Get
//     returns are shared with other callers. The store and the callers do not
//     modify them.
//   - ids: IDs, Issuers and Subjects are compared byte by byte. They may hold
//     any bytes and have any length.
//   - expiry: A record is kept until its ExpiresAt, also if it is revoked.
//     Update may move ExpiresAt in both directions. From ExpiresAt on, the
//     store may forget the record.
//   - adopted: A record whose Adopted is true is kept for good, also after its
//     ExpiresAt. Sweep and a full store do not forget it. Otherwise
//     [Config.Legacy] would be asked for a key that was revoked.
//   - sweep: Sweep forgets the records that have expired, and no others. A
//     store that forgets them in another way may do nothing.
//   - many: Nothing else is forgotten, not even to make room.
//   - full: If the store is full, Create returns [auth.ErrFull] and changes
//     nothing. Update and Mark go on working. RevokeOwner may return
//     [auth.ErrFull] for a caller who has no mark.
//   - concurrent-updates: If many Updates use one Version, exactly one
//     succeeds.
//   - concurrent-creates: If many Creates use one ID, exactly one succeeds.
//   - concurrent-marks: If many Marks of one kind run at once, exactly one
//     reports true. They do not undo an Update or the other mark.
//   - concurrent-owners: If a Create of an older record and a RevokeOwner run
//     at once, the record is stored as revoked, or it is in each List that
//     begins after RevokeOwner has returned.
//   - cancelled, deadline: If the context of a call is cancelled or past its
//     deadline, the call returns at once. It returns the right answer, or an
//     error that is not one of the three errors below. It never returns a wrong
//     answer. If it returns no error, the change has been made.
//
// Any error except [auth.ErrNotFound], [auth.ErrConflict] and [auth.ErrFull] is
// an outage: the request is answered with 503.
type Store interface {
	// Get returns the record with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Record, error)
	// Create stores a new record.
	Create(ctx context.Context, rec Record) error
	// Update stores rec in place of the record with its ID. If the store has no
	// such record, it returns [auth.ErrNotFound]. If the record has another
	// Version than rec, it returns [auth.ErrConflict].
	Update(ctx context.Context, rec Record) error
	// Mark sets a mark of the record to the time at, and reports true. If the
	// mark is later than the time at minus every, Mark changes nothing and
	// reports false.
	Mark(ctx context.Context, id string, mark Mark, at time.Time, every time.Duration) (bool, error)
	// List returns one page of the records that the filter matches.
	List(ctx context.Context, f Filter) ([]Record, error)
	// RevokeOwner leaves a mark for a caller until the time expires: a later
	// write of an older record of the caller stores the record as revoked.
	// RevokeOwner does not change the records that exist.
	RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error
	// Sweep forgets the records and the marks that have expired. If the engine
	// of the store does not expire records itself, the application calls Sweep
	// every few minutes. A store that needs no sweeping returns nil.
	Sweep(ctx context.Context) error
}

// A Filter chooses keys, page by page. An empty field matches every key.
type Filter struct {
	// Family is the prefix and the environment of the keys, such as
	// "acme_live". [Keys.List] sets it. Default: any family.
	Family string
	// Owner is the caller that the keys act as. Only its Issuer and Subject
	// count. Default: any caller.
	Owner *bulwark.Principal
	// Tier is the tier of the keys. Default: any tier.
	Tier string
	// Stale chooses the keys whose newest secret was made before this time.
	// Default: keys of any age.
	Stale time.Time
	// After is the last ID of the page before. The page begins after this ID.
	// Default: the first page.
	After string
	// Limit is the number of keys on a page. Default: 1000. At most 1000.
	Limit int
}

// Matches reports whether the Filter chooses the record. After and Limit do not
// matter.
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
	// ID is the id of the key. It may be shown and logged. The id of an adopted
	// key is derived from its text, with a [Pepper].
	ID string
	// Version is set by the store, for Update.
	Version uint64
	// Family is the prefix and the environment of the key, such as "acme_live".
	// At most 33 bytes.
	Family string
	// Name describes the key for people.
	Name string
	// Issuer and Subject are the caller that the key acts as.
	Issuer, Subject string
	// Roles and Scopes are the roles and scopes of the caller.
	Roles, Scopes []string
	// Tier is the tier of the caller.
	Tier string
	// Networks are the networks from which the key may be used. If empty, the
	// key may be used from any network.
	Networks []netip.Prefix
	// Secrets are the hashes of the secrets, the newest first, at most four.
	Secrets []Secret
	// CreatedAt is when the key was issued. A rotation does not change it. It
	// is zero if the key was adopted, because such a key is older than the
	// record. So each mark of RevokeOwner meets it.
	CreatedAt time.Time
	// ExpiresAt is when the key ends.
	ExpiresAt time.Time
	// Adopted reports that [Keys.Adopt] has made the record. The store keeps it
	// for good.
	Adopted bool
	// RevokedAt is when the key was revoked. It is zero if the key is not
	// revoked.
	RevokedAt time.Time
	// LastUsed is when the key was last accepted, with the precision of
	// [Config.UsedEvery].
	LastUsed time.Time
	// StaleReported is when authn_key_stale was last reported.
	StaleReported time.Time
}

// A Secret is one secret of a key, at rest.
type Secret struct {
	Hash      [32]byte  // HMAC-SHA-256 under the pepper
	Pepper    int       // Version of the pepper
	CreatedAt time.Time // when Issue or Rotate made the secret
	NotAfter  time.Time // zero until a rotation replaces the secret
}

// maxSecrets bounds the secrets of a key. A verification always does the work
// for this number of secrets.
const maxSecrets = 4

// forgettable reports whether the store may forget the record.
func (rec *Record) forgettable(now time.Time) bool { return !rec.Adopted && !now.Before(rec.ExpiresAt) }

// ended reports whether the key is revoked or expired.
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
