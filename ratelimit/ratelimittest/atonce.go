package ratelimittest

import (
	"fmt"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// debitsAtOnce: exactly the quota passes.
func debitsAtOnce(t *trial, _ ratelimit.Store) {
	passed := make(chan int64, crowd*4)
	t.atOnce(func(int) {
		for i := range int64(4) {
			if _, ok := t.debit("at once", costing(t.cell("a", 30), 1+i%2)); ok {
				passed <- 1 + i%2
			}
		}
	})
	close(passed)
	sum := int64(0)
	for cost := range passed {
		sum += cost
	}
	for t.left(t.cell("a", 30)) > 0 && sum < 30 {
		t.takes(true, "what was left at once", t.cell("a", 30))
		sum++
	}
	if sum != 30 {
		t.fault("%d of 30 passed at once", sum)
	}
}

// cellsAtOnce: one cell that all share, and one of each's own, in both orders.
func cellsAtOnce(t *trial, _ ratelimit.Store) {
	for _, shared := range []int{0, 1} {
		passed := make(chan int, crowd)
		all := t.cell(fmt.Sprint("all", shared), 10)
		own := func(i int) ratelimit.Cell { return t.cell(fmt.Sprint("own", shared, i), 3) }
		t.atOnce(func(i int) {
			cells := []ratelimit.Cell{all, own(i)}
			if shared == 1 {
				cells = []ratelimit.Cell{own(i), all}
			}
			if _, ok := t.debit("two cells at once", cells...); ok {
				passed <- i
			}
		})
		close(passed)
		want := make([]int64, crowd)
		for i := range want {
			want[i] = 3
		}
		n := 0
		for i := range passed {
			want[i]--
			n++
		}
		if n != 10 {
			t.fault("%d passed at once where the cell that all share has 10", n)
		}
		for i, left := range want {
			t.has(left, "a cell of one's own after a refusal or not", own(i))
		}
	}
}

// refundsAtOnce: what all give back is all there.
func refundsAtOnce(t *trial, _ ratelimit.Store) {
	limit := int64(1000)
	if t.algorithm == ratelimit.SlidingLog {
		limit = 64
	}
	c := t.cell("a", limit)
	t.takes(true, "before refunds at once", costing(c, 10))
	t.atOnce(func(int) {
		for range 4 {
			taken, ok := t.debit("to be refunded at once", costing(c, 2))
			if ok {
				t.refunds("at once", taken)
			}
		}
	})
	t.has(limit-10, "after refunds at once", c)
}
