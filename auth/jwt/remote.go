package jwt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// remote is the source behind [RemoteKeys] and [Discover]. What a request does
// is in this file; what each event does to the state is in state.go.
type remote struct {
	issuer   string // that the keys are discovered of, or empty
	template template
	made     making // see sameKeys
	maxStale time.Duration
	cooldown time.Duration
	err      error // what is wrong with the configuration

	held    atomic.Pointer[held] // what requests read, without a lock
	used    atomic.Bool          // since the last tick
	logging atomic.Bool          // a line is under way

	mu    sync.Mutex // held by do and by nobody else
	state state
}

// do lets an event happen while nobody else touches the state. It is the only
// place that holds the lock. No event waits, and none calls code that is not
// ours.
func (r *remote) do(event func(now time.Time)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	event(time.Now())
}

// held is a fetched key set.
type held struct {
	keys    *jose.KeySet
	fetched time.Time
	usable  time.Time // until
}

// live reports whether the keys may still be used.
func (h *held) live(now time.Time) bool { return !cache.Passed(now, h.usable) }

// idle is how long the keys are kept up to date for nobody.
func (h *held) idle() time.Duration { return h.usable.Sub(h.fetched) }

// live returns the keys that may be used, or nil.
func (r *remote) live(now time.Time) *jose.KeySet {
	if h := r.held.Load(); h != nil && h.live(now) {
		return h.keys
	}
	return nil
}

func (r *remote) secret() bool          { return false }
func (r *remote) initial() *jose.KeySet { return nil }

func (r *remote) faults(issuer string) error {
	found := fault.In("jwt.Keys")
	found.Join(r.err)
	if _, ok := r.template.tenant(issuer); r.issuer != "" && r.issuer != issuer && !ok {
		found.Add("", address.WithoutUser(r.issuer), "are of another issuer than Issuer; give Discover and Issuer the iss of the tokens, to the letter")
	}
	return found.Err()
}

// current returns the present keys. It waits only if there are no keys yet.
func (r *remote) current(ctx context.Context, head jose.Header) (set *jose.KeySet, waited bool, err error) {
	if set = r.live(time.Now()); set != nil {
		if !r.used.Load() {
			r.used.Store(true)
		}
		return set, false, nil
	}
	var f *flight
	r.do(func(now time.Time) { set, f, err = r.needKeys(head, now) })
	if f == nil {
		return set, set != nil, err
	}
	r.used.Store(true)
	if err := r.await(ctx, f); err != nil {
		return nil, true, err
	}
	if set = r.live(time.Now()); set != nil {
		return set, true, nil
	}
	return nil, true, r.unavailable()
}

// renewed looks for keys that are newer than old. After a failure nobody can
// say whether the issuer knows the kid, so that the answer is not that the
// token is bad.
func (r *remote) renewed(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error) {
	old, err := r.pastRefresh(ctx, old, waited)
	if err != nil {
		return nil, err
	}
	var set *jose.KeySet
	var f *flight
	r.do(func(now time.Time) { set, f, err = r.missKey(old, waited, now) })
	if f == nil {
		return set, err
	}
	if err := r.await(ctx, f); err != nil {
		return nil, err
	}
	if h := r.held.Load(); f.err == nil && h != nil {
		return h.keys, nil
	}
	return nil, r.unavailable()
}

// refresh fetches the keys, for somebody who knows that they have changed.
func (r *remote) refresh(ctx context.Context) error {
	var before int
	r.do(func(time.Time) { before = r.state.begun })
	for {
		var f *flight
		var wait time.Duration
		var err error
		r.do(func(now time.Time) { f, wait, err = r.demand(before, now) })
		switch {
		case err != nil:
			return err
		case f != nil:
			if err := r.await(ctx, f); err != nil {
				return err
			}
			if f.number <= before { // its answer may be older than the call
				continue
			}
			if f.err != nil {
				return auth.Unavailable(reasonKeys, f.err, time.Second)
			}
			return nil
		case wait == 0:
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return auth.Unavailable(reasonKeys, fmt.Errorf("wait to fetch the keys of jwt.Config.Keys: %w", ctx.Err()), time.Second)
		}
	}
}

// pastRefresh waits for a refresh under way, and returns what there is to look
// beyond then. The refresh was begun before the token came: its answer may be
// of a moment when the issuer did not have the kid yet, so that it is not a
// reason to call the token bad.
func (r *remote) pastRefresh(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error) {
	var f *flight
	r.do(func(time.Time) {
		if h := r.held.Load(); !waited && h != nil && h.keys == old {
			f = r.state.refresh()
		}
	})
	if f == nil {
		return old, nil
	}
	if err := r.await(ctx, f); err != nil {
		return nil, err
	}
	if h := r.held.Load(); h != nil {
		return h.keys, nil
	}
	return old, nil
}

// unavailable refuses a token after a fetch that has brought nothing.
func (r *remote) unavailable() (err error) {
	r.do(func(now time.Time) { err = r.state.refusal(now) })
	return err
}

// fly makes a fetch. The transport is not ours, and a panic on this goroutine
// would end the process: it is a failed fetch instead.
func (r *remote) fly(f *flight) {
	var keys *jose.KeySet
	var lifetime time.Duration
	failed, err := false, errBroken
	defer func() {
		_ = recover() // whose value may hold anything, so it is not logged
		r.do(func(now time.Time) { failed = r.land(f, keys, lifetime, err, now) })
		if failed {
			r.log(f, err)
		}
	}()
	keys, lifetime, err = f.fetcher.fetch(f.context)
}

// log reports a failed fetch, when nobody waits for it any more and no lock is
// held: a handler may block, or panic. While one line is under way no other is
// begun, so that a handler which blocks for good costs one goroutine.
func (r *remote) log(f *flight, err error) {
	if !r.logging.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		_ = recover()
		r.logging.Store(false)
	}()
	slog.Default().LogAttrs(f.context, slog.LevelWarn, "jwt: the keys could not be fetched",
		slog.String("url", f.fetcher.where()), slog.String("error", err.Error()))
}

// tick is what the timer calls.
func (r *remote) tick() { r.do(r.due) }

// open counts a verifier more.
func (r *remote) open() { r.do(r.join) }

// shutdown counts one less. With the last one it ends the fetching.
func (r *remote) shutdown(ctx context.Context, leaving bool) error {
	var f *flight
	r.do(func(time.Time) { f = r.state.part(leaving) })
	return f.ended(ctx)
}

var (
	errBroken  = errors.New("fetch the keys of jwt.Config.Keys: RemoteConfig.Transport panicked")
	errDeaf    = errors.New("fetch the keys of jwt.Config.Keys: RemoteConfig.Transport does not keep to its deadline")
	errClosed  = errors.New("fetch the keys of jwt.Config.Keys: the Verifier has been shut down")
	errCrowded = errors.New("fetch the keys of jwt.Config.Keys: too many requests wait for them")
)
