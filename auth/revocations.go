package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Revocations remembers credentials that are no longer good although they have
// not expired. It must be safe for concurrent use, bound its own time by the
// context and by itself, and obey:
//
//   - Once Revoke has returned nil, Revoked reports true for whatever the
//     Revocation names, until its Expires. Nothing is dropped before, not even
//     to make room.
//   - A Revocation names nothing of another issuer and nothing of another kind.
//     Ids are compared byte by byte, whatever bytes they hold and however long
//     they are.
//   - A caller's Revocation names the credentials whose IssuedAt is IssuedUntil
//     or earlier, and those that have no IssuedAt.
//   - Of two Revocations of the same thing the later Expires counts and the
//     later IssuedUntil, in whichever order they come, also at once. A zero
//     Expires is later than all.
//   - Expires and IssuedUntil may be rounded up to whole seconds, never down.
//   - Revoke begins with [Revocation.Check] and returns its error. A Revocation
//     that has expired does nothing and returns nil.
//   - A nil Principal is revoked: nobody has vouched for it.
//
// Any error but [ErrFull] is an outage. Package bulwarktest has
// TestRevocations, which checks all that.
type Revocations interface {
	// Revoke refuses from now on everything that r names, until r.Expires. It
	// returns [ErrFull], and has changed nothing, where there is no room.
	Revoke(ctx context.Context, r Revocation) error
	// Revoked reports whether the credential that p came from has been revoked:
	// by its TokenID, its SessionID, or its Subject and IssuedAt, all within
	// its Issuer.
	Revoked(ctx context.Context, p *bulwark.Principal) (bool, error)
}

// A Revocation names credentials of one issuer, by exactly one of TokenID,
// SessionID and Subject. Write one only for what has been verified: with
// [RevocationOf], or for a caller whom the application knows. Then a store
// holds nothing that a client has made up.
type Revocation struct {
	// Issuer says who issued what is revoked. Required.
	Issuer string
	// TokenID names one token, by its jti.
	TokenID string
	// SessionID names all tokens of a session, by their sid.
	SessionID string
	// Subject names all credentials of a caller that were issued until
	// IssuedUntil.
	Subject string
	// IssuedUntil is inclusive, required with Subject and for nothing else:
	// time.Now() logs a caller out everywhere, where the issuer's clock is not
	// ahead. Where it may be, add by how much, which is the Skew of the
	// verifiers at most: a token is accepted although its iat is so far ahead.
	// What is issued until then is refused, too, also for a login that comes
	// right after, and tokens tell their iat in whole seconds mostly. More than
	// 5 minutes ahead is an error: it would end logins that have not begun, and
	// nothing could take it back. To keep somebody out, disable the account.
	IssuedUntil time.Time
	// Expires is when the last credential that this names has expired, for
	// every verifier: add the 5 minutes that clocks may differ. Zero keeps the
	// Revocation for good.
	Expires time.Time
}

// maxSkew is what the clocks of an issuer and of its verifiers may differ.
const maxSkew = 5 * time.Minute

// RevocationOf names the one credential that p came from, by its TokenID or
// else by its SessionID, until it has expired for every verifier. That p has
// been verified is why nothing in it is made up. A session whose tokens are
// renewed lasts longer than this token: give its own end to a Revocation by
// SessionID. Where p is nil or has neither id, the result is malformed and
// every store refuses it.
func RevocationOf(p *bulwark.Principal) Revocation {
	if p == nil {
		return Revocation{}
	}
	r := Revocation{Issuer: p.Issuer, TokenID: p.TokenID}
	if r.TokenID == "" {
		r.SessionID = p.SessionID
	}
	if !p.ExpiresAt.IsZero() {
		r.Expires = p.ExpiresAt.Add(maxSkew)
	}
	return r
}

// Check returns nil or what is wrong with r, without its values. Every store
// calls it first.
func (r Revocation) Check() error {
	named := 0
	for _, id := range [...]string{r.TokenID, r.SessionID, r.Subject} {
		if id != "" {
			named++
		}
	}
	switch {
	case r.Issuer == "":
		return errors.New("auth: Revocation.Issuer is empty; it is that of the principal")
	case named != 1:
		return errors.New("auth: a Revocation needs exactly one of TokenID, SessionID and Subject")
	case r.Subject == "" && !r.IssuedUntil.IsZero():
		return errors.New("auth: Revocation.IssuedUntil is for a Subject only; a token or a session is revoked whole")
	case r.Subject == "":
		return nil
	case r.IssuedUntil.IsZero():
		return errors.New("auth: Revocation.IssuedUntil is zero; with a Subject it is time.Now() or earlier")
	case time.Until(r.IssuedUntil) > maxSkew:
		return errors.New("auth: Revocation.IssuedUntil is more than 5 minutes ahead; disable the account instead")
	case !r.Expires.IsZero() && !r.Expires.After(r.IssuedUntil):
		return errors.New("auth: Revocation.Expires is not after IssuedUntil; the credentials would outlive it")
	}
	return nil
}

// What a Revocation names: a kind of ids, and the reason of its event.
const (
	kindToken   = "token"
	kindSession = "session"
	kindSubject = "subject"
)

// kind is what r names. It has been checked.
func (r Revocation) kind() string {
	switch {
	case r.TokenID != "":
		return kindToken
	case r.SessionID != "":
		return kindSession
	}
	return kindSubject
}

// event is what is reported of r. Its user is who called, as in packages
// session and apikey, and the attributes name what has ended.
func (r Revocation) event() bulwark.Event {
	e := bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: r.kind()}
	switch r.kind() {
	case kindSession:
		e.Attrs[0] = slog.String("session", r.SessionID)
	case kindSubject:
		e.Attrs[0] = slog.String("subject", r.Subject)
	}
	return e
}

// revokeTimeout bounds the write of one Revocation.
const revokeTimeout = 5 * time.Second

// Revoke writes v into the store and reports authn_token_revoked with the
// reason "token", "session" or "subject", for handlers of a logout or an
// administrator. Where ctx is that of a request, the event goes to the recorder
// of that request, and its user is the caller. In a job or a tool it goes to
// [log/slog.Default]. A Subject stands in the attribute "subject".
//
// Only a package that was given the store asks it: see Config.Revocations of
// the packages jwt and introspection. API keys and sessions are revoked with
// their own packages.
//
// When ctx ends, the write goes on for 5 seconds at most: nobody keeps a token
// by leaving the page. An error is for [bulwark.Deny], and nothing may have
// been revoked: a full store is 503 "auth.store_full", one that fails 503
// "auth.unavailable". That v is malformed, or store nil, is the application's
// mistake and an opaque 500.
func Revoke(ctx context.Context, store Revocations, v Revocation) error {
	if fault.IsNil(store) {
		return errors.New("auth: Revoke was called without a store")
	}
	if err := v.Check(); err != nil {
		return err
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := store.Revoke(write, v); err != nil {
		return unrevoked(err)
	}
	bulwark.ReportContext(ctx, nil, v.event())
	return nil
}

// unrevoked is the refusal for an error of a store.
func unrevoked(err error) *bulwark.Problem {
	if errors.Is(err, ErrFull) {
		return &bulwark.Problem{
			Status:     http.StatusServiceUnavailable,
			Code:       "auth.store_full",
			Detail:     "No further credential can be revoked at the moment.",
			RetryAfter: time.Minute,
			Log:        bulwark.ProblemLog{Event: bulwark.SysUnavailable, Reason: "store_full"},
			Err:        err,
		}
	}
	p := Unavailable("store_unavailable", err, revokeTimeout)
	p.Detail = "The credentials cannot be revoked at the moment."
	return p
}
