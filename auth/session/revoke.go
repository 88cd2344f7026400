package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// List returns the sessions of a subject that are alive, the one refreshed last
// first, for a page that shows where somebody is logged in. The hashes are left
// out.
func (s *Sessions) List(ctx context.Context, subject string) ([]Session, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	all, err := s.store.List(ctx, s.issuer, subject)
	if err != nil {
		return nil, unavailable(err)
	}
	now := time.Now()
	live := make([]Session, 0, len(all))
	for _, held := range all {
		if now.Before(held.ExpiresAt) {
			held.Hash = [32]byte{}
			live = append(live, held)
		}
	}
	slices.SortFunc(live, func(a, b Session) int { return b.RefreshedAt.Compare(a.RefreshedAt) })
	return live, nil
}

// Revoke ends a session of the subject, at once and everywhere, and reports it.
// A session that is not the subject's is 404 "session.not_found", as is one that
// does not exist.
func (s *Sessions) Revoke(r *http.Request, subject, id string) error {
	if err := s.made(); err != nil {
		return err
	}
	held, err := s.store.Get(r.Context(), id)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return unavailable(err)
	}
	if err != nil || held.Issuer != s.issuer || held.Subject != subject {
		return &bulwark.Problem{Status: http.StatusNotFound, Code: "session.not_found", Detail: "There is no such session."}
	}
	return s.revoke(r, []Session{held})
}

// RevokeAll ends all sessions of the subject, such as when the account is
// disabled or its password has changed. A login that happens meanwhile may
// remain: disable the account first.
func (s *Sessions) RevokeAll(r *http.Request, subject string) error {
	live, err := s.List(r.Context(), subject)
	if err != nil {
		return err
	}
	return s.revoke(r, live)
}

// revoke goes on after a failure: what can be ended is.
func (s *Sessions) revoke(r *http.Request, all []Session) error {
	var failed error
	for _, held := range all {
		deleted, err := s.store.Delete(r.Context(), held.ID)
		if err != nil {
			failed = unavailable(err)
		}
		if deleted {
			report(r, bulwark.AuthnTokenRevoked, "revoked", held)
		}
	}
	return failed
}
