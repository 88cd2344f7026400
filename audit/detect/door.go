package detect

import (
	"sync"
	"sync/atomic"
)

// A door knows the actors that have knocked lately. An actor that finds no free
// place in a table, and knocks for the first time, is not let in: so a flood of
// actors that are made up, and do one thing each, does not push out those who
// do many.
//
// The door is two Bloom filters with two bits for an actor. The younger takes
// new actors. When it has many, the older is emptied and becomes the younger.
type door struct {
	filters [2][]atomic.Uint64
	most    int64 // actors in one filter

	young atomic.Uint32
	count atomic.Int64 // of the younger
	mu    sync.Mutex
}

// newDoor returns a door that remembers the last 8 to 16 new actors for each
// actor that a table has room for. A filter is then wrong about at most one in
// 20, and both together about one in 10. The door takes 16 bytes for each actor
// of a table.
func newDoor(actors int) *door {
	d := &door{most: int64(actors) * 8}
	for i := range d.filters {
		d.filters[i] = make([]atomic.Uint64, actors) // a power of two
	}
	return d
}

// seen reports whether the actor of a hash has knocked before, and remembers
// it.
func (d *door) seen(key uint64) bool {
	young := d.young.Load() & 1
	if d.has(young, key) || d.has(young^1, key) {
		return true
	}
	for _, bit := range d.bits(key) {
		d.filters[young][bit>>6].Or(1 << (bit & 63))
	}
	if d.count.Add(1) >= d.most {
		d.turn()
	}
	return false
}

func (d *door) has(filter uint32, key uint64) bool {
	for _, bit := range d.bits(key) {
		if d.filters[filter][bit>>6].Load()&(1<<(bit&63)) == 0 {
			return false
		}
	}
	return true
}

// bits are the places of an actor. The low bits of the key choose a set of a
// table, so that they are not used as they are.
func (d *door) bits(key uint64) [2]uint64 {
	key *= 0x9e3779b97f4a7c15
	mask := uint64(len(d.filters[0]))<<6 - 1
	return [2]uint64{key >> 32 & mask, (key ^ key>>29) & mask}
}

func (d *door) turn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count.Load() < d.most { // somebody else was faster
		return
	}
	old := d.young.Load()&1 ^ 1
	for i := range d.filters[old] {
		d.filters[old][i].Store(0)
	}
	d.count.Store(0)
	d.young.Store(old)
}
