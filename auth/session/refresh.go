package session

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
)

// RefreshHandler returns a handler for POST. It reads the refresh cookie, and
// not the body. It answers 200 {"expires_in": seconds} and sets both cookies
// anew. It calls [Config.Lookup], so the new access token has the current roles
// of the account.
//
// Each refresh token is used once. If the successor of a used token has not
// been used, the used token gets the same successor again in these cases:
//
//   - Within a second after the token was used, because tabs refresh at once.
//     The event session_renewed has the reason "concurrent".
//   - Within [Config.Grace]. The reason is "grace".
//   - Within [Config.LostAnswer], if the access token of the successor has not
//     been used. The reason is "lost_answer".
//
// The events with the reasons "grace" and "lost_answer" are warnings. Each
// token counts once. If three tokens in a row are given out again for these two
// reasons, the session is revoked. In any other case, a used token also revokes
// the session. Both revocations are reported as authn_token_reuse.
//
// Any other bad cookie is 401 and changes nothing. The handler never clears
// cookies, because another answer may have replaced the refused cookie.
//
// Put the handler behind an auth layer with [auth.Config.Optional], because the
// access cookie has usually expired at a refresh.
func (s *Sessions) RefreshHandler() http.Handler {
	return s.guarded(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		done, err := s.renew(r, now)
		if err != nil {
			bulwark.Deny(w, r, attempt.Mark(attributed(err, done.held), method))
			return
		}
		bulwark.Report(r, s.about(done.held, bulwark.SessionRenewed, done.how))
		s.setCookies(w, done.held, done.access, done.next, now)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"expires_in":` + strconv.Itoa(s.expiresIn(done.held, now)) + "}\n"))
	})
}

// renewal is the result of a refresh. Its session is also set if a known token
// was refused.
type renewal struct {
	held   Session
	next   refreshToken
	access string
	how    string
}

// renew decides about the refresh token in r, and stores the decision. If
// another refresh of the session came first, renew decides again and finds the
// successor of the other refresh.
func (s *Sessions) renew(r *http.Request, now time.Time) (renewal, error) {
	token, err := s.refreshCookie(r)
	if err != nil {
		return renewal{}, err
	}
	key := s.keyOf(token)
	if key == nil { // not even the store is asked
		return renewal{}, auth.Invalid("session", errMade)
	}
	done := renewal{next: key.successor(token)}
	for range storeTries {
		held, err := s.store.Get(r.Context(), token.id())
		if errors.Is(err, auth.ErrNotFound) {
			return renewal{}, auth.Invalid("session", s.causes.ended)
		}
		if err != nil {
			return renewal{}, unavailable(err)
		}
		found := s.judge(held, token, now)
		if found.how == unknown { // the session may belong to somebody else
			return renewal{}, auth.Invalid("session", errFit)
		}
		done.held, done.how = held, string(found.how)
		if found.how == reused || found.how == overused || found.how == expired {
			return done, s.refuse(r, held, found)
		}
		if done.access == "" { // before anything is changed: signing may fail
			if done.access, err = s.signAnew(r, held, int(done.next.generation), now); err != nil {
				return done, err
			}
		}
		if !found.changed {
			return done, nil
		}
		switch err = s.store.Update(r.Context(), found.next); {
		case err == nil:
			done.held = found.next
			return done, nil
		case errors.Is(err, auth.ErrConflict), errors.Is(err, auth.ErrNotFound):
		default:
			return done, unavailable(err)
		}
	}
	return done, unavailable(auth.ErrConflict)
}

// refreshCookie returns the refresh token in r.
func (s *Sessions) refreshCookie(r *http.Request) (refreshToken, error) {
	value, count := oneCookie(r, refreshCookie)
	switch {
	case count == 0:
		return refreshToken{}, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "session.cookie_required",
			Detail: "The request has no refresh cookie. Log in.", Log: bulwark.ProblemLog{Event: bulwark.AuthzFail, Level: slog.LevelInfo}}
	case count > 1:
		return refreshToken{}, auth.Invalid("malformed", errTwice)
	}
	token, ok := parseRefreshToken(value)
	if !ok {
		return refreshToken{}, auth.Invalid("malformed", errForm)
	}
	return token, nil
}

// refuse ends the session of a token that is known and not accepted.
func (s *Sessions) refuse(r *http.Request, held Session, found verdict) error {
	p := auth.Invalid(string(found.how), found.cause)
	if found.how != expired {
		p.Log.Event = bulwark.AuthnTokenReuse
	}
	p.Log.Attrs = []slog.Attr{slog.String("session", held.ID)}
	if _, err := s.store.Delete(r.Context(), held.ID); err != nil {
		// The session is not revoked, so the answer is not the 401 of a revoked
		// session: the next request with the token revokes it.
		failed := unavailable(err).(*bulwark.Problem)
		failed.Log.Event, failed.Log.Reason, failed.Log.Attrs = p.Log.Event, p.Log.Reason, p.Log.Attrs
		return failed
	}
	return p
}

// signAnew makes an access token of the generation, with what the account may
// do now.
func (s *Sessions) signAnew(r *http.Request, held Session, generation int, now time.Time) (string, error) {
	account, err := s.lookup(r.Context(), held.Subject)
	if err != nil {
		return "", away("session.Config.Lookup", err)
	}
	if account != nil {
		held.Generation = generation
		return s.sign(cookieType, held, account, now)
	}
	if _, err := s.store.Delete(r.Context(), held.ID); err != nil {
		return "", unavailable(err)
	}
	bulwark.Report(r, s.about(held, bulwark.AuthnTokenRevoked, disabled))
	return "", auth.Invalid(disabled, errDisabled)
}

// attributed makes the event of a refusal name whose session it was.
func attributed(err error, held Session) error {
	var p *bulwark.Problem
	if held.Subject == "" || !errors.As(err, &p) {
		return err
	}
	named := *p
	named.Log.Issuer, named.Log.UserID = held.Issuer, held.Subject
	return &named
}
