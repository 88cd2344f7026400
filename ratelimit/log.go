package ratelimit

import (
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxLog is the most requests that a sliding log allows in a window.
	maxLog = 64
	// entries is how many requests a bucket has room for: more than one key
	// has, which is twice maxLog, so that there always is another key to give
	// way.
	entries = 256
)

// A logTable keeps the requests of sliding logs: 16 bytes for each request,
// allocated once. All requests of a key are in one bucket, and are counted
// under the lock of its stripe. A request that has left needs no room.
//
// When a bucket is full, the key with the fewest requests in it gives way with
// all of them, and of several such keys the latest. So the keys of a flood
// displace each other. They do not displace a key that has used more, or a key
// that was there before.
type logTable struct {
	buckets []logBucket
	lengths []uint16 // of the buckets
	mask    uint64
	locks   [stripes]sync.Mutex
}

// A logBucket holds requests in no order: whose they are, and when they leave.
type logBucket struct {
	hashes [entries]uint64
	leave  [entries]int64
}

// newLogTable allocates a table for so many requests, a power of two.
func newLogTable(requests int) *logTable {
	n := max(1, requests/entries)
	return &logTable{buckets: make([]logBucket, n), lengths: make([]uint16, n), mask: uint64(n - 1)}
}

// A keyLog is a locked bucket, and the requests of one key in it.
type keyLog struct {
	*logBucket
	length *uint16
	lock   *sync.Mutex
	hash   uint64
	own    [2 * maxLog]int64 // when they leave
	n      int
}

func (l *logTable) lock(hash uint64) (b *logBucket, length *uint16, lock *sync.Mutex) {
	at := hash & l.mask
	lock = &l.locks[at%stripes]
	lock.Lock()
	return &l.buckets[at], &l.lengths[at], lock
}

// open locks the bucket of a debit, removes what has left from it, and finds
// the requests of the key. None of them leaves later than a window from now:
// that would be one of a slower policy, or the clock was set back.
func (l *logTable) open(k *keyLog, d *debit, now int64) {
	k.hash = d.hash
	k.logBucket, k.length, k.lock = l.lock(d.hash)
	latest := now + int64(d.policy.Window)
	for i := 0; i < int(*k.length); i++ {
		switch {
		case k.leave[i] <= now:
			k.remove(i)
			i--
		case k.hashes[i] == d.hash:
			if k.leave[i] > latest+slack {
				k.leave[i] = latest
			}
			if k.n == len(k.own) { // not even in debt
				k.remove(i)
				i--
				continue
			}
			k.own[k.n] = min(k.leave[i], latest)
			k.n++
		}
	}
	slices.Sort(k.own[:k.n])
}

// remove removes a request. The last request of the bucket takes its place.
func (k *keyLog) remove(i int) {
	*k.length--
	last := *k.length
	k.hashes[i], k.leave[i] = k.hashes[last], k.leave[last]
	k.hashes[last], k.leave[last] = 0, 0
}

// room notes how a key stands with n requests, and reports whether there is
// room.
func (k *keyLog) room(d *debit, now int64) bool {
	limit := d.policy.Limit
	n := int64(k.n)
	d.left, d.more, d.due = max(0, limit-n), 0, 0
	if n > 0 {
		d.more = k.own[max(0, n-limit)] - now
	}
	switch {
	case d.cost == 0 || d.cost <= limit-n:
	case d.cost > limit || n == 0:
		d.due = int64(d.policy.Window)
	default:
		d.due = k.own[n+d.cost-limit-1] - now
	}
	d.exceeded = d.due > 0 && !d.debt
	return !d.exceeded
}

// look notes how a key stands, and whether it has room.
func (l *logTable) look(d *debit, now int64) {
	var k keyLog
	l.open(&k, d, now)
	defer k.lock.Unlock()
	k.room(d, now)
}

// take notes the requests of a debit, if there is room or the debit may owe.
func (l *logTable) take(d *debit, now int64, evictions *atomic.Uint64) bool {
	var k keyLog
	l.open(&k, d, now)
	defer k.lock.Unlock()
	if !k.room(d, now) {
		return false
	}
	d.taken = max(0, min(d.cost, 2*d.policy.Limit-int64(k.n)))
	d.until = now + int64(d.policy.Window)
	for range d.taken {
		if *k.length == entries {
			k.evict()
			evictions.Add(1)
		}
		k.hashes[*k.length], k.leave[*k.length] = d.hash, d.until
		*k.length++
		k.own[k.n] = d.until
		k.n++
	}
	k.room(d, now)
	d.exceeded, d.due = false, 0
	return true
}

// evict removes the key with the fewest requests, and of several such keys the
// latest. It is not the key whose requests these are.
func (k *keyLog) evict() {
	type tally struct {
		hash   uint64
		n      int
		latest int64
	}
	var room [2 * entries]tally // by hash, with half of it free
	var least *tally
	for i := range entries {
		hash := k.hashes[i]
		if hash == k.hash {
			continue
		}
		at := hash >> 32 % uint64(len(room))
		for room[at].hash != 0 && room[at].hash != hash {
			at = (at + 1) % uint64(len(room))
		}
		t := &room[at]
		t.hash = hash
		t.n++
		t.latest = max(t.latest, k.leave[i])
	}
	for i := range room {
		t := &room[i]
		if t.n > 0 && (least == nil || t.n < least.n || t.n == least.n && t.latest > least.latest) {
			least = t
		}
	}
	for i := entries - 1; i >= 0; i-- {
		if k.hashes[i] == least.hash {
			k.remove(i)
		}
	}
}

// giveBack removes as many requests as a debit has taken, of those that came
// with it.
func (l *logTable) giveBack(d *debit) {
	b, length, lock := l.lock(d.hash)
	defer lock.Unlock()
	k := keyLog{logBucket: b, length: length}
	for i := int(*length) - 1; i >= 0 && d.taken > 0; i-- {
		if b.hashes[i] == d.hash && b.leave[i] == d.until {
			k.remove(i)
			d.taken--
		}
	}
}

// free removes all requests of a key.
func (l *logTable) free(hash uint64) {
	b, length, lock := l.lock(hash)
	defer lock.Unlock()
	k := keyLog{logBucket: b, length: length}
	for i := int(*length) - 1; i >= 0; i-- {
		if b.hashes[i] == hash {
			k.remove(i)
		}
	}
}
