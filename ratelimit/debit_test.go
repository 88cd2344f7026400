package ratelimit_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A refusal because of the network writes nothing. In a full table a fresh key
// would take the place of another key.
func TestNitRatelimitARefusalOfTheNetworkWritesNothing(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 8}
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/day", Store: store})
	site := networks(t, "2001:db8:1::1", 400)
	for i := range 16 {
		b.from(site[i].String())
	}
	for i := range 20 { // no slot of the table is free
		b.from(fmt.Sprint("192.0.2.", i))
	}
	before := store.Evictions()
	if before == 0 {
		t.Fatal("the table is not full")
	}
	if got := passesAll(b, site[16:]); got != 0 {
		t.Fatalf("the network has given way itself: %d passed", got)
	}
	if got := store.Evictions() - before; got != 0 {
		t.Errorf("%d keys gave way to refused requests", got)
	}
}

func passesAll(b *rig, all []netip.Addr) (n int) {
	for _, addr := range all {
		n += b.passes(1, addr.String())
	}
	return n
}

// What was taken from the /64 goes back where the /48 has filled between the
// look and the taking.
func TestMissingRefundOfTheNarrowKey(t *testing.T) {
	for name, wideLeft := range map[string]int64{"wide_full": 0, "wide_has_room": 1} {
		store := &ratelimit.MemoryStore{Max: 8}
		hour := func(key string, limit int64) ratelimit.Cell {
			return ratelimit.Cell{Policy: ratelimit.Policy{Name: "n", Limit: limit, Window: time.Hour, Burst: limit}, Key: []byte(key), Cost: 1}
		}
		for range 16 - wideLeft {
			store.Debit(t.Context(), []ratelimit.Cell{hour("wide", 16)})
		}
		cells := []ratelimit.Cell{hour("narrow", 2), hour("wide", 16)}
		if ok := store.TakeUnseen(cells); ok != (wideLeft == 1) {
			t.Fatalf("%s: taken %v", name, ok)
		}
		look := []ratelimit.Cell{hour("narrow", 2), hour("wide", 16)}
		look[0].Cost, look[1].Cost = 0, 0
		store.Debit(t.Context(), look)
		if got := look[0].Standing.Remaining; got != 2-wideLeft {
			t.Errorf("%s: %d are left of the narrow key, want %d", name, got, 2-wideLeft)
		}
		if got := look[1].Standing.Remaining; got != 0 {
			t.Errorf("%s: %d are left of the wide key", name, got)
		}
	}
}
