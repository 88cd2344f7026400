package ratelimit_test

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// limitOn makes a limit on a store.
func limitOn(store *ratelimit.MemoryStore, name string) (*ratelimit.Middleware, error) {
	return ratelimit.New(ratelimit.Config{Name: name, Rate: "1/hour", Store: store})
}

func TestMemoryStoreMax(t *testing.T) {
	for _, keys := range []int{-1, 1, 7, 1<<27 + 1} {
		store := &ratelimit.MemoryStore{Max: keys}
		m, err := limitOn(store, "n")
		if m != nil || !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n).Store.Max"}) || store.Buckets() != 0 {
			t.Errorf("%d: %v, %v, %d buckets", keys, m, err, store.Buckets())
		}
	}
	for keys, buckets := range map[int]int{8: 1, 9: 2, 16: 2, 1000: 128, 1024: 128, 0: 131072} {
		store := &ratelimit.MemoryStore{Max: keys}
		if _, err := limitOn(store, "n"); err != nil || store.Buckets() != buckets {
			t.Errorf("%d: %v buckets, %v", keys, store.Buckets(), err)
		}
	}
}

// TestZeroMemoryStore is ready, and takes no memory until there is a limit.
func TestZeroMemoryStore(t *testing.T) {
	var store ratelimit.MemoryStore
	if store.Evictions() != 0 || store.Buckets() != 0 {
		t.Fatalf("%d evictions, %d buckets before the first limit", store.Evictions(), store.Buckets())
	}
	m, err := limitOn(&store, "n")
	if err != nil {
		t.Fatal(err)
	}
	_, _, first := m.Take(t.Context(), "somebody")
	_, _, second := m.Take(t.Context(), "somebody")
	if first != nil || second == nil {
		t.Errorf("got %v and %v, want the first and not the second", first, second)
	}
}

// TestMemoryStoreIsMadeOnce makes the first limits of a store at the same time.
// All of them count in one table: three keys each fill it, so that some give
// way.
func TestMemoryStoreIsMadeOnce(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 8}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			m, err := limitOn(store, fmt.Sprint("n", i))
			if err != nil {
				t.Error(err)
				return
			}
			for j := range 3 {
				m.Take(t.Context(), fmt.Sprint(j))
			}
		})
	}
	wg.Wait()
	if got := store.Evictions(); got != 16*3-8 {
		t.Errorf("%d evictions, want %d", got, 16*3-8)
	}
	if _, err := limitOn(store, "n7"); !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n7).Name"}) {
		t.Errorf("a second limit of one name: %v", err)
	}
}

// TestCopiedMemoryStore copies as a program could that ignores go vet. A copy
// of one in use would share its table, and not the names on it.
func TestCopiedMemoryStore(t *testing.T) {
	copied := func(store *ratelimit.MemoryStore) *ratelimit.MemoryStore {
		c := new(ratelimit.MemoryStore)
		reflect.ValueOf(c).Elem().Set(reflect.ValueOf(store).Elem())
		return c
	}
	store := &ratelimit.MemoryStore{Max: 8}
	if _, err := limitOn(copied(store), "n"); err != nil {
		t.Errorf("a copy of an unused store: %v", err)
	}
	if _, err := limitOn(store, "n"); err != nil {
		t.Fatal(err)
	}
	if m, err := limitOn(copied(store), "other"); m != nil || !slices.Equal(faulttest.Fields(err), []string{"ratelimit(other).Store"}) {
		t.Errorf("a copy of a store in use: %v, %v", m, err)
	}
}

// A debt of a fixed window keeps its slot into the next window, while the slot
// of another key is free again.
func TestADebtKeepsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ratelimit.MemoryStore{Max: 8}
		cell := func(key string, cost int64) []ratelimit.Cell {
			return []ratelimit.Cell{{Policy: ratelimit.Policy{Name: "n", Algorithm: ratelimit.FixedWindow, Limit: 4, Window: time.Hour, Burst: 4}, Key: []byte(key), Cost: cost, Debt: true}}
		}
		debit := func(key string, cost int64) int64 {
			cells := cell(key, cost)
			if _, err := store.Debit(t.Context(), cells); err != nil {
				t.Fatal(err)
			}
			return cells[0].Standing.Remaining
		}
		debit("owes", 7)
		debit("used", 4)
		time.Sleep(time.Hour)
		for i := range 7 { // with the debt, all 8
			debit(fmt.Sprint(i), 1)
		}
		if got := debit("owes", 0); got != 1 {
			t.Errorf("%d are left after a debt, want 1", got)
		}
		if got := store.Evictions(); got != 0 {
			t.Errorf("%d evictions", got)
		}
		time.Sleep(time.Hour)
		for i := range 8 {
			debit(fmt.Sprint("later", i), 1)
		}
		if got := store.Evictions(); got != 0 {
			t.Errorf("%d evictions two windows later", got)
		}
	})
}

// Debit says how much of a debt it has taken: never more than two quotas.
func TestTakenOfADebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, a := range []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.FixedWindow, ratelimit.SlidingLog} {
			var store ratelimit.MemoryStore
			for i, test := range []struct{ cost, taken int64 }{{12, 12}, {25, 8}, {1, 0}, {1 << 62, 0}} {
				cells := []ratelimit.Cell{{Policy: ratelimit.Policy{Name: "n", Algorithm: a, Limit: 10, Window: time.Hour, Burst: 10}, Key: []byte("k"), Cost: test.cost, Debt: true}}
				if ok, err := store.Debit(t.Context(), cells); !ok || err != nil || cells[0].Taken != test.taken {
					t.Errorf("%v, debit %d: %t, %v, %d taken, want %d", a, i, ok, err, cells[0].Taken, test.taken)
				}
			}
			cells := []ratelimit.Cell{{Policy: ratelimit.Policy{Name: "n", Algorithm: a, Limit: 10, Window: time.Hour, Burst: 10}, Key: []byte("k"), Cost: 1 << 62}}
			if ok, err := store.Debit(t.Context(), cells); ok || err != nil || !cells[0].Standing.Exceeded {
				t.Errorf("%v: %t, %v, %+v", a, ok, err, cells[0])
			}
		}
	})
}

// A goroutine that read the clock before another, and counts after it, takes
// nothing from the refund of the other.
func TestARefundAfterALateDebit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, a := range []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.FixedWindow, ratelimit.SlidingLog} {
			var store ratelimit.MemoryStore
			cell := func(cost int64) []ratelimit.Cell {
				return []ratelimit.Cell{{Policy: ratelimit.Policy{Name: "n", Algorithm: a, Limit: 10, Window: time.Minute, Burst: 10}, Key: []byte("k"), Cost: cost}}
			}
			first := cell(4)
			store.Debit(t.Context(), first)
			late := cell(1)
			if ok := store.DebitBefore(time.Millisecond, late); !ok || late[0].Standing.Reset > time.Minute {
				t.Errorf("%v: %t, %+v", a, ok, late[0])
			}
			if err := store.Refund(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			look := cell(0)
			store.Debit(t.Context(), look)
			if got := look[0].Standing.Remaining; got != 9 {
				t.Errorf("%v: %d are left, want 9", a, got)
			}
		}
	})
}

// A goroutine that read the clock before the end of a day, and counts after it,
// does not bring the day back: the new day would begin again after that.
func TestALateDebitAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Now().Add(time.Hour)
		var store ratelimit.MemoryStore
		cell := func(cost int64) []ratelimit.Cell {
			return []ratelimit.Cell{{Key: []byte("k"), Cost: cost, Policy: ratelimit.Policy{Name: "n", Algorithm: ratelimit.FixedWindow, Limit: 10, Window: 24 * time.Hour, Burst: 10,
				Ends: []time.Time{midnight.Add(-24 * time.Hour), midnight, midnight.Add(24 * time.Hour)}}}}
		}
		store.Debit(t.Context(), cell(3))
		time.Sleep(time.Hour + time.Millisecond)
		today := cell(9)
		store.Debit(t.Context(), today)
		for i, want := range []bool{true, false} {
			if ok := store.DebitBefore(2*time.Millisecond, cell(1)); ok != want {
				t.Errorf("late debit %d: %t", i, ok)
			}
		}
		if ok, _ := store.Debit(t.Context(), cell(1)); ok {
			t.Error("the quota of the day is there again")
		}
		if err := store.Refund(t.Context(), today); err != nil {
			t.Fatal(err)
		}
		look := cell(0)
		store.Debit(t.Context(), look)
		if got := look[0].Standing.Remaining; got != 9 {
			t.Errorf("%d are left, want 9", got)
		}
	})
}
