package redisstore

import (
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

const (
	maxWindow = 366 * 24 * time.Hour
	maxLimit  = int64(maxWindow / time.Microsecond)
	maxLog    = 64
	maxEnds   = 512
	// maxCount is the highest number that a double of Lua counts exactly.
	maxCount = 1 << 53
)

// check returns what is wrong with the first wrong cell, or nil.
func check(cells []ratelimit.Cell) error {
	for i := range cells {
		if field, reason := wrong(&cells[i]); reason != "" {
			return &bulwark.ConfigError{Field: "ratelimit.Cell." + field, Reason: reason}
		}
	}
	return nil
}

// wrong says what is wrong with a cell, or nothing. The bounds keep every sum
// of the scripts below 2^53; see debit.lua.
func wrong(c *ratelimit.Cell) (field, reason string) {
	p := &c.Policy
	switch {
	case p.Algorithm < ratelimit.GCRA || p.Algorithm > ratelimit.SlidingLog:
		return "Policy.Algorithm", "is an algorithm that redisstore does not know; write GCRA, FixedWindow or SlidingLog"
	case p.Window < time.Microsecond || p.Window > maxWindow:
		return "Policy.Window", "must be at least 1 microsecond and at most 366 days"
	case p.Limit < 1 || p.Limit > min(int64(p.Window), maxLimit):
		return "Policy.Limit", "must be at least 1, and at most one request for each nanosecond of the Window or for each microsecond of 366 days"
	case p.Limit > maxLog && p.Algorithm == ratelimit.SlidingLog:
		return "Policy.Limit", "must be at most 64 for a SlidingLog"
	case p.Algorithm == ratelimit.GCRA && (p.Burst < 1 || p.Burst > p.Limit && p.Burst > int64(maxWindow)/max(ceil(int64(p.Window), p.Limit), int64(time.Microsecond))):
		return "Policy.Burst", "must be at least 1, and small enough to be restored within 366 days"
	case c.Cost < 0:
		return "Cost", "must not be negative; call Refund to give requests back"
	case p.Algorithm != ratelimit.FixedWindow && len(p.Ends) > 0:
		return "Policy.Ends", "are for a FixedWindow; leave them out"
	case len(p.Ends) > maxEnds:
		return "Policy.Ends", "must be at most 512"
	}
	for i, end := range p.Ends {
		if i > 0 && !end.After(p.Ends[i-1]) || micros(end) < 0 || micros(end) > maxCount/2 {
			return "Policy.Ends", "must be ascending times between the years 1970 and 2112"
		}
	}
	return "", ""
}
