package jwt

import (
	"context"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// maxWaiters bounds the requests that wait for one fetch.
const maxWaiters = 1024

// grace is how long past its Timeout a fetch is waited for.
const grace = time.Second

// flight is a fetch under way, which others wait for. What is guarded is
// guarded by [remote.do].
type flight struct {
	fetcher fetcher
	context context.Context
	done    chan struct{} // closed when it has landed
	err     error         // to be read when done
	number  int           // of the fetches of the source
	late    time.Time     // it should have ended by then
	waiters int           // guarded
	forKid  bool          // begun for the sake of a kid; guarded
	heads   []jose.Header // of tokens that wait for the first keys; guarded
}

// enter counts one more who waits, and reports false where there are too many.
func (f *flight) enter() bool {
	if f.waiters >= maxWaiters {
		return false
	}
	f.waiters++
	return true
}

// leave makes room: a client that has gone waits no longer.
func (f *flight) leave() { f.waiters-- }

// note takes down what a token that waits needs.
func (f *flight) note(head jose.Header) {
	if head.Algorithm != nil && len(f.heads) < maxWaiters {
		f.heads = append(f.heads, head)
	}
}

// lacks reports whether a token that has waited needs a key that is not there.
func (f *flight) lacks(keys *jose.KeySet) bool {
	for _, head := range f.heads {
		if _, err := keys.Candidates(head); jose.UnknownKey(err) {
			return true
		}
	}
	return false
}

// ended waits for the end of a flight at a shutdown. A nil flight has ended.
func (f *flight) ended(ctx context.Context) error {
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await waits for a fetch, with not too many others. A transport that does not
// listen to its context must not hold up requests that have no deadline of
// their own.
func (r *remote) await(ctx context.Context, f *flight) error {
	entered := false
	r.do(func(time.Time) { entered = f.enter() })
	if !entered {
		return auth.Unavailable(reasonKeys, errCrowded, time.Second)
	}
	defer r.do(func(time.Time) { f.leave() })
	late := time.NewTimer(time.Until(f.late))
	defer late.Stop()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return auth.Unavailable(reasonKeys, fmt.Errorf("wait for the keys of jwt.Config.Keys: %w", ctx.Err()), time.Second)
	case <-late.C:
		return auth.Unavailable(reasonKeys, errDeaf, time.Second)
	}
}
