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
