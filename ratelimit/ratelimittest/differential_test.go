package ratelimittest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A MemoryStore and the map of this test answer the same to any calls: each was
// written apart from the other.
func TestMemoryStoreAgainstAMap(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { compare(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func compare(t *testing.T, random *rand.Rand) {
	memory, reference := &ratelimit.MemoryStore{Max: 1024}, newMapStore("")
	var ends []time.Time
	for at := time.Now().Add(-time.Minute); at.Before(time.Now().Add(time.Hour)); at = at.Add(time.Duration(5+random.IntN(15)) * time.Second) {
		ends = append(ends, at)
	}
	policies := []ratelimit.Policy{
		{Limit: 5, Window: 10 * time.Second, Burst: 5},
		{Limit: 5, Window: 10 * time.Second, Burst: 2},
		{Limit: 5, Window: 10 * time.Second, Burst: 5, Algorithm: ratelimit.FixedWindow},
		{Limit: 7, Window: 10 * time.Second, Burst: 7, Algorithm: ratelimit.FixedWindow, Ends: ends},
		{Limit: 5, Window: 10 * time.Second, Burst: 5, Algorithm: ratelimit.SlidingLog},
	}
	for i := range policies {
		policies[i].Name = fmt.Sprint("p", i)
	}
	var taken [][2][]ratelimit.Cell
	for step := range 600 {
		time.Sleep(time.Duration(random.IntN(4)*random.IntN(700)) * time.Millisecond)
		if n := len(taken); n > 0 && random.IntN(4) == 0 {
			both := taken[random.IntN(n)]
			part := int64(random.IntN(4))
			for i := range both {
				for j := range both[i] {
					both[i][j].Taken = min(both[i][j].Taken, part)
				}
			}
			if err := memory.Refund(t.Context(), both[0]); err != nil {
				t.Fatal(err)
			}
			if err := reference.Refund(t.Context(), both[1]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var cells []ratelimit.Cell
		debt := random.IntN(10) == 0
		for _, i := range random.Perm(len(policies))[:1+random.IntN(3)] {
			cells = append(cells, ratelimit.Cell{Policy: policies[i], Key: []byte{byte(random.IntN(2))}, Cost: int64(random.IntN(4)), Debt: debt})
		}
		if random.IntN(40) == 0 {
			memory.Reset(t.Context(), cells)
			reference.Reset(t.Context(), cells)
		}
		other := slices.Clone(cells)
		got, err := memory.Debit(t.Context(), cells)
		want, wrong := reference.Debit(t.Context(), other)
		if err != nil || wrong != nil || got != want {
			t.Fatalf("step %d: %t, %v, want %t, %v", step, got, err, want, wrong)
		}
		for i := range cells {
			a, b := cells[i].Standing, other[i].Standing
			a.Mark, b.Mark = 0, 0
			if a != b || !debt && cells[i].Taken != other[i].Taken {
				t.Fatalf("step %d, a cost of %d from %d of %s: %+v, %d taken, want %+v, %d taken", step, cells[i].Cost, cells[i].Policy.Limit, cells[i].Policy.Name, a, cells[i].Taken, b, other[i].Taken)
			}
		}
		if got && !debt {
			taken = append(taken, [2][]ratelimit.Cell{cells, other})
		}
	}
}
