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

// maxGraceRun is how many generations in a row may be given out by grace. Tabs
// that refresh at once do that now and then; somebody with a copy of the
// cookie, who follows each refresh of its owner, does it each time.
const maxGraceRun = 3

// RefreshHandler returns a handler of POST that takes the refresh cookie, no
// body, and answers 200 {"expires_in": seconds} with both cookies new. The
// account is looked up again.
//
// A token that was used before gets the same successor again within
// [Config.Grace], as long as the successor has not been used. Each such answer
// is reported as session_renewed with the reason "grace". Any other used token
// revokes the session and is reported as authn_token_reuse. The third
// generation in a row that is given out by grace counts as such a token. Any
// other bad cookie is 401 and changes nothing. Cookies are never cleared,
// because the cookie that is refused here may have been replaced meanwhile.
//
// Put the handler where requests without a caller are let through: the access
// cookie has usually expired. A page that refreshes from several tabs should
// let one tab refresh for all (Web Locks, navigator.locks). Otherwise it will
// be taken for the thief that it resembles.
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
	done := renewal{next: s.secrets.successor(token)}
	const tries = 8
	for range tries {
		held, err := s.store.Get(r.Context(), token.id())
		if errors.Is(err, auth.ErrNotFound) {
			return renewal{}, auth.Invalid("session", err)
		}
		if err != nil {
			return renewal{}, unavailable(err)
		}
		found := s.judge(held, token, now)
		if found.how == unknown { // not even whose session it claims to be is true
			return renewal{}, auth.Invalid("session", errors.New("the secret was never that of the session"))
		}
		done.held, done.how = held, string(found.how)
		if found.how == reused || found.how == overused || found.how == expired {
			return done, s.refuse(r, held, found.how)
		}
		if done.access == "" { // before anything is changed: signing may fail
			if done.access, err = s.signAnew(r, held, now); err != nil {
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

// A verdict says what a refresh token is worth, and what becomes of its
// session.
type verdict struct {
	how     outcome
	changed bool    // next is to be stored before anything is given out
	next    Session // by Update
}

type outcome string

const (
	rotated  outcome = "rotation"
	graced   outcome = "grace"
	unknown  outcome = "unknown"
	expired  outcome = "expired"
	reused   outcome = "reuse"    // used before, and no grace
	overused outcome = "overused" // by grace too often
)

// judge decides about a refresh token presented for the session, and changes
// nothing.
func (s *Sessions) judge(held Session, token refreshToken, now time.Time) verdict {
	age, ok := s.secrets.age(token, held.Hash, held.Generation)
	switch {
	case !ok || held.Issuer != s.issuer:
		return verdict{how: unknown}
	case held.ExpiresAt.Sub(now) < time.Second:
		return verdict{how: expired}
	case age == 0:
		return s.rotate(held, token, now)
	case age == 1 && now.Sub(held.RefreshedAt) < s.grace:
		return grace(held)
	}
	return verdict{how: reused}
}

// rotate replaces the newest token.
func (s *Sessions) rotate(held Session, token refreshToken, now time.Time) verdict {
	if held.Generation >= s.maxRefreshes {
		return verdict{how: expired}
	}
	next := held
	next.Hash = s.secrets.hash(s.secrets.successor(token))
	next.Generation++
	next.RefreshedAt = now
	if !held.GraceUsed {
		next.GraceRun = 0
	}
	next.GraceUsed = false
	return verdict{how: rotated, changed: true, next: next}
}

// grace gives the newest token out once more, to whoever has the one before it.
func grace(held Session) verdict {
	if held.GraceUsed {
		return verdict{how: graced}
	}
	next := held
	next.GraceUsed = true
	next.GraceRun++
	if next.GraceRun >= maxGraceRun {
		return verdict{how: overused}
	}
	return verdict{how: graced, changed: true, next: next}
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

// signAnew makes an access token with what the account may do now.
func (s *Sessions) signAnew(r *http.Request, held Session, now time.Time) (string, error) {
	account, err := s.lookup(r.Context(), held.Subject)
	if err != nil {
		return "", unavailable(err)
	}
	if account != nil {
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
