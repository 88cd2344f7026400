package dpop_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestMemoryReplaysKeepTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestReplays(t, func(*testing.T) dpop.Replays { return &dpop.MemoryReplays{} })
	})
}

// A proof that is too late is no first use, and takes no room.
func TestMemoryReplaysRefuseWhatHasPassed(t *testing.T) {
	m, now := &dpop.MemoryReplays{Max: 1}, time.Now()
	for name, until := range map[string]time.Time{"past": now.Add(-time.Second), "now": now, "zero": {}} {
		if first, err := m.Use(t.Context(), "client", name, until); first || err != nil {
			t.Errorf("%s: first %t, %v", name, first, err)
		}
	}
	if first, err := m.Use(t.Context(), "client", "good", now.Add(time.Hour)); !first || err != nil {
		t.Errorf("first %t, %v", first, err)
	}
}

func TestMemoryReplaysNeverEvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, now := &dpop.MemoryReplays{Max: 2}, time.Now()
		use := func(id string, wantFirst bool, want error) {
			t.Helper()
			if first, err := m.Use(t.Context(), "client of "+id, id, now.Add(2*time.Hour)); first != wantFirst || !errors.Is(err, want) {
				t.Errorf("%s: first %t, %v", id, first, err)
			}
		}
		if first, err := m.Use(t.Context(), "client of brief", "brief", now.Add(time.Hour)); !first || err != nil {
			t.Fatal(first, err)
		}
		use("long", true, nil)
		use("more", false, auth.ErrFull)
		use("brief", false, nil) // known, which needs no room
		use("long", false, nil)
		time.Sleep(time.Hour)
		use("more", true, nil)
		use("long", false, nil)
		use("brief", false, auth.ErrFull)
	})
}

// A client that sends more than its share is the one who is refused.
func TestCaseAuth20AShareForEachClient(t *testing.T) {
	for _, most := range []int{4, 100, 1000} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, end := &dpop.MemoryReplays{Max: most}, time.Now().Add(time.Minute)
				fill := func(client string) (held int) {
					for i := range 2 * most {
						first, err := m.Use(t.Context(), client, fmt.Sprint(i), end)
						switch {
						case first && err == nil:
							held++
						case first || !errors.Is(err, auth.ErrFull):
							t.Fatalf("%s, %d: first %t, %v", client, i, first, err)
						}
					}
					return held
				}
				if held := fill("greedy"); held != most/2 {
					t.Errorf("one client holds %d of %d", held, most)
				}
				if held := fill("second"); held != most/4 {
					t.Errorf("the next client holds %d of %d", held, most)
				}
				if first, err := m.Use(t.Context(), "greedy", "0", end); first || err != nil {
					t.Errorf("what is known needs no room: first %t, %v", first, err)
				}
				if first, err := m.Use(t.Context(), "third", "0", end); !first || err != nil {
					t.Errorf("a client that holds nothing is refused: first %t, %v", first, err)
				}
				// What expires is room again, also where an id comes back in its place.
				time.Sleep(time.Minute)
				end = time.Now().Add(time.Minute)
				if first, err := m.Use(t.Context(), "greedy", fmt.Sprint(most/2-1), end); !first || err != nil {
					t.Errorf("first %t, %v", first, err)
				}
				for i := range most {
					m.Use(t.Context(), "third", fmt.Sprint("x", i), end)
				}
				time.Sleep(time.Minute)
				end = time.Now().Add(time.Minute)
				if held := fill("greedy"); held != most/2 {
					t.Errorf("after a while one client holds %d of %d", held, most)
				}
			})
		})
	}
}

func TestMemoryReplaysCompareExactTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, end := &dpop.MemoryReplays{}, time.Now().Add(time.Minute)
		m.Use(t.Context(), "client", "a", end)
		time.Sleep(time.Minute - time.Nanosecond)
		if first, _ := m.Use(t.Context(), "client", "a", end); first {
			t.Error("it is forgotten a nanosecond early")
		}
		time.Sleep(time.Nanosecond)
		if first, _ := m.Use(t.Context(), "client", "a", end.Add(time.Minute)); !first {
			t.Error("it is not forgotten at its time")
		}
	})
}

// The bytes that the documentation promises, where each id is of another client.
// The ids alone are longer.
func TestMemoryReplaysPerEntry(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory of its own")
	}
	const most = 1 << 18 // the default
	end, long := time.Now().Add(time.Hour), strings.Repeat("x", 300)
	before := heapBytes()
	m := &dpop.MemoryReplays{}
	for i := range most {
		if first, err := m.Use(t.Context(), fmt.Sprint("client", i), fmt.Sprint(long, i), end); !first || err != nil {
			t.Fatal(first, err)
		}
	}
	if first, err := m.Use(t.Context(), "client", "more", end); first || !errors.Is(err, auth.ErrFull) {
		t.Errorf("one too many: first %t, %v", first, err)
	}
	each := (heapBytes() - before) / most
	runtime.KeepAlive(m)
	t.Logf("%d bytes each", each)
	if each < 64 || each > 280 {
		t.Errorf("%d bytes each, want at most 280", each)
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func BenchmarkUse(b *testing.B) {
	var n atomic.Int64
	run := func(b *testing.B, m *dpop.MemoryReplays) {
		if _, err := m.Use(b.Context(), "client", fmt.Sprint("5c3b1df0-8f0f-4ac8-93a1-", n.Add(1)), time.Now().Add(100*time.Millisecond)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("new", func(b *testing.B) { // as many are forgotten as are added
		m := &dpop.MemoryReplays{Max: 1 << 30}
		b.ReportAllocs()
		for b.Loop() {
			run(b, m)
		}
	})
	b.Run("new-parallel", func(b *testing.B) {
		m := &dpop.MemoryReplays{Max: 1 << 30}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				run(b, m)
			}
		})
	})
	b.Run("again", func(b *testing.B) {
		m, until := &dpop.MemoryReplays{}, time.Now().Add(time.Hour)
		b.ReportAllocs()
		for b.Loop() {
			m.Use(b.Context(), "client", "5c3b1df0-8f0f-4ac8-93a1-7cb0f36f3d12", until)
		}
	})
}
