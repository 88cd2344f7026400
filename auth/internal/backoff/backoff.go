// Package backoff says how long to wait after a failure before the next
// attempt.
package backoff

import (
	"math/rand/v2"
	"time"
)

// After returns how long to wait after a failure. The time begins with first
// and doubles for each earlier failure, up to most.
func After(failures int, first, most time.Duration) time.Duration {
	return Jittered(min(first<<min(failures, 10), most))
}

// Jittered subtracts a random part of up to a tenth, so that processes that
// started together do not ask together.
func Jittered(d time.Duration) time.Duration { return d - rand.N(d/10+1) }
