package ratelimittest

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestStore checks that a store keeps the rules of [ratelimit.Store], each rule
// in its own subtest. For each subtest it calls open, which returns a store
// without cells and with room for 2,000 cells. That is a new store, or a shared
// store with a new prefix. The rule "flood" makes 4,000 cells, and the store
// may become full then.
//
// The suite takes about 5 seconds, because three rules wait until a quota is
// restored. A store in memory can be tested in a bubble of [testing/synctest],
// in which time passes at once. In a bubble there are no subtests.
func TestStore(t *testing.T, open func(t *testing.T) ratelimit.Store) {
	t.Helper()
	for _, r := range rules {
		check := func(t *testing.T) {
			for _, fault := range r.faults(t.Context(), open(t)) {
				t.Errorf("%s: %v", r.name, fault)
			}
		}
		if inBubble(t) {
			check(t)
			continue
		}
		t.Run(r.name, check)
	}
}

// A ClockStepper is a store whose clock a test can set. For such a store
// TestStore also checks the rule "clock": a clock that is set back locks nobody
// out. The clock of a database may be set back by a failover.
type ClockStepper interface {
	// StepClock sets the clock of the store forward, or back if d is negative.
	StepClock(d time.Duration)
}

var rules = []rule{
	{"burst", burst},
	{"costs", costs},
	{"look", look},
	{"unknown", unknown},
	{"all-or-none", allOrNone},
	{"refund", refund},
	{"refund-late", refundLate},
	{"restores", restores},
	{"reset", reset},
	{"names", names},
	{"keys", keys},
	{"slices", slicesAreNotKept},
	{"many", manyCells},
	{"flood", floods},
	{"policies", policies},
	{"debt", debt},
	{"clock", clock},
	{"concurrent", debitsAtOnce},
	{"concurrent-cells", cellsAtOnce},
	{"concurrent-refunds", refundsAtOnce},
	{"cancelled", cancelled},
	{"deadline", func(t *trial, store ratelimit.Store) { t.late = true; cancelled(t, store) }},
}
