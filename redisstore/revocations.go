package redisstore

import (
	"context"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// revocations implements [auth.Revocations].
type revocations struct {
	store *Store
	marks *marks
}

var stepRevoked = stepOf(0, "revoked", "marks")

// The kinds of a revocation, as the names of their marks begin. lua/revoked.lua
// knows the last.
const (
	revokedToken   = "t"
	revokedSession = "s"
	revokedSubject = "u"
)

// revokedName is the name of a mark.
func revokedName(kind, issuer, id string) string { return kind + digest("revoked", kind, issuer, id) }

// Revoke implements [auth.Revocations].
func (v *revocations) Revoke(ctx context.Context, r auth.Revocation) error {
	if err := v.store.made(); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return err
	}
	ends := int64(most)
	if !r.Expires.IsZero() {
		ends = instantUp(r.Expires)
	}
	switch {
	case r.TokenID != "":
		return v.marks.set(ctx, revokedName(revokedToken, r.Issuer, r.TokenID), ends, "")
	case r.SessionID != "":
		return v.marks.set(ctx, revokedName(revokedSession, r.Issuer, r.SessionID), ends, "")
	}
	return v.marks.set(ctx, revokedName(revokedSubject, r.Issuer, r.Subject), ends, decimal(instantUp(r.IssuedUntil)))
}

// Revoked implements [auth.Revocations], in one round trip.
func (v *revocations) Revoked(ctx context.Context, p *bulwark.Principal) (bool, error) {
	if p == nil {
		return true, nil
	}
	if err := v.store.made(); err != nil {
		return false, err
	}
	args := []string{decimal(instant(p.IssuedAt))}
	if p.TokenID != "" {
		args = append(args, revokedName(revokedToken, p.Issuer, p.TokenID))
	}
	if p.SessionID != "" {
		args = append(args, revokedName(revokedSession, p.Issuer, p.SessionID))
	}
	if p.Subject != "" {
		args = append(args, revokedName(revokedSubject, p.Issuer, p.Subject))
	}
	reply, err := v.store.read(ctx, stepRevoked, []string{v.marks.ends, v.marks.seconds}, args)
	if err != nil {
		return false, err
	}
	switch reply {
	case int64(0):
		return false, nil
	case int64(1):
		return true, nil
	}
	return false, errReply
}

func (v *revocations) sweep(ctx context.Context) error {
	return v.store.sweep(ctx, stepSweepMarks, []string{v.marks.ends, v.marks.seconds}, v.marks.tag)
}
