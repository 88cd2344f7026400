// Package revocation asks whether a token that has been verified is still good.
// The packages that read tokens share it.
package revocation

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// A Checker asks a store of revocations. The zero value asks nobody. It is safe
// for concurrent use.
type Checker struct {
	store   auth.Revocations
	local   bool // the store never waits, so that it needs no deadline
	lenient bool // what cannot be asked is not revoked
	noted   *atomic.Int64
}

// New returns a Checker, of nobody where the store is nil. A lenient one
// accepts tokens while the store cannot be asked.
func New(revocations auth.Revocations, lenient bool) Checker {
	_, local := revocations.(*auth.MemoryRevocations)
	return Checker{revocations, local, lenient, new(atomic.Int64)}
}

// Reaches returns nil where tokens with the claims can be revoked, or nobody
// asks.
func (c Checker) Reaches(set *claims.Set) error {
	if c.store != nil && (set.TokenID == "" || set.Issued.IsZero()) {
		return claims.Malformed("no jti or iat, by which it could be revoked")
	}
	return nil
}

// Check returns nil where the caller's token has not been revoked.
func (c Checker) Check(ctx context.Context, p *bulwark.Principal) error {
	if c.store == nil {
		return nil
	}
	bounded := ctx
	if !c.local {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, store.Time)
		defer cancel()
	}
	revoked, err := c.ask(bounded, p)
	switch {
	case revoked: // also where the rest could not be asked
		return auth.Invalid("revoked", nil)
	case err != nil && c.lenient && ctx.Err() == nil: // a client that hangs up makes no outage
		c.note(err)
		return nil
	case err != nil:
		return auth.Unavailable("store_unavailable", err, store.Retry)
	}
	return nil
}

func (c Checker) ask(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	defer store.Guard(&err)
	return c.store.Revoked(ctx, p)
}

// note logs, once a minute, that tokens are accepted unasked. A handler that
// blocks or panics holds up the one request that logs.
func (c Checker) note(err error) {
	minute := time.Now().Unix() / 60
	if before := c.noted.Load(); before == minute || !c.noted.CompareAndSwap(before, minute) {
		return
	}
	slog.Default().Warn("auth: Revocations cannot be asked, tokens are accepted unasked (InsecureOnOutage)", "error", err.Error())
}
