package ratelimit_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
)

// With a clock that can be set, and with the one of this machine.
func TestMemoryStoreKeepsTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return &ratelimit.MemoryStore{Max: 4096} })
	})
}

// A decision over several cells allocates nothing.
func TestMemoryStoreAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var store ratelimit.MemoryStore
	policy := ratelimit.Policy{Name: "n", Limit: 1e9, Window: time.Hour, Burst: 1e9}
	for n := 1; n <= 4; n++ {
		cells := make([]ratelimit.Cell, n)
		for i := range cells {
			cells[i] = ratelimit.Cell{Policy: policy, Key: []byte{byte(i)}, Cost: 1}
		}
		if got := testing.AllocsPerRun(100, func() {
			if ok, err := store.Debit(t.Context(), cells); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if err := store.Refund(t.Context(), cells); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%d cells: %v allocations, want none", n, got)
		}
	}
}

// Every method names the field of a cell, or of the store, that makes it
// impossible to count.
func TestMemoryStoreNamesTheField(t *testing.T) {
	ok := ratelimit.Cell{Policy: ratelimit.Policy{Name: "n", Limit: 1, Window: time.Hour, Burst: 1}, Key: []byte("k"), Cost: 1}
	var used ratelimit.MemoryStore
	if _, err := used.Debit(t.Context(), []ratelimit.Cell{ok}); err != nil {
		t.Fatal(err)
	}
	small := &ratelimit.MemoryStore{Max: 7}
	for name, test := range map[string]struct {
		store  *ratelimit.MemoryStore
		change func(*ratelimit.Cell)
		field  string
	}{
		"algorithm": {&used, func(c *ratelimit.Cell) { c.Policy.Algorithm = 7 }, "ratelimit.Cell.Policy.Algorithm"},
		"window":    {&used, func(c *ratelimit.Cell) { c.Policy.Window = 367 * 24 * time.Hour }, "ratelimit.Cell.Policy.Window"},
		"limit":     {&used, func(c *ratelimit.Cell) { c.Policy.Limit = 0 }, "ratelimit.Cell.Policy.Limit"},
		"burst":     {&used, func(c *ratelimit.Cell) { c.Policy.Burst = 366*24 + 1 }, "ratelimit.Cell.Policy.Burst"},
		"log":       {&used, func(c *ratelimit.Cell) { c.Policy.Algorithm, c.Policy.Limit = ratelimit.SlidingLog, 65 }, "ratelimit.Cell.Policy.Limit"},
		"fixed":     {&used, func(c *ratelimit.Cell) { c.Policy.Algorithm, c.Policy.Limit = ratelimit.FixedWindow, 16e9+1 }, "ratelimit.Cell.Policy.Limit"},
		"ends":      {&used, func(c *ratelimit.Cell) { c.Policy.Ends = []time.Time{{}, time.Now().Add(time.Hour)} }, "ratelimit.Cell.Policy.Ends"},
		"cost":      {&used, func(c *ratelimit.Cell) { c.Cost = -1 }, "ratelimit.Cell.Cost"},
		"max":       {small, func(*ratelimit.Cell) {}, "ratelimit.MemoryStore.Max"},
		"nil":       {nil, func(*ratelimit.Cell) {}, "ratelimit.MemoryStore"},
	} {
		bad := ok
		test.change(&bad)
		cells := []ratelimit.Cell{ok, bad}
		passed, debit := test.store.Debit(t.Context(), cells)
		for method, err := range map[string]error{"Debit": debit, "Refund": test.store.Refund(t.Context(), cells), "Reset": test.store.Reset(t.Context(), cells)} {
			if got := faulttest.Fields(err); passed || !slices.Equal(got, []string{test.field}) {
				t.Errorf("%s: %s: fields %q of %v, want %s", name, method, got, err, test.field)
			}
		}
	}
}

// A call may have more cells than the store keeps room for on the stack.
func TestMemoryStoreCountsManyCells(t *testing.T) {
	var store ratelimit.MemoryStore
	cells := make([]ratelimit.Cell, 9)
	for i := range cells {
		cells[i] = ratelimit.Cell{Policy: ratelimit.Policy{Name: "n", Limit: 2, Window: time.Hour, Burst: 2}, Key: []byte{byte(i)}, Cost: 1}
	}
	for i, want := range []bool{true, true, false} {
		if ok, err := store.Debit(t.Context(), cells); ok != want || err != nil || (cells[8].Taken == 1) != want {
			t.Errorf("call %d: %t, %v, last cell %+v", i, ok, err, cells[8])
		}
	}
}
