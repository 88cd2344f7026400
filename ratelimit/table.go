package ratelimit

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ways    = 8
	stripes = 256
)

// A bucket holds the keys whose hashes fall into it: eight hashes in one cache
// line and, beside it, until when each key is occupied. A hash of 0 is a free
// slot.
type bucket struct {
	hashes [ways]atomic.Uint64
	until  [ways]atomic.Int64
}

// A table keeps the state of keys. It is allocated once and never grows.
//
// Keys are kept as 64-bit hashes with a seed of this process; the keys
// themselves are not kept. A key whose quota is whole again needs no slot.
//
// When a bucket of the table is full, a key gives way to the new key. If there
// are keys that have consumed no more than the new key, the latest of them
// gives way. Otherwise the key that has consumed the least gives way. So the
// keys of a flood displace each other. They do not displace a key that has used
// up a quota, or a key that was there before.
//
// Time is monotonic: setting the clock changes nothing. A table is safe for
// concurrent use; a key that it knows already is counted without a lock.
type table struct {
	buckets   []bucket
	mask      uint64
	seed      maphash.Seed
	names     maphash.Seed
	start     time.Time
	step      time.Duration // of the clock, in tests
	locks     [stripes]sync.Mutex
	evictions atomic.Uint64

	keys    int
	making  sync.Mutex // of the two tables below, which only some policies need
	windows atomic.Pointer[windowTable]
	logs    atomic.Pointer[logTable]
}

// newTable allocates a table for keys, rounded up to a power of two.
func newTable(keys int) *table {
	n := 1 << bits.Len(uint(keys-1)) / ways
	return &table{
		buckets: make([]bucket, n),
		mask:    uint64(n - 1),
		seed:    maphash.MakeSeed(),
		names:   maphash.MakeSeed(),
		start:   time.Now(),
		keys:    n * ways,
	}
}

// windowed is the table of fixed windows.
func (t *table) windowed() *windowTable {
	if w := t.windows.Load(); w != nil {
		return w
	}
	t.making.Lock()
	defer t.making.Unlock()
	if t.windows.Load() == nil {
		t.windows.Store(newWindowTable(t.keys))
	}
	return t.windows.Load()
}

// logged is the table of sliding logs.
func (t *table) logged() *logTable {
	if l := t.logs.Load(); l != nil {
		return l
	}
	t.making.Lock()
	defer t.making.Unlock()
	if t.logs.Load() == nil {
		t.logs.Store(newLogTable(t.keys))
	}
	return t.logs.Load()
}

// name is the share of a limit's name in the hashes of its keys.
func (t *table) name(name string) uint64 { return maphash.String(t.names, name) }

// hash is that of a key of the limit with that name. It is never 0, which marks
// a free slot.
func (t *table) hash(name uint64, key []byte) uint64 { return max(1, name^t.keyHash(key)) }

func (t *table) keyHash(key []byte) uint64 { return maphash.Bytes(t.seed, key) }

// find returns the slot of a key, or nil.
func (b *bucket) find(hash uint64) (hashAt *atomic.Uint64, until *atomic.Int64) {
	for i := range b.hashes {
		if b.hashes[i].Load() == hash {
			return &b.hashes[i], &b.until[i]
		}
	}
	return nil, nil
}

// level is how long a key is still occupied, and at most how long it may be.
func (t *table) level(hash uint64, now, most int64) int64 {
	hashAt, until := t.buckets[hash&t.mask].find(hash)
	if until == nil {
		return 0
	}
	return cut(hash, hashAt, until, until.Load(), now, most)
}

// cut is how long a key is still occupied that was so until a time. A time that
// is too late is written down as one that is not: it would stay too late until
// it comes near. It is too late because it is that of a slower policy, or
// because the clock was set back.
func cut(hash uint64, hashAt *atomic.Uint64, slot *atomic.Int64, until, now, most int64) int64 {
	if until <= now+most {
		return max(0, until-now)
	}
	if slot.CompareAndSwap(until, now+most) && hashAt.Load() != hash {
		slot.CompareAndSwap(now+most, until) // the slot had changed hands
	}
	return most
}

// take occupies the key of a debit for its cost, if there is room or the debit
// may owe. It notes for how long the key is occupied then. A refusal only
// reads, unless the time of the key is too late.
func (t *table) take(d *debit, now int64) bool {
	amount, most := d.amount(d.cost), d.most()
	b := &t.buckets[d.hash&t.mask]
	for {
		hashAt, slot := b.find(d.hash)
		if slot == nil {
			if amount > d.full && !d.debt {
				d.level = 0
				return false
			}
			if t.insert(b, d.hash, now, now+amount) {
				return d.took(now, now+amount, amount)
			}
			continue // somebody else has just inserted it
		}
		old := slot.Load()
		before := min(max(old, now), now+most)
		next := before + amount
		if d.debt {
			next = min(next, now+most)
		} else if next-now > d.full {
			if hashAt.Load() != d.hash {
				continue // the slot has changed hands, old is a stranger's
			}
			d.level = cut(d.hash, hashAt, slot, old, now, most)
			return false
		}
		if !slot.CompareAndSwap(old, next) {
			continue
		}
		if hashAt.Load() == d.hash {
			return d.took(now, next, next-before)
		}
		slot.CompareAndSwap(next, old) // the slot had changed hands: give it back
	}
}

// insert gives a key a slot. It reports false if the key already has a slot.
func (t *table) insert(b *bucket, hash uint64, now, until int64) bool {
	lock := &t.locks[hash&t.mask%stripes]
	lock.Lock()
	defer lock.Unlock()
	for {
		if _, slot := b.find(hash); slot != nil {
			return false
		}
		i, seen, live := b.victim(now, until)
		owner := b.hashes[i].Load()
		// Its owner may be counting right now. Nobody finds the slot while its
		// hash is 0; a count that came first makes the swap fail.
		b.hashes[i].Store(0)
		if !b.until[i].CompareAndSwap(seen, until) {
			b.hashes[i].Store(owner)
			continue
		}
		b.hashes[i].Store(hash)
		if live {
			t.evictions.Add(1)
		}
		return true
	}
}

// victim chooses the slot for a key that will be occupied until then. It is a
// free slot, or a slot whose time has passed, or else the slot of a live key.
func (b *bucket) victim(now, until int64) (index int, seen int64, live bool) {
	least, latest := -1, -1
	var leastUntil, latestUntil int64
	for i := range b.until {
		this := b.until[i].Load()
		if this <= now || b.hashes[i].Load() == 0 {
			return i, this, false
		}
		if least < 0 || this < leastUntil {
			least, leastUntil = i, this
		}
		if this <= until && (latest < 0 || this >= latestUntil) {
			latest, latestUntil = i, this
		}
	}
	if latest >= 0 {
		return latest, latestUntil, true
	}
	return least, leastUntil, true
}

// shorten occupies a key for amount less, but by no more than what is left of
// own, until when the request that gives back had it occupied. If requests
// overlap, one request may give back what time has restored to another request.
// The sum of the requests bounds that.
func (t *table) shorten(hash uint64, now, amount, own int64) {
	amount = min(amount, own-now)
	if amount <= 0 {
		return
	}
	b := &t.buckets[hash&t.mask]
	for {
		hashAt, slot := b.find(hash)
		if slot == nil {
			return // evicted or replaced since: there is nothing to shorten
		}
		old := slot.Load()
		if !slot.CompareAndSwap(old, old-amount) {
			continue
		}
		if hashAt.Load() == hash {
			return
		}
		slot.CompareAndSwap(old-amount, old)
	}
}

// free ends what a key is occupied for.
func (t *table) free(hash uint64, now int64) {
	b := &t.buckets[hash&t.mask]
	for {
		hashAt, slot := b.find(hash)
		if slot == nil {
			return
		}
		old := slot.Load()
		if old <= now || hashAt.Load() == hash && slot.CompareAndSwap(old, now) {
			return
		}
	}
}
