package ratelimittest

import (
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// ending is the cell in the windows of a calendar. Its Window is short, so that
// a store is caught that takes it for the length of the windows.
func (t *trial) ending(key string, limit int64, ends ...time.Time) ratelimit.Cell {
	c := t.cellIn(key, limit, time.Minute)
	c.Policy.Ends = ends
	return c
}

// calendar: a window ends when the calendar says so, and the next one follows.
func calendar(t *trial, _ ratelimit.Store) {
	now := time.Now()
	soon := now.Add(2 * time.Second)
	later := soon.Add(time.Hour)
	c := t.ending("a", 2, now.Add(-time.Hour), soon, later, later.Add(time.Hour))
	owing := t.ending("b", 2, c.Policy.Ends...)
	owing.Cost, owing.Debt = 3, true
	early := t.takes(true, "the quota of a window", costing(c, 2))
	t.takes(true, "a debt of one", owing)
	late := t.ending("c", 2, now.Add(-time.Hour), soon, soon.Add(2*time.Second), later)
	late.Cost, late.Debt = 3, true
	t.takes(true, "a debt of one", late)
	if s := t.takes(false, "beyond it", c)[0].Standing; s.Wait > 2*time.Second || s.Reset > 2*time.Second {
		t.fault("Wait is %v and Reset is %v, and the window ends in 2s", s.Wait, s.Reset)
	}
	t.passesAt(soon, "the quota is restored at the end of its window", c)
	t.takes(true, "a second one at once in a new window", c)
	s := t.takes(false, "a third one in a new window", c)[0].Standing
	t.near("Wait in a window of an hour", s.Wait, time.Hour)
	t.near("Reset in a window of an hour", s.Reset, time.Hour)
	t.refunds("of a window that has ended", early)
	t.takes(false, "after the refund of a window that has ended", c)
	t.has(1, "in the window after a debt of one", owing)
	t.pause(time.Until(soon.Add(2*time.Second + pollTime)))
	t.has(2, "two windows after a debt of one", late)
}

// calendarEnds: a calendar that does not hold now is an error, and takes from
// no cell.
func calendarEnds(t *trial, store ratelimit.Store) {
	now := time.Now()
	for what, ends := range map[string][]time.Time{
		"ends that have passed":   {now.Add(-48 * time.Hour), now.Add(-24 * time.Hour)},
		"ends in the future":      {now.Add(24 * time.Hour), now.Add(48 * time.Hour)},
		"one end that has passed": {now.Add(-24 * time.Hour)},
		"one end in the future":   {now.Add(24 * time.Hour)},
	} {
		func() {
			ctx, cancel := t.call()
			defer cancel()
			if ok, err := store.Debit(ctx, t.with(t.cell("good", 3), t.ending("bad", 3, ends...))); err == nil || ok {
				t.fault("Debit with %s: %t, %v, want an error", what, ok, err)
			}
		}()
		t.has(3, "beside "+what, t.cell("good", 3))
	}
}

// calendarRefund: clients whose clocks differ name different ends around the
// same window. They count in it, and give back to it.
func calendarRefund(t *trial, _ ratelimit.Store) {
	now := time.Now()
	at := func(hours ...int) (ends []time.Time) {
		for _, h := range hours {
			ends = append(ends, now.Add(time.Duration(h)*time.Hour))
		}
		return ends
	}
	early, late := t.ending("a", 9, at(-3, -2, -1, 1)...), t.ending("a", 9, at(-1, 1, 2, 3)...)
	t.takes(true, "by a clock that is late", late)
	taken := t.takes(true, "by a clock that is early", costing(early, 5))
	t.has(3, "by a clock that is late", late)
	taken[0].Policy.Ends = late.Policy.Ends
	t.refunds("by another clock", taken)
	t.has(8, "after a refund", early)
	t.refunds("again", taken)
	t.has(8, "after a second refund", early)
	part := t.takes(true, "to be refunded in part", costing(late, 4))
	part[0].Taken = 1
	t.refunds("of a part", part)
	t.has(5, "after a refund of 1 of 4", late)
	t.resets("of a calendar", late)
	t.has(9, "after a reset", early)
}

// calendarPolicies: a client that gets another calendar, or none, keeps what
// was used, and is not locked out.
func calendarPolicies(t *trial, _ ratelimit.Store) {
	now := time.Now()
	month := t.ending("a", 10, now.Add(-time.Hour), now.Add(20*24*time.Hour))
	day := t.ending("a", 10, now.Add(-time.Hour), now.Add(5*time.Hour))
	plain := t.cellIn("a", 10, time.Hour)
	t.takes(true, "of a month", costing(month, 4))
	t.has(6, "in the day of a calendar", day)
	s := t.takes(true, "in the day of a calendar", costing(day, 6))[0].Standing
	t.near("Reset in the day of a calendar", s.Reset, 5*time.Hour)
	s = t.takes(false, "without a calendar", plain)[0].Standing
	t.near("Wait without a calendar", s.Wait, time.Hour)
	t.takes(false, "in a calendar again", day)
}

// calendarClock: a clock that is set back across an end locks nobody out.
func calendarClock(t *trial, store ratelimit.Store) {
	stepper, ok := store.(ClockStepper)
	if !ok {
		return
	}
	now := time.Now()
	var ends []time.Time
	for h := range 100 {
		ends = append(ends, now.Add(time.Duration(h-50)*24*time.Hour-12*time.Hour))
	}
	c := t.ending("a", 10, ends...)
	stepper.StepClock(48 * time.Hour)
	t.takes(true, "before the clock is set", costing(c, 10))
	stepper.StepClock(-24 * time.Hour)
	s := t.takes(false, "after the clock was set back", c)[0].Standing
	t.near("Wait after the clock was set back", s.Wait, 12*time.Hour)
	stepper.StepClock(12*time.Hour + time.Second)
	t.takes(true, "at the next end after the clock was set back", costing(c, 10))
	t.takes(false, "beyond it", c)
	stepper.StepClock(30 * 24 * time.Hour)
	t.takes(true, "a month later", costing(c, 10))
}

// algorithms: cells of two algorithms are two cells, even with one name and one
// key, and are taken from together. An algorithm that is not listed is an
// error.
func algorithms(t *trial, store ratelimit.Store) {
	all := known(store)
	if len(all) == 0 {
		t.fault("the store lists no algorithm")
		return
	}
	of := func(key string, a ratelimit.Algorithm) ratelimit.Cell {
		c := t.cell(key, 5)
		c.Policy.Algorithm = a
		return c
	}
	listed := map[ratelimit.Algorithm]bool{}
	var cells []ratelimit.Cell
	for _, a := range all {
		listed[a] = true
		cells = append(cells, costing(of("a", a), int64(len(cells)+1)))
	}
	for _, a := range every {
		if listed[a] {
			continue
		}
		ctx, cancel := t.call()
		if ok, err := store.Debit(ctx, t.with(of("x", all[0]), of("x", a))); err == nil || ok {
			t.fault("Debit with algorithm %d, which is not listed: %t, %v, want an error", a, ok, err)
		}
		cancel()
		t.has(5, "beside an algorithm that is not listed", of("x", all[0]))
	}

	taken := t.takes(true, "a cell of each algorithm", cells...)
	for i, a := range all {
		t.has(4-int64(i), "one cell of each algorithm", of("a", a))
	}
	t.refunds("of each algorithm", taken)
	for _, a := range all {
		t.has(5, "after a refund", of("a", a))
	}
	for full := range all {
		for i := range cells {
			cells[i] = of(string(rune('b'+full)), all[i])
		}
		t.takes(true, "all of the full cell", costing(cells[full], 5))
		t.takes(false, "beside a full cell of another algorithm", cells...)
		for i := range cells {
			if i != full {
				t.has(5, "beside a full cell of another algorithm", cells[i])
			}
		}
		t.resets("of the full cell", cells[full])
		t.has(5, "after a reset", cells[full])
		t.takes(true, "after a reset", cells...)
	}
}
