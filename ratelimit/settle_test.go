package ratelimit_test

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// left is for how much a key has room now, and how long it waits for one.
func left(t *testing.T, m *ratelimit.Middleware, key string) (remaining int, wait time.Duration) {
	t.Helper()
	r, result, err := m.Take(t.Context(), key)
	if err != nil {
		return 0, result.RetryAfter
	}
	r.Refund()
	return result.Remaining + 1, 0
}

func TestSettle(t *testing.T) {
	// Of 60 an hour, 5 are taken before, and 20 by the reservation. One is
	// restored in a minute.
	tests := []struct {
		name   string
		settle func(*ratelimit.Reservation) error
		left   int
		wait   time.Duration
	}{
		{"nothing", func(*ratelimit.Reservation) error { return nil }, 35, 0},
		{"as_taken", func(r *ratelimit.Reservation) error { return r.Settle(20) }, 35, 0},
		{"less", func(r *ratelimit.Reservation) error { return r.Settle(3) }, 52, 0},
		{"zero", func(r *ratelimit.Reservation) error { return r.Settle(0) }, 55, 0},
		{"more", func(r *ratelimit.Reservation) error { return r.Settle(54) }, 1, 0},
		{"all", func(r *ratelimit.Reservation) error { return r.Settle(55) }, 0, time.Minute},
		{"debt", func(r *ratelimit.Reservation) error { return r.Settle(65) }, 0, 11 * time.Minute},
		{"bounded_debt", func(r *ratelimit.Reservation) error { return r.Settle(1_000_000) }, 0, 61 * time.Minute},
		{"greatest", func(r *ratelimit.Reservation) error { return r.Settle(math.MaxInt) }, 0, 61 * time.Minute},
		{"twice", func(r *ratelimit.Reservation) error { return errors.Join(r.Settle(3), r.Settle(0)) }, 52, 0},
		{"then_more", func(r *ratelimit.Reservation) error { return errors.Join(r.Settle(3), r.Settle(50)) }, 52, 0},
		{"then_refund", func(r *ratelimit.Reservation) error { err := r.Settle(30); r.Refund(); return err }, 25, 0},
		{"after_refund", func(r *ratelimit.Reservation) error { r.Refund(); return r.Settle(30) }, 55, 0},
		{"after_commit", func(r *ratelimit.Reservation) error { r.Commit(); return r.Settle(0) }, 35, 0},
		{"at_once", func(r *ratelimit.Reservation) error {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { r.Settle(10) })
				wg.Go(func() { r.Settle(30) })
				wg.Go(r.Refund)
			}
			wg.Wait()
			return nil
		}, -1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, store := range []ratelimit.Store{nil, &foreign{}} {
				synctest.Test(t, func(t *testing.T) {
					m := serve(t, ratelimit.Config{Rate: "60/hour", Store: store}).limit
					m.TakeN(t.Context(), 5, "k")
					r, result, err := m.TakeN(t.Context(), 20, "k")
					if err != nil || result.Remaining != 35 {
						t.Fatalf("%+v, %v", result, err)
					}
					if err := test.settle(r); err != nil {
						t.Errorf("Settle: %v", err)
					}
					got, wait := left(t, m, "k")
					if test.left < 0 {
						if got != 45 && got != 25 && got != 55 {
							t.Errorf("%d left; one of the calls must have counted, once", got)
						}
						return
					}
					if got != test.left || wait != test.wait {
						t.Errorf("%d left, wait %v; want %d and %v", got, wait, test.left, test.wait)
					}
				})
			}
		})
	}
}

// What time has restored is not given back a second time, and a whole quota is
// the most there is.
func TestSettleLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, ratelimit.Config{Rate: "60/hour"}).limit
		r, _, _ := m.TakeN(t.Context(), 20, "k")
		time.Sleep(15 * time.Minute)
		if err := r.Settle(0); err != nil {
			t.Error(err)
		}
		if got, _ := left(t, m, "k"); got != 60 {
			t.Errorf("%d left, want 60", got)
		}
		m.TakeN(t.Context(), 60, "k")
		r.Settle(0)
		if got, _ := left(t, m, "k"); got != 0 {
			t.Errorf("%d left after a second call, want 0", got)
		}
	})
}

func TestSettleBelowZeroChangesNothing(t *testing.T) {
	m := serve(t, ratelimit.Config{Rate: "60/hour"}).limit
	r, _, _ := m.TakeN(t.Context(), 20, "k")
	for _, actual := range []int{-1, math.MinInt} {
		var config *bulwark.ConfigError
		if err := r.Settle(actual); !errors.As(err, &config) || config.Field != "ratelimit.Reservation.Settle" {
			t.Errorf("%d: %v", actual, err)
		}
	}
	if err := r.Settle(10); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if got, _ := left(t, m, "k"); got != 50 {
		t.Errorf("%d left, want 50", got)
	}
	var none *ratelimit.Reservation
	if err := errors.Join(none.Settle(1), none.Settle(-1)); err != nil {
		t.Errorf("nil: %v", err)
	}
}

// A reservation of Take, of TakeFor and of a limit that is not enforced can be
// settled as well.
func TestSettleOfOtherTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, ratelimit.Config{Rate: "60/hour"}).limit
		one, _, _ := m.Take(t.Context(), "k")
		one.Settle(10)
		if got, _ := left(t, m, "k"); got != 50 {
			t.Errorf("Take: %d left, want 50", got)
		}
		// Both networks of an address owe: 16 /64s use the /48 up.
		for _, addr := range networks(t, "2001:db8:1::1", 16) {
			r, _, err := m.TakeFor(t.Context(), addr, "k")
			if err != nil {
				t.Fatal(err)
			}
			r.Settle(60)
		}
		_, result, err := m.TakeFor(t.Context(), netip.MustParseAddr("2001:db8:1:ffff::1"), "k")
		if err == nil || result.RetryAfter == 0 {
			t.Errorf("TakeFor: %+v, %v", result, err)
		}
		for _, rate := range []ratelimit.Rate{"unlimited", "1/hour"} {
			m := serve(t, ratelimit.Config{Rate: rate, DryRun: true}).limit
			m.Take(t.Context(), "k")
			r, _, err := m.Take(t.Context(), "k")
			if err := errors.Join(err, r.Settle(100)); err != nil {
				t.Errorf("%s: %v", rate, err)
			}
		}
	})
}

func TestTakeNRefusesCosts(t *testing.T) {
	for rate, costs := range map[ratelimit.Rate][]int{
		"10/hour":         {0, -1, math.MinInt, 11, math.MaxInt},
		"10/hour,burst=3": {0, 4},
		"unlimited":       {0, -1},
	} {
		m := serve(t, ratelimit.Config{Rate: rate}).limit
		for _, cost := range costs {
			r, result, err := m.TakeN(t.Context(), cost, "k")
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 400 || p.Code != "ratelimit.cost" || p.Log.Rule != "test" || r != nil || result != (ratelimit.Result{}) {
				t.Errorf("%s, %d: %v %+v %v", rate, cost, r, result, err)
			}
		}
		if _, _, err := m.TakeN(t.Context(), 3, "k"); err != nil {
			t.Errorf("%s: the burst: %v", rate, err)
		}
		for _, key := range [][]string{nil, {""}, {"a", ""}} {
			var p *bulwark.Problem
			if _, _, err := m.TakeN(t.Context(), 1, key...); !errors.As(err, &p) || p.Code != "ratelimit.key" {
				t.Errorf("%q: %v", key, err)
			}
		}
	}
	var none *ratelimit.Middleware
	if _, _, err := none.TakeN(t.Context(), 1, "k"); err == nil {
		t.Error("a nil limit counts")
	}
}

// settling notes the contexts and the cells of a store, and fails when told to.
type settling struct {
	foreign
	fail  error
	cells []ratelimit.Cell
	left  time.Duration // until the deadline
	gone  error
}

func (s *settling) note(ctx context.Context, cells []ratelimit.Cell) error {
	if s.fail == nil {
		return nil
	}
	deadline, _ := ctx.Deadline()
	s.left, s.gone, s.cells = time.Until(deadline), ctx.Err(), append(s.cells, cells...)
	return s.fail
}

func (s *settling) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	if err := s.note(ctx, cells); err != nil {
		return false, err
	}
	return s.foreign.Debit(ctx, cells)
}

func (s *settling) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	if err := s.note(ctx, cells); err != nil {
		return err
	}
	return s.foreign.Refund(ctx, cells)
}

// A store that fails is an error of Settle, which waits no longer than five
// seconds and does not end with the client.
func TestSettleWithoutAStore(t *testing.T) {
	t.Run("as_taken", func(t *testing.T) { // nothing to tell the store
		store := &settling{}
		m := serve(t, ratelimit.Config{Rate: "60/hour", Store: store}).limit
		r, _, _ := m.TakeN(t.Context(), 20, "k")
		store.fail = errors.New("connection reset")
		if err := r.Settle(20); err != nil || len(store.cells) != 0 {
			t.Errorf("%v, %d cells", err, len(store.cells))
		}
	})
	for _, actual := range []int{0, 7, 30} {
		synctest.Test(t, func(t *testing.T) {
			store := &settling{}
			m := serve(t, ratelimit.Config{Rate: "60/hour", Store: store}).limit
			ctx, cancel := context.WithCancel(t.Context())
			r, _, err := m.TakeN(ctx, 20, "k")
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			store.fail = errors.New("connection reset")
			err = r.Settle(actual)
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 503 || p.Code != "ratelimit.unavailable" || p.Log.Rule != "test" || !errors.Is(err, store.fail) {
				t.Errorf("%d: %v", actual, err)
			}
			if store.left != 5*time.Second || store.gone != nil || len(store.cells) != 1 {
				t.Errorf("%d: deadline in %v, %v, %d cells", actual, store.left, store.gone, len(store.cells))
			}
			if err := r.Settle(actual); err != nil || len(store.cells) != 1 {
				t.Errorf("%d: a second call: %v, %d cells", actual, err, len(store.cells))
			}
			c := store.cells[0]
			if actual < 20 && c.Taken != int64(20-actual) || actual > 20 && (c.Cost != 10 || !c.Debt) {
				t.Errorf("%d: %+v", actual, c)
			}
		})
	}
}

// A store that panics does so once: nobody knows what it has given back.
func TestSettleWithAPanickingStore(t *testing.T) {
	store := &foreign{}
	m := serve(t, ratelimit.Config{Rate: "60/hour", Store: panicking{store}}).limit
	r, _, err := m.TakeN(t.Context(), 20, "k")
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { recover() }()
		r.Settle(1)
		t.Error("the panic was lost")
	}()
	if err := r.Settle(1); err != nil {
		t.Error(err)
	}
}

type panicking struct{ *foreign }

func (panicking) Refund(context.Context, []ratelimit.Cell) error { panic("no") }

// Each window of a rate is corrected, by each algorithm.
func TestSettleInSeveralWindows(t *testing.T) {
	for rate, want := range map[ratelimit.Rate][3]int{ // after Settle(5), Settle(15), Settle(25) of 15
		"20/minute":                           {15, 5, 0},
		"20/minute,fixed-window":              {15, 5, 0},
		"20/minute,sliding-log":               {15, 5, 0},
		"30/second; 20/hour":                  {15, 5, 0},
		"30/hour,fixed-window; 20/second":     {15, 5, 0},
		"20/hour,sliding-log; 40/day; 1/366h": {-1, -1, -1},
	} {
		for i, actual := range []int{5, 15, 25} {
			synctest.Test(t, func(t *testing.T) {
				m := serve(t, ratelimit.Config{Rate: rate}).limit
				r, _, err := m.TakeN(t.Context(), 15, "k")
				if want[i] < 0 { // the burst is the least of the windows
					var p *bulwark.Problem
					if !errors.As(err, &p) || p.Code != "ratelimit.cost" {
						t.Errorf("%s: %v", rate, err)
					}
					return
				}
				if err := errors.Join(err, r.Settle(actual)); err != nil {
					t.Fatal(err)
				}
				if got, _ := left(t, m, "k"); got != want[i] {
					t.Errorf("%s: %d left after Settle(%d), want %d", rate, got, actual, want[i])
				}
			})
		}
	}
}

// A reservation of four windows and two networks corrects all eight quotas.
func TestSettleInAllWindowsAndNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, rate := range []ratelimit.Rate{"10/minute; 20/hour; 30/day; 40/month", "10/minute,sliding-log; 20/hour,fixed-window; 30/day; 40/month,fixed-window"} {
			m := serve(t, ratelimit.Config{Rate: rate}).limit
			addr := netip.MustParseAddr("2001:db8::1")
			left := func() int {
				t.Helper()
				r, result, err := m.TakeFor(t.Context(), addr, "a")
				if err != nil {
					t.Fatal(err)
				}
				r.Refund()
				r.Refund()
				return result.Remaining + 1
			}
			for range 50 { // all of which are given back
				left()
			}
			if got := left(); got != 10 {
				t.Errorf("%s: %d left, want 10", rate, got)
			}
			r, _, _ := m.TakeFor(t.Context(), addr, "a")
			if err := r.Settle(4); err != nil || left() != 6 {
				t.Errorf("%s: %d left, want 6: %v", rate, left(), err)
			}
			r, _, _ = m.TakeFor(t.Context(), addr, "a")
			if err := r.Settle(11); err != nil { // it owes
				t.Error(err)
			}
			if _, result, err := m.TakeFor(t.Context(), addr, "a"); err == nil || result.RetryAfter <= 0 {
				t.Errorf("%s: a key that owes passes: %+v", rate, result)
			}
		}
	})
}
