// Package expiring holds values in memory until they expire. The stores of
// revocations and of replays share it.
package expiring

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// A Map holds values until they expire, and drops no value before. Its keys are
// digests, so an entry takes the same room however long an id is. The zero
// value is ready. The owner of a Map locks it and bounds the number of its
// entries.
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

// Len is the number of entries. It includes entries that have expired and are
// not yet forgotten.
func (x *Map[V]) Len() int { return len(x.entries) }

// forgottenAtOnce bounds how many entries one write forgets. So no write waits
// long if many entries expire at the same moment. Each write adds at most one
// entry, so the expired entries become fewer.
const forgottenAtOnce = 8

// Live returns the entry with the key. It returns nil if there is no such entry
// or the entry has expired.
func (x *Map[V]) Live(key Digest) *Entry[V] {
	if e := x.entries[key]; e != nil && !Over(time.Now(), e.end) {
		return e
	}
	return nil
}

// Find is Live for an id of the kind within the issuer. An empty id finds
// nothing. Find computes no hash if the Map is empty.
func (x *Map[V]) Find(kind, issuer, id string) *Entry[V] {
	if id == "" || len(x.entries) == 0 {
		return nil
	}
	return x.Live(DigestOf(kind, issuer, id))
}

// Hold returns the entry with the key, and makes it last at least until end. It
// returns nil if it would have to add an entry and room is false.
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

// Add adds an entry. If it replaces an expired entry and dropped is not nil,
// Add calls dropped with the value of the expired entry.
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

// Forget drops some of the expired entries, the oldest first. It calls dropped
// with the value of each, unless dropped is nil.
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

// Ending returns the time of expires on both clocks, for Over. Zero means
// never.
func Ending(now, expires time.Time) time.Time {
	if expires.IsZero() {
		return expires
	}
	return now.Add(expires.Round(0).Sub(now.Round(0)))
}

// Over reports whether the time end has passed on both clocks: on the monotonic
// clock, if both times have a reading of it, and on the wall clock. A cache may
// use one clock only, because it verifies again what it has forgotten. Here, an
// entry that is forgotten too early admits somebody. Credentials end by the
// wall clock. If that clock is set forward and back again, a credential that
// seemed to have expired is accepted again.
func Over(now, end time.Time) bool {
	return !end.IsZero() && !now.Before(end) && !now.Round(0).Before(end)
}

// sooner reports whether a is before b. Zero means never.
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

// DigestOf is the digest of an id of the kind within the issuer. Equal ids of
// two kinds have two digests. The input contains the lengths of kind and
// issuer, so that two different ids never have the same input. DigestOf
// allocates only if the input is longer than its buffer.
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
