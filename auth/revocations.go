package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Revocations remembers credentials that have been revoked and have not
// expired. An implementation is safe for concurrent use. It bounds its own
// time, by the context and by a deadline of its own. It keeps these rules:
//
//   - After Revoke has returned nil, Revoked reports true for everything that
//     the Revocation names, until its Expires. The store drops nothing before
//     that time, not even to make room.
//   - A Revocation names credentials of its own issuer and its own kind only.
//     Ids are compared byte by byte. They may hold any bytes and have any
//     length.
//   - A Revocation with a Subject names the credentials of the caller whose
//     IssuedAt is IssuedUntil or earlier. It also names the credentials of the
//     caller that have no IssuedAt.
//   - If two Revocations name the same thing, the later Expires and the later
//     IssuedUntil count. Their order does not matter, and they may come at the
//     same time. A zero Expires is later than any other.
//   - Expires and IssuedUntil may be rounded up to whole seconds, never down.
//   - Revoke first calls [Revocation.Check] and returns its error. For a
//     Revocation that has expired, Revoke does nothing and returns nil.
//   - A nil Principal is revoked.
//
// Any error except [ErrFull] is an outage. authtest.TestRevocations checks
// these rules.
type Revocations interface {
	// Revoke refuses everything that r names, from now until r.Expires. If the
	// store is full, it changes nothing and returns [ErrFull].
	Revoke(ctx context.Context, r Revocation) error
	// Revoked reports whether the credential of p has been revoked: by its
	// TokenID, by its SessionID, or by its Subject and IssuedAt. Each of these
	// is compared within the Issuer of p.
	Revoked(ctx context.Context, p *bulwark.Principal) (bool, error)
}

// A Revocation names credentials of one issuer. Set exactly one of TokenID,
// SessionID and Subject. Revoke only credentials that have been verified: use
// [RevocationOf], or name a caller whom the application knows. Then clients
// cannot fill the store with ids that they have made up.
type Revocation struct {
	// Issuer is the issuer of the credentials. Required.
	Issuer string
	// TokenID names one token, by its jti. Default: none.
	TokenID string
	// SessionID names all tokens of a session, by their sid. Default: none.
	SessionID string
	// Subject names all credentials of a caller that were issued at IssuedUntil
	// or earlier. Default: none.
	Subject string
	// IssuedUntil goes with Subject. Required with Subject, and an error
	// without Subject.
	//
	// time.Now() logs a caller out everywhere. The clock of the issuer may be
	// ahead of this clock. Then add the difference, at most the Skew of the
	// verifiers, because they accept an iat that far in the future. Every token
	// that is issued until IssuedUntil is refused. This also affects a login
	// right after the call, because most issuers write iat in whole seconds.
	//
	// At most 5 minutes from now. A later time would end logins of the future,
	// and nobody could undo this. To lock a user out, disable the account.
	IssuedUntil time.Time
	// Expires is when every verifier refuses the last of these credentials as
	// expired. Write the expiry of the credential plus 5 minutes, because
	// clocks differ. Default: the Revocation never expires.
	Expires time.Time
}

// maxSkew is how far the clocks of an issuer and of its verifiers may differ.
const maxSkew = 5 * time.Minute

// RevocationOf names the credential of p until every verifier refuses it as
// expired. It uses the TokenID of p, or the SessionID if p has no TokenID. The
// result expires 5 minutes after p.
//
// A session whose tokens are renewed lasts longer than one token. To revoke the
// session, write a Revocation with its SessionID and its own end. If p is nil
// or has no id, the result is malformed, and every store refuses it.
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

// Check returns an error that says what is wrong with r, or nil. The error does
// not contain the values of r. Every store calls Check first.
func (r Revocation) Check() error {
	named := 0
	for _, id := range [...]string{r.TokenID, r.SessionID, r.Subject} {
		if id != "" {
			named++
		}
	}
	switch {
	case r.Issuer == "":
		return errors.New("auth: Revocation.Issuer is empty; write the Issuer of the Principal")
	case named != 1:
		return errors.New("auth: Revocation has none or several of TokenID, SessionID and Subject; set exactly one")
	case r.Subject == "" && !r.IssuedUntil.IsZero():
		return errors.New("auth: Revocation.IssuedUntil is set without a Subject; leave it out, because a token or a session is revoked whole")
	case r.Subject == "":
		return nil
	case r.IssuedUntil.IsZero():
		return errors.New("auth: Revocation.IssuedUntil is zero; with a Subject, write time.Now()")
	case time.Until(r.IssuedUntil) > maxSkew:
		return errors.New("auth: Revocation.IssuedUntil is more than 5 minutes ahead; disable the account instead")
	case !r.Expires.IsZero() && !r.Expires.After(r.IssuedUntil):
		return errors.New("auth: Revocation.Expires is not after IssuedUntil; write when the last of the credentials expires")
	}
	return nil
}

// The kinds of ids that a Revocation names, and the reasons of its event.
const (
	kindToken   = "token"
	kindSession = "session"
	kindSubject = "subject"
)

// kind is the kind of id in r, which Check has accepted.
func (r Revocation) kind() string {
	switch {
	case r.TokenID != "":
		return kindToken
	case r.SessionID != "":
		return kindSession
	}
	return kindSubject
}

// event reports r. As in packages session and apikey, the user of the event is
// the caller, and its attributes name what has ended.
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
// reason "token", "session" or "subject". Call it in the handler of a logout or
// of an administrator. If ctx is the context of a request, the event goes to
// the recorder of the request, and its user is the caller. In a job or a tool
// the event goes to [log/slog.Default]. The attribute "subject" or "session"
// names the Subject or the SessionID of v.
//
// Put the same store into Config.Revocations of package jwt or introspection:
// only these packages ask it. Use package apikey to revoke API keys, and
// package session to revoke sessions.
//
// If ctx ends, the write goes on for at most 5 seconds, so that a user who
// leaves the page is still logged out. Pass an error to [bulwark.Deny]. After
// an error, the credential may still be accepted:
//
//   - A full store is 503 "auth.store_full".
//   - A store that fails is 503 "auth.unavailable".
//   - A malformed v or a nil store is a mistake of the application and an
//     opaque 500.
func Revoke(ctx context.Context, store Revocations, v Revocation) error {
	if fault.IsNil(store) {
		return errors.New("auth: Revoke was called with a nil store; pass the store of Config.Revocations")
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
			Err:        fmt.Errorf("the store of revocations has no room (MemoryRevocations.Max): %w", err),
		}
	}
	p := Unavailable("store_unavailable", fmt.Errorf("the store that auth.Revoke was given: %w", err), revokeTimeout)
	p.Detail = "The credentials cannot be revoked at the moment."
	return p
}
