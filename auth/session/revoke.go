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

// List returns the live sessions of a subject, for a page that shows where
// somebody is logged in. The session that was refreshed last comes first. The
// result does not contain the hashes.
func (s *Sessions) List(ctx context.Context, subject string) ([]Session, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	all, err := s.store.List(ctx, Filter{Issuer: s.issuer, Subject: subject})
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

// Revoke ends a session of the subject, at once and in all processes that share
// the store. It reports authn_token_revoked with the reason "revoked". If ctx
// is the context of a request, the event goes to the recorder of the request,
// and its user is the caller, such as an administrator. In a job or a tool the
// event goes to [Config.Recorder]. The attribute "subject" is the subject of
// the session.
//
// A session that does not exist, or belongs to another subject, is 404
// "session.not_found".
func (s *Sessions) Revoke(ctx context.Context, subject, id string) error {
	if err := s.made(); err != nil {
		return err
	}
	held, err := s.store.Get(ctx, id)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return unavailable(err)
	}
	if err != nil || held.Issuer != s.issuer || held.Subject != subject {
		return &bulwark.Problem{Status: http.StatusNotFound, Code: "session.not_found", Detail: "There is no such session."}
	}
	return s.revoke(ctx, []Session{held})
}

// RevokeAll ends all sessions of the subject, and reports each of them as
// [Sessions.Revoke] does. Call it when the account is disabled or its password
// has changed. A login at the same time may survive, so disable the account
// first.
func (s *Sessions) RevokeAll(ctx context.Context, subject string) error {
	live, err := s.List(ctx, subject)
	if err != nil {
		return err
	}
	return s.revoke(ctx, live)
}

// revoke ends every session that it can end, also after a failure.
func (s *Sessions) revoke(ctx context.Context, all []Session) error {
	var failed error
	for _, held := range all {
		deleted, err := s.store.Delete(ctx, held.ID)
		if err != nil {
			failed = unavailable(err)
		}
		if deleted {
			s.report(ctx, revoked(held))
		}
	}
	return failed
}
