package ratelimittest

import (
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// restoresEvenly: one request after the other.
func restoresEvenly(t *trial, _ ratelimit.Store) {
	c := t.cellIn("a", 2, 2*time.Second)
	start := time.Now()
	t.takes(true, "the whole quota", costing(c, 2))
	wait := t.takes(false, "beyond the quota", c)[0].Standing.Wait
	if wait > time.Second {
		t.fault("Wait is %v where one request is restored in a second", wait)
	}
	t.passesAt(start.Add(time.Second), "one of two in two seconds is restored", c)
	if time.Since(start) < 2*time.Second {
		if _, ok := t.debit("a second one at once", c); ok && time.Since(start) < 2*time.Second {
			t.fault("two of two are restored after one second")
		}
	}
}

// restoresAtTheEnd: the whole quota, at the end of a window that began with its
// first request.
func restoresAtTheEnd(t *trial, _ ratelimit.Store) {
	const window = 2 * time.Second
	c := t.cellIn("a", 2, window)
	start := time.Now()
	t.takes(true, "one of two", c)
	t.pause(window / 2)
	t.takes(true, "the second of two", c)
	if s := t.takes(false, "beyond the quota", c)[0].Standing; s.Wait > window/2 || s.Reset > window/2 {
		t.fault("Wait is %v and Reset is %v in the second half of a window of %v", s.Wait, s.Reset, window)
	}
	t.passesAt(start.Add(window), "the quota is restored at the end of its window", c)
	t.takes(true, "a second one at once in a new window", c)
	t.takes(false, "a third one in a new window", c)

	// A window without requests does not begin.
	t.pause(window + window/2)
	start = time.Now()
	t.takes(true, "some time after a window", costing(c, 2))
	if s := t.takes(false, "beyond the quota", c)[0].Standing; s.Wait < window-time.Since(start) {
		t.fault("Wait is %v: the window of %v has begun before its first request", s.Wait, window)
	}
}

// restoresOneByOne: each request when it is a window old, and not before.
func restoresOneByOne(t *trial, _ ratelimit.Store) {
	const window = 2 * time.Second
	c := t.cellIn("a", 2, window)
	first := time.Now()
	t.takes(true, "one of two", c)
	t.pause(window / 2)
	second := time.Now()
	t.takes(true, "the second of two", c)
	if s := t.takes(false, "beyond the quota", c)[0].Standing; s.Wait > window/2 || s.Reset > window/2 {
		t.fault("Wait is %v and Reset is %v, and the first request is %v old of %v", s.Wait, s.Reset, window/2, window)
	}
	t.passesAt(first.Add(window), "the first of two is a window old", c)
	if _, ok := t.debit("a second one at once", c); ok && time.Since(second) < window {
		t.fault("the second of two has left %v after it came", time.Since(second))
	}
	t.passesAt(second.Add(window), "the second of two is a window old", c)
}

// passesAt notes a cell that passes before a time, or long after it.
func (t *trial) passesAt(due time.Time, what string, c ratelimit.Cell) {
	t.until(due, what, func() bool {
		_, ok := t.debit("until there is room", c)
		return ok
	})
}

// carries: what a window owes is used in the window that follows directly, and
// no later.
func carries(t *trial, _ ratelimit.Store) {
	const window = 3 * time.Second
	owing := costing(t.cellIn("a", 2, window), 3)
	owing.Debt = true
	late := owing
	late.Key = []byte("b")
	start := time.Now()
	t.takes(true, "3 of 2", owing)
	t.takes(true, "3 of 2", late)
	t.has(0, "in debt", owing)
	t.pause(time.Until(start.Add(window + window/3)))
	t.has(1, "in the window after a debt of one", owing)
	owing.Cost, owing.Debt = 1, false
	t.takes(true, "what a debt has left of the next window", owing)
	if s := t.takes(false, "beyond it", owing)[0].Standing; time.Since(start)+s.Wait > 2*window+window/3 {
		t.fault("Wait is %v: the window after a debt has begun late", s.Wait)
	}
	t.pause(time.Until(start.Add(2*window + window/3)))
	t.has(2, "two windows after a debt", late)
	t.takes(true, "two windows after a debt", costing(late, 2))
}
