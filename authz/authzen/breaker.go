package authzen

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// A breaker keeps questions from a decision point that fails. It opens after
// failures in a row. While it is open, one question at a time is a probe, after
// a pause that grows. A probe that is answered closes it. There is no
// goroutine: the next question after the pause is the probe.
type breaker struct {
	most        int           // failures in a row
	first, last time.Duration // pauses

	mu      sync.Mutex
	fails   int // in a row
	open    bool
	cause   error     // of the last failure
	since   time.Time // of the outage
	pause   time.Duration
	retryAt time.Time
	probing bool
	kept    int64 // questions that were not sent since it opened
}

// A result is how a question has ended.
type result uint8

const (
	neither  result = iota // the caller has gone, or it is about this question
	answered               // with a decision
	down                   // other questions would fail too
)

// A turn is what changed at the end of a question.
type turn struct {
	opened, closed bool
	cause          error         // of the outage that began
	lasted         time.Duration // how long the outage was
	kept           int64         // questions that were not sent
}

// closed returns nil if a question may be sent now, or if it would be a probe.
func (b *breaker) closed(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open || !b.probing && !now.Before(b.retryAt) {
		return nil
	}
	b.kept++
	return b.refusal()
}

// enter returns nil if a question may be sent now, and whether it is a probe.
func (b *breaker) enter(now time.Time) (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return false, nil
	}
	if b.probing || now.Before(b.retryAt) {
		b.kept++
		return false, b.refusal()
	}
	b.probing = true
	return true, nil
}

func (b *breaker) refusal() error {
	return fmt.Errorf("the decision point has failed and is left alone for a while, see authzen.Config.Breaker; its last failure: %v", b.cause)
}

// leave notes how a question has ended.
func (b *breaker) leave(now time.Time, probe bool, r result, cause error) (t turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch {
	case r == answered && !b.open:
		b.fails = 0
	case r == answered && probe:
		t = turn{closed: true, lasted: now.Sub(b.since), kept: b.kept}
		b.open, b.fails, b.kept, b.cause = false, 0, 0, nil
	case r == down && probe:
		b.cause = cause
		b.wait(now, min(2*b.pause, b.last))
	case r == down && !b.open:
		if b.fails++; b.fails >= b.most {
			t = turn{opened: true, cause: cause}
			b.open, b.since, b.cause = true, now, cause
			b.wait(now, b.first)
		}
	}
	return t
}

// wait sets when the next probe is due: up to a tenth earlier, so that the
// processes of a fleet do not ask all at once.
func (b *breaker) wait(now time.Time, pause time.Duration) {
	b.pause = pause
	b.retryAt = now.Add(pause - rand.N(pause/10+1))
}
