package redisstore_test

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// TestCellsOfAllAlgorithms counts in cells of the three algorithms with one
// call. The script treats a GCRA apart from the others.
func TestCellsOfAllAlgorithms(t *testing.T) {
	store := limits(t, redisstore.Rueidis(dial(t, redis(t, engine.RedisConfig{}))), nil)
	all := []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.FixedWindow, ratelimit.SlidingLog}
	for _, tight := range all {
		for turn := range all {
			var cells []ratelimit.Cell
			for i := range all {
				a, limit := all[(turn+i)%len(all)], int64(5)
				if a == tight {
					limit = 2
				}
				cells = append(cells, ratelimit.Cell{
					Policy: ratelimit.Policy{Name: "p", Algorithm: a, Limit: limit, Burst: limit, Window: time.Hour},
					Key:    []byte{byte(tight), byte(turn)}, Cost: 1,
				})
			}
			for n := range int64(4) {
				ok, err := store.Debit(t.Context(), cells)
				if passes := n < 2; err != nil || ok != passes {
					t.Fatalf("tight %v, request %d: %v, %v", tight, n, ok, err)
				}
				for _, c := range cells {
					used := min(n+1, 2)
					if c.Standing.Remaining != c.Policy.Limit-used || c.Standing.Exceeded != (n >= 2 && c.Policy.Algorithm == tight) || c.Standing.Reset <= 0 {
						t.Errorf("tight %v, request %d, %v: %+v", tight, n, c.Policy.Algorithm, c.Standing)
					}
				}
			}
		}
	}
}
