package redisstore

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	failuresToOpen = 5 // in a row
	firstPause     = 100 * time.Millisecond
	lastPause      = time.Second
)

// A breaker keeps calls from a Redis that does not answer. It opens after
// failures in a row. While it is open, one call at a time goes to Redis as a
// probe, after a pause that grows and that differs from process to process. A
// probe that is answered closes it. There is no goroutine: the next call after
// the pause is the probe.
type breaker struct {
	mu      sync.Mutex
	fails   int // in a row
	open    bool
	since   time.Time // of the outage
	pause   time.Duration
	retryAt time.Time
	probing bool
	passed  int64 // calls that were not made since it opened
}

// A turn is what changed at the end of a call.
type turn struct {
	opened, closed bool
	lasted         time.Duration // how long the outage was
	passed         int64         // calls that were answered without Redis
}

// enter reports whether a call may go to Redis, and whether it is a probe.
func (b *breaker) enter(now time.Time) (ok, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true, false
	}
	if b.probing || now.Before(b.retryAt) {
		b.passed++
		return false, false
	}
	b.probing = true
	return true, true
}

// leave notes how a call has ended: answered, failed because Redis is down, or
// neither.
func (b *breaker) leave(now time.Time, probe, answered, down bool) (t turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch {
	case answered && !b.open:
		b.fails = 0
	case answered && probe:
		t = turn{closed: true, lasted: now.Sub(b.since), passed: b.passed}
		b.open, b.fails, b.passed = false, 0, 0
	case down && probe:
		b.wait(now, min(2*b.pause, lastPause))
	case down && !b.open:
		if b.fails++; b.fails >= failuresToOpen {
			t.opened = true
			b.open, b.since = true, now
			b.wait(now, firstPause)
		}
	}
	return t
}

// wait sets when the next probe is due: half the pause to one and a half, so
// that the processes of a fleet do not ask all at once.
func (b *breaker) wait(now time.Time, pause time.Duration) {
	b.pause = pause
	b.retryAt = now.Add(pause/2 + rand.N(pause))
}
