package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
)

var algorithms = map[string]ratelimit.Rate{"gcra": "10/hour", "fixed_window": "10/hour,fixed-window", "sliding_log": "10/hour,sliding-log"}

// TestOffenderUnderFlood keeps refusing who has been there, while fresh keys
// flood a table that is far too small for them.
func TestOffenderUnderFlood(t *testing.T) {
	for name, rate := range algorithms {
		for _, between := range []int{1, 100, 2_000} {
			t.Run(fmt.Sprint(name, "_", between), func(t *testing.T) {
				store := &ratelimit.MemoryStore{Max: 1024}
				m := serve(t, ratelimit.Config{Rate: rate, Store: store}).limit
				got, junk := 0, 0
				for range 200 {
					if _, _, err := m.Take(t.Context(), "offender"); err == nil {
						got++
					}
					for range between {
						junk++
						if _, _, err := m.Take(t.Context(), "junk", fmt.Sprint(junk)); err != nil {
							t.Fatalf("junk key %d was refused", junk)
						}
					}
				}
				if got != 10 {
					t.Errorf("the offender got %d requests, want 10", got)
				}
				if between == 2_000 && store.Evictions() == 0 {
					t.Error("no evictions were counted")
				}
			})
		}
	}
}

// TestOffenderArrivesDuringFlood is there only after the table is full.
func TestOffenderArrivesDuringFlood(t *testing.T) {
	for name, rate := range algorithms {
		t.Run(name, func(t *testing.T) {
			store := &ratelimit.MemoryStore{Max: 1024}
			m := serve(t, ratelimit.Config{Rate: rate, Store: store}).limit
			flood := func(from, n int) {
				for i := range n {
					m.Take(t.Context(), "junk", fmt.Sprint(from+i))
				}
			}
			flood(0, 20_000)
			got := 0
			for i := range 200 {
				if _, _, err := m.Take(t.Context(), "offender"); err == nil {
					got++
				}
				if i > 0 { // once it has consumed more than a fresh key it stays
					flood(100_000*i, 1_000)
				}
			}
			if got != 10 {
				t.Errorf("the offender got %d requests, want 10", got)
			}
		})
	}
}

// TestSlotsAreReused fills a table again and again with keys whose time has
// passed.
func TestSlotsAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ratelimit.MemoryStore{Max: 8}
		m := serve(t, ratelimit.Config{Rate: "1/second", Store: store}).limit
		for i := range 800 {
			if i%8 == 0 {
				time.Sleep(time.Second)
			}
			if _, _, err := m.Take(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := store.Evictions(); n != 0 {
			t.Errorf("%d evictions of keys whose time had passed", n)
		}
		for i := range 8 { // the last eight are all there
			if _, _, err := m.Take(t.Context(), fmt.Sprint(792+i)); err == nil {
				t.Errorf("key %d was forgotten", 792+i)
			}
		}
	})
}

// TestLeastConsumedGivesWay fills one bucket with keys that have used up their
// quota; what comes then displaces the least of them, and itself.
func TestLeastConsumedGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ratelimit.MemoryStore{Max: 8}
		m := serve(t, ratelimit.Config{Rate: "10/hour", Store: store}).limit
		take := func(key string, n int) (passed int) {
			for range n {
				if _, _, err := m.Take(t.Context(), key); err == nil {
					passed++
				}
			}
			return passed
		}
		for i := range 8 {
			take(fmt.Sprint(i), 3+i) // key 0 the least, key 7 all
		}
		for i := range 100 {
			take(fmt.Sprint("junk", i), 1)
		}
		if n := store.Evictions(); n != 100 {
			t.Errorf("%d evictions, want 100", n)
		}
		for i := 7; i > 0; i-- {
			if got := take(fmt.Sprint(i), 10); got != 7-i {
				t.Errorf("key %d had %d left, want %d", i, got, 7-i)
			}
		}
	})
}

// TestRefundAfterEviction gives back to a key that is no longer there.
func TestRefundAfterEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ratelimit.MemoryStore{Max: 8}
		m := serve(t, ratelimit.Config{Rate: "2/hour", Store: store}).limit
		reservation, _, _ := m.Take(t.Context(), "gone")
		for i := range 20 {
			for range 2 {
				m.Take(t.Context(), fmt.Sprint(i))
			}
		}
		if store.Evictions() == 0 {
			t.Fatal("nothing was evicted")
		}
		reservation.Refund()
		if got := serveLeft(t, m, "fresh"); got != 2 {
			t.Errorf("a fresh key had %d", got)
		}
	})
}

func serveLeft(t *testing.T, m *ratelimit.Middleware, key string) (n int) {
	for {
		if _, _, err := m.Take(t.Context(), key); err != nil {
			return n
		}
		n++
	}
}

// TestChurnAtOnce hits, inserts, evicts and refunds in one small table from
// many goroutines; a key that is always in use is counted exactly where nothing
// heavier pushes it out.
func TestChurnAtOnce(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 16}
	m := serve(t, ratelimit.Config{Rate: "100/day", Store: store}).limit
	for range 3 { // more than a fresh key
		m.Take(t.Context(), "hot")
	}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				if _, _, err := m.Take(t.Context(), "hot"); err == nil {
					passed.Add(1)
				}
				if r, _, err := m.Take(t.Context(), fmt.Sprint("junk", g, i)); err == nil && i%3 == 0 {
					r.Refund()
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 97 {
		t.Errorf("%d passed, want 97", passed.Load())
	}
}

// TestMillionAddresses sends from a million addresses or networks: what New
// allocates is all that is kept, and it is what the documentation says.
func TestMillionAddresses(t *testing.T) {
	if race.Enabled || testing.Short() {
		t.Skip("counts memory")
	}
	const mebi = 1 << 20
	for name, test := range map[string]struct {
		rate  ratelimit.Rate
		place *time.Location
		six   bool
		sent  int
		most  int64 // of New
	}{
		"gcra":         {"10/hour", nil, true, 1_000_000, 16 * mebi},
		"fixed_window": {"10/hour,fixed-window", nil, false, 1_000_000, 40 * mebi},
		"sliding_log":  {"10/hour,sliding-log", nil, false, 1_000_000, 32 * mebi},
		"all_of_them":  {"10/hour; 99/day; 20/2h,sliding-log", place("Europe/Paris"), true, 100_000, 56 * mebi},
	} {
		t.Run(name, func(t *testing.T) {
			empty := heap()
			m := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: test.rate, Calendar: test.place}))
			next := &spy{}
			h := m.Wrap(next)
			r, w := quietRequest("192.0.2.1:1")
			h.ServeHTTP(w, r)
			before := heap()
			if made := int64(before) - int64(empty); made > test.most+256<<10 {
				t.Errorf("New has allocated %d bytes, want at most %d", made, test.most)
			}
			four, six := [4]byte{10}, netip.MustParseAddr("2001:db8::1").As16()
			for i := range test.sent {
				four[1], four[2], four[3] = byte(i>>16), byte(i>>8), byte(i)
				addr := netip.AddrFrom4(four)
				if test.six {
					six[2], six[3], six[4], six[5] = byte(i>>20), byte(i>>12), byte(i>>4), byte(i<<4)
					addr = netip.AddrFrom16(six)
				}
				r, w := quietRequest(netip.AddrPortFrom(addr, 1).String())
				h.ServeHTTP(w, r)
			}
			after := heap()
			if grown := int64(after) - int64(before); grown > 64<<10 {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
			t.Logf("heap: %d KiB before New, %d KiB after it, %d KiB after %d addresses", empty>>10, before>>10, after>>10, test.sent)
			runtime.KeepAlive(h)
			if next.ran != test.sent+1 {
				t.Errorf("only %d passed", next.ran)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func quietRequest(addr string) (*http.Request, discard) {
	r := &http.Request{Method: "GET", RemoteAddr: addr, Header: http.Header{}}
	return r.WithContext(quiet(r)), discard{http.Header{}}
}
