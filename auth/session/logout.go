package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// LogoutHandler returns a handler for POST. It ends the session of the refresh
// cookie, the access cookie or the Bearer token of the request, and answers
// 204. A client that is not a browser may send its refresh token in a JSON
// body, as to [Sessions.RefreshHandler], with the same rules. It expires both
// cookies, and sends Clear-Site-Data so that the browser deletes other data of
// the site: see [Config.ClearSiteData]. A request without a valid credential
// gets the same answer, because its user is already logged out. The cookies of
// other names stay: see [Config.AccessCookie].
//
// A body that is not application/json is not read. If the request has neither a
// cookie nor an Authorization header, and is not from a browser, such a body is
// refused with 415. An access token in the Authorization header that has
// ended is refused with 401 by the auth layer in front, and the session goes
// on. So a client that is not a browser sends the refresh token in the body,
// with its Content-Type, and no Authorization header.
//
// If the client hangs up, the logout goes on.
//
// If the store does not answer, the answer is 503. The cookies stay, so that
// the client can try again. Otherwise the session would outlive the logout. If
// a request carries several sessions, the handler ends and reports every
// session that it can end.
func (s *Sessions) LogoutHandler() http.Handler {
	return s.guarded(func(w http.ResponseWriter, r *http.Request) {
		inBody, err := s.bodyOf(w, r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		ctx, cancel := goOn(r.Context())
		defer cancel()
		ended, err := s.logout(r.WithContext(ctx), inBody)
		for _, e := range ended {
			bulwark.Report(r, s.about(e.held, e.event, "logout"))
		}
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		s.setCookie(w, s.accessCookie, "", 0)
		s.setCookie(w, s.refreshCookie, "", 0)
		if s.clear != "" {
			w.Header().Set("Clear-Site-Data", s.clear)
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

// goOn returns a context for the end of a session. The end of ctx does not stop
// it, because people close the tab after a logout, and an attacker hangs up.
func goOn(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), endTime)
}

// bodyOf returns the refresh token in the body of r, if there is one that this
// service has made.
func (s *Sessions) bodyOf(w http.ResponseWriter, r *http.Request) ([]shown, error) {
	text, found, err := s.bodyToken(w, r)
	if err != nil || !found {
		return nil, err
	}
	if _, count := oneCookie(r, s.refreshCookie); count > 0 {
		return nil, invalidRequest(errBoth)
	}
	token, ok := parseRefreshToken(text)
	if !ok {
		return nil, nil
	}
	if key := s.keyOf(&token); key != nil {
		return []shown{{token, key, bodyKind}}, nil
	}
	return nil, nil
}

// ending is a session that a logout has ended.
type ending struct {
	held  Session
	event bulwark.EventName
}

// logout ends every session whose token r carries. It goes on after a failure.
// It returns the sessions to report, and the failure.
func (s *Sessions) logout(r *http.Request, inBody []shown) (ended []ending, failed error) {
	var all []ending
	now := time.Now()
	for _, by := range append(s.presented(r), inBody...) {
		held, err := s.store.Get(r.Context(), by.token.id())
		if errors.Is(err, auth.ErrNotFound) {
			continue
		}
		if err != nil {
			failed = unavailable(err)
			continue
		}
		switch s.judge(held, by, now).how {
		case unknown:
		case reused: // the session ends, and the reuse is reported
			all = append(all, ending{held, bulwark.AuthnTokenReuse})
		default:
			all = append(all, ending{held, bulwark.AuthnTokenRevoked})
		}
	}
	if s.Detect(r) != auth.None {
		p, _, err := s.check(r)
		var refused *bulwark.Problem
		if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable {
			failed = err
		}
		if err == nil {
			all = append(all, ending{Session{ID: p.SessionID, Issuer: p.Issuer, Subject: p.Subject}, bulwark.AuthnTokenRevoked})
		}
	}
	ended, err := s.end(r.Context(), all)
	if err != nil {
		failed = err
	}
	return ended, failed
}

// end deletes the sessions and returns the sessions to report: the deleted
// ones, and those with a reused token that could not be deleted.
func (s *Sessions) end(ctx context.Context, all []ending) (ended []ending, failed error) {
	for _, e := range all {
		deleted, err := s.store.Delete(ctx, e.held.ID)
		if err != nil {
			failed = unavailable(err)
		}
		if deleted || err != nil && e.event == bulwark.AuthnTokenReuse {
			ended = append(ended, e)
		}
	}
	return ended, failed
}
