package session

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/later"
)

// RefreshHandler returns a handler for POST. A browser sends its refresh token
// in the cookie. The answer is 200 {"expires_in": seconds}, and sets both
// cookies anew. A client that has its tokens from [Sessions.IssueTokens] sends
// the JSON body {"refresh_token": "…"} of at most 4 KiB, as application/json.
// The answer has the new [Tokens] in its body, and sets no cookie. A body of
// another media type is not read. Then the answer is the answer for a request
// without a token.
//
// The handler calls [Config.Lookup], so the new access token has the current
// roles of the account.
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
// Any other bad token is 401 and changes nothing, also a token in the place of
// the other kind. The handler never clears cookies, because another answer may
// have replaced the refused cookie. Two tokens, one in each place, are 400
// "session.invalid_request", and so is a JSON body of another form. A body with
// a token beside Origin or Sec-Fetch-Site is 400 "session.browser".
//
// Put the handler behind an auth layer with [auth.Config.Optional], because the
// access token has usually expired at a refresh. A client that is not a browser
// sends no Authorization header with a refresh. Otherwise the auth layer
// refuses the expired access token with 401 "auth.invalid_token", also with
// Optional.
func (s *Sessions) RefreshHandler() http.Handler {
	return s.guarded(func(w http.ResponseWriter, r *http.Request) {
		later.Drop(r) // a refresh is not a use
		now := time.Now()
		done, err := s.renew(w, r, now)
		if err != nil {
			bulwark.Deny(w, r, attempt.Mark(attributed(err, done.held), authMethod))
			return
		}
		bulwark.Report(r, s.about(done.held, bulwark.SessionRenewed, done.how))
		tokens := Tokens{ExpiresIn: s.expiresIn(done.held, now)}
		if done.held.Kind == bodyKind {
			tokens = s.bodyTokens(done.held, done.access, done.next, now)
			w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
		} else {
			s.setCookies(w, done.held, done.access, done.next, now)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(tokens)
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
func (s *Sessions) renew(w http.ResponseWriter, r *http.Request, now time.Time) (renewal, error) {
	by, err := s.refreshOf(w, r)
	if err != nil {
		return renewal{}, err
	}
	var done renewal
	for range storeTries {
		held, err := s.store.Get(r.Context(), by.token.id())
		if errors.Is(err, auth.ErrNotFound) {
			return renewal{}, auth.Invalid("session", s.causes.ended)
		}
		if err != nil {
			return renewal{}, unavailable(err)
		}
		found := s.judge(held, by, now)
		if found.how == unknown { // the session may belong to somebody else
			return renewal{}, auth.Invalid("session", errFit)
		}
		done.held, done.how, done.next = held, string(found.how), found.newest
		switch found.how {
		case reused, overused, expired, idled:
			return done, s.refuse(r, held, found)
		}
		if done.access == "" { // before anything is changed: signing may fail
			held.Generation = int(found.newest.generation)
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

// refuse ends the session of a token that is known and not accepted.
func (s *Sessions) refuse(r *http.Request, held Session, found verdict) error {
	p := auth.Invalid(string(found.how), found.cause)
	if found.how == reused || found.how == overused {
		p.Log.Event = bulwark.AuthnTokenReuse
	}
	p.Log.Attrs = []slog.Attr{slog.String("session", held.ID)}
	ctx, cancel := goOn(r.Context())
	defer cancel()
	if _, err := s.store.Delete(ctx, held.ID); err != nil {
		// The session is not revoked, so the answer is not the 401 of a revoked
		// session: the next request with the token revokes it.
		failed := unavailable(err).(*bulwark.Problem)
		failed.Log.Event, failed.Log.Reason, failed.Log.Attrs = p.Log.Event, p.Log.Reason, p.Log.Attrs
		return failed
	}
	return p
}

// signAnew makes an access token for the session, with what the account may do
// now.
func (s *Sessions) signAnew(r *http.Request, held Session, now time.Time) (string, error) {
	account, err := s.account(r.Context(), held.Subject)
	if err != nil {
		return "", away("session.Config.Lookup", err)
	}
	if account != nil && account.Subject != "" && account.Subject != held.Subject {
		return "", away("session.Config.Lookup", errOther)
	}
	if account != nil {
		typ := cookieType
		if held.Kind == bodyKind {
			typ = bodyType
		}
		return s.sign(typ, held, account, now)
	}
	ctx, cancel := goOn(r.Context())
	defer cancel()
	if _, err := s.store.Delete(ctx, held.ID); err != nil {
		return "", unavailable(err)
	}
	bulwark.Report(r, s.about(held, bulwark.AuthnTokenRevoked, disabled))
	return "", auth.Invalid(disabled, errDisabled)
}

// account asks Lookup.
func (s *Sessions) account(ctx context.Context, subject string) (p *bulwark.Principal, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.askTimeout)
	defer cancel()
	defer func() {
		if recover() != nil { // with a value that may hold anything
			err = errPanicked
		}
	}()
	return s.lookup(ctx, subject)
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
