package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

const (
	timeout    = 50 * time.Millisecond // the default
	untilProbe = 1500 * time.Millisecond
)

// bubble makes a store over a fake, in a bubble in which time is not real.
func bubble(t *testing.T, change func(*redisstore.LimitsConfig), test func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, events := &fake{answer: says(taken)}, &bulwarktest.Recorder{}
		l := limits(t, f, func(c *redisstore.LimitsConfig) {
			c.Timeout, c.Recorder = 0, events
			if change != nil {
				change(c)
			}
		})
		test(t, l, f, events)
	})
}

func names(events *bulwarktest.Recorder) (all []string) {
	for _, e := range events.Events() {
		all = append(all, fmt.Sprint(e.Name, " ", e.Reason))
	}
	return all
}

func is(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

const (
	outage    = "sys_unavailable redisstore.outage"
	recovered = "sys_monitor_enabled redisstore.recovered"
)

func TestEachOutageIsTwoEvents(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		f.will(fails)
		for range 4 {
			if _, _, err := debit(t, l, ten("a")); err == nil {
				t.Fatal("a Debit without Redis has no error")
			}
		}
		is(t, "after four failures", names(events))
		f.will(says(taken))
		passes(t, "between failures", l, ten("a"), true)
		f.will(fails)
		for range 4 {
			debit(t, l, ten("a"))
		}
		is(t, "after a success and four failures", names(events))
		debit(t, l, ten("a"))
		is(t, "after five failures in a row", names(events), outage)
		sent := f.count("")
		for range 100 {
			if _, ok, err := debit(t, l, ten("a")); err == nil || ok {
				t.Fatal("an open breaker lets pass")
			}
		}
		if n := f.count(""); n != sent {
			t.Errorf("an open breaker has sent %d commands", n-sent)
		}
		for range 20 { // failed probes are no events
			time.Sleep(untilProbe)
			sent := f.count("")
			for range 10 {
				debit(t, l, ten("a"))
			}
			if n := f.count(""); n != sent+1 {
				t.Errorf("%d probes at once, want 1", n-sent)
			}
		}
		is(t, "after failed probes", names(events), outage)
		f.will(says(taken))
		time.Sleep(untilProbe)
		passes(t, "the probe that is answered", l, ten("a"), true)
		passes(t, "after it", l, ten("a"), true)
		is(t, "after the recovery", names(events), outage, recovered)
		e := events.Events()[0]
		if e.Rule != "rl" || fmt.Sprint(e.Attrs[:2]) != "[mode=closed error=transport]" {
			t.Errorf("the outage is %+v", e)
		}
		e = events.Events()[1]
		if d := e.Attrs[1].Value.Duration(); e.Attrs[1].Key != "lasted" || d < 20*untilProbe || fmt.Sprint(e.Attrs[2]) != "decisions=280" {
			t.Errorf("the recovery is %+v", e)
		}
	})
}

func TestAProbeComesSoonAndNotAtOnce(t *testing.T) {
	pauses := map[time.Duration]bool{}
	for range 20 {
		bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			f.will(fails)
			for range 5 {
				debit(t, l, ten("a"))
			}
			sent, start := f.count(""), time.Now()
			for f.count("") == sent {
				time.Sleep(time.Millisecond)
				debit(t, l, ten("a"))
			}
			pause := time.Since(start)
			if pause < 50*time.Millisecond || pause > 151*time.Millisecond {
				t.Errorf("the first probe comes after %v", pause)
			}
			pauses[pause] = true
			start = time.Now()
			for range 10 {
				sent := f.count("")
				for f.count("") == sent {
					time.Sleep(time.Millisecond)
					debit(t, l, ten("a"))
				}
			}
			if all := time.Since(start); all < 2*time.Second || all > 13*time.Second {
				t.Errorf("the next ten probes take %v", all)
			}
		})
	}
	if len(pauses) < 5 {
		t.Errorf("the pauses of 20 stores are %v: they ask at the same time", pauses)
	}
}

func TestOnlyAvailabilityMovesTheBreaker(t *testing.T) {
	for _, answer := range []any{
		errors.New("NOPERM this user has no permissions"), errors.New("WRONGTYPE Operation against a key"),
		errors.New("ERR unknown command"), errors.New("NOAUTH Authentication required."), "nonsense", int64(3), nil,
	} {
		bubble(t, func(c *redisstore.LimitsConfig) { c.Instances = 1 }, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
			f.will(says(answer))
			for range 20 {
				if _, ok, err := debit(t, l, ten("a")); err == nil || ok {
					t.Errorf("%v is %t, %v, want an error in the mode Local", answer, ok, err)
				}
			}
			is(t, fmt.Sprint(answer), names(events))
			if n := f.count("EVALSHA"); n != 20 {
				t.Errorf("after %v %d of 20 commands were sent", answer, n)
			}
		})
	}
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		f.will(hangs)
		for range 20 { // clients that leave
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if ok, err := l.Debit(ctx, []ratelimit.Cell{ten("a")}); ok || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a client that leaves: %t, %v", ok, err)
			}
			cancel()
		}
		is(t, "clients that leave", names(events))
		if n := f.count(""); n != 20 {
			t.Errorf("%d of 20 commands were sent", n)
		}
	})
}

func TestAProbeOfAClientThatLeavesIsTakenOver(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		f.will(hangs)
		for range 5 {
			debit(t, l, ten("a"))
		}
		time.Sleep(untilProbe)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		l.Debit(ctx, []ratelimit.Cell{ten("a")})
		is(t, "after a client that leaves", names(events), outage)
		f.will(says(taken))
		passes(t, "the next probe", l, ten("a"), true)
		is(t, "then", names(events), outage, recovered)
	})
}

func TestARedisThatHangsCostsTheTimeout(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		f.will(hangs)
		for i := range 5 {
			start := time.Now()
			_, _, err := debit(t, l, ten("a"))
			if d := time.Since(start); d != timeout || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call %d has waited %v: %v", i, d, err)
			}
		}
		start := time.Now()
		debit(t, l, ten("a"))
		if d := time.Since(start); d != 0 {
			t.Errorf("an open breaker waits %v", d)
		}
		is(t, "events", names(events), outage)
	})
}

// A Client that ignores contexts must not hold a caller, and must not gather
// goroutines.
func TestAClientThatNeverReturns(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		begin, end := runtime.NumGoroutine(), make(chan struct{})
		f.will(func(context.Context, []string) (any, error) {
			<-end
			return nil, errors.New("late")
		})
		var all sync.WaitGroup
		start := time.Now()
		for range 3 * redisstore.MaxInFlight {
			all.Go(func() { debit(t, l, ten("a")) })
		}
		all.Wait()
		if d := time.Since(start); d != timeout {
			t.Errorf("the callers have waited %v", d)
		}
		if n := f.count(""); n > redisstore.MaxInFlight {
			t.Errorf("%d calls were sent at once", n)
		}
		for range 100 { // probes wait for a place
			time.Sleep(untilProbe)
			debit(t, l, ten("a"))
		}
		if n := runtime.NumGoroutine() - begin; n > redisstore.MaxInFlight+10 {
			t.Errorf("%d goroutines", n)
		}
		close(end)
		synctest.Wait()
		f.will(says(taken))
		time.Sleep(untilProbe)
		passes(t, "when the Client works again", l, ten("a"), true)
	})
}

func TestAClientThatPanics(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(func(context.Context, []string) (any, error) { panic("secret") })
		if _, ok, err := debit(t, l, ten("a")); ok || err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("a Client that panics: %t, %v", ok, err)
		}
	})
}

func TestClosed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(fails)
		for range 20 {
			c := ten("a")
			c.Taken, c.Standing.Remaining = 1, 5 // of an earlier call
			c, ok, err := debit(t, l, c)
			if ok || err == nil || c.Taken != 0 || c.Standing != (ratelimit.Standing{}) {
				t.Errorf("Debit: %t, %v, %+v", ok, err, c)
			}
			c.Taken, c.Standing.Mark = 1, 1800000000000000
			cells := []ratelimit.Cell{c}
			if err := l.Refund(t.Context(), cells); err == nil {
				t.Error("a Refund without Redis has no error")
			}
			if err := l.Reset(t.Context(), cells); err == nil {
				t.Error("a Reset without Redis has no error")
			}
		}
	})
}

// Each algorithm has its share in the mode Local, and gives back there.
func TestLocalAlgorithms(t *testing.T) {
	for name, a := range algorithms {
		bubble(t, func(c *redisstore.LimitsConfig) { c.Instances = 4 }, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			f.will(fails)
			c := of("x", a, 15) // a share of 3
			if a == ratelimit.FixedWindow {
				c.Policy.Ends = ends(time.Now(), 5)
			}
			var last ratelimit.Cell
			for range 3 {
				last = passes(t, name, l, c, true)
			}
			if s := passes(t, name+": beyond the share", l, c, false).Standing; !s.Exceeded || s.Wait <= 0 {
				t.Errorf("%s: %+v", name, s)
			}
			cells := []ratelimit.Cell{last}
			for range 2 {
				if err := l.Refund(t.Context(), cells); err != nil || cells[0].Taken != 0 {
					t.Errorf("%s: Refund: %v, %d taken", name, err, cells[0].Taken)
				}
			}
			passes(t, name+": after a Refund", l, c, true)
			passes(t, name+": beyond a Refund", l, c, false)
			two := []ratelimit.Cell{of("fresh", a, 12), of("x", ratelimit.GCRA, 12)}
			two[1].Cost = 4 // above the share
			if ok, err := l.Debit(t.Context(), two); ok || err != nil {
				t.Errorf("%s: a cost above the share: %t, %v", name, ok, err)
			}
			for range 3 {
				passes(t, name+": beside a refusal nothing was taken", l, two[0], true)
			}
		})
	}
}

// In the mode Local each process has its share, through all outages.
func TestLocal(t *testing.T) {
	for _, test := range []struct{ limit, instances, want int64 }{
		{10, 1, 10}, {10, 2, 5}, {10, 3, 3}, {10, 10, 1}, {10, 11, 1}, {100, 7, 14},
	} {
		bubble(t, func(c *redisstore.LimitsConfig) { c.Instances = int(test.instances) }, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
			c := ten("a")
			c.Policy.Limit, c.Policy.Burst = test.limit, test.limit
			passed := int64(0)
			for range 5 { // outages
				f.will(fails)
				for range 3 * test.limit {
					_, ok, err := debit(t, l, c)
					if err != nil {
						t.Fatal(err)
					}
					if ok {
						passed++
					}
				}
				f.will(says(strings.Replace(taken, " 9 ", " 0 ", 1)))
				time.Sleep(untilProbe)
				passes(t, "the probe", l, c, true)
			}
			if passed != test.want {
				t.Errorf("%d of %d passed in five outages with %d instances, want %d", passed, test.limit, test.instances, test.want)
			}
			is(t, "events", names(events), outage, recovered, outage, recovered, outage, recovered, outage, recovered, outage, recovered)
		})
	}
}

// A share is rounded down, so that its burst may take longer to be restored than
// a quota may.
func TestTheShareOfALongBurst(t *testing.T) {
	bubble(t, func(c *redisstore.LimitsConfig) { c.Instances = 10 }, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(fails)
		c := ten("a")
		c.Policy.Limit, c.Policy.Window, c.Policy.Burst = 19, 24*time.Hour, 6900
		for range 366 {
			passes(t, "the share of a burst", l, c, true)
		}
		passes(t, "beyond it", l, c, false)
	})
}

// Refund and Reset find where a cell was counted.
func TestRefundAfterAnOutage(t *testing.T) {
	bubble(t, func(c *redisstore.LimitsConfig) { c.Instances = 2 }, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(fails)
		var last ratelimit.Cell
		for range 5 {
			last = passes(t, "the share of a process", l, ten("a"), true)
		}
		passes(t, "beyond the share", l, ten("a"), false)
		sent := f.count("")
		cells := []ratelimit.Cell{last}
		for range 3 {
			if err := l.Refund(t.Context(), cells); err != nil || cells[0].Taken != 0 {
				t.Errorf("Refund: %v, %d taken", err, cells[0].Taken)
			}
		}
		if n := f.count(""); n != sent {
			t.Error("a Refund of what was counted here goes to Redis")
		}
		passes(t, "after a Refund", l, ten("a"), true)
		passes(t, "beyond a Refund", l, ten("a"), false)
		l.Reset(t.Context(), []ratelimit.Cell{ten("a")}) // an error, and whole here
		for range 5 {
			passes(t, "after a Reset", l, ten("a"), true)
		}
		passes(t, "beyond the share after a Reset", l, ten("a"), false)

		f.will(says(taken))
		time.Sleep(untilProbe)
		c := passes(t, "in Redis again", l, ten("a"), true)
		f.will(says("1"))
		cells = []ratelimit.Cell{c}
		for range 3 {
			if err := l.Refund(t.Context(), cells); err != nil || cells[0].Taken != 0 {
				t.Errorf("Refund: %v, %d taken", err, cells[0].Taken)
			}
		}
		last3 := f.calls[len(f.calls)-1]
		if n := f.count("") - sent; n != 2 || last3[len(last3)-1] != "1800000000000000" {
			t.Errorf("%d commands, the last is %q", n, last3)
		}
	})
}

func TestARefundIsSentOnce(t *testing.T) {
	for name, answer := range map[string]func(context.Context, []string) (any, error){
		"lost": hangs, "transport": fails, "nonsense": says("nonsense"), "error": says(errors.New("ERR no")), "done": says("1"),
	} {
		bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			cells := []ratelimit.Cell{passes(t, "before", l, ten("a"), true)}
			f.will(answer)
			sent := f.count("")
			err := l.Refund(t.Context(), cells)
			if (err == nil) != (name == "done") {
				t.Errorf("%s: %v", name, err)
			}
			l.Refund(t.Context(), cells)
			if n := f.count("") - sent; n != 1 || cells[0].Taken != 0 {
				t.Errorf("%s: sent %d times, %d taken", name, n, cells[0].Taken)
			}
		})
	}
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		cells := []ratelimit.Cell{passes(t, "before", l, ten("a"), true)}
		f.will(fails)
		for range 5 {
			debit(t, l, ten("a"))
		}
		if err := l.Refund(t.Context(), cells); err == nil || cells[0].Taken != 1 {
			t.Errorf("a Refund that was not sent: %v, %d taken, want 1", err, cells[0].Taken)
		}
		f.will(says("1"))
		time.Sleep(untilProbe)
		if err := l.Refund(t.Context(), cells); err != nil || cells[0].Taken != 0 {
			t.Errorf("the same Refund after the outage: %v, %d taken", err, cells[0].Taken)
		}
	})
}

func TestADebitIsSentOnce(t *testing.T) {
	for name, answer := range map[string]func(context.Context, []string) (any, error){
		"lost": hangs, "transport": fails, "nonsense": says("nonsense"), "READONLY": says(errors.New("READONLY no")), "ERR": says(errors.New("no")),
	} {
		bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
			f.will(answer)
			debit(t, l, ten("a"))
			if n := f.count(""); n != 1 {
				t.Errorf("%s: sent %d times", name, n)
			}
		})
	}
	bubble(t, nil, func(t *testing.T, l *redisstore.Limits, f *fake, _ *bulwarktest.Recorder) {
		f.will(says(errors.New("NOSCRIPT No matching script. Please use EVAL.")))
		if _, ok, err := debit(t, l, ten("a")); ok || err == nil {
			t.Errorf("NOSCRIPT for ever: %t, %v", ok, err)
		}
		if f.count("EVALSHA") != 1 || f.count("EVAL") != 1 {
			t.Errorf("NOSCRIPT for ever: %q", f.calls)
		}
	})
}

func TestInsecureOpen(t *testing.T) {
	bubble(t, func(c *redisstore.LimitsConfig) { c.OnOutage = redisstore.InsecureOpen }, func(t *testing.T, l *redisstore.Limits, f *fake, events *bulwarktest.Recorder) {
		is(t, "at the start", names(events), "sys_monitor_disabled redisstore.insecure_open")
		f.will(fails)
		for range 50 {
			c := passes(t, "without Redis", l, ten("a"), true)
			if c.Taken != 1 || c.Standing.Remaining != 10 || c.Standing.Exceeded {
				t.Errorf("Debit says %+v", c)
			}
			sent := f.count("")
			if err := l.Refund(t.Context(), []ratelimit.Cell{c}); err != nil || f.count("") != sent {
				t.Errorf("a Refund of what was not counted: %v", err)
			}
		}
		is(t, "in the outage", names(events), "sys_monitor_disabled redisstore.insecure_open", outage)
	})
}

func TestTheOtherModesReportNothingAtTheStart(t *testing.T) {
	for _, mode := range []redisstore.Outage{0, redisstore.Closed, redisstore.Local} {
		bubble(t, func(c *redisstore.LimitsConfig) { c.OnOutage, c.Instances = mode, 2 }, func(t *testing.T, _ *redisstore.Limits, _ *fake, events *bulwarktest.Recorder) {
			is(t, mode.String(), names(events))
		})
	}
}
