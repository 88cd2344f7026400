package jwt

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// flight is a fetch under way, which others wait for.
type flight struct {
	done    chan struct{}
	late    time.Time     // it should have ended by then
	waiters int           // guarded by remote.mu
	forKid  bool          // begun for the sake of a kid; guarded too
	heads   []jose.Header // of tokens that wait for the first keys; guarded too
	err     error
}

// note takes down what a token that waits needs. The lock of the remote is
// held.
func (f *flight) note(head jose.Header) {
	if head.Algorithm != nil && len(f.heads) < maxWaiters {
		f.heads = append(f.heads, head)
	}
}

// lacks reports whether a token that has waited needs a key that is not there.
// The lock of the remote is held.
func (f *flight) lacks(keys *jose.KeySet) bool {
	for _, head := range f.heads {
		if _, err := keys.Candidates(head); jose.UnknownKey(err) {
			return true
		}
	}
	return false
}

// grace is how long past its Timeout a fetch is waited for.
const grace = time.Second

var (
	errBroken = errors.New("fetch the keys: the transport panicked")
	errDeaf   = errors.New("fetch the keys: the transport does not keep to its deadline")
)

// await waits for a fetch, with not too many others. A transport that does not
// listen to its context must not hold up requests that have no deadline of
// their own.
func (r *remote) await(ctx context.Context, f *flight) error {
	if !r.enter(f) {
		return auth.Unavailable(reasonKeys, errors.New("too many requests wait for the keys"), time.Second)
	}
	defer r.leave(f)
	late := time.NewTimer(time.Until(f.late))
	defer late.Stop()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return auth.Unavailable(reasonKeys, ctx.Err(), time.Second)
	case <-late.C:
		return auth.Unavailable(reasonKeys, errDeaf, time.Second)
	}
}

func (r *remote) enter(f *flight) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.waiters >= maxWaiters {
		return false
	}
	f.waiters++
	return true
}

// leave makes room: a client that has gone waits no longer.
func (r *remote) leave(f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.waiters--
}

// fly fetches the keys. The transport is not ours, and a panic on this
// goroutine would end the process: it is a failed fetch instead.
func (r *remote) fly(f *flight) {
	var keys *jose.KeySet
	var lifetime time.Duration
	err := errBroken
	defer func() {
		_ = recover() // whose value may hold anything, so it is not logged
		if r.land(f, keys, lifetime, err) {
			r.log(err)
		}
	}()
	keys, lifetime, err = r.fetcher.fetch(r.context)
}

// log reports a failed fetch, when nobody waits for it any more and no lock is
// held: a handler may block, or panic. While one line is under way no other is
// begun, so that a handler which blocks for good costs one goroutine.
func (r *remote) log(err error) {
	if !r.logging.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		_ = recover()
		r.logging.Store(false)
	}()
	slog.Default().LogAttrs(r.context, slog.LevelWarn, "jwt: the keys could not be fetched",
		slog.String("url", r.fetcher.where()), slog.String("error", err.Error()))
}
