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
	silence uint32 // how long an actor is not reported again, in ticks

	mask   uint64 // of the number of a set
	heads  []head
	lists  []uint32 // marks for each head, the latest first
	shards []shard
	door   *door
}

// ways is the number of places in a set.
const ways = 4

// A head is what a table knows of one actor, besides its marks.
type head struct {
	tag  uint32 // of the hash of the actor; 0 if the place is free
	last uint32 // window: the time of the last value; bucket: when it is empty
	told uint32 // the time of the last report; 0 for never
	// own has two meanings. Bucket: when the bucket would be empty without what
	// was inherited. Window: the last id, for runs.
	own  uint32
	more uint32 // two bits, the attempts since the last report, the run
}

// A mark is a value that was seen: 15 bits of its time, a bit that is set, and
// 16 bits of its hash. The hash is 0 if the mark was inherited.
const present = 0x8000

// A shard is a part of the table with a lock of its own.
type shard struct {
	sync.Mutex
	forgotten head     // last: the time of the last one, or its fullest bucket
	list      []uint32 // the latest time of each k-th mark
	_         [24]byte
}

func newTable(leaky bool, threshold, marks int, period time.Duration, actors int, d *door) *table {
	// A period is 2,048 to 4,095 ticks: precise enough, and far from 15 bits.
	t := &table{threshold: threshold, marks: marks, leaky: leaky, door: d}
	t.shift = uint(max(0, bits.Len64(uint64(period))-12))
	t.period = uint32(period >> t.shift)
	t.silence = t.period
	if leaky {
		t.silence *= uint32(threshold)
	}
	sets := 1 << bits.Len(uint(max(1, actors/ways)-1))
	t.mask = uint64(sets - 1)
	t.heads = make([]head, sets*ways)
	t.lists = make([]uint32, sets*ways*marks)
	t.shards = make([]shard, min(64, sets))
	for i := range t.shards {
		t.shards[i].list = make([]uint32, marks)
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

// place finds the place of an actor, or makes one. See admit.
func (t *table) place(s *shard, set uint64, who *actor, now uint32) int {
	if at := t.find(set, who.tag()); at >= 0 {
		return at
	}
	return t.admit(s, set, who, now)
}

func (t *table) find(set uint64, tag uint32) int {
	at := int(set) * ways
	for i := range ways {
		if t.heads[at+i].tag == tag {
			return at + i
		}
	}
	return -1
}

// admit makes a place for an actor and returns it, or -1 if the actor is met
// for the first time and there is no free place.
func (t *table) admit(s *shard, set uint64, who *actor, now uint32) int {
	at, least, since := -1, 0, uint32(0)
	for i := range ways {
		place := int(set)*ways + i
		if t.free(place, now) {
			at, least = place, -1
			break
		}
		own, last := t.evidence(place, now), now-t.heads[place].last
		if t.leaky { // the time when the bucket is empty says as much
			last = 1<<31 - t.left(t.heads[place].last, now)
		}
		if at < 0 || own < least || own == least && last > since {
			at, least, since = place, own, last
		}
	}
	if least >= 0 {
		if who.knock(t.door) < t.knocks() {
			return -1
		}
		t.forget(s, at, now)
	}
	h, marks := &t.heads[at], t.lists[at*t.marks:(at+1)*t.marks]
	*h = head{tag: who.tag(), last: now, own: now}
	clear(marks)
	t.inherit(s, h, marks, now)
	if n := min(who.known(t.door), t.knocks()); n > 0 { // the door has kept it out
		h.more = knocked
		if t.leaky {
			t.fill(h, uint32(n), now)
			return at
		}
		for range n {
			meet(marks, always, now)
		}
	}
	return at
}

// knocks is how many hits of an actor the door keeps out if there is no free
// place: two, or one where two would be more than half of the threshold.
func (t *table) knocks() int { return min(2, t.threshold/2) }

// weak reports whether an actor has done less than three quarters of the
// threshold itself.
func (t *table) weak(own int) bool { return own*4 < t.threshold*3 }

// free reports whether nobody has a place, or somebody whose count is zero.
func (t *table) free(place int, now uint32) bool {
	h := &t.heads[place]
	if h.tag == 0 {
		return true
	}
	if t.leaky {
		return t.left(h.last, now) == 0
	}
	return now-h.last > t.period
}

// evidence is how much an actor has done itself.
func (t *table) evidence(place int, now uint32) int {
	if t.leaky {
		return t.level(t.heads[place].own, now)
	}
	marks := t.lists[place*t.marks : (place+1)*t.marks]
	t.expire(marks, now)
	_, own := live(marks)
	return own
}

// forget keeps what the newcomers of the shard inherit.
func (t *table) forget(s *shard, place int, now uint32) {
	last := t.heads[place].last
	if t.leaky {
		if t.left(last, now) > t.left(s.forgotten.last, now) {
			s.forgotten.last = last
		}
		return
	}
	t.fresh(s, now)
	s.forgotten.last = now
	for k, m := range t.lists[place*t.marks : (place+1)*t.marks] {
		if m == 0 {
			break
		}
		if s.list[k] == 0 || age(m, now) < age(s.list[k], now) {
			s.list[k] = m &^ 0xffff
		}
	}
}

// fresh removes what is too old to be inherited.
func (t *table) fresh(s *shard, now uint32) {
	if now-s.forgotten.last > t.period {
		clear(s.list)
		return
	}
	t.expire(s.list, now)
}

func (t *table) inherit(s *shard, head *head, marks []uint32, now uint32) {
	if !t.leaky {
		t.fresh(s, now)
		copy(marks, s.list)
		return
	}
	head.last = now + t.left(s.forgotten.last, now)
}

// fill puts n into the bucket of an actor and returns how many are in it, and
// how many of them the actor has put there itself. The bucket holds no more
// than the threshold.
func (t *table) fill(h *head, n, now uint32) (count, own int) {
	n = min(n, uint32(t.threshold))
	for _, until := range [...]*uint32{&h.last, &h.own} {
		*until = now + min(t.left(*until, now)+n*t.period, t.full())
	}
	return t.level(h.last, now), t.level(h.own, now)
}

// full is the content of a full bucket, in ticks.
func (t *table) full() uint32 { return uint32(t.threshold) * t.period }

// left is the content of a bucket that is empty at that time, in ticks. Nothing
// is more than full: the clock of ticks has turned since.
func (t *table) left(until, now uint32) uint32 {
	if left := until - now; left <= t.full() {
		return left
	}
	return 0
}

// level is how many are in a bucket that is empty at that time. A part counts
// as one: what has leaked since the first of five at once makes no difference.
func (t *table) level(until, now uint32) int {
	return int((t.left(until, now) + t.period - 1) / t.period)
}

// expire removes the marks that are older than the window.
func (t *table) expire(marks []uint32, now uint32) {
	for k := len(marks) - 1; k >= 0; k-- {
		if marks[k] == 0 {
			continue
		}
		if age(marks[k], now) <= t.period {
			return
		}
		marks[k] = 0
	}
}

func mark(value uint64, now uint32) uint32 {
	return (now&0x7fff|present)<<16 | uint32(value)&0xffff
}

func age(mark, now uint32) uint32 { return (now - mark>>16) & 0x7fff }

// always is the value of a hit that is not the same as any other.
const always = 0

// meet puts a value to the front, and reports whether it was not there before.
func meet(marks []uint32, value uint64, now uint32) (first bool) {
	if value == always {
		push(marks, len(marks)-1, mark(1, now))
		return true
	}
	m := mark(max(value>>48, 1), now)
	for k, old := range marks {
		if old&0xffff == m&0xffff {
			push(marks, k, m)
			return false
		}
	}
	push(marks, len(marks)-1, m)
	return true
}

// push puts a mark to the front, and moves those before number k back.
func push(marks []uint32, k int, m uint32) {
	copy(marks[1:k+1], marks[:k])
	marks[0] = m
}

// live counts the marks, and those that were not inherited.
func live(marks []uint32) (count, own int) {
	for _, m := range marks {
		if m != 0 {
			count++
		}
		if m&0xffff != 0 {
			own++
		}
	}
	return count, own
}

// The bits of head.more: knocked if the door had kept the actor out before, and
// faint if the last report was a weak estimate.
const (
	knocked = 1 << 31
	faint   = 1 << 30
)

// attempts is how many attempts there were since the last report.
func (h *head) attempts() uint32 { return h.more &^ (knocked | faint) >> 8 }

// tally counts attempts, up to 4 million.
func (h *head) tally(n uint32) {
	h.more = h.more&(knocked|faint|0xff) | min(h.attempts()+min(n, 1<<21), 1<<22-1)<<8
}

// row returns how many ids in a row have been refused, this one included.
func (h *head) row(now hit) int {
	run := int8(h.more)
	switch delta := int32(uint32(now.id) - h.own); {
	case !now.number:
		run = 0
	case run == 0:
		run = 1
	case delta == 0: // the same again
	case delta == 1:
		run = max(run, 1)
		run += min(1, 127-run)
	case delta == -1:
		run = min(run, -1)
		run -= min(1, 127+run)
	default:
		run = 1
	}
	h.own = uint32(now.id)
	h.more = h.more&^0xff | uint32(uint8(run))
	return max(int(run), -int(run))
}
