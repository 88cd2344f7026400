package documents

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/validate"
)

// ownSession is a session as its owner sees it.
type ownSession struct {
	ID        string    `json:"id"`
	Device    string    `json:"device"`
	Address   string    `json:"address"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	ExpiresAt time.Time `json:"expires_at"`
	// Current says that the request has come with this session.
	Current bool `json:"current"`
}

// userSession is a session as an administrator sees it.
type userSession struct {
	UserID string `json:"user_id"`
	ownSession
}

func show(s session.Session, caller *bulwark.Principal) userSession {
	return userSession{s.Subject, ownSession{
		ID: s.ID, Device: deviceName(s.UserAgent), Address: s.ClientIP.String(),
		CreatedAt: s.CreatedAt.UTC(), LastUsed: s.UsedAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(), Current: s.ID == caller.SessionID,
	}}
}

// forPeople wraps a handler for callers who have logged in. An API key is
// refused, also if it acts as a person: whoever has found a key must not see
// from where its owner works, and must not log the owner out.
func forPeople(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if caller, _ := bulwark.PrincipalFrom(r.Context()); caller == nil || caller.SessionID == "" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "sessions.login_required",
				Detail: "This is for people who have logged in, and not for API keys."})
			return
		}
		serve(w, r)
	})
}

// live returns the sessions of a subject that are alive, or those of everybody.
// The session that was used last comes first. A service with a database leaves
// the order and the page to the database.
func (a *App) live(ctx context.Context, subject string) (all []session.Session, err error) {
	const perPage = 1000
	for page := (session.Filter{Subject: subject, Limit: perPage}); ; {
		some, err := a.sessions.List(ctx, page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < perPage {
			break
		}
		page.After = some[len(some)-1].ID
	}
	slices.SortStableFunc(all, func(a, b session.Session) int { return b.UsedAt.Compare(a.UsedAt) })
	return all, nil
}

// listOwnSessions answers with the sessions of the caller.
func (a *App) listOwnSessions(w http.ResponseWriter, r *http.Request) {
	page, err := validate.QueryAs[pageQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	caller, _ := bulwark.PrincipalFrom(r.Context())
	all, err := a.live(r.Context(), caller.Subject)
	own := make([]ownSession, 0, len(all))
	for _, s := range all {
		own = append(own, show(s, caller).ownSession)
	}
	answerPage(w, r, page, own, err)
}

// endOwnSession ends one session of the caller. The session of a stranger and a
// session that does not exist are one and the same 404.
func (a *App) endOwnSession(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	answerDone(w, r, a.sessions.Revoke(r.Context(), caller.Subject, r.PathValue("id")))
}

// endOtherSessions ends all sessions of the caller but the one of the request.
func (a *App) endOtherSessions(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	all, failed := a.live(r.Context(), caller.Subject)
	for _, s := range all {
		if s.ID == caller.SessionID {
			continue
		}
		if err := unlessGone(a.sessions.Revoke(r.Context(), caller.Subject, s.ID)); err != nil {
			failed = err // and goes on with the others
		}
	}
	answerDone(w, r, failed)
}

// unlessGone drops the error about a session or a key that has ended already.
func unlessGone(err error) error {
	var refused *bulwark.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// sessionsQuery says which sessions an administrator asks for.
type sessionsQuery struct {
	User string `json:"user"`
	pageQuery
}

// listSessions answers with the sessions of everybody, or of one user.
func (a *App) listSessions(w http.ResponseWriter, r *http.Request) {
	asked, err := validate.QueryAs[sessionsQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	caller, _ := bulwark.PrincipalFrom(r.Context())
	all, err := a.live(r.Context(), asked.User)
	items := make([]userSession, 0, len(all))
	for _, s := range all {
		items = append(items, show(s, caller))
	}
	answerPage(w, r, asked.pageQuery, items, err)
}

// endSession ends any session, for an administrator.
func (a *App) endSession(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	held, err := a.shared.Sessions.Get(r.Context(), id)
	if err == nil || errors.Is(err, auth.ErrNotFound) {
		err = a.sessions.Revoke(r.Context(), held.Subject, id)
	}
	answerDone(w, r, err)
}

// answerPage answers with one page of a list and with the length of the whole
// list, or with the error.
func answerPage[T any](w http.ResponseWriter, r *http.Request, page pageQuery, all []T, err error) {
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	from := min(page.Offset, len(all))
	w.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
	answer(w, r, http.StatusOK, map[string]any{"items": all[from:min(from+page.Limit, len(all))]})
}

// answerDone answers that something has ended, or with the error.
func answerDone(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
