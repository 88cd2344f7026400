package ratelimit_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A pattern says how many requests a client sends at each tick of a clock.
type pattern []int

// refunded is in a pattern one request that is given back, as a limit on
// failures does for a request that succeeds.
const refunded = -1

// patterns are all patterns of those symbols at so many ticks.
func patterns(ticks int, symbols ...int) (all []pattern) {
	n := 1
	for range ticks {
		n *= len(symbols)
	}
	for i := range n {
		p := make(pattern, ticks)
		for tick := range p {
			p[tick] = symbols[i%len(symbols)]
			i /= len(symbols)
		}
		all = append(all, p)
	}
	return all
}

// worst sends all patterns at once, each from a client of its own, and returns
// the most requests of one client that passed within a window, wherever the
// window begins. A window of 60 seconds does not include both its ends.
func worst(t *testing.T, all []pattern, tick time.Duration, policy func(begin time.Time) ratelimit.Policy) (most int) {
	t.Helper()
	store := &ratelimit.MemoryStore{Max: 1 << 20}
	p := policy(time.Now())
	window := int(p.Window / tick)
	passed := make([][]int, len(all))
	for i := range all {
		passed[i] = make([]int, len(all[i]))
	}
	key := make([]byte, 4)
	cells := []ratelimit.Cell{{Policy: p, Key: key, Cost: 1}}
	for at := range all[0] {
		for i, sent := range all {
			binary.LittleEndian.PutUint32(key, uint32(i))
			for n := range max(sent[at], -sent[at]) {
				ok, err := store.Debit(t.Context(), cells)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break // the rest is refused as well
				}
				if sent[at] == refunded {
					store.Refund(t.Context(), cells)
					break
				}
				passed[i][at] = n + 1
			}
		}
		time.Sleep(tick)
	}
	if store.Evictions() > 0 {
		t.Fatal("the store has forgotten clients")
	}
	for _, n := range passed {
		sum := 0
		for at := range n {
			if sum += n[at]; at >= window {
				sum -= n[at-window]
			}
			most = max(most, sum)
		}
	}
	return most
}

// plain is a policy without a calendar.
func plain(a ratelimit.Algorithm, limit, burst int64, window time.Duration) func(time.Time) ratelimit.Policy {
	return func(time.Time) ratelimit.Policy {
		return ratelimit.Policy{Name: "n", Algorithm: a, Limit: limit, Window: window, Burst: burst}
	}
}

// lengths is a calendar whose windows have those lengths in ticks of a second.
// The first of them has begun already.
func lengths(limit int64, window time.Duration, ticks ...int) func(time.Time) ratelimit.Policy {
	return func(begin time.Time) ratelimit.Policy {
		p := plain(ratelimit.FixedWindow, limit, limit, window)(begin)
		p.Ends = []time.Time{begin.Add(-time.Hour)}
		at := begin
		for _, n := range ticks {
			at = at.Add(time.Duration(n) * time.Second)
			p.Ends = append(p.Ends, at)
		}
		p.Ends = append(p.Ends, at.Add(time.Hour))
		return p
	}
}

// Of all patterns on a grid of time, the worst lets exactly as many requests
// pass within a window as the package comment says: N is the limit, B the
// burst.
//
//	GCRA             B + N - 1, which is 2N - 1 without a burst of its own
//	fixed windows    2N, where the request that begins a window is refunded,
//	                 and else 2N - 1
//	calendar         2N, and 3N around a window that is shorter than others
//	sliding log      N
func TestWorstOfAllPatterns(t *testing.T) {
	const tick = time.Second
	one, two, three := []int{0, 1}, []int{0, 1, 2}, []int{0, 1, 2, 3}
	oneBack, twoBack, threeBack := []int{0, 1, refunded}, []int{0, 1, 2, refunded}, []int{0, 1, 3, refunded}
	for _, test := range []struct {
		name    string
		ticks   int
		symbols []int
		policy  func(time.Time) ratelimit.Policy
		want    int
	}{
		{"gcra_1_in_3", 9, two, plain(ratelimit.GCRA, 1, 1, 3*tick), 1},
		{"gcra_2_in_4", 9, two, plain(ratelimit.GCRA, 2, 2, 4*tick), 3},
		{"gcra_2_in_4_refunds", 8, twoBack, plain(ratelimit.GCRA, 2, 2, 4*tick), 3},
		{"gcra_3_in_3", 7, three, plain(ratelimit.GCRA, 3, 3, 3*tick), 5},
		{"gcra_3_in_4", 8, three, plain(ratelimit.GCRA, 3, 3, 4*tick), 5}, // one each 4/3 ticks
		{"gcra_4_in_4_burst_1", 9, two, plain(ratelimit.GCRA, 4, 1, 4*tick), 4},
		{"gcra_4_in_4_burst_2", 9, two, plain(ratelimit.GCRA, 4, 2, 4*tick), 5},
		{"gcra_2_in_4_burst_3", 8, three, plain(ratelimit.GCRA, 2, 3, 4*tick), 4},
		{"fixed_1_in_3", 9, two, plain(ratelimit.FixedWindow, 1, 1, 3*tick), 1},
		{"fixed_2_in_4", 9, two, plain(ratelimit.FixedWindow, 2, 2, 4*tick), 3},
		{"fixed_3_in_3", 7, three, plain(ratelimit.FixedWindow, 3, 3, 3*tick), 5},
		{"fixed_1_in_3_refunds", 9, oneBack, plain(ratelimit.FixedWindow, 1, 1, 3*tick), 2},
		{"fixed_2_in_4_refunds", 8, twoBack, plain(ratelimit.FixedWindow, 2, 2, 4*tick), 4},
		{"fixed_3_in_3_refunds", 7, threeBack, plain(ratelimit.FixedWindow, 3, 3, 3*tick), 6},
		{"calendar_1_in_3", 9, one, lengths(1, 3*tick, 2, 3, 3, 3), 2},
		{"calendar_2_in_4_refunds", 8, twoBack, lengths(2, 4*tick, 2, 4, 4, 4), 4},
		{"calendar_longer", 9, two, lengths(2, 4*tick, 2, 5, 4, 4), 4},
		{"calendar_shorter", 10, two, lengths(2, 8*tick, 1, 6, 8), 6},
		{"log_1_in_3", 9, two, plain(ratelimit.SlidingLog, 1, 1, 3*tick), 1},
		{"log_2_in_4_refunds", 8, twoBack, plain(ratelimit.SlidingLog, 2, 2, 4*tick), 2},
		{"log_3_in_3", 7, three, plain(ratelimit.SlidingLog, 3, 3, 3*tick), 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := worst(t, patterns(test.ticks, test.symbols...), tick, test.policy); got != test.want {
					t.Errorf("%d within a window, want %d", got, test.want)
				}
			})
		})
	}
}

// For 100 in a minute there are too many patterns to try all. That none passes
// more than this follows from the algorithm:
//
//   - GCRA: each request that passes occupies the key for 0.6 seconds more, and
//     it is never occupied for longer than B × 0.6 seconds. So n requests that
//     pass within less than 60 seconds occupy it for n × 0.6 seconds, of which
//     less than 60 seconds have passed and at most B × 0.6 seconds are left:
//     n < B + 100.
//   - Fixed windows: two windows of one client begin at least 60 seconds apart.
//     So less than 60 seconds touch at most two of them, each of 100 requests.
//   - Sliding log: it is what the algorithm says.
//
// That some pattern passes as many is found among these: a first part at the
// begin, then nothing for a while, then a request at every tick for as long as
// it passes. The first part may be refunded. No pattern is better from some
// tick on than to try at every tick, for what is refused is not counted.
func TestWorstMinute(t *testing.T) {
	const tick, minute = 600 * time.Millisecond, 100 // ticks
	var all []pattern
	for _, first := range []int{0, refunded, 1, 2, 50, 63, 64, 99, 100} {
		for pause := 1; pause <= minute+1; pause++ {
			p := make(pattern, 2*minute+minute/2)
			p[0] = first
			for at := pause; at < len(p); at++ {
				p[at] = 100
			}
			all = append(all, p)
		}
	}
	calendar := func(begin time.Time) ratelimit.Policy {
		p := plain(ratelimit.FixedWindow, 100, 100, time.Minute)(begin)
		for i := -1; i < 5; i++ {
			p.Ends = append(p.Ends, begin.Add(time.Duration(i)*time.Minute+30*time.Second))
		}
		return p
	}
	for _, test := range []struct {
		name   string
		policy func(time.Time) ratelimit.Policy
		want   int
	}{
		{"100/minute", plain(ratelimit.GCRA, 100, 100, time.Minute), 199},
		{"100/minute,burst=25", plain(ratelimit.GCRA, 100, 25, time.Minute), 124},
		{"100/minute,fixed-window", plain(ratelimit.FixedWindow, 100, 100, time.Minute), 200},
		{"100 in a minute of a calendar", calendar, 200},
		{"64/minute,sliding-log", plain(ratelimit.SlidingLog, 64, 64, time.Minute), 64},
	} {
		t.Run(strings.NewReplacer("/", "_per_", " ", "_").Replace(test.name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := worst(t, all, tick, test.policy); got != test.want {
					t.Errorf("%d within a minute, want %d", got, test.want)
				}
			})
		})
	}
}
