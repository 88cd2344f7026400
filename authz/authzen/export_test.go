package authzen

import "time"

// The decoder of answers, for the fuzz tests.
var (
	ReadOne = readOne
	ReadAll = readAll
)

// Readable is what an event says of an error.
var Readable = readable

// Probes returns how many of n questions are sent after the pause of an outage,
// if none of them has ended.
func Probes(n int) (sent int) {
	b := breaker{open: true}
	for range n {
		if _, err := b.enter(time.Now()); err == nil {
			sent++
		}
	}
	return sent
}
