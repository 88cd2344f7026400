package introspection

import (
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/backoff"
)

const (
	firstBackoff = time.Second
	maxBackoff   = 15 * time.Second
	// maxStrikes is how many answers of no use in a row, each of which may be
	// for its token only, are as good as an outage.
	maxStrikes = 5
)

// breaker leaves an endpoint that fails alone for a while, and longer each
// time. It is guarded by the lock of flights.
type breaker struct {
	failures int       // since it last answered
	strikes  int       // answers of no use since then
	cause    error     // of the last failure
	retryAt  time.Time // not to be asked before, after a failure
	probe    *flight   // the one question by which it is seen whether it is back
}

// wait returns how long the endpoint is not to be asked.
func (b *breaker) wait(now time.Time) time.Duration {
	switch {
	case b.failures == 0:
		return 0
	case now.Before(b.retryAt):
		return b.retryAt.Sub(now)
	case b.probe != nil:
		return firstBackoff
	}
	return 0
}

// start is told of a question that begins.
func (b *breaker) start(f *flight) {
	if b.failures > 0 {
		b.probe = f
	}
}

// land is told what has come of a question, and reports whether the endpoint is
// to be left alone for that.
func (b *breaker) land(f *flight, bad *failure, now time.Time) bool {
	probed := b.probe == f
	if probed {
		b.probe = nil
	}
	if bad == nil {
		*b = breaker{}
		return false
	}
	if b.failures > 0 && !probed {
		return false // it began before the endpoint was given up
	}
	if bad.token && !b.strike(bad) {
		// One such token must not keep out all others: the next token finds out
		// whether the endpoint is back. It does so at once if the failure is
		// not a sign of an outage.
		if probed && bad.strike {
			b.retryAt = now.Add(backoff.Jittered(firstBackoff))
		}
		return false
	}
	b.cause = bad.cause
	b.retryAt = now.Add(backoff.After(b.failures, firstBackoff, maxBackoff))
	b.failures++
	return true
}

// strike counts a failure that may be for its token only, if it looks like an
// outage. It reports whether there have been too many of them. While the
// endpoint is left alone, none counts.
func (b *breaker) strike(bad *failure) bool {
	if !bad.strike || b.failures > 0 {
		return false
	}
	b.strikes++
	return b.strikes >= maxStrikes
}
