package ratelimittest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A rule is one of those that every store keeps, and how to catch a store that
// does not. A rule is checked with cells of one algorithm.
type rule struct {
	name      string
	algorithm ratelimit.Algorithm
	general   bool // any algorithm shows it, so that the first one is enough
	several   bool // its calls have several cells, and so the last one is home
	check     func(t *trial, store ratelimit.Store)
}

// faults returns what shows that a store breaks the rule.
func (r rule) faults(ctx context.Context, store ratelimit.Store) []error {
	t := &trial{ctx: ctx, store: store, algorithm: r.algorithm, several: r.several}
	if all := known(store); r.general && len(all) > 0 {
		t.algorithm = all[0]
	}
	r.check(t, store)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

// inBubble reports whether t is in a bubble of testing/synctest, where Run and
// Deadline must not be called and panic. Nothing else tells.
func inBubble(t *testing.T) (in bool) {
	defer func() { in = recover() != nil }()
	t.Deadline()
	return false
}

const (
	callTime = 10 * time.Second // for one call of a store
	patience = 5 * time.Second  // beyond the time at which something is due
	pollTime = 20 * time.Millisecond
	crowd    = 64   // goroutines at once
	many     = 1000 // more cells than a store forgets unnoticed
	flood    = 4000 // more cells than a store has room for that is to be full
)

// A trial collects what is wrong with a store. It is safe for concurrent use.
type trial struct {
	ctx       context.Context
	store     ratelimit.Store
	algorithm ratelimit.Algorithm
	several   bool // calls end with home
	late      bool // contexts that are over have passed a deadline
	mu        sync.Mutex
	all       []error
}

func (t *trial) fault(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) < 20 {
		t.all = append(t.all, fmt.Errorf(format, args...))
	}
}

// call returns the context of one call.
func (t *trial) call() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, callTime)
}

// atOnce runs f on many goroutines that begin together.
func (t *trial) atOnce(f func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range crowd {
		wg.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wg.Wait()
}

// promptly runs f with a context that is over, and reports whether it returned
// in time. The call may go on after a long wait, so that f writes nothing that
// others read.
func (t *trial) promptly(what string, f func(ctx context.Context)) bool {
	var over time.Time // the zero time has passed
	if !t.late {
		over = time.Now().Add(time.Hour)
	}
	ctx, cancel := context.WithDeadline(t.ctx, over)
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		t.fault("%s with a context that is over has not returned after %v", what, patience)
		return false
	}
}

// until asks every few milliseconds until it is answered true, which is due at
// the time: not before, and not long after.
func (t *trial) until(due time.Time, what string, ask func() bool) {
	for t.ctx.Err() == nil {
		late := time.Since(due) > patience
		if ask() {
			if early := time.Until(due); early > pollTime {
				t.fault("%s %v before its time", what, early)
			}
			return
		}
		if late {
			t.fault("%s not %v after its time", what, patience)
			return
		}
		t.pause(pollTime)
	}
	t.fault("%s: %w", what, context.Cause(t.ctx))
}

func (t *trial) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// cell is one request from a quota that is restored in an hour.
func (t *trial) cell(key string, limit int64) ratelimit.Cell { return t.cellIn(key, limit, time.Hour) }

func (t *trial) cellIn(key string, limit int64, window time.Duration) ratelimit.Cell {
	return ratelimit.Cell{Key: []byte(key), Cost: 1,
		Policy: ratelimit.Policy{Name: "limit", Algorithm: t.algorithm, Limit: limit, Window: window, Burst: limit}}
}

// evenly is what is expected of a GCRA, and else what is expected of a quota of
// an hour that does not come back piece by piece.
func (t *trial) evenly(d time.Duration) time.Duration {
	if t.algorithm == ratelimit.GCRA {
		return d
	}
	return time.Hour
}

// costing is the cell for that many requests.
func costing(c ratelimit.Cell, cost int64) ratelimit.Cell {
	c.Cost = cost
	return c
}

// home is the last cell of each call of a rule whose calls have several cells.
// For a given cell the last Key of a call is always the same; see
// [ratelimit.Store].
func (t *trial) home() ratelimit.Cell {
	c := costing(t.cell("home", 10), 0)
	c.Policy.Name = "home"
	return c
}

// with returns the cells of a call.
func (t *trial) with(cells ...ratelimit.Cell) []ratelimit.Cell {
	all := slices.Clone(cells)
	if t.several {
		all = append(all, t.home())
	}
	return all
}

// debit takes, and notes an answer of the store that contradicts itself.
func (t *trial) debit(what string, cells ...ratelimit.Cell) (taken []ratelimit.Cell, ok bool) {
	ctx, cancel := t.call()
	defer cancel()
	all := t.with(cells...)
	ok, err := t.store.Debit(ctx, all)
	if err != nil {
		t.fault("Debit, %s: %w", what, err)
		return cells, false
	}
	cells = all[:len(cells)]
	for _, home := range all[len(cells):] {
		if s := home.Standing; home.Taken != 0 || s.Exceeded || s.Remaining != 10 {
			t.fault("Debit, %s: says of a last cell that is only looked at: %+v, %d taken", what, s, home.Taken)
		}
	}
	exceeded := false
	for i, c := range cells {
		s := c.Standing
		exceeded = exceeded || s.Exceeded
		switch {
		case ok && (c.Taken != c.Cost && !c.Debt || s.Exceeded || s.Wait != 0):
			t.fault("Debit, %s: takes, and says of cell %d: %+v, %d taken", what, i, s, c.Taken)
		case !ok && c.Taken != 0:
			t.fault("Debit, %s: takes nothing, and says that %d are taken from cell %d", what, c.Taken, i)
		case s.Exceeded != (s.Wait > 0), s.Remaining < 0, s.Reset < 0, s.Remaining < c.Policy.Burst != (s.Reset > 0):
			t.fault("Debit, %s: says of cell %d with a burst of %d: %+v", what, i, c.Policy.Burst, s)
		}
	}
	if !ok && !exceeded {
		t.fault("Debit, %s: takes nothing, and no cell is exceeded", what)
	}
	return cells, ok
}

// takes notes a Debit that takes although it should not, or the reverse.
func (t *trial) takes(want bool, what string, cells ...ratelimit.Cell) []ratelimit.Cell {
	taken, ok := t.debit(what, cells...)
	if ok != want {
		t.fault("Debit, %s: takes %t, want %t", what, ok, want)
	}
	return taken
}

// left returns how many requests a cell has room for.
func (t *trial) left(c ratelimit.Cell) int64 {
	looked, _ := t.debit("a look", costing(c, 0))
	return looked[0].Standing.Remaining
}

// has notes a cell that does not have that many requests left.
func (t *trial) has(want int64, what string, c ratelimit.Cell) {
	if got := t.left(c); got != want {
		t.fault("%s: %d are left, want %d", what, got, want)
	}
}

// refunds gives back.
func (t *trial) refunds(what string, cells []ratelimit.Cell) {
	ctx, cancel := t.call()
	defer cancel()
	all := t.with(cells...)
	if err := t.store.Refund(ctx, all); err != nil {
		t.fault("Refund, %s: %w", what, err)
	}
	copy(cells, all)
	for i, c := range cells {
		if c.Taken != 0 {
			t.fault("Refund, %s: %d are still taken from cell %d", what, c.Taken, i)
		}
	}
}

func (t *trial) resets(what string, cells ...ratelimit.Cell) {
	ctx, cancel := t.call()
	defer cancel()
	if err := t.store.Reset(ctx, t.with(cells...)); err != nil {
		t.fault("Reset, %s: %w", what, err)
	}
}

// near notes a time above want, or below it by more than the time of a call.
func (t *trial) near(what string, got, want time.Duration) {
	if got > want || got < want-callTime {
		t.fault("%s is %v, want %v", what, got, want)
	}
}
