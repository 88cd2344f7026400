package session

import (
	"context"
	"net/netip"
	"time"
)

// A Store keeps the sessions that are alive, for all processes of a service. A
// session that is not in the store is revoked.
//
// A Store is safe for concurrent use. It bounds its own time, by the context
// and by a deadline of its own. It keeps the rules below, and
// authtest.TestSessionStore checks each of them in a subtest of the same name:
//
//   - fields: Get and List return every field as the last successful Create or
//     Update of that ID has stored it, except for Version, RefreshedAt and
//     ReadAt. Times keep their instant to the microsecond. Their location may
//     be lost.
//   - versions: Each successful Create and Update gives the session a Version
//     that it has not had before. Update succeeds from that Version alone. From
//     any other it returns [auth.ErrConflict] and changes nothing.
//   - clock: A store has one clock for all processes. Get sets ReadAt to the
//     time of that clock. Create sets RefreshedAt to that time. So does an
//     Update that changes the Generation. Any other Update leaves RefreshedAt
//     as it is. What the caller has put into both fields is not stored.
//   - taken: Create returns [auth.ErrConflict] where the ID is taken, by
//     whomever. It has then ended no session and changed nothing.
//   - deleted: After Delete there is no session: Get and Update return
//     [auth.ErrNotFound], List leaves it out, and a further Delete reports
//     false.
//   - replaces: Create first ends the sessions whose ids are in replaces, if
//     they are of the same caller. They make room, for the limit and in a full
//     store. Other ids are passed over.
//   - limit: Create then ends the sessions of the same caller that were
//     refreshed least recently, by RefreshedAt, until fewer than limit remain.
//     It returns the ids of all sessions that it has ended, in any order. The
//     new session is never among them. A limit below 1 counts as 1.
//   - callers: A caller is Issuer and Subject together. The same Subject of
//     another Issuer is another caller.
//   - list: List returns all sessions that [Filter.Matches] and no others, in
//     any order. The list is the caller's to change.
//   - ids: ID, Issuer, Subject and the fields of Provider are compared byte by
//     byte, whatever bytes they hold and however long they are.
//   - expiry: A session is kept until its ExpiresAt, which Update may move in
//     both directions. From then on the store may forget it.
//   - sweep: Sweep forgets the sessions that have expired, where nothing else
//     does, and no others.
//   - many: Nothing else is forgotten, not even to make room.
//   - full: Where there is no room, Create returns [auth.ErrFull]. It has then
//     ended no session and changed nothing. Update and Delete go on working,
//     and a Delete makes room.
//   - concurrent-updates: Of many Updates from one Version exactly one
//     succeeds.
//   - concurrent-creates: Of many Creates of one ID exactly one succeeds. Many
//     Creates for one caller leave as many sessions as the limit says, and each
//     other session is returned as ended exactly once.
//   - concurrent-deletes: Of many Deletes of one session exactly one reports
//     true. No Update brings the session back.
//   - cancelled, deadline: A call whose context is cancelled, or past its
//     deadline, returns at once. It returns the right answer, or an error that
//     is not one of the three, never a wrong answer. What was done without an
//     error is done.
//
// Any error but [auth.ErrNotFound], [auth.ErrConflict] and [auth.ErrFull] is an
// outage: the request is answered with 503.
type Store interface {
	// Create stores a new session. It first ends those sessions of the caller
	// that the new one replaces, and those that are too many for limit. All of
	// that is one step. It returns the ids of the sessions that it has ended.
	Create(ctx context.Context, s Session, limit int, replaces []string) (ended []string, err error)
	// Get returns the session with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Session, error)
	// Update stores s in place of the session with its ID. It returns
	// [auth.ErrNotFound] where there is no such session, and [auth.ErrConflict]
	// where the Version of that session is not s.Version. ID, Issuer, Subject
	// and Provider of a session never change.
	Update(ctx context.Context, s Session) error
	// Delete removes a session and reports whether it was there.
	Delete(ctx context.Context, id string) (bool, error)
	// List returns the sessions that the filter matches. A store has an index
	// for each way of matching.
	List(ctx context.Context, f Filter) ([]Session, error)
	// Sweep forgets what has expired. The application calls it now and then,
	// every few minutes, where the engine has no expiry of its own. A store
	// that needs no sweeping returns nil.
	Sweep(ctx context.Context) error
}

// A Filter chooses sessions for [Store.List]: those of a caller, by Issuer and
// Subject, or those that a login at an identity provider has made, by Provider.
// Empty fields match everything, but a Filter that names neither a Subject nor
// the Subject or SessionID at a provider matches nothing.
type Filter struct {
	// Issuer and Subject are the caller. The two go together.
	Issuer, Subject string
	// Provider is whose login it was. Its Issuer goes with one of the other
	// fields or with both.
	Provider Provider
}

// Matches reports whether the Filter chooses the session.
func (f Filter) Matches(s Session) bool {
	byCaller, byProvider := f.Subject != "", f.Provider.Subject != "" || f.Provider.SessionID != ""
	switch {
	case !byCaller && !byProvider:
		return false
	case byCaller && (f.Issuer != s.Issuer || f.Subject != s.Subject):
		return false
	case !byProvider:
		return true
	}
	p := f.Provider
	return p.Issuer == s.Provider.Issuer &&
		(p.Subject == "" || p.Subject == s.Provider.Subject) &&
		(p.SessionID == "" || p.SessionID == s.Provider.SessionID)
}

// A Provider tells which login at an identity provider a session comes from, as
// a back-channel logout names it (OpenID Connect Back-Channel Logout 1.0
// section 2.4). It is zero for a login that the service checks itself.
type Provider struct {
	Issuer    string // iss
	Subject   string // sub
	SessionID string // sid
}

// A Session is one login of one caller on one device.
type Session struct {
	// ID names the session. It opens nothing and may be shown.
	ID string
	// Version is set by the store, for Update.
	Version uint64
	// Issuer and Subject are the caller.
	Issuer, Subject string
	// Kind is how the client keeps its refresh token: "cookie". A token that
	// comes in another way is refused. At most 16 bytes.
	Kind string
	// Provider is the login at an identity provider, if there was one.
	Provider Provider
	// AuthTime is when the caller proved who they are. A refresh does not
	// renew it.
	AuthTime time.Time
	// ACR is how the caller proved who they are.
	ACR string
	// ClientIP is the address of the client at the login, for showing.
	ClientIP netip.Addr
	// UserAgent is what the client said about itself at the login. At most 256
	// bytes.
	UserAgent string
	// CreatedAt is when the session was made.
	CreatedAt time.Time
	// RefreshedAt is when the newest refresh token was made. It is set by the
	// store, by the clock of the store.
	RefreshedAt time.Time
	// ReadAt is when Get read the session, by the clock of the store.
	ReadAt time.Time
	// ExpiresAt is the end of the session, set at the login.
	ExpiresAt time.Time

	// StoreKey names the key of [Config.StoreKeys] that the session was made
	// with. At most 16 bytes.
	StoreKey string
	// Hash is the hash of the newest refresh token, and of what the session
	// grants.
	Hash [32]byte
	// Generation is how many refresh tokens there were before the newest. At
	// most 2147483647.
	Generation int
	// Shown is set once an access token of the newest generation has been
	// shown, where that decides about a lost answer.
	Shown bool
	// GraceUsed is set once the newest refresh token has been given out again
	// in a way that counts.
	GraceUsed bool
	// GraceRun counts the generations in a row that were given out again.
	GraceRun int
}
