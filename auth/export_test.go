package auth

import "time"

// Over reports whether what was held at one time until expires is forgotten at
// another, for tests.
func Over(held, expires, now time.Time) bool { return over(now, ending(held, expires)) }

// DigestOf is digestOf, for tests.
func DigestOf(k, issuer, id string) [32]byte { return digestOf(kind(k), issuer, id) }
