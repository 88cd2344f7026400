package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/store"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A BackChannel says how an identity provider logs people out of this service
// (OpenID Connect Back-Channel Logout 1.0). Provider and Replays are required.
type BackChannel struct {
	// Provider verifies the logout tokens, by [jwt.Verifier.VerifyLogout]. Its
	// Audience is the client id of this service at the provider. At the end of
	// the program, the application calls its Shutdown. Required.
	Provider *jwt.Verifier
	// Replays remembers which logout tokens have been used:
	// &dpop.MemoryReplays{}, or a store that several processes share. Required.
	Replays dpop.Replays
	// MarkLifetime is how long the service remembers a logout, for a login of
	// the same session at the provider that arrives later. It should be as long
	// as an ID token of the provider lasts. Default: 1 hour. At least 5
	// minutes, at most 24 hours.
	MarkLifetime time.Duration
}

const (
	maxLogoutBody = 16 << 10
	logoutMember  = "logout_token"
	// endTime bounds the work for one logout.
	endTime = 10 * time.Second
)

// BackChannelHandler returns a handler for POST, whose address the provider
// knows as backchannel_logout_uri. The provider sends a form with one
// logout_token, of at most 16 KiB. The handler ends the sessions that were made
// from the login: see the Provider that [Sessions.Issue] takes.
//
//   - A token with a sid ends the sessions of this sid. If the token also has a
//     sub, it ends the sessions of this sub whose sid is not known.
//   - A token with a sub alone ends all sessions of this sub.
//   - Sessions from another provider stay.
//
// Each end is reported as authn_token_revoked with the reason "backchannel". A
// login that the token names and that reaches Issue later is refused with 401
// "session.logged_out", for MarkLifetime. For a token with a sid, these are the
// logins of this sid. A login of the sub whose sid is not known is not refused,
// so pass the sid to Issue. For a token with a sub alone, these are the logins
// whose AuthTime is not after the iat of the token.
//
// The answer is 200 without a body (section 2.8). A bad token, or a token that
// was used before, is 400 "session.logout_token". If the Store, the Replays or
// the keys of the provider are not available, or the Store or the Replays have
// no room, the answer is 503 (section 2.8 has 400 for this also). Then the
// provider must send a new token, because the first one may count as used. No
// answer has content that a browser could use, and no cookie is read.
//
// The error joins a *[bulwark.ConfigError] for each mistake.
func (s *Sessions) BackChannelHandler(c BackChannel) (http.Handler, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	faults := fault.In("session(backchannel)")
	switch {
	case c.Provider == nil:
		faults.Add("Provider", "", "is nil; use jwt.New with the issuer of the provider and your client id as Audience")
	case c.Provider.Issuer() == "":
		faults.Join(fault.Unmade("session(backchannel).Provider", "jwt.New"))
	}
	if fault.IsNil(c.Replays) {
		faults.Add("Replays", "", "is nil; use &dpop.MemoryReplays{} or a store that your processes share")
	}
	c.MarkLifetime = faults.Span("MarkLifetime", c.MarkLifetime, 5*time.Minute, 24*time.Hour, time.Hour)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return s.posted(func(w http.ResponseWriter, r *http.Request) {
		if err := s.logoutByToken(w, r, c); err != nil {
			bulwark.Deny(w, r, attempt.Mark(err, authMethod))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	}), nil
}

// logoutByToken verifies the logout token in r, and does what it says.
func (s *Sessions) logoutByToken(w http.ResponseWriter, r *http.Request, c BackChannel) error {
	text, err := s.logoutText(w, r)
	if err != nil {
		return err
	}
	token, err := c.Provider.VerifyLogout(r.Context(), text)
	if err != nil {
		return notLoggedOut(err)
	}
	ctx, cancel := goOn(r.Context()) // the provider may hang up early
	defer cancel()
	first, err := useOnce(ctx, c.Replays, token)
	switch {
	case errors.Is(err, auth.ErrFull):
		return auth.Unavailable("store_full", fmt.Errorf("session.BackChannel.Replays has no room: %w", err), storeRetry)
	case err != nil:
		return auth.Unavailable("store_unavailable", fmt.Errorf("session.BackChannel.Replays: %w", err), storeRetry)
	case !first:
		return badLogout("replay", errUsedToken)
	}
	return s.endProvider(ctx, c, token)
}

func useOnce(ctx context.Context, replays dpop.Replays, token jwt.LogoutToken) (first bool, err error) {
	defer store.Guard(&err)
	return replays.Use(ctx, token.Issuer, token.TokenID, token.ExpiresAt)
}

// endProvider first leaves the mark, so that no login of the provider's session
// slips through. Then it ends the sessions.
func (s *Sessions) endProvider(ctx context.Context, c BackChannel, token jwt.LogoutToken) (failed error) {
	event := func(held Session) bulwark.Event { return s.about(held, bulwark.AuthnTokenRevoked, byChannel) }
	named := Provider{Issuer: token.Issuer, SessionID: token.SessionID}
	if token.SessionID == "" {
		named.Subject = token.Subject
	}
	if err := s.store.RevokeProvider(ctx, named, token.IssuedAt, time.Now().Add(c.MarkLifetime)); err != nil {
		failed = unavailable(err)
	}
	if err := s.endAll(ctx, Filter{Provider: named}, event, nil); err != nil {
		failed = err
	}
	if token.SessionID == "" || token.Subject == "" {
		return failed
	}
	// A session without a sid may be the one that has ended.
	others := Filter{Provider: Provider{Issuer: token.Issuer, Subject: token.Subject}}
	known := func(held Session) bool { return held.Provider.SessionID != "" }
	if err := s.endAll(ctx, others, event, known); err != nil {
		failed = err
	}
	return failed
}

// logoutText returns the one logout token in the form of r. Other members of
// the form have no meaning (section 2.5).
func (s *Sessions) logoutText(w http.ResponseWriter, r *http.Request) (string, error) {
	if mediaType, _ := body.MediaType(r.Header); mediaType != body.FormType {
		return "", badLogout("malformed", errNoForm)
	}
	_, read, err := body.Read(w, r, body.Limits{Max: maxLogoutBody, MediaTypes: []string{body.FormType}, Timeout: s.bodyTimeout})
	if err != nil {
		return "", s.lateBody(err)
	}
	form, err := url.ParseQuery(string(read.Bytes()))
	if err != nil || len(form[logoutMember]) != 1 {
		return "", badLogout("malformed", errNoLogout)
	}
	return form[logoutMember][0], nil
}

var (
	errNoForm    = errors.New("the body is not application/x-www-form-urlencoded")
	errNoLogout  = errors.New("the form does not have exactly one logout_token")
	errUsedToken = errors.New("session.BackChannel.Replays has the jti of the logout token, which may be used once")
)

// badLogout refuses a logout token.
func badLogout(reason string, cause error) error { return notLoggedOut(auth.Invalid(reason, cause)) }

// notLoggedOut turns the refusal of a token into that of a logout: 400 in place
// of 401 (section 2.8). An outage stays as it is.
func notLoggedOut(err error) error {
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		return err
	}
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "session.logout_token",
		Detail: "The logout token is not valid.", Err: p.Err,
		Log: bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: p.Log.Reason, Attrs: p.Log.Attrs}}
}
