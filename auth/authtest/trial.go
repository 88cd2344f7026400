package authtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// A rule is one of those that every store S keeps, and how to catch one that
// does not.
type rule[S any] struct {
	name  string
	check func(t *trial, store S)
}

// faults returns what shows that a store breaks the rule.
func (r rule[S]) faults(ctx context.Context, store S) []error {
	t := &trial{ctx: ctx}
	r.check(t, store)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.faults
}

// testRules checks each rule in a subtest of its own, with a store of its own.
func testRules[S any](t *testing.T, rules []rule[S], open func(t *testing.T) S) {
	t.Helper()
	for _, r := range rules {
		subtest(t, r.name, func(t *testing.T) {
			for _, fault := range r.faults(t.Context(), open(t)) {
				t.Errorf("%s: %v", r.name, fault)
			}
		})
	}
}

// subtest runs f as a subtest of t, or in t where there can be none.
func subtest(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if inBubble(t) {
		f(t)
		return
	}
	t.Run(name, f)
}

// inBubble reports whether t is in a bubble of testing/synctest. Run and
// Deadline panic there, and nothing else tells.
func inBubble(t *testing.T) (in bool) {
	defer func() { in = recover() != nil }()
	t.Deadline()
	return false
}

const (
	callTime  = 10 * time.Second // for one call of a store
	patience  = 5 * time.Second  // beyond the time at which something is due
	pollTime  = 20 * time.Millisecond
	crowd     = 64   // goroutines at once
	manyItems = 1000 // more than a store evicts unnoticed
	fullItems = 2000 // more than a store has room for that is to be full
)

// A trial collects what is wrong with a store. It is safe for concurrent use.
type trial struct {
	ctx    context.Context
	late   bool // contexts that are over have passed a deadline
	mu     sync.Mutex
	faults []error
}

func (t *trial) fault(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, fmt.Errorf(format, args...))
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
// in time. A store may be done all the same: then it needs no context.
func (t *trial) promptly(what string, f func(ctx context.Context)) bool {
	var over time.Time // the zero time has passed
	if !t.late {
		over = inAnHour()
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
		t.fault("%s with a cancelled context has not returned after %v", what, patience)
		return false
	}
}

// answered is promptly for a call that has an answer. The call may go on after
// a long wait, so that it writes nothing that others read.
func answered[T any](t *trial, what string, call func(ctx context.Context) (T, error)) (value T, in bool, err error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	if !t.promptly(what, func(ctx context.Context) {
		value, err := call(ctx)
		got <- answer{value, err}
	}) {
		return value, false, nil
	}
	a := <-got
	return a.value, true, a.err
}

// attempted is answered for a call that has no answer but an error.
func attempted(t *trial, what string, call func(ctx context.Context) error) (in bool, err error) {
	_, in, err = answered(t, what, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return in, err
}

// noAnswer notes an error that would be an answer. With a cancelled context an
// error is an outage: nothing is known about what was asked for.
func (t *trial) noAnswer(described string, err error) {
	for _, answer := range []error{auth.ErrNotFound, auth.ErrConflict, auth.ErrFull, session.ErrLoggedOut} {
		if errors.Is(err, answer) {
			t.fault("with a cancelled context %s says %w", described, err)
		}
	}
}

// kept asks every few milliseconds until the time, and a moment longer, and
// notes an error that comes before the time.
func (t *trial) kept(due time.Time, what string, ask func() error) {
	for t.ctx.Err() == nil {
		late := time.Since(due) > pollTime
		if err := ask(); err != nil && time.Now().Before(due) {
			t.fault("%s, %v early: %w", what, time.Until(due), err)
			return
		}
		if late {
			return
		}
		t.pause()
	}
	t.fault("%s: %w", what, context.Cause(t.ctx))
}

// pause waits for a few milliseconds.
func (t *trial) pause() {
	timer := time.NewTimer(pollTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// until asks every few milliseconds until it is answered true, which is due at
// the time: not before, and not long after.
func (t *trial) until(due time.Time, what string, ask func() bool) {
	for t.ctx.Err() == nil {
		late := time.Since(due) > patience
		if ask() {
			if early := time.Until(due); early > 0 {
				t.fault("%s is forgotten %v before its time", what, early)
			}
			return
		}
		if late {
			t.fault("%s is not forgotten %v after its time", what, patience)
			return
		}
		t.pause()
	}
	t.fault("%s: %w", what, context.Cause(t.ctx))
}

// brief is a time in two to three seconds, shortly before a whole second: a
// store that cuts the fraction off is almost a second early.
func brief() time.Time {
	return time.Now().Truncate(time.Second).Add(2*time.Second + 900*time.Millisecond)
}

// distinct are pairs of ids that some store or other takes for one.
func distinct() [][2]string {
	long := string(make([]byte, 8<<10))
	return [][2]string{
		{"id-1", "id-2"},
		{"id", "ID"},
		{"id", "id "},
		{" id", "id"},
		{"id\n", "id"},
		{"id\nx", "id\ny"},
		{"id\x00", "id"},
		{"id\x00x", "id\x00y"},
		{"id:x", "id:y"},
		{"id*", "idx"},
		{"{id}x", "{id}y"},
		{"%69d", "id"},
		{"id\xff", "id\xfe"},
		{"caf\u00e9", "cafe\u0301"},
		{"0", "00"},
		{"1e1", "10"},
		{long + "x", long + "y"},
		{long, long[1:]},
	}
}
