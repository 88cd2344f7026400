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
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// A Checker asks a store of revocations. The zero value asks nobody. It is safe
// for concurrent use.
type Checker struct {
	store  auth.Revocations
	local  bool          // the store never waits, so that it needs no deadline
	outage time.Duration // for so long what cannot be asked is not revoked
	seen   *seen
}

// seen is what a Checker has seen of its store.
type seen struct {
	down  atomic.Pointer[time.Time] // since when it does not answer, or nil
	noted atomic.Int64              // the minute of the last line
}

// New returns a Checker, of nobody where the store is nil. While the store
// cannot be asked the Checker accepts tokens for so long as the outage says.
func New(revocations auth.Revocations, outage time.Duration) Checker {
	_, local := revocations.(*auth.MemoryRevocations)
	return Checker{revocations, local, outage, new(seen)}
}

// Reaches returns nil where a token with the claims can be revoked, in any of
// the ways that a store knows, or nobody asks.
func (c Checker) Reaches(set *claims.Set) error {
	if c.store != nil && set.TokenID == "" && set.SessionID == "" && set.Issued.IsZero() {
		return claims.Malformed("neither jti nor sid nor iat, by one of which it could be revoked; TokenIDClaim may name another claim")
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
	case err == nil:
		c.seen.answered()
		return nil
	// A client that hangs up makes no outage.
	case c.outage > 0 && ctx.Err() == nil && c.seen.failing(time.Now(), c.outage):
		c.note(err)
		return nil
	}
	return auth.Unavailable("store_unavailable", err, store.Retry)
}

// answered ends an outage.
func (s *seen) answered() {
	if s.down.Load() != nil {
		s.down.Store(nil)
	}
}

// failing notes that the store has not answered, and reports whether the outage
// is not longer yet than it may be.
func (s *seen) failing(now time.Time, most time.Duration) bool {
	s.down.CompareAndSwap(nil, &now)
	since := s.down.Load()
	return since == nil || !cache.Passed(now, since.Add(most)) // nil: it has just answered somebody else
}

func (c Checker) ask(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	defer store.Guard(&err)
	return c.store.Revoked(ctx, p)
}

// note logs, once a minute, that tokens are accepted unasked. A handler that
// blocks or panics holds up the one request that logs.
func (c Checker) note(err error) {
	minute := time.Now().Unix() / 60
	if before := c.seen.noted.Load(); before == minute || !c.seen.noted.CompareAndSwap(before, minute) {
		return
	}
	slog.Default().Warn("auth: Revocations cannot be asked, tokens are accepted unasked (InsecureOnOutage)", "error", err.Error())
}
