package jwt

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/auth/internal/backoff"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// RemoteConfig bounds how keys are fetched. The zero value is right for most.
type RemoteConfig struct {
	// Transport makes the requests. Default: one of its own that uses the
	// proxy of the environment, TLS 1.2 or later, and keeps no connections.
	Transport http.RoundTripper
	// MaxStale is how long past their lifetime the keys are used while the
	// issuer cannot be reached. Default 24 hours, at most 30 days; negative is
	// not at all.
	MaxStale time.Duration
	// Timeout bounds one fetch, redirects and body included. Default 5 seconds,
	// at most 30.
	Timeout time.Duration
	// Cooldown is the least time between two fetches for the sake of tokens
	// whose kid is unknown. Default 30 seconds; 1 second to 1 hour.
	Cooldown time.Duration
	// MaxBytes bounds the key set. Default 512 KiB, at most 8 MiB.
	MaxBytes int
	// MaxKeys bounds the number of keys in it. Default 100, at most 1000.
	MaxKeys int
}

const (
	defaultMaxStale    = 24 * time.Hour
	defaultTimeout     = 5 * time.Second
	defaultCooldown    = 30 * time.Second
	defaultRemoteBytes = 512 << 10
	firstBackoff       = time.Second
	maxBackoff         = time.Minute
	mostStale          = 30 * 24 * time.Hour
	mostCooldown       = time.Hour
	maxWaiters         = 1024 // requests that wait for one fetch
)

// RemoteKeys are the keys that an issuer publishes as a JWK Set at the URL,
// which must be https; loopback may do without TLS.
//
// They are fetched when the first token comes, which waits for it, and again at
// about 80 % of the lifetime that Cache-Control gives them, between a minute
// and a day, without which it is 15 minutes. No token of a known key waits for
// that, nor for a retry: a failed fetch is tried again after a second, then
// later and later up to a minute, and the keys remain until MaxStale is over.
// Requests fail with 503 only where no keys have been had at all or for so
// long.
//
// A kid that is not among the keys makes one more fetch, which the tokens of
// that moment wait for; others are refused at once until the Cooldown is over.
// Tokens with a bad signature never make a fetch. Anybody can make up a kid, so
// somebody who sends one such token each Cooldown can have the tokens of a key
// that the issuer has just begun to use refused with 401, for one Cooldown at
// most. An issuer that publishes a key for the lifetime of its key set before
// it signs with it is not affected.
//
// No goroutine stays: a fetch is one for its own time, and a source that has
// not been asked for MaxStale forgets its keys. [Verifier.Shutdown] ends it
// earlier.
func RemoteKeys(url string, c RemoteConfig) KeySource {
	r := newRemote(c)
	r.fetcher.url = url
	if reason := keysFault(url); reason != "" {
		r.errs = append(r.errs, &bulwark.ConfigError{Field: "jwt.Keys.URL", Value: address.WithoutUser(url), Reason: reason})
	}
	return r
}

// newRemote returns a source that does not know yet where its keys are.
func newRemote(c RemoteConfig) *remote {
	r := &remote{
		maxStale: max(orDefault(c.MaxStale, defaultMaxStale), 0),
		cooldown: orDefault(c.Cooldown, defaultCooldown),
		fetcher: fetcher{
			timeout:  orDefault(c.Timeout, defaultTimeout),
			maxBytes: orDefault(c.MaxBytes, defaultRemoteBytes),
			maxKeys:  orDefault(c.MaxKeys, maxKeys),
		},
	}
	r.fetcher.client = r.fetcher.newClient(c.Transport)
	r.context, r.cancel = context.WithCancel(context.Background())
	wrong := func(field, value, reason string) {
		r.errs = append(r.errs, &bulwark.ConfigError{Field: "jwt.Keys." + field, Value: value, Reason: reason})
	}
	if c.Timeout < 0 || c.Timeout > 30*time.Second {
		wrong("Timeout", c.Timeout.String(), "must be between 0 and 30 seconds; zero is 5 seconds")
	}
	if c.MaxStale > mostStale {
		wrong("MaxStale", c.MaxStale.String(), "must be at most 30 days; keys that the issuer has withdrawn would be believed for as long")
	}
	if c.Cooldown != 0 && (c.Cooldown < time.Second || c.Cooldown > mostCooldown) {
		wrong("Cooldown", c.Cooldown.String(), "must be from a second, or anybody could make us fetch all the time, to an hour")
	}
	if c.MaxBytes < 0 || c.MaxBytes > 8<<20 {
		wrong("MaxBytes", "", "must be between 0 and 8 MiB; zero is 512 KiB")
	}
	if c.MaxKeys < 0 || c.MaxKeys > 1000 {
		wrong("MaxKeys", "", "must be between 0 and 1000; zero is 100")
	}
	return r
}

// remote is the source behind RemoteKeys.
type remote struct {
	fetcher  fetcher
	maxStale time.Duration
	cooldown time.Duration
	errs     []error
	context  context.Context // of all fetches; ended by shutdown
	cancel   context.CancelFunc

	held atomic.Pointer[held] // what requests read, without a lock
	used atomic.Bool          // since the last tick

	logging atomic.Bool // a line is under way

	mu       sync.Mutex
	flight   *flight
	failures int
	lastErr  error
	retryAt  time.Time // no fetch before, after a failure
	kidAt    time.Time // no fetch before for an unknown kid
	lastUse  time.Time // no later than
	timer    *time.Timer
	closed   bool
}

// held is a fetched key set.
type held struct {
	keys    *jose.KeySet
	fetched time.Time
	usable  time.Time // until
}

// live reports whether the keys may still be used.
func (h *held) live(now time.Time) bool { return !cache.Passed(now, h.usable) }

var errClosed = errors.New("the verifier has been shut down")

func (r *remote) secret() bool { return false }

func (r *remote) faults(issuer string) []error {
	if r.fetcher.issuer == nil || r.fetcher.issuer.name == issuer {
		return r.errs
	}
	return append(slices.Clip(r.errs), &bulwark.ConfigError{Field: "jwt.Keys", Value: address.WithoutUser(r.fetcher.issuer.name),
		Reason: "are of another issuer than Issuer; both must be the exact iss of the tokens"})
}

// current returns the keys at hand, and waits only where there are none.
func (r *remote) current(ctx context.Context, head jose.Header) (set *jose.KeySet, waited bool, err error) {
	now := time.Now()
	if h := r.held.Load(); h != nil && h.live(now) {
		if !r.used.Load() {
			r.used.Store(true)
		}
		return h.keys, false, nil
	}
	r.mu.Lock()
	if h := r.held.Load(); h != nil && h.live(now) { // the fetch has just ended
		r.mu.Unlock()
		return h.keys, true, nil
	}
	f := r.flight
	if f == nil {
		if r.closed || now.Before(r.retryAt) {
			defer r.mu.Unlock()
			return nil, false, r.unavailable(now)
		}
		f = r.start(now)
	}
	f.note(head)
	r.mu.Unlock()
	r.used.Store(true)
	if err := r.await(ctx, f); err != nil {
		return nil, true, err
	}
	if h := r.held.Load(); h != nil && h.live(time.Now()) {
		return h.keys, true, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, true, r.unavailable(time.Now())
}

// renewed looks for keys that are newer than old. After a failure nobody can
// say whether the issuer knows the kid, so that the answer is not that the
// token is bad.
func (r *remote) renewed(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error) {
	old, err := r.pastRefresh(ctx, old, waited)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r.mu.Lock()
	h, f := r.held.Load(), r.flight
	switch {
	case h != nil && h.keys != old:
		r.mu.Unlock()
		return h.keys, nil
	case h != nil && waited: // this very request has made the fetch
		r.mu.Unlock()
		return nil, nil
	case f == nil && (r.closed || r.failures > 0 && now.Before(later(r.retryAt, r.kidAt))):
		defer r.mu.Unlock()
		return nil, r.unavailable(now)
	case f == nil && now.Before(r.kidAt):
		r.mu.Unlock()
		return old, nil
	case f == nil:
		r.kidAt = now.Add(r.cooldown)
		f = r.start(now)
		f.forKid = true
	}
	r.mu.Unlock()
	if err := r.await(ctx, f); err != nil {
		return nil, err
	}
	if h = r.held.Load(); f.err == nil && h != nil {
		return h.keys, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, r.unavailable(time.Now())
}

// pastRefresh waits for a refresh under way, and returns what there is to look
// beyond then. The refresh was begun before the token came: its answer may be
// of a moment when the issuer did not have the kid yet, so that it is no reason
// to call the token bad.
func (r *remote) pastRefresh(ctx context.Context, old *jose.KeySet, waited bool) (*jose.KeySet, error) {
	r.mu.Lock()
	h, f := r.held.Load(), r.flight
	r.mu.Unlock()
	if f == nil || f.forKid || waited || h == nil || h.keys != old {
		return old, nil
	}
	if err := r.await(ctx, f); err != nil {
		return nil, err
	}
	if h = r.held.Load(); h == nil {
		return old, nil
	}
	return h.keys, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// reasonKeys is why a token cannot be checked.
const reasonKeys = "keys_unavailable"

// unavailable says when it is worth to ask again. The lock is held.
func (r *remote) unavailable(now time.Time) error {
	err := r.lastErr
	if r.closed {
		err = errClosed
	}
	return auth.Unavailable(reasonKeys, err, max(r.retryAt.Sub(now), time.Second))
}

// start begins a fetch. The lock is held and no fetch is under way.
func (r *remote) start(now time.Time) *flight {
	f := &flight{done: make(chan struct{}), late: now.Add(r.fetcher.timeout + grace)}
	r.flight, r.lastUse = f, later(r.lastUse, now)
	go r.fly(f)
	return f
}

// land takes in what a fetch has brought, and reports whether its failure is to
// be logged.
func (r *remote) land(f *flight, keys *jose.KeySet, lifetime time.Duration, err error) (failed bool) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(f.done)
	r.flight, f.err, r.lastErr = nil, err, err
	if r.closed {
		return false
	}
	if err == nil {
		r.failures, r.retryAt = 0, time.Time{}
		if f.lacks(keys) {
			r.kidAt = now.Add(r.cooldown) // that was the look for such a kid
		}
		r.held.Store(&held{keys: keys, fetched: now, usable: now.Add(lifetime + r.maxStale)})
		r.schedule(backoff.Jittered(lifetime * 8 / 10))
		return false
	}
	wait := backoff.After(r.failures, firstBackoff, maxBackoff)
	r.failures++
	r.retryAt = now.Add(wait)
	if r.held.Load() != nil {
		r.schedule(wait)
	}
	return true
}

// schedule sets the next tick. The lock is held.
func (r *remote) schedule(wait time.Duration) {
	if r.timer != nil {
		r.timer.Stop()
	}
	r.timer = time.AfterFunc(wait, r.tick)
}

// tick fetches the keys anew while somebody uses them, and forgets them
// afterwards: keys that nobody has kept up to date are not to be trusted later.
func (r *remote) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.flight != nil {
		return
	}
	now := time.Now()
	if r.used.Swap(false) {
		r.lastUse = now
	}
	if h := r.held.Load(); h == nil || now.Sub(r.lastUse) > r.idle(h) {
		r.held.Store(nil)
		return
	}
	begun := r.lastUse
	r.start(now)
	r.lastUse = begun // a tick is no use
}

// idle is how long the keys are kept up to date for nobody.
func (r *remote) idle(h *held) time.Duration { return h.usable.Sub(h.fetched) }

// shutdown ends the fetching.
func (r *remote) shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	f := r.flight
	r.mu.Unlock()
	r.cancel()
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
