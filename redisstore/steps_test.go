package redisstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A step is a Debit after a time, and how it is answered.
type step struct {
	after       time.Duration
	cost        int64
	debt        bool
	ok          bool
	left        int64
	reset, wait time.Duration
}

const (
	minute = time.Minute
	hour   = time.Hour
)

// near reports whether a time is as wanted, but for how long the test takes.
func near(got, want time.Duration) bool { return got <= want && got >= want-20*time.Second }

func TestSteps(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	policy := func(a ratelimit.Algorithm, limit, burst int64) ratelimit.Policy {
		return ratelimit.Policy{Name: "p", Algorithm: a, Limit: limit, Window: hour, Burst: burst}
	}
	gcra, fixed, log := policy(ratelimit.GCRA, 6, 3), policy(ratelimit.FixedWindow, 3, 3), policy(ratelimit.SlidingLog, 3, 3)
	calendar := fixed
	now := time.Now()
	for _, d := range []time.Duration{-30 * minute, 90 * minute, 4 * hour, 5 * hour, 24 * hour} {
		calendar.Ends = append(calendar.Ends, now.Add(d))
	}
	for name, test := range map[string]struct {
		policy ratelimit.Policy
		steps  []step
	}{
		"gcra, one in ten minutes, three at once": {gcra, []step{
			{0, 1, false, true, 2, 10 * minute, 0},
			{0, 2, false, true, 0, 10 * minute, 0},
			{0, 1, false, false, 0, 10 * minute, 10 * minute},
			{0, 2, false, false, 0, 10 * minute, 20 * minute},
			{9 * minute, 1, false, false, 0, minute, minute},
			{minute, 1, false, true, 0, 10 * minute, 0},
			{25 * minute, 0, false, true, 2, 5 * minute, 0},
			{0, 3, false, false, 2, 5 * minute, 5 * minute},
			{0, 2, false, true, 0, 5 * minute, 0},
			{10 * hour, 0, false, true, 3, 0, 0},
		}},
		"gcra, debts": {gcra, []step{
			{0, 5, true, true, 0, 30 * minute, 0},
			{0, 1, false, false, 0, 30 * minute, 30 * minute},
			{0, 1 << 50, true, true, 0, 40 * minute, 0}, // no more than two quotas
			{0, 1, true, true, 0, 40 * minute, 0},
			{35 * minute, 1, false, false, 0, 5 * minute, 5 * minute},
			{5 * minute, 1, false, true, 0, 10 * minute, 0},
		}},
		"fixed window": {fixed, []step{
			{0, 0, false, true, 3, 0, 0},
			{0, 1, false, true, 2, hour, 0},
			{40 * minute, 2, false, true, 0, 20 * minute, 0},
			{0, 1, false, false, 0, 20 * minute, 20 * minute},
			{20 * minute, 3, false, true, 0, hour, 0},
			{0, 1, false, false, 0, hour, hour},
			{0, 4, false, false, 0, hour, hour}, // never
			{3 * hour, 2, false, true, 1, hour, 0},
			{0, 2, false, false, 1, hour, hour},
		}},
		"fixed window, a debt that is used later": {fixed, []step{
			{0, 4, true, true, 0, hour, 0},
			{70 * minute, 1, false, true, 1, 50 * minute, 0},
		}},
		"fixed window, debts": {fixed, []step{
			{0, 5, true, true, 0, hour, 0},
			{30 * minute, 1, false, false, 0, 30 * minute, 30 * minute},
			{0, 2, false, false, 0, 30 * minute, 90 * minute}, // two are owed in the next window
			{30 * minute, 0, false, true, 1, hour, 0},
			{0, 1, false, true, 0, hour, 0},
			{hour, 0, false, true, 3, 0, 0},
			{0, 1 << 50, true, true, 0, 2 * hour, 0},
			{0, 1, false, false, 0, 2 * hour, 2 * hour},
			{0, 9, true, true, 0, 2 * hour, 0},
			{hour, 1, false, false, 0, hour, hour},
			{hour, 3, false, true, 0, hour, 0},
			{0, 2, true, true, 0, hour, 0},
			{2 * hour, 3, false, true, 0, hour, 0}, // nothing is owed later than that
		}},
		"calendar": {calendar, []step{
			{0, 2, false, true, 1, 90 * minute, 0},
			{0, 2, false, false, 1, 90 * minute, 90 * minute},
			{90 * minute, 3, false, true, 0, 150 * minute, 0},
			{0, 2, true, true, 0, 150 * minute, 0},
			{0, 1, false, false, 0, 150 * minute, 150 * minute},
			{0, 2, false, false, 0, 150 * minute, 210 * minute},
			{150 * minute, 0, false, true, 1, hour, 0},
			{0, 2, true, true, 0, hour, 0},
			{hour, 2, false, true, 0, 19 * hour, 0},
		}},
		"calendar, a debt beyond the next window": {calendar, []step{
			{0, 6, true, true, 0, 4 * hour, 0},
			{4 * hour, 3, false, true, 0, hour, 0},
		}},
		"sliding log": {log, []step{
			{0, 0, false, true, 3, 0, 0},
			{0, 1, false, true, 2, hour, 0},
			{20 * minute, 1, false, true, 1, 40 * minute, 0},
			{20 * minute, 1, false, true, 0, 20 * minute, 0},
			{0, 1, false, false, 0, 20 * minute, 20 * minute},
			{0, 2, false, false, 0, 20 * minute, 40 * minute},
			{0, 3, false, false, 0, 20 * minute, hour},
			{0, 4, false, false, 0, 20 * minute, hour}, // never
			{20 * minute, 1, false, true, 0, 20 * minute, 0},
			{0, 1, false, false, 0, 20 * minute, 20 * minute},
			{10 * hour, 3, false, true, 0, hour, 0},
		}},
		"sliding log, debts": {log, []step{
			{0, 2, false, true, 1, hour, 0},
			{20 * minute, 3, true, true, 0, hour, 0},
			{0, 1, false, false, 0, hour, hour},
			{0, 1 << 50, true, true, 0, hour, 0}, // one more, of two quotas
			{40 * minute, 1, false, false, 0, 20 * minute, 20 * minute},
			{20 * minute, 3, false, true, 0, hour, 0},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			stepper := redisstore.Step(limits(t, client, nil))
			for i, s := range test.steps {
				stepper.StepClock(s.after)
				// A store that remembers nothing, with the same clock.
				l := redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) { c.MaxKeys = 8 }))
				l.Follow(stepper)
				c := ratelimit.Cell{Policy: test.policy, Key: []byte(name), Cost: s.cost, Debt: s.debt}
				c, ok, err := debit(t, l, c)
				st := c.Standing
				if err != nil || ok != s.ok || st.Remaining != s.left || !near(st.Reset, s.reset) || !near(st.Wait, s.wait) {
					t.Fatalf("step %d: %t, %v, %+v, want %+v", i, ok, err, st, s)
				}
			}
		})
	}
}

// Two narrow cells share a wide one, and each cell counts for itself.
func TestCellsOfOneCall(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	take := func(narrow string, want bool) {
		t.Helper()
		cells := []ratelimit.Cell{of(narrow, ratelimit.GCRA, 2), of("wide", ratelimit.GCRA, 3)}
		if ok, err := l.Debit(t.Context(), cells); err != nil || ok != want {
			t.Errorf("%s: %t, %v, want %t: %+v", narrow, ok, err, want, cells)
		}
	}
	take("a", true)
	take("a", true)
	take("a", false)
	take("b", true)
	take("c", false) // the wide cell is used up
	part := of("p", ratelimit.GCRA, 9)
	part.Cost = 5
	part = passes(t, "to be refunded in part", l, part, true)
	part.Taken = 2
	if err := l.Refund(t.Context(), []ratelimit.Cell{part}); err != nil {
		t.Fatal(err)
	}
	part.Cost = 0
	if left := passes(t, "after 2 of 5", l, part, true).Standing.Remaining; left != 6 {
		t.Errorf("%d of 9 are left, want 6", left)
	}
}

// What is sent is rounded so that no more passes than the policy allows.
func TestRounding(t *testing.T) {
	f := &fake{answer: says(refused)}
	l := limits(t, f, nil)
	end := time.Date(2030, 1, 1, 0, 0, 0, 1, time.UTC)
	for name, test := range map[string]struct {
		policy ratelimit.Policy
		want   []string
	}{
		"gcra":         {ratelimit.Policy{Limit: 7, Window: time.Second, Burst: 9}, []string{"g", "9", "142858", "1", "0", ""}},
		"gcra, exact":  {ratelimit.Policy{Limit: 5, Window: time.Second, Burst: 9}, []string{"g", "9", "200000", "1", "0", ""}},
		"fixed window": {ratelimit.Policy{Algorithm: ratelimit.FixedWindow, Limit: 7, Window: time.Second + 1}, []string{"f", "7", "1000001", "1", "0", ""}},
		"calendar": {ratelimit.Policy{Algorithm: ratelimit.FixedWindow, Limit: 7, Window: time.Second, Ends: []time.Time{end.Add(-1), end}},
			[]string{"f", "7", "1000000", "1", "0", "1893456000000000 1893456000000001"}},
		"sliding log": {ratelimit.Policy{Algorithm: ratelimit.SlidingLog, Limit: 7, Window: time.Second - 1}, []string{"s", "7", "1000000", "1", "0", ""}},
	} {
		debit(t, l, ratelimit.Cell{Key: []byte("k"), Cost: 1, Policy: test.policy})
		sent := f.calls[len(f.calls)-1]
		if sent[0] != "EVALSHA" || sent[2] != "1" || !slices.Equal(sent[4:], test.want) {
			t.Errorf("%s: %q, want %q", name, sent[4:], test.want)
		}
	}
}

// What a slower policy or a clock that was set back has left ends after two
// quotas, also if the caller goes on asking.
func TestWhatIsCutEnds(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	now := time.Now()
	for name, a := range algorithms {
		for what, begin := range map[string]func(l *redisstore.SteppedLimits, c ratelimit.Cell) ratelimit.Cell{
			"a slower policy": func(l *redisstore.SteppedLimits, c ratelimit.Cell) ratelimit.Cell {
				slow := c
				slow.Policy.Window, slow.Cost, slow.Debt = 300*hour, 20, true
				passes(t, "of a slower policy", l, slow, true)
				return c
			},
			"a clock that is set back": func(l *redisstore.SteppedLimits, c ratelimit.Cell) ratelimit.Cell {
				l.StepClock(500 * hour)
				c.Cost = 10
				passes(t, "before the clock is set", l, c, true)
				l.StepClock(-500 * hour)
				c.Cost = 1
				return c
			},
			"a greater limit": func(l *redisstore.SteppedLimits, c ratelimit.Cell) ratelimit.Cell {
				great := c
				great.Policy.Limit, great.Policy.Burst, great.Cost = 60, 60, 60
				passes(t, "of a greater limit", l, great, true)
				return c
			},
			"a calendar": func(l *redisstore.SteppedLimits, c ratelimit.Cell) ratelimit.Cell {
				if a == ratelimit.FixedWindow {
					c.Policy.Ends = ends(now, 510)
				}
				l.StepClock(300 * hour)
				c.Cost = 10
				passes(t, "before the clock is set", l, c, true)
				l.StepClock(-300 * hour)
				c.Cost = 1
				return c
			},
		} {
			stepper := redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) { c.Prefix = strings.ReplaceAll(name+what, " ", "") }))
			c := begin(stepper, of("x", a, 10))
			if a == ratelimit.GCRA && what == "a greater limit" {
				c.Policy.Burst = 1 // a minute and a half owes more than two of it
			}
			for i := range 25 {
				l := redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) { c.Prefix = strings.ReplaceAll(name+what, " ", "") }))
				l.Follow(stepper)
				_, ok, err := debit(t, l, c)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, what, err)
				}
				if ok {
					if i == 0 && what != "a greater limit" {
						t.Errorf("%s, %s: nothing is kept", name, what)
					}
					break
				}
				if i == 24 {
					t.Errorf("%s, %s: refused for two hours", name, what)
				}
				stepper.StepClock(5*minute + time.Second)
			}
		}
	}
}

// A Debit whose answer is lost has taken once.
func TestALostAnswer(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	proxy, err := engine.NewProxy(server.Addr(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	client := redisstore.Rueidis(connect(t, rueidis.ClientOption{InitAddress: []string{proxy.Addr()}, Password: server.Password(), ForceSingleClient: true}))
	direct := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	x := of("x", ratelimit.GCRA, 10)
	passes(t, "before", limits(t, client, nil), x, true)
	before := calls(t, server, "evalsha")
	proxy.SetFault(engine.HoldReplies)
	brief := func(c *redisstore.LimitsConfig) { c.Timeout = 300 * time.Millisecond }
	var l *redisstore.Limits
	// On a busy machine the time may be over before the command is sent.
	attempts, executed := 0, 0
	for ; executed == 0 && attempts < 40; attempts++ {
		l = limits(t, client, brief) // its breaker is closed
		if _, ok, err := debit(t, l, x); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without an answer: %t, %v", ok, err)
		}
		executed = calls(t, server, "evalsha") - before
	}
	proxy.SetFault(engine.Cut)
	if _, ok, err := debit(t, l, x); ok || err == nil {
		t.Errorf("without a connection: %t, %v", ok, err)
	}
	x.Cost = 0
	left := passes(t, "a look", direct, x, true).Standing.Remaining
	executed = calls(t, server, "evalsha") - before - 1 // without the look
	if executed < 1 || executed > attempts || left != int64(9-executed) {
		t.Errorf("%d of 10 are left after 1 and %d Debits without an answer, of which %d were executed", left, attempts, executed)
	}
}

// A Refund gives back what its Debit has taken, in its own window only.
func TestRefundsAfterSteps(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	now := time.Now()
	calendar := []time.Time{now.Add(-hour), now.Add(30 * minute), now.Add(90 * minute), now.Add(150 * minute)}
	for name, test := range map[string]struct {
		algorithm ratelimit.Algorithm
		ends      []time.Time
		after     time.Duration
		left      int64
	}{
		"gcra at once":               {ratelimit.GCRA, nil, 0, 5},
		"gcra, half is restored":     {ratelimit.GCRA, nil, 15 * minute, 5},
		"fixed window at once":       {ratelimit.FixedWindow, nil, 0, 5},
		"fixed window, in it":        {ratelimit.FixedWindow, nil, 59 * minute, 5},
		"fixed window, the next one": {ratelimit.FixedWindow, nil, 61 * minute, 3},
		"calendar, in it":            {ratelimit.FixedWindow, calendar, 25 * minute, 5},
		"calendar, the next window":  {ratelimit.FixedWindow, calendar, 35 * minute, 3},
		"sliding log at once":        {ratelimit.SlidingLog, nil, 0, 5},
		"sliding log, in time":       {ratelimit.SlidingLog, nil, 59 * minute, 5},
		"sliding log, later":         {ratelimit.SlidingLog, nil, 61 * minute, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := redisstore.Step(limits(t, client, nil))
			cell := func(cost int64) ratelimit.Cell {
				c := of(name, test.algorithm, 6)
				c.Cost, c.Policy.Ends = cost, test.ends
				return c
			}
			early := []ratelimit.Cell{passes(t, "to be refunded", l, cell(2), true)}
			l.StepClock(test.after)
			passes(t, "others", l, cell(1), true)
			if test.left == 3 { // what the next window has used stays used
				passes(t, "others", l, cell(2), true)
			}
			for range 2 {
				if err := l.Refund(t.Context(), early); err != nil {
					t.Fatal(err)
				}
			}
			if got := passes(t, "a look", l, cell(0), true).Standing.Remaining; got != test.left {
				t.Errorf("%d of 6 are left, want %d", got, test.left)
			}
			key := ask(t, server, "KEYS", "*").([]any)[0].(string)
			if n, _ := ask(t, server, "PTTL", key).(int64); n <= 0 || n > 2*hour.Milliseconds() {
				t.Errorf("after a Refund the key ends in %d ms", n)
			}
			whole := []ratelimit.Cell{passes(t, "the rest", l, cell(test.left), true)}
			passes(t, "beyond it", l, cell(1), false)
			if err := l.Reset(t.Context(), whole); err != nil {
				t.Fatal(err)
			}
			if n := ask(t, server, "DBSIZE").(int64); n != 0 {
				t.Errorf("after a Reset there are %d keys", n)
			}
		})
	}
}

// After the clock was set back, a Refund gives back of the two quotas that are
// left of what lies ahead.
func TestARefundAfterAStepBack(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := redisstore.Step(limits(t, redisstore.Rueidis(dial(t, server)), nil))
	l.StepClock(48 * hour)
	c := ten("a")
	c.Cost = 5
	early := []ratelimit.Cell{passes(t, "before the step", l, c, true)}
	passes(t, "before the step", l, c, true)
	l.StepClock(-24 * hour)
	if err := l.Refund(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	// Twice ten requests of six minutes, without five, and one more.
	if got := passes(t, "after the Refund", l, ten("a"), false).Standing.Wait; !near(got, 36*minute) {
		t.Errorf("Wait is %v, want 36m", got)
	}
}

// A debt outlives its window, and a Refund of the window that has ended does not
// change what is carried.
func TestARefundOfAWindowThatHasEnded(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := redisstore.Step(limits(t, redisstore.Rueidis(dial(t, server)), nil))
	c := of("a", ratelimit.FixedWindow, 3)
	c.Cost, c.Debt = 4, true
	early := []ratelimit.Cell{passes(t, "a debt", l, c, true)}
	l.StepClock(hour + time.Second)
	if err := l.Refund(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	c.Cost, c.Debt = 0, false
	if got := passes(t, "a look", l, c, true).Standing.Remaining; got != 2 {
		t.Errorf("%d of 3 are left, want 2", got)
	}
}

// A Refund that makes a cell whole leaves no key.
func TestAWholeCellNeedsNoKey(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	for name, a := range algorithms {
		l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
		taken := []ratelimit.Cell{passes(t, name, l, of("x", a, 6), true)}
		passes(t, name+": a look at another", l, func() ratelimit.Cell { c := of("y", a, 6); c.Cost = 0; return c }(), true)
		if n := ask(t, server, "DBSIZE").(int64); n != 1 {
			t.Errorf("%s: %d keys, want 1", name, n)
		}
		if err := l.Refund(t.Context(), taken); err != nil {
			t.Fatal(err)
		}
		if n := ask(t, server, "DBSIZE").(int64); n > 0 && a != ratelimit.GCRA {
			t.Errorf("%s: %d keys after a Refund", name, n)
		}
		ask(t, server, "FLUSHALL")
	}
}

// How long a key lasts: until its quota is whole, and no longer.
func TestKeysEndWithTheirQuota(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	now := time.Now()
	for name, test := range map[string]struct {
		algorithm ratelimit.Algorithm
		ends      []time.Time
		cost      int64
		want      time.Duration
	}{
		"gcra": {ratelimit.GCRA, nil, 1, 10 * minute}, "gcra, all": {ratelimit.GCRA, nil, 6, hour}, "gcra, debt": {ratelimit.GCRA, nil, 99, 2 * hour},
		"fixed": {ratelimit.FixedWindow, nil, 6, hour}, "fixed, debt": {ratelimit.FixedWindow, nil, 7, 2 * hour},
		"calendar":       {ratelimit.FixedWindow, []time.Time{now, now.Add(90 * minute), now.Add(24 * hour)}, 6, 90 * minute},
		"calendar, debt": {ratelimit.FixedWindow, []time.Time{now, now.Add(90 * minute), now.Add(24 * hour)}, 7, 24 * hour},
		"log":            {ratelimit.SlidingLog, nil, 1, hour}, "log, debt": {ratelimit.SlidingLog, nil, 99, hour},
	} {
		l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
		c := of("x", test.algorithm, 6)
		c.Cost, c.Debt, c.Policy.Ends = test.cost, true, test.ends
		passes(t, name, l, c, true)
		key := ask(t, server, "KEYS", "*").([]any)[0].(string)
		if n, _ := ask(t, server, "PTTL", key).(int64); !near(time.Duration(n)*time.Millisecond, test.want) {
			t.Errorf("%s: the key ends in %d ms, want %v", name, n, test.want)
		}
		ask(t, server, "FLUSHALL")
	}
}

// In thousands of random steps no window has more than its algorithm allows,
// and nobody is refused who has room.
func TestWorstCase(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	const limit = 10
	for name, a := range algorithms {
		t.Run(name, func(t *testing.T) {
			type pass struct {
				at   time.Duration
				cost int64
			}
			random := rand.New(rand.NewPCG(1, 2))
			var passed []pass
			now := time.Duration(0)
			stepper := redisstore.Step(limits(t, client, nil))
			// sum is what has passed in the time before now.
			sum := func(from, to time.Duration) (n int64) {
				for _, p := range passed {
					if p.at > from && p.at <= to {
						n += p.cost
					}
				}
				return n
			}
			for i := range 3000 {
				d := time.Duration(random.IntN(4)*random.IntN(4)*random.IntN(20)) * 30 * time.Second
				now += d
				stepper.StepClock(d)
				c := of(name, a, limit)
				c.Cost = 1 + random.Int64N(3)
				l := redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) { c.MaxKeys = 8 }))
				l.Follow(stepper)
				c, ok, err := debit(t, l, c)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					passed = append(passed, pass{now, c.Cost})
				}
				window := sum(now-hour, now) // what passed a whole window ago is gone
				most := map[ratelimit.Algorithm]int64{ratelimit.GCRA: 2*limit - 1, ratelimit.FixedWindow: 2 * limit, ratelimit.SlidingLog: limit}[a]
				if window > most {
					t.Fatalf("step %d: %d passed within an hour, at most %d", i, window, most)
				}
				if !ok && window+c.Cost <= limit {
					t.Fatalf("step %d: a cost of %d is refused, and %d passed within an hour", i, c.Cost, window)
				}
				if !ok && a == ratelimit.SlidingLog {
					// Half a minute before the Wait is over there is no room.
					if then := now + c.Standing.Wait; sum(then-hour-30*time.Second, then)+c.Cost <= limit {
						t.Fatalf("step %d: waits %v, and there is room before", i, c.Standing.Wait)
					}
				}
			}
			if len(passed) < 100 || len(passed) > 2900 {
				t.Errorf("%d of 3000 passed", len(passed))
			}
			t.Log(strconv.Itoa(len(passed)) + " of 3000 passed")
		})
	}
}

// A calendar that does not hold now is an error in each mode, and takes from no
// cell.
func TestACalendarThatDoesNotHold(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	now := time.Now()
	for name, all := range map[string][]time.Time{
		"passed": {now.Add(-2 * hour), now.Add(-hour)}, "ahead": {now.Add(hour), now.Add(2 * hour)}, "one": {now.Add(hour)},
	} {
		l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Instances = 1 })
		bad := of("x", ratelimit.FixedWindow, 3)
		bad.Policy.Ends = all
		ok, err := l.Debit(t.Context(), []ratelimit.Cell{of("y", ratelimit.GCRA, 3), bad})
		if ok || err == nil || !strings.Contains(err.Error(), "Policy.Ends") {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
		if n := ask(t, server, "DBSIZE").(int64); n != 0 {
			t.Errorf("%s: %d keys", name, n)
		}
	}
}

// Requests of a log have a time each, in their order, also when the clock is set
// back a little. Otherwise a Refund would find several.
func TestTimesOfALog(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := redisstore.Step(limits(t, redisstore.Rueidis(dial(t, server)), nil))
	for range 5 {
		passes(t, "one of five", l, of("x", ratelimit.SlidingLog, 5), true)
		l.StepClock(-50 * time.Millisecond)
	}
	state := ask(t, server, "GET", ask(t, server, "KEYS", "*").([]any)[0].(string)).(string)
	last := ""
	for _, entry := range strings.Fields(state) {
		at, n, _ := strings.Cut(entry, ":")
		if at <= last || n != "1" {
			t.Errorf("the log is %q", state)
		}
		last = at
	}
	if s := passes(t, "beyond it", l, of("x", ratelimit.SlidingLog, 5), false).Standing; !near(s.Wait, hour+time.Second) || s.Wait != s.Reset {
		t.Errorf("%+v", s)
	}
}

// The clock of a process, which says what the days are, differs from that of
// Redis. Nobody gets more or less in a day of Redis. A clock that is wrong by
// days is an error, and lets nobody pass.
func TestACalendarOfAnotherClock(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	store := redisstore.Step(limits(t, client, nil))
	for i, test := range []struct {
		off   time.Duration
		fails bool
	}{
		{0, false}, {hour, false}, {-hour, false}, {24 * hour, false}, {-24 * hour, false}, {47 * hour, false}, {-47 * hour, false},
		{5 * 24 * hour, true}, {-5 * 24 * hour, true},
	} {
		m, err := ratelimit.New(ratelimit.Config{Name: "clock-" + strconv.Itoa(i), Rate: "2/day", Calendar: time.UTC, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		store.StepClock(test.off)
		passed, failed := 0, 0
		for range 5 {
			_, result, err := m.TakeFor(t.Context(), netip.MustParseAddr("2001:db8::1"))
			switch {
			case err == nil:
				passed++
			case result.Exceeded && result.RetryAfter > 0 && result.RetryAfter <= 24*hour:
			default:
				failed++
			}
		}
		store.StepClock(-test.off)
		if test.fails && failed != 5 || !test.fails && (passed != 2 || failed != 0) {
			t.Errorf("a clock that differs by %v: %d of 2 passed, and %d failed", test.off, passed, failed)
		}
	}
}
