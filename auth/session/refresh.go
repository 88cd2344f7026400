package session

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// RefreshHandler returns a handler of POST that takes the refresh cookie, no
// body, and answers 200 {"expires_in": seconds} with both cookies new. The
// account is looked up again.
//
// A token that was used before gets the same successor again, as long as the
// successor has not been used:
//
//   - within a second of the rotation that used the token: tabs refresh at
//     once. That is reported as session_renewed with the reason "concurrent".
//   - within [Config.Grace], with the reason "grace".
//   - within [Config.LostAnswer], as long as the access token beside the
//     successor has not been shown either, with the reason "lost_answer".
//
// Grace and lost answers are warnings, and count once for each token. The third
// token in a row that is given out again in these ways revokes the session, and
// so does any other token that was used before. Both are reported as
// authn_token_reuse. Any other bad cookie is 401 and changes nothing. Cookies
// are never cleared, because the cookie that is refused here may have been
// replaced meanwhile.
//
// Put the handler where requests without a caller are let through: the access
// cookie has usually expired.
func (s *Sessions) RefreshHandler() http.Handler {
	return s.guarded(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		done, err := s.renew(r, now)
		if err != nil {
			bulwark.Deny(w, r, attributed(err, done.held))
			return
		}
		bulwark.Report(r, about(done.held, bulwark.SessionRenewed, done.how))
		s.setCookies(w, done.held, done.access, done.next, now)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"expires_in":` + strconv.Itoa(s.expiresIn(done.held, now)) + "}\n"))
	})
}

// renewal is what a refresh has come to. Its session is also set where a known
// token was refused.
type renewal struct {
	held   Session
	next   refreshToken
	access string
	how    string
}

// renew decides about the refresh token in r and carries the decision out in
// the store. Whoever loses a race there looks again, and finds the other's
// successor.
func (s *Sessions) renew(r *http.Request, now time.Time) (renewal, error) {
	token, err := s.refreshCookie(r)
	if err != nil {
		return renewal{}, err
	}
	key := s.keyOf(token)
	if key == nil { // not even the store is asked
		return renewal{}, auth.Invalid("session", errors.New("the token was not made with any of StoreKeys"))
	}
	done := renewal{next: key.successor(token)}
	for range storeTries {
		held, err := s.store.Get(r.Context(), token.id())
		if errors.Is(err, auth.ErrNotFound) {
			return renewal{}, auth.Invalid("session", err)
		}
		if err != nil {
			return renewal{}, unavailable(err)
		}
		found := s.judge(held, token, now)
		if found.how == unknown { // not even whose session it claims to be is true
			return renewal{}, auth.Invalid("session", errors.New("the token does not fit the session"))
		}
		done.held, done.how = held, string(found.how)
		if found.how == reused || found.how == overused || found.how == expired {
			return done, s.refuse(r, held, found.how)
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
		return refreshToken{}, auth.Invalid("malformed", errors.New("not in the form of a refresh token"))
	}
	return token, nil
}

// refuse ends the session of a token that is known and not accepted.
func (s *Sessions) refuse(r *http.Request, held Session, how outcome) error {
	p := auth.Invalid("expired", nil)
	if how != expired {
		p = auth.Invalid(string(how), errors.New("a used refresh token was presented; its session is revoked"))
		p.Log.Event = bulwark.AuthnTokenReuse
	}
	p.Log.Attrs = []slog.Attr{slog.String("session", held.ID)}
	if _, err := s.store.Delete(r.Context(), held.ID); err != nil {
		// Not revoked, so not the client's 401: the next one to present the
		// token revokes it.
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
		return "", unavailable(err)
	}
	if account != nil {
		held.Generation = generation
		return s.sign(cookieType, held, account, now)
	}
	if _, err := s.store.Delete(r.Context(), held.ID); err != nil {
		return "", unavailable(err)
	}
	bulwark.Report(r, about(held, bulwark.AuthnTokenRevoked, "disabled"))
	return "", auth.Invalid("disabled", errors.New("the account is gone or disabled; its session is revoked"))
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
