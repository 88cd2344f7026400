package redisstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

var algorithms = map[string]ratelimit.Algorithm{
	"gcra": ratelimit.GCRA, "fixed-window": ratelimit.FixedWindow, "sliding-log": ratelimit.SlidingLog,
}

// of is one request from a quota of that many in an hour.
func of(key string, a ratelimit.Algorithm, limit int64) ratelimit.Cell {
	return ratelimit.Cell{Key: []byte(key), Cost: 1,
		Policy: ratelimit.Policy{Name: "limit", Algorithm: a, Limit: limit, Window: time.Hour, Burst: limit}}
}

// calls is how often the server has executed a command.
func calls(t testing.TB, server *engine.Server, command string) int {
	t.Helper()
	text := ask(t, server, "INFO", "commandstats").(string)
	found := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// Four processes share a quota, and somebody empties the cache of scripts all
// the time.
func TestExactlyTheLimitPasses(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	for name, a := range algorithms {
		t.Run(name, func(t *testing.T) {
			limit := int64(200)
			if a == ratelimit.SlidingLog {
				limit = 64
			}
			var passed atomic.Int64
			var all, flush sync.WaitGroup
			stop := make(chan struct{})
			flush.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						ask(t, server, "SCRIPT", "FLUSH")
					}
				}
			})
			for range 4 {
				l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
				for range 8 {
					all.Go(func() {
						for range 20 {
							_, ok, err := debit(t, l, of("hot", a, limit))
							if err != nil {
								t.Error(err)
							}
							if ok {
								passed.Add(1)
							}
						}
					})
				}
			}
			all.Wait()
			close(stop)
			flush.Wait()
			if passed.Load() != limit {
				t.Errorf("%d of %d passed", passed.Load(), limit)
			}
		})
	}
}

func TestOneCommandADecision(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	f := &fake{next: redisstore.Rueidis(dial(t, server))}
	l := limits(t, f, nil)
	cells := func() []ratelimit.Cell {
		all := []ratelimit.Cell{of("64", ratelimit.GCRA, 100), of("48", ratelimit.FixedWindow, 1000), of("48", ratelimit.SlidingLog, 50)}
		return all
	}
	one := func(want bool) {
		t.Helper()
		if ok, err := l.Debit(t.Context(), cells()); err != nil || ok != want {
			t.Fatal(ok, err)
		}
	}
	one(true) // loads the script
	before, sent := calls(t, server, "evalsha"), f.count("")
	for range 49 {
		one(true)
	}
	if n := calls(t, server, "evalsha") - before; n != 49 || f.count("")-sent != 49 {
		t.Errorf("49 decisions of three cells are %d scripts and %d commands", n, f.count("")-sent)
	}
	for range 50 { // a refusal is remembered for a second: on a busy machine it may pass meanwhile
		start := time.Now()
		one(false)
		sent = f.count("")
		for range 1000 {
			one(false)
		}
		if time.Since(start) < 900*time.Millisecond {
			break
		}
		sent = -1
	}
	if n := f.count("") - sent; n != 0 {
		t.Errorf("1000 refusals are %d commands", n)
	}
	if n := calls(t, server, "eval"); n != 1 {
		t.Errorf("the script was loaded %d times", n)
	}
}

func TestAllocationsOfADecision(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	cells := []ratelimit.Cell{of("allowed", ratelimit.GCRA, 1_000_000)}
	ctx, cancel := context.WithCancel(t.Context()) // as that of a request
	defer cancel()
	allowed := testing.AllocsPerRun(2000, func() {
		if ok, err := l.Debit(ctx, cells); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	cells = []ratelimit.Cell{of("denied", ratelimit.GCRA, 1)}
	l.Debit(ctx, cells)
	denied := testing.AllocsPerRun(2000, func() {
		if ok, err := l.Debit(ctx, cells); ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	t.Logf("allowed: %v allocations, denied: %v", allowed, denied)
	if race.Enabled { // it drops what is pooled
		return
	}
	if allowed > 14 {
		t.Errorf("an allowed decision allocates %v times, at most 14", allowed)
	}
	if denied > 0 {
		t.Errorf("a denied decision allocates %v times", denied)
	}
}

// TestAllocationsOfARequest measures what a limit and its store allocate for a
// request, with the header fields, and for a Take.
func TestAllocationsOfARequest(t *testing.T) {
	if race.Enabled { // it drops what is pooled
		t.Skip("the race detector allocates")
	}
	server := redis(t, engine.RedisConfig{})
	store := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1000000/hour", Store: store}))
	ctx, cancel := context.WithCancel(t.Context()) // as that of a request
	defer cancel()
	taken := testing.AllocsPerRun(2000, func() {
		if _, _, err := m.Take(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
	})
	w, passed := httptest.NewRecorder(), 0
	h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))
	r, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	served := testing.AllocsPerRun(2000, func() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	})
	if passed != 2001 {
		t.Errorf("%d requests passed", passed)
	}
	if taken > 14 || served > 14 {
		t.Errorf("a Take allocates %v times, a request %v times, at most 14", taken, served)
	}
}

// A key in Redis shows nothing of a client, and no client chooses its slot.
func TestKeysInRedis(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Prefix = "svc" })
	shape := regexp.MustCompile(`^svc:\{[A-Za-z0-9_-]{22}\}:([gfs])([A-Za-z0-9_-]{22})?:(limit|\{evil\}x)$`)
	for _, text := range []string{"alice@example.org", "{a}", "}{b", "", "203.0.113.7", "\r\nFLUSHALL\r\n", "x:y", strings.Repeat("{", 9000)} {
		ask(t, server, "FLUSHALL")
		a, b, c := of("narrow "+text, ratelimit.GCRA, 5), of(text, ratelimit.FixedWindow, 5), of(text, ratelimit.SlidingLog, 5)
		c.Policy.Name = "{evil}x"
		if ok, err := l.Debit(t.Context(), []ratelimit.Cell{a, b, c}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		found := ask(t, server, "KEYS", "*").([]any)
		if len(found) != 3 {
			t.Errorf("%.20q: %q", text, found)
		}
		tags := map[string]bool{}
		for _, key := range found {
			key := key.(string)
			if !shape.MatchString(key) || len(text) > 3 && strings.Contains(key, text) {
				t.Errorf("%.20q: the key is %q", text, key)
			}
			tags[key[:strings.Index(key, "}")]] = true
			if n, _ := ask(t, server, "PTTL", key).(int64); n <= 0 || n > time.Hour.Milliseconds() {
				t.Errorf("%q ends in %d ms", key, n)
			}
		}
		if len(tags) != 1 {
			t.Errorf("%.20q: the cells of a call are in the slots of %v", text, tags)
		}
	}
}

func TestAnotherSecretIsAnotherCell(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	a := limits(t, client, nil)
	b := limits(t, client, func(c *redisstore.LimitsConfig) { c.Secret = []byte(strings.Repeat("t", 32)) })
	passes(t, "one secret", a, of("x", ratelimit.GCRA, 1), true)
	passes(t, "another secret", b, of("x", ratelimit.GCRA, 1), true)
	passes(t, "the first again", a, of("x", ratelimit.GCRA, 1), false)
}

// Numbers are exact at the bounds: no double rounds, and no unit is lost.
func TestBoundsAreCountedExactly(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	const year = 366 * 24 * time.Hour
	for name, p := range map[string]ratelimit.Policy{
		"gcra, a burst of a year":      {Limit: 1, Window: time.Hour, Burst: 366 * 24},
		"gcra, many in a year":         {Limit: int64(year / time.Microsecond), Window: year, Burst: int64(year / time.Microsecond)},
		"gcra, rounded up":             {Limit: int64(year/time.Microsecond) - 1, Window: year, Burst: int64(year/time.Microsecond) - 1},
		"gcra, more than that":         {Limit: int64(year / time.Microsecond), Window: 10 * time.Hour, Burst: int64(year / time.Microsecond)},
		"gcra, one in a year":          {Limit: 1, Window: year, Burst: 1},
		"fixed-window, many in a year": {Algorithm: ratelimit.FixedWindow, Limit: int64(year / time.Microsecond), Window: year, Burst: int64(year / time.Microsecond)},
		"sliding-log of a year":        {Algorithm: ratelimit.SlidingLog, Limit: 64, Window: year, Burst: 64},
	} {
		p.Name = name
		cell := func(cost int64, debt bool) ratelimit.Cell {
			return ratelimit.Cell{Key: []byte("k"), Policy: p, Cost: cost, Debt: debt}
		}
		// A GCRA of microseconds restores while the test runs.
		slack := int64(0)
		if p.Algorithm == ratelimit.GCRA && p.Limit > 1000 {
			slack = 30_000_000
		}
		c := passes(t, name, l, cell(p.Burst-1, false), true)
		if r := c.Standing.Remaining; r < 1 || r > 1+slack || c.Taken != p.Burst-1 {
			t.Errorf("%s: %d are left of %d, want 1; %d taken", name, r, p.Burst, c.Taken)
		}
		passes(t, name, l, cell(1, false), true)
		if slack == 0 {
			passes(t, name, l, cell(1, false), false)
		}
		passes(t, name+": too many", l, cell(p.Burst, false), p.Burst == 0)
		c = passes(t, name+": a debt", l, cell(1<<62, true), true)
		if c.Taken < p.Burst || c.Taken > p.Burst+slack {
			t.Errorf("%s: a debt without end takes %d, want %d", name, c.Taken, p.Burst)
		}
		c = passes(t, name+": a look", l, cell(0, false), true)
		if c.Standing.Remaining != 0 || c.Standing.Reset <= 0 || c.Standing.Reset > 2*year+time.Hour {
			t.Errorf("%s: %+v", name, c.Standing)
		}
		deep := passes(t, name+": beyond the debt", l, cell(1, false), false)
		if w := deep.Standing.Wait; w <= 0 || w > 2*year+2*time.Hour {
			t.Errorf("%s: waits %v", name, w)
		}
	}
	for _, key := range ask(t, server, "KEYS", "*").([]any) {
		if state := ask(t, server, "GET", key.(string)).(string); strings.ContainsAny(state, "e.+-in") {
			t.Errorf("%s is %q", key, state)
		}
	}
}

// The network around an IPv6 client has 16 times its rate. For the highest rates
// that is more than one request in a microsecond.
func TestTheHighestRates(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	for i, rate := range []ratelimit.Rate{"1000000/second", "1000000000/hour", "62501/second", "1000000/second,fixed-window", "1000000000/hour; 1000000/second"} {
		m, err := ratelimit.New(ratelimit.Config{Name: fmt.Sprint("rate-", i), Rate: rate, Store: l})
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			taken, result, err := m.TakeFor(t.Context(), netip.MustParseAddr(addr))
			if err != nil || result.Remaining < result.Limit-1 {
				t.Errorf("%s from %s: %+v, %v", rate, addr, result, err)
			}
			taken.Refund()
		}
	}
}

// A value that is not of this package is an error, and does not pass anybody.
func TestAKeyOfSomebodyElse(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	for name, a := range algorithms {
		x := of("x", a, 3)
		asked := func() (ratelimit.Cell, bool, error) { // of a store that remembers nothing
			return debit(t, limits(t, client, func(c *redisstore.LimitsConfig) { c.Instances = 1 }), x)
		}
		asked()
		key := ask(t, server, "KEYS", "*").([]any)[0].(string)
		for _, value := range []string{"", "nonsense", "1 2 3", "-5 -5", "-5:5", "x:1", "1e400x", "9999999999999999999 x", "1:1x"} {
			ask(t, server, "SET", key, value)
			if _, ok, err := asked(); ok || err == nil || !strings.Contains(err.Error(), "not of this package") {
				t.Errorf("%s: the value %q: %t, %v", name, value, ok, err)
			}
			given := x
			given.Taken = 1
			limits(t, client, nil).Refund(t.Context(), []ratelimit.Cell{given})
			if _, ok, _ := asked(); ok {
				t.Errorf("%s: the value %q passes somebody after a Refund", name, value)
			}
		}
		for _, value := range []string{"1e400", "inf", "-inf", "nan", "0x7fffffffffffff", "1e15", "-1"} {
			if a != ratelimit.GCRA {
				break
			}
			ask(t, server, "SET", key, value)
			if c, ok, err := asked(); err == nil && (c.Standing.Wait > 2*time.Hour || ok && c.Standing.Remaining > 2) {
				t.Errorf("%s: the value %q: %t, %+v", name, value, ok, c)
			}
		}
		ask(t, server, "DEL", key)
		ask(t, server, "LPUSH", key, "x")
		if _, ok, err := asked(); ok || err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
			t.Errorf("%s: a list: %t, %v", name, ok, err)
		}
		ask(t, server, "FLUSHALL")
	}
}

// The server's clock is set while a quota is in use, as after a failover.
func TestTheClockOfRedis(t *testing.T) {
	server := redis(t, engine.RedisConfig{Clock: true})
	set := func(d time.Duration) {
		t.Helper()
		if err := server.SetClock(d); err != nil {
			t.Fatal(err)
		}
		// The server reads the file again at its next look at the clock.
		for now := time.Duration(0); ; {
			reply := ask(t, server, "TIME").([]any)
			seconds, _ := strconv.ParseInt(reply[0].(string), 10, 64)
			if now = time.Until(time.Unix(seconds, 0)) - d; now < 5*time.Second && now > -5*time.Second {
				return
			}
		}
	}
	for name, a := range algorithms {
		t.Run(name, func(t *testing.T) {
			set(0)
			l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Prefix = name })
			c := of("x", a, 5)
			c.Cost = 5
			passes(t, "the quota", l, c, true)
			set(-time.Hour)
			s := passes(t, "an hour back", l, c, false).Standing
			if s.Wait > 2*time.Hour {
				t.Errorf("an hour back: %+v", s)
			}
			set(time.Hour + time.Minute)
			l = limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Prefix = name })
			passes(t, "two hours forward", l, c, true)
			passes(t, "beyond it", l, c, false)
		})
	}
}

// While Redis hangs, every call is answered within its Timeout by the declared
// mode, nothing gathers, and it recovers by itself.
func TestARedisThatIsStopped(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	events := &bulwarktest.Recorder{}
	l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) {
		c.Instances, c.Timeout, c.Recorder = 2, 250*time.Millisecond, events
	})
	passes(t, "before", l, of("x", ratelimit.GCRA, 1_000_000), true)
	begin := runtime.NumGoroutine()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var passed, failed atomic.Int64
	for i := range 200 {
		all.Go(func() {
			for range 50 {
				_, ok, err := debit(t, l, of(fmt.Sprint("caller", i%10), ratelimit.GCRA, 20))
				if err != nil {
					failed.Add(1)
				}
				if ok {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 10*10 || failed.Load() != 0 {
		t.Errorf("%d passed and %d failed of ten callers with a share of 10 each", passed.Load(), failed.Load())
	}
	if n := runtime.NumGoroutine() - begin; n > 300 {
		t.Errorf("%d goroutines more than before", n)
	}
	if got := names(events); !slices.Equal(got, []string{outage}) {
		t.Errorf("the events are %q", got)
	}
	if err := server.Continue(); err != nil {
		t.Fatal(err)
	}
	recovers(t, l, events)
}

// recovers waits until the store asks Redis again.
func recovers(t *testing.T, l ratelimit.Store, events *bulwarktest.Recorder) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !slices.Contains(names(events), recovered); {
		if time.Now().After(deadline) {
			t.Fatalf("no recovery: %q", names(events))
		}
		debit(t, l, of("recovery", ratelimit.GCRA, 1_000_000))
		time.Sleep(5 * time.Millisecond)
	}
	if got := names(events); !slices.Equal(got, []string{outage, recovered}) {
		t.Errorf("the events are %q", got)
	}
}

func TestARedisThatIsKilled(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	events := &bulwarktest.Recorder{}
	l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Recorder = events })
	passes(t, "before", l, of("x", ratelimit.GCRA, 100), true)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, ok, err := debit(t, l, of("x", ratelimit.GCRA, 100)); ok || err == nil {
			t.Errorf("without Redis: %t, %v", ok, err)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	recovers(t, l, events)
}

// A service starts while Redis is down.
func TestAStartWithoutRedis(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	events := &bulwarktest.Recorder{}
	l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Instances, c.Recorder = 2, events })
	passes(t, "without Redis", l, of("x", ratelimit.GCRA, 2), true)
	passes(t, "beyond the share", l, of("x", ratelimit.GCRA, 2), false)
	for range 5 {
		debit(t, l, of("x", ratelimit.GCRA, 2))
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	recovers(t, l, events)
}

// A wrong password is a mistake that no mode hides.
func TestAWrongPassword(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	for _, password := range []string{"wrong", ""} {
		events := &bulwarktest.Recorder{}
		client := connect(t, rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: password, ForceSingleClient: true})
		l := limits(t, redisstore.Rueidis(client), func(c *redisstore.LimitsConfig) { c.Instances, c.Recorder = 1, events })
		for range 10 {
			_, ok, err := debit(t, l, of("x", ratelimit.GCRA, 3))
			if ok || err == nil || !strings.Contains(err.Error(), "WRONGPASS") && !strings.Contains(err.Error(), "NOAUTH") {
				t.Errorf("the password %q: %t, %v", password, ok, err)
			}
		}
		is(t, "events", names(events))
	}
}

// A full Redis that may evict nothing is an outage, and not a limit that lets
// everybody pass.
func TestARedisWithoutMemory(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	events := &bulwarktest.Recorder{}
	l := limits(t, redisstore.Rueidis(dial(t, server)), func(c *redisstore.LimitsConfig) { c.Instances, c.Recorder = 1, events })
	passes(t, "before", l, of("x", ratelimit.GCRA, 100), true)
	ask(t, server, "CONFIG", "SET", "maxmemory", "1")
	for range 10 {
		if _, _, err := debit(t, l, of("y", ratelimit.GCRA, 3)); err != nil {
			t.Error(err)
		}
	}
	ask(t, server, "CONFIG", "SET", "maxmemory", "0")
	recovers(t, l, events)
}

// A flood of made-up keys: what it takes in Redis, and that it is gone after
// the time of its quota.
func TestAFloodIsGoneAfterItsTime(t *testing.T) {
	server := redis(t, engine.RedisConfig{Options: []string{"hz 100"}})
	l := limits(t, redisstore.Rueidis(dial(t, server)), nil)
	used := func() int64 {
		text := ask(t, server, "INFO", "memory").(string)
		n, _ := strconv.ParseInt(regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(text)[1], 10, 64)
		return n
	}
	for i := range 64 { // the largest state there is, but for debts
		passes(t, "a full log", l, of("log", ratelimit.SlidingLog, 64), true)
		if i == 63 {
			key := ask(t, server, "KEYS", "*").([]any)[0].(string)
			t.Logf("a sliding log of 64 requests: %v bytes", ask(t, server, "MEMORY", "USAGE", key))
		}
	}
	ask(t, server, "FLUSHALL")
	const flood = 20_000
	for name, a := range algorithms {
		for _, cost := range []int64{1, 2} {
			c := of("", a, 2)
			c.Policy.Window, c.Cost = 2*time.Second, cost
			passes(t, name, l, c, true) // the script is loaded
			before := used()
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() {
					for j := range flood / 50 {
						c := c
						c.Key = []byte(fmt.Sprint(name, cost, i, ".", j))
						if _, ok, err := debit(t, l, c); !ok || err != nil {
							t.Errorf("%t, %v", ok, err)
						}
					}
				})
			}
			all.Wait()
			keys := ask(t, server, "DBSIZE").(int64)
			t.Logf("%s, cost %d: %d keys, %d bytes a key", name, cost, keys, (used()-before)/max(1, keys))
			for deadline := time.Now().Add(60 * time.Second); ask(t, server, "DBSIZE").(int64) > 0; {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %v keys are still there", name, ask(t, server, "DBSIZE"))
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

// After a failover by Sentinel the limits go on, and no more than one burst is
// lost.
func TestAFailover(t *testing.T) {
	s, client := sentinel(t)
	events := &bulwarktest.Recorder{}
	l := limits(t, redisstore.Rueidis(client), func(c *redisstore.LimitsConfig) { c.Timeout, c.Recorder = time.Second, events })
	const limit = 50
	passed := 0
	for range limit / 2 {
		passes(t, "before", l, of("x", ratelimit.FixedWindow, limit), true)
		passed++
	}
	if _, err := s.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	refusals := 0
	for deadline := time.Now().Add(60 * time.Second); refusals < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("no answer after the failover: %q", names(events))
		}
		_, ok, err := debit(t, l, of("x", ratelimit.FixedWindow, limit))
		switch {
		case ok:
			passed++
		case err == nil:
			refusals++
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
	t.Logf("%d of %d passed across a failover, events %q", passed, limit, names(events))
	if passed < limit-5 || passed > 2*limit {
		t.Errorf("%d of %d passed", passed, limit)
	}
}

// Commands of one call are executed in order, next to WAIT, which does not stop
// the calls of others.
func TestWaitDoesNotStopOthers(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dial(t, server))
	done := make(chan error, 1)
	go func() {
		replies, err := client.Do(t.Context(), "k", []string{"SET", "k", "1"}, []string{"INCR", "k"}, []string{"WAIT", "1", "3000"}, []string{"INCR", "k"})
		if err == nil && fmt.Sprint(replies) != "[OK 2 0 3]" {
			err = fmt.Errorf("the replies are %v", replies)
		}
		done <- err
	}()
	for begun := false; !begun; { // until the WAIT has begun
		select {
		case err := <-done:
			t.Skipf("WAIT has ended (%v) before this test has seen it: the machine is too busy", err)
		default:
			begun = strings.Contains(ask(t, server, "INFO", "clients").(string), "blocked_clients:1")
		}
	}
	for range 20 {
		if _, err := client.Do(t.Context(), "k", []string{"GET", "k"}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("WAIT has ended before the others: %v", err)
		default:
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The replies of rueidis have the types of Client, in RESP3 as in RESP2.
func TestRepliesOfRueidis(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	for _, two := range []bool{false, true} {
		ask(t, server, "FLUSHALL")
		client := redisstore.Rueidis(connect(t, rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: server.Password(), AlwaysRESP2: two}))
		replies, err := client.Do(t.Context(), "{x}",
			[]string{"SET", "{x}", "v"}, []string{"GET", "{x}"}, []string{"GET", "{x}none"}, []string{"INCR", "{x}n"}, []string{"INCR", "{x}"},
			[]string{"HSET", "{x}h", "a", "1"}, []string{"HGETALL", "{x}h"}, []string{"DEL", "{x}n"},
			[]string{"EVAL", "return {1, 'a', {2, false}, redis.error_reply('MINE e')}", "0"}, []string{"ZADD", "{x}z", "1.5", "m"}, []string{"ZSCORE", "{x}z", "m"})
		if err != nil {
			t.Fatal(err)
		}
		wrong, ok := replies[4].(error)
		if !ok || !strings.Contains(wrong.Error(), "not an integer") {
			t.Errorf("an error is %#v", replies[4])
		}
		inner, ok := replies[8].([]any)[3].(error)
		if !ok || !strings.HasPrefix(inner.Error(), "MINE") {
			t.Errorf("an error within a list is %#v", replies[8])
		}
		replies[4], replies[8].([]any)[3] = nil, nil
		want := []any{"OK", "v", nil, int64(1), nil, int64(1), []any{"a", "1"}, int64(1), []any{int64(1), "a", []any{int64(2), nil}, nil}, int64(1), "1.5"}
		if got := fmt.Sprintf("%#v", replies); got != fmt.Sprintf("%#v", want) {
			t.Errorf("RESP2 %t: %s, want %#v", two, got, want)
		}
		if one, err := client.Do(t.Context(), "", []string{"PING"}); err != nil || one[0] != "PONG" {
			t.Errorf("%v, %v", one, err)
		}
	}
}

// In a Cluster the calls go to the primary of their slot, with WAIT as well.
func TestRueidisInACluster(t *testing.T) {
	c, client := cluster(t)
	all := redisstore.Rueidis(client)
	for i := range 50 {
		key := fmt.Sprint("{", i, "}")
		for _, command := range [][]string{{"INCR", key + "b"}, {"WAIT", "0", "10"}} {
			replies, err := all.Do(t.Context(), key, []string{"SET", key, "v"}, command, []string{"GET", key})
			if err != nil || replies[0] != "OK" || replies[2] != "v" {
				t.Fatalf("%v, %v", replies, err)
			}
		}
		if replies, err := all.Do(t.Context(), key, []string{"GET", key}); err != nil || replies[0] != "v" {
			t.Fatalf("%v, %v", replies, err)
		}
	}
	for _, server := range c.Servers {
		if n := ask(t, server, "DBSIZE").(int64); n < 5 {
			t.Errorf("a server has %d keys", n)
		}
	}
	if replies, err := all.Do(t.Context(), "", []string{"PING"}); err != nil || replies[0] != "PONG" {
		t.Errorf("%v, %v", replies, err)
	}
}

// The Client for go-redis in the Example keeps the rules of Client, and limits
// work with it.
func TestGoRedis(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr(), Password: server.Password(), Protocol: 2, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	all := goRedis{client}
	replies, err := all.Do(t.Context(), "k", []string{"SET", "k", "1"}, []string{"GET", "none"}, []string{"LPUSH", "k", "x"}, []string{"INCR", "k"}, []string{"WAIT", "0", "1"})
	if err != nil || fmt.Sprint(replies) != "[OK <nil> WRONGTYPE Operation against a key holding the wrong kind of value 2 0]" {
		t.Errorf("%v, %v", replies, err)
	}
	for name, a := range algorithms {
		l := limits(t, all, nil)
		var taken ratelimit.Cell
		for range 3 {
			taken = passes(t, name, l, of("x", a, 3), true)
		}
		passes(t, name, l, of("x", a, 3), false)
		ask(t, server, "SCRIPT", "FLUSH")
		if err := l.Refund(t.Context(), []ratelimit.Cell{taken}); err != nil {
			t.Error(err)
		}
		passes(t, name+" after a Refund", l, of("x", a, 3), true)
		if err := l.Reset(t.Context(), []ratelimit.Cell{of("x", a, 3)}); err != nil {
			t.Error(err)
		}
		passes(t, name+" after a Reset", l, of("x", a, 3), true)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Do(ctx, "k", []string{"GET", "k"}); err == nil {
		t.Error("a call whose context is over has no error")
	}
}

// The words of the events are on the page that explains them.
func TestTheEventsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{outage, recovered, "sys_monitor_disabled redisstore.insecure_open"} {
		name, reason, _ := strings.Cut(line, " ")
		if !strings.Contains(string(page), "| `"+name+"` | `"+reason+"` |") {
			t.Errorf("docs/codes.md does not explain %s", line)
		}
	}
}
