package ratelimit

import "time"

// A quota is a compiled Rate.
type quota struct {
	unlimited bool
	narrow    Policy // of a caller
	wide      Policy // for the /48 around an IPv6 /64; see aggregate
	gcra      gcra   // of narrow
	wideGCRA  gcra

	text  string // a member of RateLimit-Policy
	plain string // the same for Triple
	begin string // the begin of a member of RateLimit, up to the number
}

func newQuota(limit, burst int64, period time.Duration) (quota, string) {
	q := quota{narrow: Policy{Algorithm: GCRA, Limit: limit, Window: period, Burst: burst}}
	q.gcra = newGCRA(&q.narrow)
	if int64(period)/limit < minUnit {
		return quota{}, `is more than 1000000 a second; write a lower rate, or "unlimited"`
	}
	// A burst of at most the limit takes no longer than the period, give or
	// take the rounding.
	if burst > limit && q.gcra.unit > int64(maxPeriod)/burst {
		return quota{}, "has a burst that takes more than 366 days to be restored; write a smaller burst"
	}
	return q, ""
}

// window is the window in seconds.
func (q *quota) window() int64 { return int64(q.narrow.Window / time.Second) }

// aggregateFactor is how many fully used /64 networks a /48 is worth. A site is
// commonly given a /48 or a /56, that is up to 65,536 networks of its own.
const aggregateFactor = 16

// named gives the quota the name of its limit, and a whole /48 its quota.
func (q *quota) named(name string) {
	q.narrow.Name = name
	q.wide = q.narrow
	q.wide.Limit *= aggregateFactor
	q.wide.Burst *= aggregateFactor
	q.wideGCRA = newGCRA(&q.wide)
	q.describe(name)
}

// cells are what the quota counts for the keys of one caller: the narrow key
// and, if there is one, the wide key.
func (q *quota) cells(cost int64, keys [][]byte) []Cell {
	cells := []Cell{{Policy: q.narrow, Key: keys[0], Cost: cost}}
	if len(keys) > 1 {
		cells = append(cells, Cell{Policy: q.wide, Key: keys[1], Cost: cost})
	}
	return cells
}
