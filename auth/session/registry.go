package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// A registry finds the live session of an access token.
type registry struct {
	issuer       string
	accessCookie string // the name of the cookie
	store        Store
	keys         []*storeKey // the first makes new sessions
	idle         time.Duration
	causes       causes
}

// The interfaces that [auth.New] looks for.
var (
	_ auth.Authenticator = (*Sessions)(nil)
	_ auth.Claimant      = (*Sessions)(nil)
	_ auth.Issuer        = (*Sessions)(nil)
	_ auth.Reviewer      = (*Sessions)(nil)
)

// Claim names the cookie of the access token. In one layer, two Sessions with
// the same cookie are an error, because each would overwrite the cookies of the
// other. See [Config.AccessCookie].
func (g *registry) Claim() string { return "the cookie " + g.accessCookie }

// Challenges returns the scheme under which a 401 asks for a token.
func (g *registry) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Bearer"}} }

// Format writes the issuer, for every verb, and never the keys.
func (g *registry) Format(f fmt.State, _ rune) {
	io.WriteString(f, "sessions of "+strconv.Quote(g.issuer))
}

// Review tells [auth.Middleware] how to look whether the session of the caller
// is still alive, while a stream is open. The name is the id of the session.
// again asks the store, and compares all that a request compares. It does not
// count as a use of the session.
func (g *registry) Review(p *bulwark.Principal) (name string, again func(ctx context.Context) error) {
	if p == nil || p.SessionID == "" || g.store == nil {
		return "", func(context.Context) error { return nil }
	}
	issuer, subject, id := p.Issuer, p.Subject, p.SessionID
	return id, func(ctx context.Context) error {
		_, err := g.find(ctx, issuer, subject, id)
		return err
	}
}

// live returns the session of an access token, if it is alive.
func (g *registry) live(ctx context.Context, p *bulwark.Principal) (Session, error) {
	return g.find(ctx, p.Issuer, p.Subject, p.SessionID)
}

// find returns the session of the caller, if it is alive.
func (g *registry) find(ctx context.Context, issuer, subject, id string) (Session, error) {
	held, err := g.store.Get(ctx, id)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return held, auth.Invalid("revoked", g.causes.ended)
	case err != nil:
		return held, storeAway(err)
	case held.ID != id || held.Issuer != issuer || held.Subject != subject:
		return held, auth.Invalid("session", errCaller)
	}
	if fault := g.fault(&held, time.Now()); fault != nil {
		return held, fault
	}
	return held, nil
}

// fault returns nil for a session that this service has made and that is alive.
func (g *registry) fault(held *Session, now time.Time) *bulwark.Problem {
	key := g.keyNamed(held.StoreKey)
	switch {
	case key == nil:
		return auth.Invalid("session", errStoreKey)
	case !key.sealed(held):
		return auth.Invalid("session", errSeal)
	case !now.Before(held.ExpiresAt):
		return auth.Invalid("expired", g.causes.session)
	case g.isIdle(held):
		return auth.Invalid(string(idled), g.causes.idle)
	}
	return nil
}

// isIdle reports whether nobody has used the session for Config.Idle, by the
// clock of the store. It is the absolute value: a clock that was set back does
// not prolong a session.
func (g *registry) isIdle(held *Session) bool {
	return g.idle > 0 && held.ReadAt.Sub(held.UsedAt).Abs() >= g.idle
}
