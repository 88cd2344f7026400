package session

import (
	"context"
	"net/netip"
	"time"
)

// A Store keeps the sessions that are alive. A session that is not in it is
// revoked, so it never drops one before it has expired or is deleted. It must be
// safe for concurrent use, bound its own time by the context and by itself, and
// obey:
//
//   - Get returns what the last successful Create or Update of that id stored, and never a session that was deleted before it was called.
//   - Create and Update are atomic: of two Updates from one Version exactly one succeeds, and none after a Delete.
//   - It may forget a session from its ExpiresAt on.
//
// Any error but [auth.ErrNotFound], [auth.ErrConflict] and [auth.ErrFull] is an
// outage: the request is answered with 503.
type Store interface {
	// Create stores a new session, whose ID is taken by no other. It first
	// deletes the least recently refreshed sessions of the same Issuer and
	// Subject until fewer than limit remain, and returns their ids. It returns
	// [auth.ErrFull], and has changed nothing, where there is no room.
	Create(ctx context.Context, s Session, limit int) (ended []string, err error)
	// Get returns the session with the id, or [auth.ErrNotFound].
	Get(ctx context.Context, id string) (Session, error)
	// Update stores s in place of the session with its ID, and gives it another
	// Version. It returns [auth.ErrNotFound] if there is none, and [auth.ErrConflict] if
	// its Version is no longer s.Version.
	Update(ctx context.Context, s Session) error
	// Delete removes a session and reports whether it was there.
	Delete(ctx context.Context, id string) (bool, error)
	// List returns the sessions of a caller, in any order.
	List(ctx context.Context, issuer, subject string) ([]Session, error)
}

// A Session is one login of one caller on one device.
type Session struct {
	// ID names the session; it opens nothing and may be shown.
	ID string
	// Version is the store's, for Update.
	Version uint64
	// Issuer and Subject are the caller.
	Issuer, Subject string
	// AuthTime is of the login. A refresh does not renew it.
	AuthTime time.Time
	// ACR is of the login, too.
	ACR string
	// ClientIP is of the login, for showing.
	ClientIP netip.Addr
	// UserAgent is of the login, too: the client's word, at most 256 bytes.
	UserAgent string
	// CreatedAt is when the session was made.
	CreatedAt time.Time
	// RefreshedAt is when the newest refresh token was made.
	RefreshedAt time.Time
	// ExpiresAt is the end of the session, set at the login.
	ExpiresAt time.Time

	// Hash is that of the newest refresh token.
	Hash [32]byte
	// Generation is how many refresh tokens there were before it.
	Generation int
	// GraceUsed is set once the newest refresh token has been given out by grace.
	GraceUsed bool
	// GraceRun counts the generations in a row of which that holds.
	GraceRun int
}
