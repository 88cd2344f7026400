package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

// notices lets a key be reported once per window, and counts what is not. It is
// bounded. A key may find its slot taken by another key, whose window has not
// passed. Then it is reported every time: too many reports are better than too
// few.
type notices struct {
	start time.Time
	seed  maphash.Seed
	slots [1024]notice
}

func newNotices() *notices { return &notices{start: time.Now(), seed: maphash.MakeSeed()} }

// now is nanoseconds since the notices were made, and never 0.
func (n *notices) now() int64 { return int64(time.Since(n.start)) + 1 }

// hash is that of the key of a charge.
func (n *notices) hash(c *charge) uint64 {
	if c.cells != nil {
		return maphash.Bytes(n.seed, c.cells[0].Key)
	}
	return c.debits()[0].hash
}

type notice struct {
	mu      sync.Mutex
	hash    uint64
	until   int64 // end of the window, by now
	pending int   // not reported yet
}

// note counts an occurrence. It reports whether it is to be reported, and for
// how many occurrences of that key the report stands.
func (n *notices) note(hash uint64, now, window int64) (count int, first bool) {
	slot := &n.slots[hash>>32%uint64(len(n.slots))]
	slot.mu.Lock()
	defer slot.mu.Unlock()
	live := now < slot.until
	switch {
	case live && slot.hash != hash:
		return 1, true
	case live:
		slot.pending++
		return 0, false
	case slot.hash == hash:
		count = slot.pending
	}
	slot.hash, slot.until, slot.pending = hash, now+window*int64(time.Second), 0
	return count + 1, true
}
