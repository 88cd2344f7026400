package ratelimittest

import (
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// refund: once, what was taken and no more.
func refund(t *trial, _ ratelimit.Store) {
	a, b := t.cell("a", 9), t.cell("b", 9)
	t.takes(true, "before a refund", a)
	taken := t.takes(true, "to be refunded", costing(a, 3), costing(b, 2))
	t.refunds("of two cells", taken)
	t.has(8, "the first cell after a refund", a)
	t.has(9, "the second cell after a refund", b)
	t.refunds("again", taken)
	t.has(8, "after a second refund", a)

	part := t.takes(true, "to be refunded in part", costing(a, 5))
	part[0].Taken = 2
	t.refunds("of a part", part)
	t.has(5, "after a refund of 2 of 5", a)

	t.takes(true, "the rest", costing(a, 5))
	refused := t.takes(false, "to be refused", costing(a, 1), costing(b, 4))
	t.refunds("of what was refused", refused)
	t.has(0, "after a refund of what was refused", a)
	t.has(9, "beside a refund of what was refused", b)
}

// refundLate: what time has restored is not given back again.
func refundLate(t *trial, _ ratelimit.Store) {
	c := t.cellIn("a", 1, time.Second)
	early := t.takes(true, "to be refunded late", c)
	due := time.Now().Add(time.Second)
	var second []ratelimit.Cell
	t.until(due, "a quota of one in a second is restored", func() bool {
		taken, ok := t.debit("until there is room", c)
		second = taken
		return ok
	})
	t.refunds("of what time has restored", early)
	if _, ok := t.debit("after a late refund", c); ok && time.Since(due) < time.Second/2 {
		t.fault("a late refund gave back what another request had taken")
	}
	t.refunds("in time", second)
}

// reset: the quotas are whole, and no others are.
func reset(t *trial, _ ratelimit.Store) {
	a, b, other := t.cell("a", 3), t.cell("b", 3), t.cell("other", 3)
	t.resets("of what is not known", a)
	for _, c := range []ratelimit.Cell{a, b, other} {
		t.takes(true, "before a reset", costing(c, 3))
	}
	t.resets("of two cells", a, b)
	t.has(3, "the first cell after a reset", a)
	t.has(3, "the second cell after a reset", b)
	t.has(0, "another cell after a reset", other)
	t.takes(true, "after a reset", costing(a, 3))
	t.takes(false, "beyond the quota after a reset", a)
}
