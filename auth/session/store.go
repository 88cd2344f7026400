package session

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// ErrLoggedOut is the error of [Store].Create for a session whose login has
// ended at the identity provider. Compare with [errors.Is].
var ErrLoggedOut = errors.New("session: logged out at the identity provider")

// A Store keeps the sessions that are alive, for all processes of a service. A
// session that is not in the store is revoked.
//
// A Store is safe for concurrent use. It bounds its own time, by the context
// and by a deadline of its own. It keeps the rules below, and
// authtest.TestSessionStore checks each of them in a subtest of the same name:
//
//   - fields: Get and List return every field as the last successful Create or
//     Update of that ID has stored it, except for Version, RefreshedAt, UsedAt
//     and ReadAt. Times keep their instant to the microsecond. The location of
//     a time may be lost.
//   - factors: The store copies the map Factors that it is given. A map without
//     entries may come back as nil. The maps that Get and List return may be
//     shared with other callers. The store and the callers do not modify them.
//   - versions: Each successful Create and Update gives the session a Version
//     that it has not had before. Update succeeds only with the current
//     Version. With any other Version it returns [auth.ErrConflict] and changes
//     nothing.
//   - clock: A store has one clock for all processes. Get and List set ReadAt
//     to the time of that clock. Create and an Update that changes the
//     Generation set RefreshedAt to that time. Create sets UsedAt to that time.
//     Any other Update leaves RefreshedAt as it is, and each Update leaves
//     UsedAt as it is. The values of these three fields in the argument are not
//     stored.
//   - touch: Touch sets UsedAt to the time of the clock, if UsedAt is older by
//     the duration every, or by more. Otherwise Touch changes nothing. It
//     changes no other field, and not the Version.
//   - taken: If the ID is taken, by the same or another caller, Create returns
//     [auth.ErrConflict]. It ends no session and changes nothing.
//   - deleted: After Delete the session is gone: Get, Update and Touch return
//     [auth.ErrNotFound], List leaves it out, and a further Delete reports
//     false.
//   - replaces: Create first ends the sessions whose ids are in replaces, if
//     they are of the same caller. They make room, for the limit and in a full
//     store. Create ignores other ids.
//   - limit: Create then ends the sessions of the same caller that were
//     refreshed least recently, by RefreshedAt, until fewer than limit remain.
//     It returns the ids of all sessions that it has ended, in any order. The
//     new session is never among them. A limit below 1 counts as 1.
//   - callers: A caller is Issuer and Subject together. The same Subject of
//     another Issuer is another caller.
//   - list: List returns the sessions that [Filter.Matches], in the order of
//     their IDs, byte by byte. The list begins after the ID After, and ends
//     after Limit sessions. A Limit below 1 counts as 1000. If a list has fewer
//     sessions, there are no further ones. The caller may change the list.
//   - providers: RevokeProvider leaves a mark for a login at an identity
//     provider. Until the time expires, Create returns [ErrLoggedOut] for a
//     session of that login. It ends no session and changes nothing. If the
//     Provider has a SessionID, the login is this Issuer and this SessionID. If
//     the Provider has no SessionID, the logins are those of this Issuer and
//     this Subject whose AuthTime is not after the time until. The sessions
//     that exist stay as they are. If a login has two marks, the later times
//     count. From the time expires on, the store may forget the mark.
//   - ids: ID, Issuer, Subject and the fields of Provider are compared byte by
//     byte. They may hold any bytes and have any length.
//   - expiry: A session is kept until its ExpiresAt. Update may move ExpiresAt
//     in both directions. From ExpiresAt on, the store may forget the session.
//   - sweep: Sweep forgets the sessions that have expired, and no others. A
//     store that forgets them in another way may do nothing.
//   - many: Nothing else is forgotten, not even to make room.
//   - full: If the store is full, Create returns [auth.ErrFull]. It ends no
//     session and changes nothing. Update, Touch and Delete go on working, and
//     a Delete makes room. RevokeProvider may return [auth.ErrFull] for a login
//     that has no mark.
//   - concurrent-updates: If many Updates use one Version, exactly one
//     succeeds. A Touch at the same time undoes no Update.
//   - concurrent-creates: If many Creates use one ID, exactly one succeeds. If
//     many Creates are for one caller, as many sessions remain as the limit
//     says, and each other session is returned as ended exactly once.
//   - concurrent-deletes: If many Deletes are for one session, exactly one
//     reports true. No Update and no Touch brings the session back.
//   - concurrent-logouts: If a Create and a RevokeProvider of its login run at
//     once, Create returns [ErrLoggedOut], or the session is in each List that
//     begins after RevokeProvider has returned.
//   - cancelled, deadline: If the context of a call is cancelled or past its
//     deadline, the call returns at once. It returns the right answer, or an
//     error that is not one of the four errors below. It never returns a wrong
//     answer. If it returns no error, the change has been made.
//
// Any error except [auth.ErrNotFound], [auth.ErrConflict], [auth.ErrFull] and
// [ErrLoggedOut] is an outage: the request is answered with 503.
type Store interface {
	// Create stores a new session. It first ends the sessions of the caller
	// whose ids are in replaces, and then the sessions above the limit. All
	// this is one atomic step. It returns the ids of the sessions that it has
	// ended.
	Create(ctx context.Context, s Session, limit int, replaces []string) (ended []string, err error)
	// Get returns the session with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Session, error)
	// Update stores s in place of the session with its ID. If the store has no
	// such session, it returns [auth.ErrNotFound]. If the session has another
	// Version than s, it returns [auth.ErrConflict]. The ID, Issuer, Subject
	// and Provider of a session never change.
	Update(ctx context.Context, s Session) error
	// Touch records that the session with the id is in use: it sets UsedAt to
	// the time of the store, unless UsedAt is younger than every. If the store
	// has no such session, Touch returns [auth.ErrNotFound].
	Touch(ctx context.Context, id string, every time.Duration) error
	// Delete removes a session and reports whether it was there.
	Delete(ctx context.Context, id string) (bool, error)
	// List returns one page of the sessions that the filter matches. A store
	// should have an index for the caller, for the Subject of a provider and
	// for the SessionID of a provider.
	List(ctx context.Context, f Filter) ([]Session, error)
	// RevokeProvider leaves a mark for a login at an identity provider: until
	// the time expires, Create refuses sessions of this login. RevokeProvider
	// does not end the sessions that exist.
	RevokeProvider(ctx context.Context, p Provider, until, expires time.Time) error
	// Sweep forgets the sessions that have expired. If the engine of the store
	// does not expire sessions itself, the application calls Sweep every few
	// minutes. A store that needs no sweeping returns nil.
	Sweep(ctx context.Context) error
}

// A Filter chooses sessions, page by page. An empty field matches every
// session, so an empty Filter chooses all sessions.
type Filter struct {
	// Issuer is the issuer of the callers. [Sessions.List] sets it. Default:
	// any issuer.
	Issuer string
	// Subject is the subject of the callers. Default: any subject.
	Subject string
	// Provider is the login at an identity provider. Each of its fields that is
	// not empty must be the same. Default: any login.
	Provider Provider
	// After is the last ID of the page before. The page begins after this ID.
	// Default: the first page.
	After string
	// Limit is the number of sessions on a page. Default: 1000. At most 1000.
	Limit int
}

// maxPage is the default and the bound of Filter.Limit.
const maxPage = 1000

// Matches reports whether the Filter chooses the session. After and Limit do
// not matter.
func (f Filter) Matches(s Session) bool {
	p, of := f.Provider, s.Provider
	return (f.Issuer == "" || f.Issuer == s.Issuer) &&
		(f.Subject == "" || f.Subject == s.Subject) &&
		(p.Issuer == "" || p.Issuer == of.Issuer) &&
		(p.Subject == "" || p.Subject == of.Subject) &&
		(p.SessionID == "" || p.SessionID == of.SessionID)
}

// A Provider names the login at an identity provider that a session comes from.
// It has the words of a back-channel logout (OpenID Connect Back-Channel Logout
// 1.0 section 2.4). It is zero for a login that the service checks itself.
type Provider struct {
	Issuer    string // iss
	Subject   string // sub
	SessionID string // sid
}

// A Session is one login of one caller on one device.
type Session struct {
	// ID names the session. It gives no access, so it may be shown and logged.
	ID string
	// Version is set by the store, for Update.
	Version uint64
	// Issuer and Subject are the caller.
	Issuer, Subject string
	// Kind is how the client keeps its refresh token: "cookie" or "body". A
	// refresh token in the other place is refused. At most 16 bytes.
	Kind string
	// Provider is the login at an identity provider, if there was one.
	Provider Provider
	// AuthTime is when the caller proved who they are. A refresh does not
	// renew it.
	AuthTime time.Time
	// ACR is how the caller proved who they are.
	ACR string
	// Factors are how and when the caller proved who they are: the method, such
	// as "pwd" or "otp", and the last time of the method. At most 16 entries.
	// The names are 1 to 64 bytes of printable ASCII.
	Factors map[string]time.Time
	// ClientIP is the address of the client at the login, for people.
	ClientIP netip.Addr
	// UserAgent is the User-Agent of the client at the login, for people. At
	// most 256 bytes.
	UserAgent string
	// CreatedAt is when the session was made.
	CreatedAt time.Time
	// RefreshedAt is when the newest refresh token was made. It is set by the
	// store, by the clock of the store.
	RefreshedAt time.Time
	// UsedAt is when the session was last in use, by the clock of the store. It
	// is set by Create and Touch. It may be up to a minute behind.
	UsedAt time.Time
	// ReadAt is when Get or List read the session, by the clock of the store.
	ReadAt time.Time
	// ExpiresAt is the end of the session, set at the login.
	ExpiresAt time.Time

	// StoreKey names the key of [Config.StoreKeys] that the session was made
	// with. At most 16 bytes.
	StoreKey string
	// Hash is the hash of the newest refresh token.
	Hash [32]byte
	// Seal is a MAC over the ID and all rights of the session: the caller, the
	// Kind, the login and the end of the session.
	Seal [32]byte
	// Generation is the number of refresh tokens before the newest. At most
	// 2147483647.
	Generation int
	// Shown says that an access token of the newest generation has been used.
	// It is set only while a lost answer is possible.
	Shown bool
	// GraceUsed says that the newest refresh token has been given out again, a
	// second or more after it was made.
	GraceUsed bool
	// GraceRun is the number of generations in a row that were given out again.
	GraceRun int
}
