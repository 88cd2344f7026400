// Package backoff says when to ask again whoever could not be asked.
package backoff

import (
	"math/rand/v2"
	"time"
)

// After returns how long to wait after so many failures before this one: first,
// doubled for each, up to most.
func After(failures int, first, most time.Duration) time.Duration {
	return Jittered(min(first<<min(failures, 10), most))
}

// Jittered takes up to a tenth off, so that the instances of a fleet that
// started together do not ask together.
func Jittered(d time.Duration) time.Duration { return d - rand.N(d/10+1) }
