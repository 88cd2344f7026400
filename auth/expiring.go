package auth

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// expiring holds values until they expire and drops none before. Keys are
// digests, so that an entry takes the same room however long an id is. The zero
// value is ready; the owner locks, and bounds the number.
type expiring[V any] struct {
	entries map[digest]*entry[V]
	order   expiryHeap[V]
}

type entry[V any] struct {
	value V
	key   digest
	end   time.Time // see ending
	index int       // in the heap
}

// forgottenAtOnce bounds what one write forgets, so that none waits for a crowd
// that expires in one moment. Each write adds one at most, so the crowd goes.
const forgottenAtOnce = 8

// live returns the entry with the key, or nil where there is none or it has expired.
func (x *expiring[V]) live(key digest) *entry[V] {
	if e := x.entries[key]; e != nil && !over(time.Now(), e.end) {
		return e
	}
	return nil
}

// find is live for an id of the kind within the issuer; an empty one names
// nothing. Nothing is hashed where there is nothing to find.
func (x *expiring[V]) find(k kind, issuer, id string) *entry[V] {
	if id == "" || len(x.entries) == 0 {
		return nil
	}
	return x.live(digestOf(k, issuer, id))
}

// hold returns the entry with the key, which does not end before end. It fails
// where that would be a further one and there is no room.
func (x *expiring[V]) hold(key digest, end time.Time, room bool) (*entry[V], error) {
	if e := x.live(key); e != nil {
		if sooner(e.end, end) {
			e.end = end
			heap.Fix(&x.order, e.index)
		}
		return e, nil
	}
	if !room {
		return nil, ErrFull
	}
	return x.add(key, end), nil
}

// add puts a new entry in, also in the place of one that has expired.
func (x *expiring[V]) add(key digest, end time.Time) *entry[V] {
	if x.entries == nil {
		x.entries = make(map[digest]*entry[V])
	}
	if old := x.entries[key]; old != nil {
		heap.Remove(&x.order, old.index)
	}
	e := &entry[V]{key: key, end: end}
	x.entries[key] = e
	heap.Push(&x.order, e)
	return e
}

// forget drops some of what has expired, the oldest first.
func (x *expiring[V]) forget(now time.Time) {
	for range forgottenAtOnce {
		if len(x.order) == 0 || !over(now, x.order[0].end) {
			return
		}
		e := heap.Pop(&x.order).(*entry[V])
		delete(x.entries, e.key)
	}
}

// ending returns the time of expires on both clocks, as over wants it; zero is never.
func ending(now, expires time.Time) time.Time {
	if expires.IsZero() {
		return expires
	}
	return now.Add(expires.Round(0).Sub(now.Round(0)))
}

// over reports whether a time has passed on the monotonic clock where both have a
// reading, and on the one on the wall too. Caches are content with one of them,
// since whatever they forget is only verified again. What is forgotten here too early
// admits somebody: credentials end by the clock on the wall, and when that has
// been set ahead and back again they are as good as before.
func over(now, end time.Time) bool {
	return !end.IsZero() && !now.Before(end) && !now.Round(0).Before(end)
}

// sooner reports whether a is before b, where zero is never.
func sooner(a, b time.Time) bool {
	return !a.IsZero() && (b.IsZero() || a.Before(b))
}

// expiryHeap has the entry that expires first at its head.
type expiryHeap[V any] []*entry[V]

func (h expiryHeap[V]) Len() int           { return len(h) }
func (h expiryHeap[V]) Less(i, j int) bool { return sooner(h[i].end, h[j].end) }
func (h expiryHeap[V]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *expiryHeap[V]) Push(x any) {
	e := x.(*entry[V])
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

// A digest stands for an id in memory.
type digest [sha256.Size]byte

// kind is what an id names: equal ids of two kinds are two.
type kind string

const (
	kindToken   kind = "token"
	kindSession kind = "session"
	kindSubject kind = "subject"
	kindProof   kind = "proof"
)

// digestOf is that of an id of the kind within the issuer. The lengths in front
// make its input injective, whatever bytes the parts hold. It allocates only
// where they are longer than the room for them.
func digestOf(k kind, issuer, id string) digest {
	var room [512]byte
	b := room[:0]
	for _, part := range [...]string{string(k), issuer} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(append(b, id...))
}

// limit is the configured number of entries, or the standard one.
func limit(configured, standard int) int {
	if configured > 0 {
		return configured
	}
	return standard
}
