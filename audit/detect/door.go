package detect

import (
	"sync"
	"sync/atomic"
	"time"
)

// A door knows the actors that have knocked lately. An actor that finds no free
// place in a table is let in when it knocks for the third time: so a flood of
// actors that are made up, and do one or two things each, does not push out
// those who do many.
//
// The door is two Bloom filters with three bits for each knock. The younger
// takes new knocks. When it has many, or is as old as the longest window, the
// older is emptied and becomes the younger.
type door struct {
	filters [2][]atomic.Uint64
	most    int64         // knocks in one filter
	window  time.Duration // the longest of the rules

	young atomic.Uint32
	count atomic.Int64 // of the younger
	begin atomic.Int64 // of the younger, since the start of the Detector
	mu    sync.Mutex
}

// newDoor returns a door that remembers the last 16 to 32 knocks for each place
// of a table. A filter is then wrong about one knock in 140 at most, and both
// together about one in 70. The door takes 64 bytes for each place.
func newDoor(actors int, window time.Duration) *door {
	d := &door{most: int64(actors) * 16, window: window}
	for i := range d.filters {
		d.filters[i] = make([]atomic.Uint64, 4*actors) // a power of two
	}
	return d
}

// known returns how often the actor of a hash has knocked before, up to two.
func (d *door) known(key uint64, since time.Duration) int {
	if since-time.Duration(d.begin.Load()) > d.window {
		d.turn(since)
	}
	young := d.young.Load() & 1
	for before := range uint64(2) {
		if at := nth(key, before); !d.has(young, at) && !d.has(young^1, at) {
			return int(before)
		}
	}
	return 2
}

// remember remembers a knock of an actor that has knocked so often before.
func (d *door) remember(key uint64, before int) {
	if before >= 2 {
		return
	}
	young := d.young.Load() & 1
	for _, bit := range d.bits(nth(key, uint64(before))) {
		d.filters[young][bit>>6].Or(1 << (bit & 63))
	}
	if d.count.Add(1) >= d.most {
		d.turn(-1)
	}
}

// nth is the hash of a knock.
func nth(key, before uint64) uint64 { return join(key, before) }

func (d *door) has(filter uint32, key uint64) bool {
	for _, bit := range d.bits(key) {
		if d.filters[filter][bit>>6].Load()&(1<<(bit&63)) == 0 {
			return false
		}
	}
	return true
}

// bits are the places of a knock. The low bits of the key choose a set of a
// table, so that they are not used as they are.
func (d *door) bits(key uint64) [3]uint64 {
	mask := uint64(len(d.filters[0]))<<6 - 1
	a := key * 0x9e3779b97f4a7c15
	b := (key ^ key>>29) * 0xbf58476d1ce4e5b9
	return [3]uint64{a >> 32 & mask, b >> 32 & mask, (a ^ b) & mask}
}

// turn empties the older filter, which becomes the younger. The time is -1 if
// the younger is full, and not old.
func (d *door) turn(since time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	full := d.count.Load() >= d.most
	if !full && (since < 0 || since-time.Duration(d.begin.Load()) <= d.window) { // somebody else was faster
		return
	}
	if since >= 0 {
		d.begin.Store(int64(since))
	}
	old := d.young.Load()&1 ^ 1
	for i := range d.filters[old] {
		d.filters[old][i].Store(0)
	}
	d.count.Store(0)
	d.young.Store(old)
}
