package jwt

import (
	"context"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/backoff"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// The states of a source whose keys are fetched, and what each event does
// there. Live keys are those whose time, MaxStale included, is not over. Each
// event is a function of this file and happens inside [remote.do].
//
//	EMPTY      no live keys, no fetch under way
//	FIRST      no live keys, a fetch under way
//	READY      live keys, no fetch under way
//	REFRESH    live keys, a fetch under way that the timer has begun
//	LOOK       live keys, a fetch under way for the sake of an unknown kid
//	CLOSED     the last user has gone; live keys remain until their time is over
//
//	event      state      what happens
//
//	needKeys   EMPTY      503 until retryAt; else begin a fetch and wait: FIRST
//	(a token   FIRST      wait, with at most 1024 others
//	comes)     READY, REFRESH, LOOK
//	                      the live keys, without a lock and without this event
//	           CLOSED     the live keys, else 503
//
//	missKey    READY      the last fetch failed: 503 until retryAt and kidAt
//	(no key    READY      401 until kidAt; else begin a fetch and wait: LOOK
//	has its    REFRESH    wait for its end, then as in the state after it
//	kid and    LOOK       wait, and take what it brings
//	its alg)
//	           CLOSED     503
//	           any        a token that has waited for these very keys: 401
//
//	demand     EMPTY, READY
//	(somebody             begin a fetch, at most one each second: FIRST, REFRESH
//	calls      FIRST, REFRESH, LOOK
//	Refresh)              wait for its end, then as in the state after it, unless
//	                      it has begun after the call
//	           CLOSED     503
//
//	due        READY      the keys are in use: begin a fetch: REFRESH
//	(the       READY      nobody has used them for as long as they live: forget
//	timer)                them: EMPTY
//	           EMPTY      likewise with keys whose time is over: FIRST or EMPTY
//	           FIRST, REFRESH, LOOK, CLOSED
//	                      nothing: the end of the fetch sets the timer
//
//	land       FIRST, REFRESH, LOOK, with keys
//	(a fetch              READY; the timer at 80 % of their lifetime
//	ends)      FIRST      failed: EMPTY; retryAt is later with each failure
//	           REFRESH, LOOK
//	                      failed: READY with the old keys; the timer at retryAt
//	           of an earlier life
//	                      nothing is kept
//
//	join       CLOSED     EMPTY, or READY with a refresh at once
//	(a user    others     nothing but a user more
//	comes)
//
//	part       any        one user less; with the last one CLOSED, and the fetch
//	(a user goes)         under way is cancelled and waited for
//
// A fetch for the first keys counts as the look for the kids of those who have
// waited for it: where it brings keys without such a kid, kidAt is set as by a
// look.

// state is what changes from event to event, besides the keys themselves.
type state struct {
	flight   *flight // the fetch under way, or nil
	failures int     // of fetches, since the last good one
	lastErr  error
	retryAt  time.Time // no fetch before, after a failure
	kidAt    time.Time // no fetch before for an unknown kid
	lastUse  time.Time // no later than
	demanded time.Time // the last fetch that Refresh has begun
	begun    int       // fetches, so far
	timer    *time.Timer

	fetcher fetcher // of this life: nothing of it is shared with an earlier one
	context context.Context
	cancel  context.CancelFunc
	users   int // verifiers
	closed  bool
	last    *flight // the one that was cancelled, to be waited for
}

// needKeys is the event of a token that has found no live keys. It returns the
// keys, or the fetch to wait for, or why there is neither.
func (r *remote) needKeys(head jose.Header, now time.Time) (*jose.KeySet, *flight, error) {
	if keys := r.live(now); keys != nil { // the fetch has just ended
		return keys, nil, nil
	}
	s := &r.state
	f := s.flight
	if f == nil {
		if s.closed || now.Before(s.retryAt) {
			return nil, nil, s.refusal(now)
		}
		f = r.begin(now)
	}
	f.note(head)
	return nil, f, nil
}

// missKey is the event of a token whose kid and alg none of the old keys has.
// It returns the keys to look at, which are the old ones where it must not look
// yet and nil where there is nothing new, or the fetch to wait for, or why
// there is neither.
func (r *remote) missKey(old *jose.KeySet, waited bool, now time.Time) (*jose.KeySet, *flight, error) {
	s, h := &r.state, r.held.Load()
	switch {
	case h != nil && h.keys != old:
		return h.keys, nil, nil
	case h != nil && waited: // this very request has made the fetch
		return nil, nil, nil
	case s.flight != nil:
		return nil, s.flight, nil
	case s.closed || s.failures > 0 && now.Before(later(s.retryAt, s.kidAt)):
		return nil, nil, s.refusal(now)
	case now.Before(s.kidAt):
		return old, nil, nil
	}
	s.kidAt = now.Add(r.cooldown)
	f := r.begin(now)
	f.forKid = true
	return nil, f, nil
}

// demandTime is the least time between two fetches that Refresh begins.
const demandTime = time.Second

// demand is the event of a Refresh before which so many fetches had begun. It
// returns the fetch to wait for, which answers the call if it is a later one;
// or how long to wait until there can be a later one; or how it has ended.
func (r *remote) demand(before int, now time.Time) (f *flight, wait time.Duration, err error) {
	s := &r.state
	switch {
	case s.closed:
		return nil, 0, s.refusal(now)
	case s.flight != nil:
		return s.flight, 0, nil
	case s.begun > before:
		return nil, 0, s.outcome(now)
	}
	if wait := demandTime - now.Sub(s.demanded); wait > 0 && wait <= demandTime {
		return nil, wait, nil
	}
	if s.fetcher.issuer != nil { // the keys may have moved
		s.fetcher.issuer.known = ""
	}
	s.demanded = now
	return r.begin(now), 0, nil
}

// outcome is how the last fetch has ended.
func (s *state) outcome(now time.Time) error {
	if s.lastErr == nil {
		return nil
	}
	return s.refusal(now)
}

// due is the event of the timer. It fetches the keys anew while somebody uses
// them, and forgets them afterwards: keys that nobody has kept up to date are
// not to be trusted later.
func (r *remote) due(now time.Time) {
	s := &r.state
	if s.closed || s.flight != nil {
		return
	}
	if r.used.Swap(false) {
		s.lastUse = now
	}
	if h := r.held.Load(); h == nil || now.Sub(s.lastUse) > h.idle() {
		r.held.Store(nil)
		return
	}
	begun := s.lastUse
	r.begin(now)
	s.lastUse = begun // a tick does not count as use
}

// land is the event of a fetch that ends, with keys or an error. It reports
// whether the failure is to be logged.
func (r *remote) land(f *flight, keys *jose.KeySet, lifetime time.Duration, err error, now time.Time) (failed bool) {
	defer close(f.done)
	s := &r.state
	f.err = err
	if s.flight != f { // of an earlier life
		return false
	}
	s.flight, s.lastErr = nil, err
	if err == nil {
		s.failures, s.retryAt = 0, time.Time{}
		if f.lacks(keys) {
			s.kidAt = now.Add(r.cooldown) // that was the look for such a kid
		}
		r.held.Store(&held{keys: keys, fetched: now, usable: now.Add(lifetime + r.maxStale)})
		r.schedule(backoff.Jittered(lifetime * 8 / 10))
		return false
	}
	wait := backoff.After(s.failures, firstBackoff, maxBackoff)
	s.failures++
	s.retryAt = now.Add(wait)
	if r.held.Load() != nil {
		r.schedule(wait)
	}
	return true
}

// join is the event of a verifier that begins to use the source.
func (r *remote) join(now time.Time) {
	s := &r.state
	s.users++
	if !s.closed {
		return
	}
	s.closed, s.failures, s.lastErr, s.retryAt, s.kidAt = false, 0, nil, time.Time{}, time.Time{}
	s.context, s.cancel = context.WithCancel(context.Background())
	if s.fetcher.issuer != nil { // which the cancelled fetch may still write to
		s.fetcher.issuer = &discovery{name: r.issuer}
	}
	if r.live(now) != nil { // nobody has kept them up to date
		s.lastUse = now
		r.schedule(0)
	}
}

// part is the event of a verifier that is shut down. It returns the fetch to
// wait for, or nil.
func (s *state) part(leaving bool) *flight {
	if leaving {
		s.users--
	}
	if s.users > 0 {
		return nil
	}
	if s.closed {
		return s.last
	}
	s.closed, s.last, s.flight = true, s.flight, nil
	s.cancel()
	if s.timer != nil {
		s.timer.Stop()
	}
	return s.last
}

// begin starts a fetch, where none is under way.
func (r *remote) begin(now time.Time) *flight {
	r.state.begun++
	f := &flight{done: make(chan struct{}), number: r.state.begun, late: now.Add(r.state.fetcher.timeout + grace), fetcher: r.state.fetcher, context: r.state.context}
	r.state.flight, r.state.lastUse = f, later(r.state.lastUse, now)
	go r.fly(f)
	return f
}

// schedule sets the timer.
func (r *remote) schedule(wait time.Duration) {
	if r.state.timer != nil {
		r.state.timer.Stop()
	}
	r.state.timer = time.AfterFunc(wait, r.tick)
}

// refresh returns the fetch under way that is not for the sake of a kid, or
// nil.
func (s *state) refresh() *flight {
	if s.flight == nil || s.flight.forKid {
		return nil
	}
	return s.flight
}

// reasonKeys is why a token cannot be checked.
const reasonKeys = "keys_unavailable"

// refusal says that there are no keys, and when it is worth to ask again.
func (s *state) refusal(now time.Time) error {
	err := s.lastErr
	if s.closed {
		err = errClosed
	}
	return auth.Unavailable(reasonKeys, err, max(s.retryAt.Sub(now), time.Second))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
