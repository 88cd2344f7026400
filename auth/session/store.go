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
//     Update of that ID has stored it. Times keep their instant to the
//     microsecond. Their location may be lost.
//   - versions: Each successful Create and Update gives the session a Version
//     that it has not had before. Update succeeds from that Version alone. From
//     any other it returns [auth.ErrConflict] and changes nothing.
//   - taken: Create returns [auth.ErrConflict] where the ID is taken, by
//     whomever. It has then ended no session and changed nothing.
//   - deleted: After Delete there is no session: Get and Update return
//     [auth.ErrNotFound], List leaves it out, and a further Delete reports
//     false.
//   - limit: Create ends the sessions of the same caller that were refreshed
//     least recently, by RefreshedAt, until fewer than limit remain, and
//     returns the ids of those sessions in any order. The new session is never
//     among them. A limit below 1 counts as 1.
//   - callers: A caller is Issuer and Subject together. The same Subject of
//     another Issuer is another caller.
//   - list: List returns all sessions of the caller and no others, in any
//     order. The list is the caller's to change.
//   - ids: ID, Issuer and Subject are compared byte by byte, whatever bytes
//     they hold and however long they are.
//   - expiry: A session is kept until its ExpiresAt, which Update may move in
//     both directions. From then on the store may forget it.
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
	// Create stores a new session. It first ends the sessions of the caller
	// that are too many for limit, and returns the ids of the sessions that it
	// has ended.
	Create(ctx context.Context, s Session, limit int) (ended []string, err error)
	// Get returns the session with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Session, error)
	// Update stores s in place of the session with its ID. It returns
	// [auth.ErrNotFound] where there is no such session, and [auth.ErrConflict]
	// where the Version of that session is not s.Version. ID, Issuer and
	// Subject of a session never change.
	Update(ctx context.Context, s Session) error
	// Delete removes a session and reports whether it was there.
	Delete(ctx context.Context, id string) (bool, error)
	// List returns the sessions of a caller.
	List(ctx context.Context, issuer, subject string) ([]Session, error)
}

// A Session is one login of one caller on one device.
type Session struct {
	// ID names the session. It opens nothing and may be shown.
	ID string
	// Version is set by the store, for Update.
	Version uint64
	// Issuer and Subject are the caller.
	Issuer, Subject string
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
	// RefreshedAt is when the newest refresh token was made.
	RefreshedAt time.Time
	// ExpiresAt is the end of the session, set at the login.
	ExpiresAt time.Time

	// Hash is the hash of the newest refresh token.
	Hash [32]byte
	// Generation is how many refresh tokens there were before the newest.
	Generation int
	// GraceUsed is set once the newest refresh token has been given out by
	// grace.
	GraceUsed bool
	// GraceRun counts the generations in a row that were given out by grace.
	GraceRun int
}
