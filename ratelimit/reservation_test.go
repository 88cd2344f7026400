package ratelimit_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serve(t, ratelimit.Config{Name: "account", Rate: "2/hour"}).limit
		steps := []struct {
			name   string
			refund bool
			want   ratelimit.Result
		}{
			{"first", false, ratelimit.Result{Limit: 2, Remaining: 1, Reset: 30 * time.Minute}},
			{"refunded", true, ratelimit.Result{Limit: 2, Remaining: 0, Reset: 30 * time.Minute}},
			{"second", false, ratelimit.Result{Limit: 2, Remaining: 0, Reset: 30 * time.Minute}},
			{"third", false, ratelimit.Result{Limit: 2, Remaining: 0, Reset: 30 * time.Minute, RetryAfter: 30 * time.Minute, Exceeded: true}},
		}
		for _, s := range steps {
			reservation, result, err := m.Take(t.Context(), "alice@example.com")
			if result != s.want || (err != nil) != s.want.Exceeded || (reservation == nil) != s.want.Exceeded {
				t.Fatalf("%s: %v %+v %v", s.name, reservation, result, err)
			}
			if s.refund {
				reservation.Refund()
			} else {
				reservation.Commit()
			}
			if !s.want.Exceeded {
				continue
			}
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 429 || p.Code != "ratelimit.exceeded" || p.RetryAfter != 30*time.Minute ||
				p.Log.Rule != "account" || p.Log.Event != bulwark.ExcessRateLimitExceeded || strings.Contains(err.Error(), "alice") {
				t.Fatalf("%s: %#v", s.name, err)
			}
		}
		if _, _, err := m.Take(t.Context(), "bob@example.com"); err != nil {
			t.Errorf("bob: %v", err)
		}
	})
}

func TestTakeKeys(t *testing.T) {
	tests := []struct {
		name          string
		first, second []string
		shared        bool
	}{
		{"same", []string{"a", "b"}, []string{"a", "b"}, true},
		{"order", []string{"a", "b"}, []string{"b", "a"}, false},
		{"border", []string{"ab", "c"}, []string{"a", "bc"}, false},
		{"prefix", []string{"a"}, []string{"a", "b"}, false},
		{"long", []string{strings.Repeat("a", 1000) + "1"}, []string{strings.Repeat("a", 1000) + "2"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := serve(t, ratelimit.Config{Rate: "1/hour"}).limit
			if _, _, err := m.Take(t.Context(), test.first...); err != nil {
				t.Fatal(err)
			}
			if _, _, err := m.Take(t.Context(), test.second...); (err != nil) != test.shared {
				t.Errorf("shared %v, want %v", err != nil, test.shared)
			}
		})
	}
}

func TestTakeRefusesEmptyKeys(t *testing.T) {
	m := serve(t, ratelimit.Config{Rate: "unlimited"}).limit
	for name, key := range map[string][]string{"none": nil, "empty": {""}, "one_empty": {"account", ""}} {
		t.Run(name, func(t *testing.T) {
			reservation, result, err := m.Take(t.Context(), key...)
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 400 || p.Code != "ratelimit.key" || reservation != nil || result != (ratelimit.Result{}) {
				t.Errorf("%v %v %v", reservation, result, err)
			}
		})
	}
	reservation, result, err := m.Take(t.Context(), "account")
	if err != nil || result != (ratelimit.Result{}) {
		t.Errorf("unlimited: %v %v", result, err)
	}
	reservation.Refund()
}

// TestTakeIsApartFromRequests uses one limit both ways.
func TestTakeIsApartFromRequests(t *testing.T) {
	key := ratelimit.KeyFunc(func(*http.Request) string { return "k" })
	b := serve(t, ratelimit.Config{Key: key, Rate: "1/hour"})
	if _, _, err := b.limit.Take(t.Context(), "k"); err != nil || b.passes(1, "192.0.2.1") != 1 {
		t.Errorf("%v, %d passed", err, b.ran)
	}
}

func TestReservationSettlesOnce(t *testing.T) {
	tests := []struct {
		name   string
		settle func(*ratelimit.Reservation)
		left   int
	}{
		{"nothing", func(*ratelimit.Reservation) {}, 2},
		{"commit", func(r *ratelimit.Reservation) { r.Commit() }, 2},
		{"refund", func(r *ratelimit.Reservation) { r.Refund() }, 3},
		{"refund_twice", func(r *ratelimit.Reservation) { r.Refund(); r.Refund() }, 3},
		{"commit_then_refund", func(r *ratelimit.Reservation) { r.Commit(); r.Refund() }, 2},
		{"refund_then_commit", func(r *ratelimit.Reservation) { r.Refund(); r.Commit() }, 3},
		{"refund_at_once", func(r *ratelimit.Reservation) {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(r.Refund)
			}
			wg.Wait()
		}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := serve(t, ratelimit.Config{Rate: "4/hour"}).limit
				m.Take(t.Context(), "k")
				reservation, _, err := m.Take(t.Context(), "k")
				if err != nil {
					t.Fatal(err)
				}
				test.settle(reservation)
				left := 0
				for _, _, err = m.Take(t.Context(), "k"); err == nil; _, _, err = m.Take(t.Context(), "k") {
					left++
				}
				if left != test.left {
					t.Errorf("%d left, want %d", left, test.left)
				}
			})
		})
	}
	var none *ratelimit.Reservation
	none.Commit()
	none.Refund()
}

// TestTakeAtOnce takes from many goroutines, half of which give back.
func TestTakeAtOnce(t *testing.T) {
	m := serve(t, ratelimit.Config{Rate: "50/day"}).limit
	var kept atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 50 {
				reservation, _, err := m.Take(t.Context(), "k")
				if err != nil {
					continue
				}
				if i%2 == 0 {
					reservation.Refund()
					continue
				}
				kept.Add(1)
			}
		})
	}
	wg.Wait()
	for {
		if _, _, err := m.Take(t.Context(), "k"); err != nil {
			break
		}
		kept.Add(1)
	}
	if kept.Load() != 50 {
		t.Errorf("%d kept, want 50", kept.Load())
	}
}

func TestTakeDryRun(t *testing.T) {
	m := serve(t, ratelimit.Config{Name: "trial", Rate: "1/hour", DryRun: true}).limit
	var rec bulwarktest.Recorder
	r, _ := http.NewRequest("GET", "/", nil)
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, &rec, "", "")
	for i := range 5 {
		reservation, result, err := m.Take(r.Context(), "k")
		if err != nil || reservation == nil || result.Exceeded != (i > 0) {
			t.Fatalf("%d: %v %+v %v", i, reservation, result, err)
		}
		if i > 0 {
			reservation.Refund() // of nothing
		}
	}
	events := rec.Take()
	if len(events) != 1 || events[0].Reason != "ratelimit.dry_run" || events[0].Rule != "trial" {
		t.Errorf("%+v", events)
	}
}
