package detect

import (
	"math/bits"
	"sync"
	"time"
)

// A table counts for many actors in fixed memory. It is set-associative: the
// hash of an actor chooses a set of four places. Nobody outside the process
// knows the seed of the hash, so that nobody can aim at the set of somebody
// else.
//
// A table has one of two forms of counting. It counts different values in a
// sliding window, or it fills a bucket that leaks.
//
// If a set is full, a newcomer takes the place of the actor with the least
// evidence, and inherits what all actors forgotten by this part of the table
// had together: for each k, the latest time of a k-th most recent value, or the
// fullest bucket. So the count of an actor that was forgotten and comes back is
// never less than what it has done. See ADR 16.
type table struct {
	threshold int
	marks     int  // values that are remembered of an actor; 0 for a bucket alone
	leaky     bool // a bucket that leaks; otherwise a window

	shift   uint   // a tick is 1<<shift nanoseconds
	period  uint32 // the window, or the time of one leak, in ticks
	units   uint32 // the window, in the units of a mark
	silence uint32 // how long an actor is not reported again, in ticks

	mask   uint64 // of the number of a set
	heads  []head
	lists  []mark // marks for each head, the latest first
	shards []shard
	door   *door
}

// ways is the number of places in a set.
const ways = 4

// A shard is a part of the table with a lock of its own.
type shard struct {
	sync.Mutex
	forgotten head   // last: the time of the last one, or its fullest bucket
	list      []mark // the latest time of each k-th mark
	_         [24]byte
}

func newTable(leaky bool, threshold, marks int, period time.Duration, actors int, d *door) *table {
	// A period is 2,048 to 4,095 ticks: precise enough, and far from 32 bits.
	t := &table{threshold: threshold, marks: marks, leaky: leaky, door: d}
	t.shift = uint(max(0, bits.Len64(uint64(period))-12))
	t.period = uint32(period >> t.shift)
	t.units = (t.period + 1<<coarse - 1) >> coarse // rounded up: a window is never shorter
	t.silence = t.period
	if leaky {
		t.silence *= uint32(threshold)
	}
	sets := 1 << bits.Len(uint(max(1, actors/ways)-1))
	t.mask = uint64(sets - 1)
	t.heads = make([]head, sets*ways)
	t.lists = make([]mark, sets*ways*marks)
	t.shards = make([]shard, min(64, sets))
	for i := range t.shards {
		t.shards[i].list = make([]mark, marks)
	}
	return t
}

// ticks is a time since the start of the Detector, never near 0.
func (t *table) ticks(since time.Duration) uint32 { return uint32(since>>t.shift) + 1<<16 }

// A hit is one attempt of an actor.
type hit struct {
	value  uint64 // a hash of what is told apart; see always
	n      uint32 // attempts
	id     uint64 // of an object
	number bool   // id is a number
}

// A verdict is what a table says about a hit.
type verdict struct {
	reached   bool
	run       int    // of ids in a row, always positive
	seen      uint32 // see Anomaly.Seen
	estimated bool
	weak      bool // estimated, and the actor itself has done much less
}

// add counts a hit. If the threshold is reached, and the actor is not silent,
// the verdict says so. With most, so many ids in a row are enough.
func (t *table) add(who *actor, h hit, most int, now uint32) verdict {
	s, set := t.shard(who)
	s.Lock()
	defer s.Unlock()
	at := t.place(s, set, who, now)
	if at < 0 {
		return verdict{}
	}
	count, own, run := t.put(at, h, now)
	head := &t.heads[at]
	row := most > 0 && run >= most
	if count < t.threshold && !row {
		return verdict{}
	}
	v := verdict{reached: true, seen: uint32(count)}
	if row {
		v.run, v.seen = run, uint32(run)
	} else {
		v.estimated = own < t.threshold || head.more&knocked != 0
		v.weak = t.weak(own)
	}
	if t.silent(head, v.weak, now) {
		return verdict{}
	}
	if head.told != 0 {
		v.seen = head.attempts()
	}
	head.told, head.more = now, head.more&(knocked|0xff)
	if v.weak {
		head.more |= faint
	}
	return v
}

// count counts a hit that is not an anomaly by itself.
func (t *table) count(who *actor, h hit, now uint32) {
	s, set := t.shard(who)
	s.Lock()
	defer s.Unlock()
	if at := t.place(s, set, who, now); at >= 0 {
		t.put(at, h, now)
	}
}

// put counts a hit at a place.
func (t *table) put(at int, h hit, now uint32) (count, own, run int) {
	head, marks := &t.heads[at], t.lists[at*t.marks:(at+1)*t.marks]
	if t.leaky {
		if t.marks > 0 && !meet(marks, h.value, now) {
			h.n = 0 // the same path again
		}
		head.tally(h.n)
		count, own = t.fill(head, h.n, now)
		return count, own, 0
	}
	if now-head.last > t.period {
		clear(marks)
		head.more &^= knocked | 0xff
	}
	t.expire(marks, now)
	meet(marks, h.value, now)
	if h.value == always {
		for range min(h.n, uint32(t.marks)) - 1 {
			meet(marks, always, now)
		}
	}
	head.last = now
	head.tally(h.n)
	count, own = live(marks)
	return count, own, head.row(h)
}

// take returns the verdict about an actor without a hit, and forgets its marks.
func (t *table) take(who *actor, now uint32) verdict {
	s, set := t.shard(who)
	s.Lock()
	defer s.Unlock()
	at := t.find(set, who.tag())
	if at < 0 {
		return verdict{}
	}
	head, marks := &t.heads[at], t.lists[at*t.marks:(at+1)*t.marks]
	stale := now-head.last > t.period
	t.expire(marks, now)
	count, own := live(marks)
	v := verdict{reached: true, seen: head.attempts(), estimated: own < count || head.more&knocked != 0, weak: t.weak(own)}
	clear(marks)
	head.more = 0
	if count < t.threshold || stale || t.silent(head, v.weak, now) {
		return verdict{}
	}
	head.told = now
	if v.weak {
		head.more |= faint
	}
	return v
}

// shard returns the set of an actor, and the shard that the set is in.
func (t *table) shard(who *actor) (s *shard, set uint64) {
	set = who.key & t.mask
	return &t.shards[set%uint64(len(t.shards))], set
}

// silent reports whether the actor has been reported a short time ago. A weak
// estimate may have been one of many that were only counted, so that it does
// not silence a report that is not weak.
func (t *table) silent(h *head, weak bool, now uint32) bool {
	return h.told != 0 && now-h.told < t.silence && (weak || h.more&faint == 0)
}
