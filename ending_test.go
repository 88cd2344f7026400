package bulwark_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
)

var errFirst, errSecond = errors.New("first"), errors.New("second")

// entered is a request inside a scope, whose own context is ctx.
func entered(ctx context.Context) (*http.Request, *bulwark.Scope) {
	return bulwark.Enter(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
}

// ended asserts that ctx ended with err and cause.
func ended(t *testing.T, what string, ctx context.Context, err, cause error) {
	t.Helper()
	select {
	case <-ctx.Done():
	default:
		t.Errorf("%s: not done", what)
	}
	if ctx.Err() != err || context.Cause(ctx) != cause {
		t.Errorf("%s: ended with %v because of %v, want %v because of %v", what, ctx.Err(), context.Cause(ctx), err, cause)
	}
}

// goesOn asserts that ctx has not ended.
func goesOn(t *testing.T, what string, ctx context.Context) {
	t.Helper()
	select {
	case <-ctx.Done():
		t.Errorf("%s: done", what)
	default:
	}
	if ctx.Err() != nil || context.Cause(ctx) != nil {
		t.Errorf("%s: ended with %v because of %v", what, ctx.Err(), context.Cause(ctx))
	}
}

func TestCancel(t *testing.T) {
	for _, test := range []struct {
		name   string
		causes []error
		want   error
	}{
		{"with_cause", []error{errFirst}, errFirst},
		{"the_first_counts", []error{errFirst, errSecond, nil}, errFirst},
		{"without_cause", []error{nil, errSecond}, context.Canceled},
	} {
		for _, waited := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				parent, stop := context.WithCancel(t.Context())
				defer stop()
				r, s := entered(parent)
				before := context.Context(s)
				if waited { // as by a layer outside of the one that cancels
					var release context.CancelFunc
					before, release = context.WithTimeout(r.Context(), time.Hour)
					defer release()
					goesOn(t, "before", before)
				}
				for _, cause := range test.causes {
					s.Cancel(cause)
				}
				after, release := context.WithCancel(r.Context())
				defer release()
				ended(t, "scope", s, context.Canceled, test.want)
				ended(t, "derived before", before, context.Canceled, test.want)
				ended(t, "derived after", after, context.Canceled, test.want)
				goesOn(t, "the context around", parent)
			})
		}
	}
}

func TestScopeEndsWithItsContext(t *testing.T) {
	for _, waited := range []bool{false, true} {
		parent, stop := context.WithCancelCause(t.Context())
		_, s := entered(parent)
		if waited {
			goesOn(t, "before", s)
		}
		stop(errFirst)
		if err := s.Err(); err != context.Canceled || context.Cause(s) != errFirst {
			t.Errorf("%v because of %v", err, context.Cause(s))
		}
		s.Cancel(errSecond)
		ended(t, "scope", s, context.Canceled, errFirst)
	}
	parent, stop := context.WithDeadline(t.Context(), time.Now())
	defer stop()
	_, s := entered(parent)
	ended(t, "deadline", s, context.DeadlineExceeded, context.DeadlineExceeded)
	if at, ok := s.Deadline(); !ok || at.IsZero() {
		t.Error("the deadline is lost")
	}
	_, s = entered(context.WithoutCancel(t.Context())) // has no Done at all
	goesOn(t, "endless", s)
	s.Cancel(errFirst)
	ended(t, "endless", s, context.Canceled, errFirst)
}

func TestCancelOfSubRequests(t *testing.T) {
	nested := func() (outer, inner *bulwark.Scope) {
		r, outer := entered(t.Context())
		r, _ = bulwark.Identify(r, alice())
		_, inner = bulwark.Identify(r, nil)
		if inner == outer {
			t.Fatal("no scope of its own")
		}
		return outer, inner
	}
	outer, inner := nested()
	inner.Cancel(errFirst)
	ended(t, "inner", inner, context.Canceled, errFirst)
	goesOn(t, "outer", outer)
	outer.Cancel(errSecond)
	ended(t, "outer", outer, context.Canceled, errSecond)

	outer, inner = nested()
	outer.Cancel(errFirst)
	ended(t, "inner", inner, context.Canceled, errFirst)
}

// rendezvous is a foreign context. It holds those who ask it for Done until two
// have, and counts who waits for it.
type rendezvous struct {
	context.Context
	calls, waiting atomic.Int64
	met            sync.WaitGroup
}

func (c *rendezvous) Done() <-chan struct{} {
	if c.calls.Add(1) <= 2 {
		c.met.Done()
	}
	c.met.Wait()
	return make(chan struct{})
}

func (c *rendezvous) Value(any) any { return nil }

// AfterFunc is what package context looks for in contexts that are not its own.
func (c *rendezvous) AfterFunc(func()) func() bool {
	c.waiting.Add(1)
	return func() bool { c.waiting.Add(-1); return true }
}

// Of two goroutines that are first at once, one must find what the other made,
// and its own must not stay behind in the context around.
func TestFirstWaitersAtOnce(t *testing.T) {
	parent := &rendezvous{Context: t.Context()}
	parent.met.Add(2)
	_, s := entered(parent)
	var done [2]<-chan struct{}
	var both sync.WaitGroup
	both.Go(func() { done[0] = s.Done() })
	both.Go(func() { done[1] = s.Done() })
	both.Wait()
	if done[0] != done[1] || done[0] != s.Done() {
		t.Error("they wait for different things")
	}
	if n := parent.waiting.Load(); n != 1 {
		t.Errorf("%d wait in the context around", n)
	}
}

// Run with -race.
func TestCancelConcurrently(t *testing.T) {
	parent, stop := context.WithCancel(t.Context())
	defer stop()
	r, s := entered(parent)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			ctx, release := context.WithTimeout(r.Context(), time.Minute)
			defer release()
			if i%2 == 0 {
				s.Cancel(errFirst)
			} else {
				context.AfterFunc(s, func() {})
			}
			<-ctx.Done()
			ended(t, "derived", ctx, context.Canceled, errFirst)
			ended(t, "scope", s, context.Canceled, errFirst)
		})
	}
	all.Wait()
}

// Package context starts a goroutine for what is derived from a context that it
// does not know as its own.
func TestDerivedContextsNeedNoGoroutine(t *testing.T) {
	parent, stop := context.WithCancel(t.Context())
	defer stop()
	r, s := entered(parent)
	before := runtime.NumGoroutine()
	for range 100 {
		ctx, release := context.WithCancel(r.Context())
		defer release()
		defer context.AfterFunc(ctx, func() {})()
	}
	if started := runtime.NumGoroutine() - before; started > 50 {
		t.Errorf("%d goroutines for 100 contexts", started)
	}
	if race.Enabled {
		return // the race detector allocates on its own account
	}
	derive := func(ctx context.Context) float64 {
		return testing.AllocsPerRun(100, func() {
			_, release := context.WithCancel(ctx)
			release()
		})
	}
	if got, plain := derive(s), derive(parent); got != plain {
		t.Errorf("%v allocations for a context derived from the scope, %v from another", got, plain)
	}
}

func TestWhoDoesNotWaitPaysNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	type key struct{}
	parent, stop := context.WithCancel(context.WithValue(t.Context(), key{}, 1))
	defer stop()
	r := httptest.NewRequest("GET", "/", nil).WithContext(parent)
	got := testing.AllocsPerRun(200, func() {
		r, _ := bulwark.Enter(r)
		if ctx := r.Context(); ctx.Err() != nil || ctx.Value(key{}) != 1 || context.Cause(ctx) != nil {
			t.Fatal("the context around is lost")
		}
	})
	if got > 1 {
		t.Errorf("%v allocations, want one for the scope and the request", got)
	}
}

// A layer that has a scope of its own ends it when its handler has returned, as
// a server does: else whatever waits would stay with the request around until
// that ends.
func TestCancelWithoutACauseEndsWhatWaits(t *testing.T) {
	for _, waited := range []bool{false, true} {
		r, outer := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
		inner, scope := bulwark.Identify(r, nil)
		var before context.Context = scope
		if waited {
			var cancel context.CancelFunc
			before, cancel = context.WithTimeout(inner.Context(), time.Hour)
			defer cancel()
			goesOn(t, "before", before)
		}
		scope.Cancel(nil)
		scope.Cancel(errFirst) // the first cause counts
		after, cancel := context.WithCancel(inner.Context())
		defer cancel()
		ended(t, "scope", scope, context.Canceled, context.Canceled)
		ended(t, "derived before", before, context.Canceled, context.Canceled)
		ended(t, "derived after", after, context.Canceled, context.Canceled)
		goesOn(t, "the request around", outer)
		if _, ok := bulwark.PrincipalFrom(scope); ok || !bulwark.Settled(scope) || bulwark.RequestID(scope) == "" {
			t.Error("a scope that is over has forgotten what it was")
		}
	}
}

func TestCancelCostsNothingWhereNobodyWaits(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	r := httptest.NewRequest("GET", "/", nil)
	got := testing.AllocsPerRun(200, func() {
		_, scope := bulwark.Identify(r, nil)
		scope.Cancel(nil)
	})
	if got > 1 {
		t.Errorf("%v allocations, want one for all", got)
	}
}
