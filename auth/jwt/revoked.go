package jwt

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// revocations asks whether a token that has been verified is still good. The zero
// value asks nobody.
type revocations struct {
	store   auth.Revocations
	local   bool // the store never waits, so that it needs no deadline
	lenient bool // what cannot be asked is not revoked
	noted   *atomic.Int64
}

func newRevocations(store auth.Revocations, lenient bool) revocations {
	_, local := store.(*auth.MemoryRevocations)
	return revocations{store, local, lenient, new(atomic.Int64)}
}

// check returns nil where the caller's token has not been revoked.
func (v revocations) check(ctx context.Context, p *bulwark.Principal) error {
	if v.store == nil {
		return nil
	}
	bounded := ctx
	if !v.local {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, storeTime)
		defer cancel()
	}
	revoked, err := v.revoked(bounded, p)
	switch {
	case revoked: // also where the rest could not be asked
		return auth.Invalid("revoked", nil)
	case err != nil && v.lenient && ctx.Err() == nil: // a client that hangs up makes no outage
		v.note(err)
		return nil
	case err != nil:
		return auth.Unavailable("store_unavailable", err, storeRetry)
	}
	return nil
}

// note logs, once a minute, that tokens are accepted unasked. A handler that blocks
// or panics holds up the one request that logs.
func (v revocations) note(err error) {
	minute := time.Now().Unix() / 60
	if before := v.noted.Load(); before == minute || !v.noted.CompareAndSwap(before, minute) {
		return
	}
	slog.Default().Warn("jwt: Revocations cannot be asked, tokens are accepted unasked (InsecureOnOutage)", "error", err.Error())
}

// revoked asks the store.
func (v revocations) revoked(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	defer outage(&err)
	return v.store.Revoked(ctx, p)
}
