package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// Logout returns a handler of POST that ends the session whose refresh cookie,
// access cookie or Bearer token the request carries, and answers 204. It expires
// both cookies and sends Clear-Site-Data, with which the browser forgets
// whatever else this site has left there. A request that carries nothing good
// gets the same answer: who wants to be logged out is.
//
// If the store cannot be asked the answer is 503 and the cookies stay, so that
// the client can try again; otherwise the session would outlive the logout.
func (s *Sessions) Logout() http.Handler {
	return s.guarded(func(w http.ResponseWriter, r *http.Request) {
		ended, err := s.logout(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		for _, e := range ended {
			report(r, e.event, "logout", e.held)
		}
		s.setCookie(w, accessCookie, "", 0)
		s.setCookie(w, refreshCookie, "", 0)
		w.Header().Set("Clear-Site-Data", `"cache", "cookies", "storage"`)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

// ending is a session that a logout has ended.
type ending struct {
	held  Session
	event bulwark.EventName
}

// logout ends every session that r proves to be its own.
func (s *Sessions) logout(r *http.Request) ([]ending, error) {
	var all []ending
	now := time.Now()
	for _, token := range s.presented(r) {
		held, err := s.store.Get(r.Context(), token.id())
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, unavailable(err)
		}
		switch s.judge(held, token, now).how {
		case unknown:
		case reused: // ended all the same, and worth knowing
			all = append(all, ending{held, bulwark.AuthnTokenReuse})
		default:
			all = append(all, ending{held, bulwark.AuthnTokenRevoked})
		}
	}
	if s.Detect(r) != auth.None {
		p, err := s.Authenticate(r)
		var refused *bulwark.Problem
		if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable {
			return nil, err
		}
		if err == nil {
			all = append(all, ending{Session{ID: p.SessionID, Issuer: p.Issuer, Subject: p.Subject}, bulwark.AuthnTokenRevoked})
		}
	}
	return s.end(r.Context(), all)
}

// end deletes the sessions and returns those that were there.
func (s *Sessions) end(ctx context.Context, all []ending) ([]ending, error) {
	ended := all[:0]
	for _, e := range all {
		deleted, err := s.store.Delete(ctx, e.held.ID)
		if err != nil {
			return nil, unavailable(err)
		}
		if deleted {
			ended = append(ended, e)
		}
	}
	return ended, nil
}
