package ratelimit

import "time"

// A quota is a compiled Rate, for the generic cell rate algorithm. The state of
// a key is one time: until when its past requests have it occupied. A request
// occupies one unit more, from now or from the end of what is occupied,
// whichever is later; it passes if the key is not occupied for longer than full
// then.
type quota struct {
	unlimited bool
	limit     int64 // requests per window
	burst     int64 // requests at once
	window    int64 // in seconds
	unit      int64 // nanoseconds that one request occupies, rounded up
	full      int64 // nanoseconds that burst requests occupy

	wide *quota // for the /48 around an IPv6 /64; see aggregate

	policy string // a member of RateLimit-Policy
	begin  string // the begin of a member of RateLimit, up to the number
}

func newQuota(limit, burst int64, period time.Duration) (quota, string) {
	q := quota{limit: limit, burst: burst, window: int64(period / time.Second)}
	q.unit = (int64(period) + limit - 1) / limit
	if int64(period)/limit < minUnit {
		return quota{}, "is more than 1000000 a second; write unlimited instead"
	}
	// A burst of at most the limit takes no longer than the period, give or
	// take the rounding.
	if burst > limit && q.unit > int64(maxPeriod)/burst {
		return quota{}, "takes more than 366 days to be restored; use a smaller burst"
	}
	q.full = q.unit * burst
	return q, ""
}

// aggregateFactor is how many fully used /64 networks a /48 is worth. A site is
// commonly given a /48 or a /56, that is up to 65,536 networks of its own.
const aggregateFactor = 16

// aggregate returns the quota of a whole /48.
func (q *quota) aggregate() *quota {
	wide := *q
	wide.limit *= aggregateFactor
	wide.burst *= aggregateFactor
	wide.unit = (q.unit + aggregateFactor - 1) / aggregateFactor
	wide.full = wide.unit * wide.burst
	return &wide
}

// remaining is how many requests of cost one pass now, for a key that is
// occupied for another level nanoseconds.
func (q *quota) remaining(level int64) int64 {
	return max(0, (q.full-level)/q.unit)
}

// reset is how long it takes until remaining grows, and 0 when all is there.
func (q *quota) reset(level int64) int64 {
	missing := q.burst - q.remaining(level)
	if missing <= 0 {
		return 0
	}
	return level - (missing-1)*q.unit
}

// wait is how long it takes until a request of that cost passes.
func (q *quota) wait(level, cost int64) int64 {
	return max(0, level+cost*q.unit-q.full)
}
