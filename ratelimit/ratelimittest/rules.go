package ratelimittest

import (
	"context"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// burst: what passes at once, what is left, and when there is more.
func burst(t *trial, _ ratelimit.Store) {
	c := t.cell("a", 3)
	if t.algorithm == ratelimit.GCRA {
		c.Policy.Limit = 5 // one in twelve minutes
	}
	for i := range 3 {
		s := t.takes(true, fmt.Sprintf("request %d of a burst of 3", i+1), c)[0].Standing
		if s.Remaining != int64(2-i) {
			t.fault("after request %d of 3 there are %d left", i+1, s.Remaining)
		}
		t.near(fmt.Sprintf("Reset after request %d", i+1), s.Reset, t.evenly(12*time.Minute))
	}
	for range 3 { // what is refused does not count
		s := t.takes(false, "beyond the burst", c)[0].Standing
		if s.Remaining != 0 {
			t.fault("beyond the burst there are %d left", s.Remaining)
		}
		t.near("Reset beyond the burst", s.Reset, t.evenly(12*time.Minute))
		t.near("Wait beyond the burst", s.Wait, t.evenly(12*time.Minute))
	}
}

// costs: a request may be worth several.
func costs(t *trial, _ ratelimit.Store) {
	c := t.cell("a", 10)
	t.takes(false, "a cost above the burst", costing(c, 11))
	t.has(10, "after a cost above the burst", c)
	t.takes(true, "a cost of 4 of 10", costing(c, 4))
	s := t.takes(false, "a cost of 8 of 6", costing(c, 8))[0].Standing
	if s.Remaining != 6 {
		t.fault("after 4 of 10, and 8 that were refused, %d are left", s.Remaining)
	}
	t.near("Wait for 8 of 6", s.Wait, t.evenly(12*time.Minute))
	t.takes(true, "a cost of 6 of 6", costing(c, 6))
	t.has(0, "after 4 and 6 of 10", c)
}

// look: a cost of 0 takes nothing, and is never refused.
func look(t *trial, _ ratelimit.Store) {
	c := t.cell("a", 3)
	for used := range int64(4) {
		for range 3 {
			t.takes(true, "a cost of 0", costing(c, 0))
		}
		t.has(3-used, fmt.Sprintf("%d of 3 used, and looks", used), c)
		if used < 3 {
			t.takes(true, "after looks", c)
		}
	}
}

// unknown: what the store cannot count is an error, and takes from no cell.
func unknown(t *trial, store ratelimit.Store) {
	changes := map[string]func(*ratelimit.Cell){
		"a negative cost":      func(c *ratelimit.Cell) { c.Cost = -1 },
		"an unknown algorithm": func(c *ratelimit.Cell) { c.Policy.Algorithm = 1 << 20 },
		"a limit of 0":         func(c *ratelimit.Cell) { c.Policy.Limit = 0 },
		"a window of 0":        func(c *ratelimit.Cell) { c.Policy.Window = 0 },
	}
	switch t.algorithm { // the burst of the others is their limit
	case ratelimit.GCRA:
		changes["a burst of 0"] = func(c *ratelimit.Cell) { c.Policy.Burst = 0 }
	case ratelimit.SlidingLog:
		changes["a log of 65"] = func(c *ratelimit.Cell) { c.Policy.Limit, c.Policy.Burst = 65, 65 }
	}
	for what, change := range changes {
		bad := t.cell("bad", 3)
		change(&bad)
		ctx, cancel := t.call()
		if ok, err := store.Debit(ctx, t.with(t.cell("good", 3), bad)); err == nil || ok {
			t.fault("Debit of %s: %t, %v, want an error", what, ok, err)
		}
		cancel()
		t.has(3, "beside "+what, t.cell("good", 3))
	}
}

// allOrNone: a cell without room, at each place among others.
func allOrNone(t *trial, _ ratelimit.Store) {
	for at := range 3 {
		for _, costs := range [][3]int64{{1, 1, 1}, {5, 2, 3}} {
			var cells []ratelimit.Cell
			for i := range 3 {
				c := t.cell(fmt.Sprint(at, costs, "cell", i), 10)
				if i == at {
					t.takes(true, "all of the full cell", costing(c, 10))
				}
				cells = append(cells, costing(c, costs[i]))
			}
			refused := t.takes(false, fmt.Sprintf("cell %d of 3 is used up", at), cells...)
			for i, c := range refused {
				want := int64(10)
				if i == at {
					want = 0
				}
				if c.Standing.Exceeded != (i == at) || c.Standing.Remaining != want {
					t.fault("cell %d is used up: Debit says of cell %d %+v, want %d left", at, i, c.Standing, want)
				}
				t.has(want, fmt.Sprintf("cell %d is used up: cell %d", at, i), c)
			}
		}
	}
	var cells []ratelimit.Cell
	for i := range 3 {
		cells = append(cells, costing(t.cell(fmt.Sprint("room", i), 10), int64(i+1)))
	}
	for i, c := range t.takes(true, "three cells with room", cells...) {
		if want := int64(9 - i); c.Standing.Remaining != want {
			t.fault("three cells with room: cell %d has %d left, want %d", i, c.Standing.Remaining, want)
		}
		t.has(int64(9-i), fmt.Sprintf("three cells with room: cell %d", i), c)
	}
}

// manyCells: what is used stays used.
func manyCells(t *trial, _ ratelimit.Store) {
	for i := range many {
		t.takes(true, "one of many cells", t.cell(fmt.Sprint(i), 3))
	}
	forgotten := 0
	for i := range many {
		if t.left(t.cell(fmt.Sprint(i), 3)) != 2 {
			forgotten++
		}
	}
	// A cell may give way if by chance many cells fall into one place.
	if forgotten > many/20 {
		t.fault("%d of %d cells are not as they were left", forgotten, many)
	}
}

// floods: fresh cells are served, and displace none that has used up a quota.
func floods(t *trial, _ ratelimit.Store) {
	offender := t.cell("offender", 10)
	t.takes(true, "a whole quota", costing(offender, 10))
	for i := range flood {
		if _, ok := t.debit("a fresh cell of a flood", t.cell(fmt.Sprint("junk", i), 10)); !ok {
			t.fault("fresh cell %d of a flood is refused", i)
			return
		}
		if i%100 == 0 {
			t.takes(false, fmt.Sprintf("an offender after %d fresh cells", i), offender)
		}
	}
	t.takes(false, "an offender after a flood", offender)
}

// policies: who gets another policy keeps what was used, and is not locked out
// by a slower one.
func policies(t *trial, _ ratelimit.Store) {
	t.takes(true, "5 of 10", costing(t.cell("upgraded", 10), 5))
	if t.algorithm != ratelimit.GCRA {
		t.has(15, "after 5 of 10, at a limit of 20", t.cell("upgraded", 20))
		t.has(0, "after 5 of 10, at a limit of 3", t.cell("upgraded", 3))
	} else if got := t.left(t.cell("upgraded", 20)); got >= 20 {
		t.fault("after 5 of 10, all of 20 are left")
	}
	slow, fast := t.cellIn("slow", 20, 24*time.Hour), t.cellIn("slow", 3, time.Second)
	owed := costing(slow, 40)
	owed.Debt = true
	t.takes(true, "40 of 20 in a day", owed)
	t.takes(false, "another one in a day", slow)
	due := time.Now()
	if taken, ok := t.debit("3 in a second after 20 in a day", fast); !ok && taken[0].Standing.Wait > 2*time.Second {
		t.fault("who was at 20 in a day waits for %v at 3 in a second", taken[0].Standing.Wait)
	}
	t.until(due, "who was at 20 in a day passes at 3 in a second", func() bool {
		_, ok := t.debit("until there is room", fast)
		return ok
	})
}

// debt: what is known only afterwards is owed, and the debt is bounded.
func debt(t *trial, _ ratelimit.Store) {
	owing := func(key string, cost int64) ratelimit.Cell {
		c := costing(t.cell(key, 10), cost)
		c.Debt = true
		return c
	}
	taken := t.takes(true, "a debt of 5 beyond 10", owing("a", 15))
	t.has(0, "in debt", t.cell("a", 10))
	s := t.takes(false, "in debt", t.cell("a", 10))[0].Standing
	t.near("Wait in debt", s.Wait, t.evenly(36*time.Minute))
	t.refunds("of a debt", taken)
	t.has(10, "after the refund of a debt", t.cell("a", 10))

	ctx, cancel := t.call()
	defer cancel()
	for range 3 {
		if ok, err := t.store.Debit(ctx, []ratelimit.Cell{owing("b", 1<<40)}); err != nil || !ok {
			t.fault("Debit of a huge debt: %t, %v", ok, err)
		}
	}
	s = t.takes(false, "in the deepest debt", t.cell("b", 10))[0].Standing
	switch t.algorithm {
	case ratelimit.FixedWindow: // this window ends, and the next one is used up
		if s.Wait > 2*time.Hour || s.Wait < time.Hour-callTime {
			t.fault("Wait in the deepest debt is %v, want the end of this window or of the next", s.Wait)
		}
	default:
		t.near("Wait in the deepest debt", s.Wait, t.evenly(66*time.Minute))
	}
	t.has(10, "beside a debt", t.cell("c", 10))
	deepest := t.takes(true, "the deepest debt", owing("e", 20))
	t.takes(true, "beyond the deepest debt", owing("e", 5))
	t.refunds("of the deepest debt", deepest)
	if left := t.left(t.cell("e", 10)); left != 10 && (t.algorithm != ratelimit.GCRA || left != 9) { // a GCRA restores a little between the two
		t.fault("after the refund of the deepest debt %d of 10 are left", left)
	}

	brief := t.cellIn("d", 1, time.Second)
	brief.Cost, brief.Debt = 1<<40, true
	for range 3 {
		t.debit("a debt to be restored", brief)
	}
	brief.Cost, brief.Debt = 1, false
	t.pause(2*time.Second + pollTime)
	if looked, ok := t.debit("after the time of the deepest debt", brief); !ok && looked[0].Standing.Wait > time.Second/2 {
		t.fault("when the deepest debt is restored, Wait is %v", looked[0].Standing.Wait)
	}
}

// clock: a clock that is set back locks nobody out.
func clock(t *trial, store ratelimit.Store) {
	stepper, ok := store.(ClockStepper)
	if !ok {
		return
	}
	c := t.cell("a", 10)
	stepper.StepClock(48 * time.Hour)
	taken := t.takes(true, "before the clock is set", costing(c, 10))
	other, third := t.cell("b", 10), t.cell("c", 10)
	t.takes(true, "before the clock is set", costing(other, 10))
	t.takes(true, "before the clock is set", costing(third, 10))
	stepper.StepClock(-24 * time.Hour)
	for _, c := range []ratelimit.Cell{c, other} {
		if s := t.takes(false, "after the clock was set back", c)[0].Standing; s.Wait > 2*time.Hour {
			t.fault("after the clock was set back somebody waits for %v", s.Wait)
		}
	}
	t.takes(false, "two cells after the clock was set back", third, t.cell("d", 10))
	t.refunds("after the clock was set back", taken)
	stepper.StepClock(2*time.Hour + time.Second)
	for _, c := range []ratelimit.Cell{c, other, third} {
		t.takes(true, "two quotas after the clock was set back", costing(c, 10))
		t.takes(false, "beyond the quota after the clock was set back", c)
	}
}

// cancelled: a call whose context is over returns, and says what it has done or
// that nobody knows.
func cancelled(t *trial, store ratelimit.Store) {
	c := t.cell("a", 5)
	type answer struct {
		ok  bool
		err error
	}
	got := make(chan answer, 1)
	in := t.promptly("Debit", func(ctx context.Context) {
		ok, err := store.Debit(ctx, []ratelimit.Cell{t.cell("a", 5)})
		got <- answer{ok, err}
	})
	if in {
		a := <-got
		left := t.left(c)
		switch {
		case a.err == nil && !a.ok:
			t.fault("with a context that is over Debit refuses: that is an error, and no answer")
		case a.err == nil && left != 4:
			t.fault("with a context that is over Debit says that it has taken, and %d of 5 are left", left)
		case a.err != nil && a.ok:
			t.fault("with a context that is over Debit takes and fails: %w", a.err)
		case left < 4:
			t.fault("with a context that is over Debit has left %d of 5", left)
		}
	}
	t.promptly("Refund", func(ctx context.Context) { _ = store.Refund(ctx, []ratelimit.Cell{t.cell("b", 5)}) })
	t.promptly("Reset", func(ctx context.Context) { _ = store.Reset(ctx, []ratelimit.Cell{t.cell("b", 5)}) })
	t.takes(true, "after calls whose context was over", t.cell("c", 5))
}
