package ratelimittest

import (
	"slices"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestStore checks that a store keeps the rules of [ratelimit.Store], each rule
// in its own subtest. For each subtest it calls open, which returns a store
// without cells and with room for 2,000 cells. That is a new store, or a shared
// store with a new prefix. The rules "flood" make 4,000 cells, and the store
// may become full then.
//
// Most rules are checked once for each algorithm, in subtests such as
// "sliding-log/refund". A [ratelimit.PartialStore] skips the rules of the
// algorithms that it does not list. Each of those algorithms has to be an
// error, which the rule "algorithms" checks.
//
// The suite takes about 40 seconds, because some rules wait until a quota is
// restored. A store in memory can be tested in a bubble of [testing/synctest],
// in which time passes at once. In a bubble there are no subtests.
func TestStore(t *testing.T, open func(t *testing.T) ratelimit.Store) {
	t.Helper()
	bubble := inBubble(t)
	for _, r := range rules {
		check := func(t *testing.T) {
			store := open(t)
			if !r.general && !slices.Contains(known(store), r.algorithm) {
				if !bubble {
					t.Skip("the store does not list this algorithm")
				}
				return
			}
			for _, fault := range r.faults(t.Context(), store) {
				t.Errorf("%s: %v", r.name, fault)
			}
		}
		if bubble {
			check(t)
			continue
		}
		t.Run(r.name, check)
	}
}

// A ClockStepper is a store whose clock a test can set. For such a store
// TestStore also checks the rules "clock": a clock that is set back locks
// nobody out. The clock of a database may be set back by a failover.
type ClockStepper interface {
	// StepClock sets the clock of the store forward, or back if d is negative.
	StepClock(d time.Duration)
}

var every = []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.FixedWindow, ratelimit.SlidingLog}

// known returns the algorithms by which a store counts.
func known(store ratelimit.Store) []ratelimit.Algorithm {
	if partial, ok := store.(ratelimit.PartialStore); ok {
		return partial.Algorithms()
	}
	return every
}

var rules = slices.Concat(
	[]rule{
		{name: "algorithms", general: true, several: true, check: algorithms},
		{name: "cancelled", general: true, check: cancelled},
		{name: "deadline", general: true, check: func(t *trial, store ratelimit.Store) { t.late = true; cancelled(t, store) }},
	},
	each("gcra/", ratelimit.GCRA),
	each("fixed-window/", ratelimit.FixedWindow),
	each("sliding-log/", ratelimit.SlidingLog),
	[]rule{
		{name: "gcra/restores", algorithm: ratelimit.GCRA, check: restoresEvenly},
		{name: "fixed-window/restores", algorithm: ratelimit.FixedWindow, check: restoresAtTheEnd},
		{name: "fixed-window/carries", algorithm: ratelimit.FixedWindow, check: carries},
		{name: "fixed-window/calendar", algorithm: ratelimit.FixedWindow, check: calendar},
		{name: "fixed-window/calendar-ends", algorithm: ratelimit.FixedWindow, several: true, check: calendarEnds},
		{name: "fixed-window/calendar-refund", algorithm: ratelimit.FixedWindow, check: calendarRefund},
		{name: "fixed-window/calendar-policies", algorithm: ratelimit.FixedWindow, check: calendarPolicies},
		{name: "fixed-window/calendar-clock", algorithm: ratelimit.FixedWindow, check: calendarClock},
		{name: "sliding-log/restores", algorithm: ratelimit.SlidingLog, check: restoresOneByOne},
	},
)

// each returns the rules that are the same for every algorithm.
func each(prefix string, algorithm ratelimit.Algorithm) []rule {
	all := []rule{
		{name: "burst", check: burst},
		{name: "costs", check: costs},
		{name: "look", check: look},
		{name: "unknown", several: true, check: unknown},
		{name: "all-or-none", several: true, check: allOrNone},
		{name: "refund", several: true, check: refund},
		{name: "refund-late", check: refundLate},
		{name: "reset", several: true, check: reset},
		{name: "names", several: true, check: names},
		{name: "keys", several: true, check: keys},
		{name: "slices", check: slicesAreNotKept},
		{name: "many", check: manyCells},
		{name: "flood", check: floods},
		{name: "policies", check: policies},
		{name: "debt", check: debt},
		{name: "clock", several: true, check: clock},
		{name: "concurrent", check: debitsAtOnce},
		{name: "concurrent-cells", several: true, check: cellsAtOnce},
		{name: "concurrent-refunds", check: refundsAtOnce},
	}
	for i := range all {
		all[i].name, all[i].algorithm = prefix+all[i].name, algorithm
	}
	return all
}
