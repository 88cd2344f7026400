package detect

import (
	"sync"
	"sync/atomic"
)

// A door knows the actors that have knocked lately. An actor that finds no free
// place in a table is let in when it knocks for the third time: so a flood of
// actors that are made up, and do one or two things each, does not push out
// those who do many.
//
// The door is two Bloom filters with three bits for each knock. The younger takes
// new knocks. When it has many, the older is emptied and becomes the younger.
type door struct {
	filters [2][]atomic.Uint64
	most    int64 // knocks in one filter

	young atomic.Uint32
	count atomic.Int64 // of the younger
	mu    sync.Mutex
}

// newDoor returns a door that remembers the last 16 to 32 knocks for each place
// of a table. A filter is then wrong about one knock in 140 at most, and both
// together about one in 70. The door takes 64 bytes for each place.
func newDoor(actors int) *door {
	d := &door{most: int64(actors) * 16}
	for i := range d.filters {
		d.filters[i] = make([]atomic.Uint64, 4*actors) // a power of two
	}
	return d
}

// knock returns how often the actor of a hash has knocked before, up to two,
// and remembers this time.
func (d *door) knock(key uint64) int {
	young := d.young.Load() & 1
	for before := range 2 {
		if d.has(young, key) || d.has(young^1, key) {
			key = join(key, 1) // for the second knock
			continue
		}
		for _, bit := range d.bits(key) {
			d.filters[young][bit>>6].Or(1 << (bit & 63))
		}
		if d.count.Add(1) >= d.most {
			d.turn()
		}
		return before
	}
	return 2
}

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
