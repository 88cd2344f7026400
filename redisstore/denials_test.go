package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// asks fails the test unless f sends n commands.
func asks(t *testing.T, what string, f *fake, n int, do func()) {
	t.Helper()
	before := f.count("")
	do()
	if got := f.count("") - before; got != n {
		t.Errorf("%s: %d commands were sent, want %d", what, got, n)
	}
}

func TestADeniedCallerCostsNoCommand(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says(refused))
		asks(t, "the first refusal", f, 1, func() { passes(t, "first", l, ten("a"), false) })
		time.Sleep(300 * time.Millisecond)
		asks(t, "300 ms later", f, 0, func() {
			for range 100 {
				s := passes(t, "300 ms later", l, ten("a"), false).Standing
				want := 6*time.Minute - 300*time.Millisecond
				if !s.Exceeded || s.Remaining != 0 || s.Wait != want || s.Reset != want {
					t.Fatalf("the remembered refusal is %+v", s)
				}
			}
		})
		time.Sleep(699 * time.Millisecond)
		asks(t, "999 ms later", f, 0, func() { passes(t, "999 ms later", l, ten("a"), false) })
		time.Sleep(time.Millisecond)
		asks(t, "1 s later", f, 1, func() { passes(t, "1 s later", l, ten("a"), false) })
	})
}

func TestARefusalIsForgottenWhenThereIsRoom(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says("0 1 0 20000 20000 1800000000000000 0"))
		passes(t, "refused for 20 ms", l, ten("a"), false)
		f.will(says(taken))
		time.Sleep(20*time.Millisecond - 1)
		asks(t, "just before", f, 0, func() { passes(t, "just before", l, ten("a"), false) })
		time.Sleep(time.Nanosecond)
		asks(t, "after 20 ms", f, 1, func() { passes(t, "after 20 ms", l, ten("a"), true) })
	})
}

// A refusal says nothing about another question.
func TestARefusalIsOnlyOfWhatWasAsked(t *testing.T) {
	change := map[string]func(*ratelimit.Cell){
		"a smaller cost":    func(c *ratelimit.Cell) { c.Cost = 4 },
		"a greater cost":    func(c *ratelimit.Cell) { c.Cost = 6 },
		"a look":            func(c *ratelimit.Cell) { c.Cost = 0 },
		"a debt":            func(c *ratelimit.Cell) { c.Debt = true },
		"another key":       func(c *ratelimit.Cell) { c.Key = []byte("b") },
		"another name":      func(c *ratelimit.Cell) { c.Policy.Name = "other" },
		"a greater limit":   func(c *ratelimit.Cell) { c.Policy.Limit = 20 },
		"a greater burst":   func(c *ratelimit.Cell) { c.Policy.Burst = 20 },
		"a shorter window":  func(c *ratelimit.Cell) { c.Policy.Window = time.Minute },
		"another algorithm": func(c *ratelimit.Cell) { c.Policy.Algorithm = ratelimit.SlidingLog },
	}
	for what, change := range change {
		bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			f.will(says(refused))
			c := ten("a")
			c.Cost = 5
			passes(t, "refused", l, c, false)
			change(&c)
			asks(t, what, f, 1, func() { debit(t, l, c) })
			asks(t, what+": with a second cell", f, 1, func() {
				l.Debit(t.Context(), []ratelimit.Cell{ten("c"), ten("a")})
			})
		})
	}
}

func TestADebtIsNotRemembered(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says("0 0 10 0 0 0 0 1 0 360000000 360000000 1800000000000000 0"))
		owing := ten("a")
		owing.Debt = true
		for range 3 {
			asks(t, "a debt beside a refusal", f, 1, func() { l.Debit(t.Context(), []ratelimit.Cell{owing, ten("b")}) })
		}
	})
}

// The refusal of two cells is remembered as long as one of them has no room,
// and says how each stands.
func TestARefusalOfTwoCells(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says("0 1 0 100000 100000 1800000000000000 0 1 0 500000 500000 1800000000000000 0"))
		cells := func() []ratelimit.Cell { return []ratelimit.Cell{ten("a"), ten("b")} }
		if ok, err := l.Debit(t.Context(), cells()); ok || err != nil {
			t.Fatal(ok, err)
		}
		time.Sleep(200 * time.Millisecond)
		asks(t, "200 ms later", f, 0, func() {
			now := cells()
			ok, err := l.Debit(t.Context(), now)
			a, b := now[0].Standing, now[1].Standing
			if ok || err != nil || a.Exceeded || a.Wait != 0 || !b.Exceeded || b.Wait != 300*time.Millisecond {
				t.Errorf("%t, %v, %+v", ok, err, now)
			}
		})
	})
}

func TestResetAndRefundAreSeenAtOnce(t *testing.T) {
	give := map[string]func(ctx context.Context, l *redisstore.Limits, cells []ratelimit.Cell) error{
		"Reset": func(ctx context.Context, l *redisstore.Limits, cells []ratelimit.Cell) error {
			return l.Reset(ctx, cells)
		},
		"Refund": func(ctx context.Context, l *redisstore.Limits, cells []ratelimit.Cell) error {
			return l.Refund(ctx, cells)
		},
	}
	for what, give := range give {
		for _, lost := range []bool{false, true} {
			bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
				before := passes(t, "before", l, ten("a"), true)
				f.will(says(refused))
				passes(t, "refused", l, ten("a"), false)
				passes(t, "refused", l, ten("other"), false)
				f.will(says("1"))
				if what == "Reset" {
					f.will(says(int64(1)))
				}
				if lost {
					f.will(hangs)
				}
				if err := give(t.Context(), l, []ratelimit.Cell{before}); (err != nil) != lost {
					t.Errorf("%s: %v", what, err)
				}
				f.will(says(taken))
				asks(t, "after "+what, f, 1, func() { passes(t, "after "+what, l, ten("a"), true) })
				asks(t, "another cell after "+what, f, 0, func() { passes(t, "another", l, ten("other"), false) })
			})
		}
	}
}

// A Debit that Redis has refused before a Refund must not be remembered after
// it.
func TestARefusalThatARefundOvertakes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		before := passes(t, "before", l, ten("a"), true)
		on, done := make(chan struct{}), make(chan struct{})
		f.will(func(context.Context, []string) (any, error) {
			<-on
			return refused, nil
		})
		go func() {
			defer close(done)
			passes(t, "on its way", l, ten("a"), false)
		}()
		time.Sleep(time.Millisecond)
		f.will(says("1"))
		if err := l.Refund(t.Context(), []ratelimit.Cell{before}); err != nil {
			t.Fatal(err)
		}
		close(on)
		<-done
		f.will(says(taken))
		asks(t, "after the Refund", f, 1, func() { passes(t, "after the Refund", l, ten("a"), true) })
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	bubble(t, func(c *redisstore.LimitsConfig) { c.MaxKeys = 8 }, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says(refused))
		for i := range 1000 {
			passes(t, "one of many", l, ten(string(rune(i))), false)
		}
		sent := f.count("")
		for i := range 1000 {
			passes(t, "one of many again", l, ten(string(rune(i))), false)
		}
		if kept := 1000 - (f.count("") - sent); kept > 16 {
			t.Errorf("%d refusals are remembered in a table of 8", kept)
		}
	})
}

func TestACallWhoseContextIsOverIsAnError(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says(refused))
		passes(t, "refused", l, ten("a"), false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Debit(ctx, []ratelimit.Cell{ten("a")}); err == nil {
			t.Error("a call whose context is over is refused without an error")
		}
	})
}

// A client that goes from network to network within a /48 without room costs no
// command. A network is refused only for as long as the /48 has no room.
func TestADeniedNetworkCostsNoCommand(t *testing.T) {
	wide := ten("a /48")
	narrow := func(i int) ratelimit.Cell { return ten("a /64 " + string(rune('0'+i))) }
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says("0 0 10 0 0 0 0 1 3 360000000 500000 1800000000000000 0"))
		cells := func(i int) []ratelimit.Cell { return []ratelimit.Cell{narrow(i), wide} }
		asks(t, "the first", f, 1, func() { l.Debit(t.Context(), cells(0)) })
		time.Sleep(200 * time.Millisecond)
		asks(t, "other networks", f, 0, func() {
			for i := range 100 {
				now := cells(1 + i)
				ok, err := l.Debit(t.Context(), now)
				a, b := now[0].Standing, now[1].Standing
				if ok || err != nil || a.Exceeded || a.Wait != 0 || a.Reset != 0 || a.Remaining != 10 ||
					!b.Exceeded || b.Remaining != 3 || b.Wait != 300*time.Millisecond {
					t.Fatalf("%t, %v, %+v", ok, err, now)
				}
			}
		})
		// Before the others: in another order the answer says that the /48 has
		// room again.
		asks(t, "the /48 alone", f, 0, func() { l.Debit(t.Context(), []ratelimit.Cell{wide}) })
		for what, cells := range map[string][]ratelimit.Cell{
			"a smaller cost":          {narrow(1), costing(wide, 0)},
			"a debt":                  {narrow(1), owing(wide)},
			"another /48":             {narrow(1), ten("another /48")},
			"a further window of it":  {narrow(1), of("a /48", ratelimit.FixedWindow, 10), wide},
			"a further window beside": {narrow(1), wide, of("a /48", ratelimit.FixedWindow, 10)},
			"in another order":        {wide, narrow(1)},
		} {
			asks(t, what, f, 1, func() { l.Debit(t.Context(), cells) })
		}
		time.Sleep(300 * time.Millisecond)
		asks(t, "when there is room", f, 1, func() { l.Debit(t.Context(), cells(2)) })
	})
}

// A network without room says nothing about the other networks of its /48.
func TestADeniedNetworkIsNotItsNeighbour(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says("0 1 0 360000000 360000000 1800000000000000 0 0 3 360000000 0 1800000000000000 0"))
		asks(t, "a network without room", f, 1, func() { l.Debit(t.Context(), []ratelimit.Cell{ten("a"), ten("wide")}) })
		asks(t, "again", f, 0, func() { l.Debit(t.Context(), []ratelimit.Cell{ten("a"), ten("wide")}) })
		asks(t, "its neighbour", f, 1, func() { l.Debit(t.Context(), []ratelimit.Cell{ten("b"), ten("wide")}) })
	})
}

// A Refund or a Reset of the /48 is seen by all of its networks.
func TestARefundForgetsADeniedNetwork(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		cells := func(key string) []ratelimit.Cell { return []ratelimit.Cell{ten(key), ten("wide")} }
		f.will(says("1 0 9 360000000 0 1800000000000000 1 0 9 360000000 0 1800000000000000 1"))
		before := cells("before")
		if ok, err := l.Debit(t.Context(), before); !ok || err != nil {
			t.Fatal(ok, err)
		}
		f.will(says("0 0 10 0 0 0 0 1 0 360000000 360000000 1800000000000000 0"))
		asks(t, "refused", f, 1, func() { l.Debit(t.Context(), cells("a")) })
		asks(t, "a neighbour", f, 0, func() { l.Debit(t.Context(), cells("b")) })
		f.will(says("1"))
		if err := l.Refund(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		asks(t, "after a Refund", f, 1, func() { l.Debit(t.Context(), cells("b")) })
	})
}

func costing(c ratelimit.Cell, cost int64) ratelimit.Cell {
	c.Cost = cost
	return c
}

func owing(c ratelimit.Cell) ratelimit.Cell {
	c.Debt = true
	return c
}

// Each window of a rate has a cell of the network and a cell of the /48.
func TestADeniedNetworkOfSeveralWindows(t *testing.T) {
	cells := func(key string) (all []ratelimit.Cell) {
		for _, key := range []string{key, "wide"} {
			for _, name := range []string{"second", "minute", "hour"} {
				c := ten(key)
				c.Policy.Name = name
				all = append(all, c)
			}
		}
		return all
	}
	for full := range 3 {
		bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			answer := "0" + strings.Repeat(" 0 10 0 0 0 0", 3)
			for i := range 3 {
				answer += [2]string{" 0 10 0 0 0 0", " 1 0 360000000 360000000 1800000000000000 0"}[btoi(i == full)]
			}
			f.will(says(answer))
			asks(t, "the first", f, 1, func() { l.Debit(t.Context(), cells("a")) })
			asks(t, "its neighbour", f, 0, func() {
				now := cells("b")
				if ok, err := l.Debit(t.Context(), now); ok || err != nil {
					t.Errorf("%t, %v", ok, err)
				}
				for i, c := range now {
					if c.Standing.Exceeded != (i == 3+full) {
						t.Errorf("window %d is full: cell %d is %+v", full, i, c.Standing)
					}
				}
			})
			other := cells("b")
			other[3+full].Policy.Limit++
			asks(t, "another rate", f, 1, func() { l.Debit(t.Context(), other) })
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
