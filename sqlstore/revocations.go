package sqlstore

import (
	"context"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// revocations implements [auth.Revocations].
type revocations struct{ *Store }

// The kinds of revocations.
const (
	revokedToken   = "token"
	revokedSession = "token session"
	revokedSubject = "token subject"
)

// Revoke implements [auth.Revocations]. It is one round trip, unless the rows
// are counted.
func (s revocations) Revoke(ctx context.Context, r auth.Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	kind, id := revokedToken, r.TokenID
	switch {
	case r.SessionID != "":
		kind, id = revokedSession, r.SessionID
	case r.Subject != "":
		kind, id = revokedSubject, r.Subject
	}
	m := s.markOf("revocations", kind, r.Issuer, id, r.IssuedUntil, r.Expires)
	if s.rooms["revocations"].pass() {
		return s.call(ctx, "revoke", func(ctx context.Context, in seat) error { return s.keep(ctx, in, &s.sql.revoke, m) })
	}
	return s.together(ctx, "revoke", func(ctx context.Context, in seat) error {
		if err := s.keep(ctx, in, &s.sql.revoke, m); err != nil {
			return err
		}
		return s.measure(ctx, in, "revocations")
	})
}

// Revoked implements [auth.Revocations]. It is one round trip.
func (s revocations) Revoked(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	if p == nil {
		return true, nil
	}
	err = s.call(ctx, "ask for a revocation", func(ctx context.Context, in seat) error {
		found, err := s.marked(ctx, in, "revocations", subjectOf(revokedToken, p.Issuer, p.TokenID),
			subjectOf(revokedSession, p.Issuer, p.SessionID), subjectOf(revokedSubject, p.Issuer, p.Subject))
		revoked = found[0].live || found[1].live || found[2].live && micros(p.IssuedAt) <= found[2].until
		return err
	})
	return revoked, err
}
