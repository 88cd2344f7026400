package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// List returns a page of the live sessions that the filter chooses, in the
// order of their ids. It sets [Filter.Issuer] itself. Set [Filter.Subject] for
// a page that shows where somebody is logged in. With an empty Filter, List
// returns the sessions of all people, for an administrator. A page with fewer
// sessions than its limit is the last page.
//
// A session that has expired, has been idle for too long, or was not made by
// this service is left out. The result does not contain hashes and seals. Do
// not modify the Factors.
func (s *Sessions) List(ctx context.Context, f Filter) ([]Session, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	f.Issuer = s.issuer
	if f.Limit < 1 || f.Limit > maxPage {
		f.Limit = maxPage
	}
	live := make([]Session, 0, min(f.Limit, 16))
	for most := f.Limit; len(live) < most; {
		all, err := s.store.List(ctx, f)
		if err != nil {
			return nil, unavailable(err)
		}
		now := time.Now()
		for _, held := range all {
			f.After = held.ID
			if s.fault(&held, now) == nil && len(live) < most {
				held.Hash, held.Seal = [32]byte{}, [32]byte{}
				live = append(live, held)
			}
		}
		if len(all) < f.Limit {
			break
		}
		f.Limit = maxPage // many sessions may have ended
		if ctx.Err() != nil {
			return nil, unavailable(ctx.Err())
		}
	}
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
	return s.revoke(ctx, held, revoked)
}

// RevokeAll ends all sessions of the subject, and reports each of them as
// [Sessions.Revoke] does. Call it when the account is disabled or its password
// has changed. A login at the same time may survive, so disable the account
// first. An empty subject is an error.
func (s *Sessions) RevokeAll(ctx context.Context, subject string) error {
	if err := s.made(); err != nil {
		return err
	}
	if subject == "" {
		return errors.New("session: revoke all: the subject is empty, which would name the sessions of all people")
	}
	return s.endAll(ctx, Filter{Subject: subject}, revoked, nil)
}

// endAll ends every session of the filter that it can end, also after a
// failure, and reports each by the event. A session that skip reports stays.
func (s *Sessions) endAll(ctx context.Context, f Filter, event func(Session) bulwark.Event, skip func(Session) bool) (failed error) {
	f.Issuer, f.Limit = s.issuer, maxPage
	for {
		all, err := s.store.List(ctx, f)
		if err != nil {
			return unavailable(err)
		}
		for _, held := range all {
			f.After = held.ID
			if skip != nil && skip(held) {
				continue
			}
			if err := s.revoke(ctx, held, event); err != nil {
				failed = err
			}
		}
		if len(all) < f.Limit {
			return failed
		}
	}
}

// revoke ends a session, and reports it if it was there.
func (s *Sessions) revoke(ctx context.Context, held Session, event func(Session) bulwark.Event) error {
	deleted, err := s.store.Delete(ctx, held.ID)
	if err != nil {
		return unavailable(err)
	}
	if deleted {
		s.report(ctx, event(held))
	}
	return nil
}
