package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

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
