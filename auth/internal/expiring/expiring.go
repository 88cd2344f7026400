// Package expiring holds what a store in memory remembers until it expires. The
// stores of revocations and of replays share it.
package expiring

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// A Map holds values until they expire and drops none before. Keys are digests,
// so that an entry takes the same room however long an id is. The zero value is
// ready. The owner of a Map locks it, and bounds the number of its entries.
type Map[V any] struct {
	entries map[Digest]*Entry[V]
	order   expiryHeap[V]
}

// An Entry is what a Map holds under one key. Its owner may change the Value.
type Entry[V any] struct {
	Value V
	key   Digest
	end   time.Time // see Ending
	index int       // in the heap
}

// Len is how many entries are held, those included that have expired and are
// not forgotten yet.
func (x *Map[V]) Len() int { return len(x.entries) }

// forgottenAtOnce bounds what one write forgets, so that none waits for a crowd
// that expires in one moment. Each write adds one at most, so the crowd goes.
const forgottenAtOnce = 8

// Live returns the entry with the key, or nil where there is none or it has
// expired.
func (x *Map[V]) Live(key Digest) *Entry[V] {
	if e := x.entries[key]; e != nil && !Over(time.Now(), e.end) {
		return e
	}
	return nil
}

// Find is Live for an id of the kind within the issuer. An empty id names
// nothing. Nothing is hashed where there is nothing to find.
func (x *Map[V]) Find(kind, issuer, id string) *Entry[V] {
	if id == "" || len(x.entries) == 0 {
		return nil
	}
	return x.Live(DigestOf(kind, issuer, id))
}

// Hold returns the entry with the key, which does not end before end. It
// returns nil where that would be a further entry and there is no room.
func (x *Map[V]) Hold(key Digest, end time.Time, room bool) *Entry[V] {
	if e := x.Live(key); e != nil {
		if sooner(e.end, end) {
			e.end = end
			heap.Fix(&x.order, e.index)
		}
		return e
	}
	if !room {
		return nil
	}
	return x.Add(key, end, nil)
}

// Add puts a new entry in, also in the place of one that has expired, whose
// value is handed to dropped, where that is not nil.
func (x *Map[V]) Add(key Digest, end time.Time, dropped func(V)) *Entry[V] {
	if x.entries == nil {
		x.entries = make(map[Digest]*Entry[V])
	}
	if old := x.entries[key]; old != nil {
		heap.Remove(&x.order, old.index)
		if dropped != nil {
			dropped(old.Value)
		}
	}
	e := &Entry[V]{key: key, end: end}
	x.entries[key] = e
	heap.Push(&x.order, e)
	return e
}

// Forget drops some of what has expired, the oldest first, and hands each value
// to dropped, where that is not nil.
func (x *Map[V]) Forget(now time.Time, dropped func(V)) {
	for range forgottenAtOnce {
		if len(x.order) == 0 || !Over(now, x.order[0].end) {
			return
		}
		e := heap.Pop(&x.order).(*Entry[V])
		delete(x.entries, e.key)
		if dropped != nil {
			dropped(e.Value)
		}
	}
}

// Ending returns the time of expires on both clocks, as Over wants it. Zero is
// never.
func Ending(now, expires time.Time) time.Time {
	if expires.IsZero() {
		return expires
	}
	return now.Add(expires.Round(0).Sub(now.Round(0)))
}

// Over reports whether a time has passed on the monotonic clock where both have
// a reading, and on the one on the wall too. Caches are content with one of
// them, since whatever they forget is only verified again. What is forgotten
// here too early admits somebody: credentials end by the clock on the wall, and
// when that has been set ahead and back again they are as good as before.
func Over(now, end time.Time) bool {
	return !end.IsZero() && !now.Before(end) && !now.Round(0).Before(end)
}

// sooner reports whether a is before b, where zero is never.
func sooner(a, b time.Time) bool {
	return !a.IsZero() && (b.IsZero() || a.Before(b))
}

// expiryHeap has the entry that expires first at its head.
type expiryHeap[V any] []*Entry[V]

func (h expiryHeap[V]) Len() int           { return len(h) }
func (h expiryHeap[V]) Less(i, j int) bool { return sooner(h[i].end, h[j].end) }
func (h expiryHeap[V]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *expiryHeap[V]) Push(x any) {
	e := x.(*Entry[V])
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *expiryHeap[V]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}

// A Digest stands for an id in memory.
type Digest [sha256.Size]byte

// DigestOf is that of an id of the kind within the issuer: equal ids of two
// kinds are two. The lengths in front make its input injective, whatever bytes
// the parts hold. It allocates only where they are longer than the room for
// them.
func DigestOf(kind, issuer, id string) Digest {
	var room [512]byte
	b := room[:0]
	for _, part := range [...]string{kind, issuer} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(append(b, id...))
}

// Limit is the configured number of entries, or the standard one.
func Limit(configured, standard int) int {
	if configured > 0 {
		return configured
	}
	return standard
}
