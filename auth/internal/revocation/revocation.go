// Package revocation asks whether a verified token has been revoked. The
// packages that read tokens share it.
package revocation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// A Checker asks a store of revocations. The zero value does not ask and
// accepts every token. A Checker is safe for concurrent use.
type Checker struct {
	store  auth.Revocations
	local  bool          // the store never waits, so it needs no deadline
	outage time.Duration // how long tokens are accepted without asking
	seen   *seen
	// config is the Config that the store comes from, such as "jwt.Config", and
	// revoked the cause of a refusal. Both are for the log.
	config  string
	revoked error
}

// seen is what a Checker has seen of its store.
type seen struct {
	down  atomic.Pointer[time.Time] // since when the store does not answer, or nil
	noted atomic.Int64              // the minute of the last line
}

// New returns a Checker for the Revocations of a Config, such as "jwt.Config".
// A nil store revokes nothing. While the store cannot be asked, the Checker
// accepts tokens for as long as the outage says.
func New(revocations auth.Revocations, outage time.Duration, config string) Checker {
	_, local := revocations.(*auth.MemoryRevocations)
	return Checker{store: revocations, local: local, outage: outage, seen: new(seen), config: config,
		revoked: errors.New(config + ".Revocations has the token, its session, or its subject up to a later iat")}
}

// Reaches returns nil if a Revocation can name a token with these claims, or if
// the Checker has no store. With a Map, [claims.Completion] decides.
func (c Checker) Reaches(set *claims.Set) error {
	if c.store != nil && set.TokenID == "" && set.SessionID == "" && set.Issued.IsZero() {
		return claims.Unreachable(c.config)
	}
	return nil
}

// Store returns the store that the Checker asks, or nil.
func (c Checker) Store() any {
	if c.store == nil {
		return nil
	}
	return c.store
}

// Review is that of an auth.Reviewer.
func (c Checker) Review(p *bulwark.Principal) (name string, again func(context.Context) error) {
	if c.store == nil || p == nil {
		return "", nil
	}
	return Name(p), func(ctx context.Context) error { return c.Check(ctx, p) }
}

// Name stands for all that a store compares: token, session, caller and time of
// issue. So one answer is good for all callers of the name. The name begins
// with the narrowest id, as in "token …", and has a length that no token
// chooses.
func Name(p *bulwark.Principal) string {
	kind := "subject"
	switch {
	case p.TokenID != "":
		kind = "token"
	case p.SessionID != "":
		kind = "session"
	}
	hash := sha256.New()
	for _, text := range [...]string{p.Issuer, p.TokenID, p.SessionID, p.Subject, strconv.FormatInt(p.IssuedAt.UnixNano(), 10)} {
		fmt.Fprintf(hash, "%d:%s", len(text), text)
	}
	return kind + " " + base64.RawURLEncoding.EncodeToString(hash.Sum(nil))
}

// Check returns nil if the token of the caller has not been revoked.
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
	case revoked: // also if the store returns an error beside it
		return auth.Invalid("revoked", c.revoked)
	case err == nil:
		c.seen.answered()
		return nil
	// A client that hangs up does not make an outage.
	case c.outage > 0 && ctx.Err() == nil && c.seen.failing(time.Now(), c.outage):
		c.note(err)
		return nil
	}
	return auth.Unavailable("store_unavailable", fmt.Errorf("ask %s.Revocations: %w", c.config, err), store.Retry)
}

// answered ends an outage.
func (s *seen) answered() {
	if s.down.Load() != nil {
		s.down.Store(nil)
	}
}

// failing notes that the store has not answered. It reports whether the outage
// has not yet lasted for most.
func (s *seen) failing(now time.Time, most time.Duration) bool {
	s.down.CompareAndSwap(nil, &now)
	since := s.down.Load()
	return since == nil || !cache.Passed(now, since.Add(most)) // nil: it has just answered another request
}

func (c Checker) ask(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	defer store.Guard(&err)
	return c.store.Revoked(ctx, p)
}

// note logs, once a minute, that tokens are accepted without asking. If the log
// handler blocks, it blocks only the request that logs.
func (c Checker) note(err error) {
	minute := time.Now().Unix() / 60
	if before := c.seen.noted.Load(); before == minute || !c.seen.noted.CompareAndSwap(before, minute) {
		return
	}
	slog.Default().Warn("auth: Config.Revocations does not answer; tokens are accepted without asking it (InsecureOnOutage)", "error", err.Error())
}
