package ratelimittest

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestStore checks that a store keeps the rules of [ratelimit.Store], each in a
// subtest of its own. For each subtest open returns a store that knows no cell
// and has room for 2,000 cells: a new store, or a shared one under a prefix of
// its own. The rule "flood" makes 4,000 cells. A store may be full by then.
//
// The suite takes about five seconds, because three rules wait for a quota to
// be restored. A store in memory can be tested in a bubble of
// [testing/synctest], where the time passes at once; there are no subtests
// then.
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

// A ClockStepper is a store whose clock a test can set. Where a store is one,
// the rule "clock" is checked, too: a clock that is set back, as that of an
// engine may be after a failover, locks nobody out.
type ClockStepper interface {
	// StepClock sets the clock of the store forward, or back where d is
	// negative.
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
