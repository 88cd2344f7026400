package ratelimit

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// A windowTable keeps how much of each fixed window is used: 24 bytes for each
// key, allocated once. Keys give way as in a [table]. A key is counted under
// the lock of its stripe.
type windowTable struct {
	buckets []windowBucket
	mask    uint64
	locks   [stripes]sync.Mutex
}

type windowBucket struct {
	hashes [ways]uint64
	ends   [ways]int64 // by the clock of the table, or of the wall for a calendar
	used   [ways]usage
}

// A usage packs how many requests are used in a window, how long they occupy a
// key in a GCRA, and two flags. A limit and its network have at most
// maxWindowLimit requests in a window, and as many again in debt: 35 bits. The
// time is at most twice 366 days, in units of 2^29 ns: 27 bits.
type usage uint64

const (
	ofCalendar usage = 1 << iota // the end is by the wall clock
	owing                        // more than the limit is used
	usedShift  = 29
	timeShift  = 29
	timeMask   = 1<<27 - 1
)

// maxWindowLimit is the Limit of a network around keys with maxNumber.
const maxWindowLimit = aggregateFactor * maxNumber

func packed(used int64, p *Policy) usage {
	weight := used * unit(p) >> timeShift
	u := usage(used)<<usedShift | usage(min(weight, timeMask))<<2
	if len(p.Ends) > 0 {
		u |= ofCalendar
	}
	if used > p.Limit {
		u |= owing
	}
	return u
}

func (u usage) used() int64 { return int64(u >> usedShift) }

// weight is how much was used of a quota, as a time.
func (u usage) weight() int64 { return int64(u >> 2 & timeMask) }

// newWindowTable allocates a table for keys, which are a power of two.
func newWindowTable(keys int) *windowTable {
	n := 1 << bits.Len(uint(keys-1)) / ways
	return &windowTable{buckets: make([]windowBucket, n), mask: uint64(n - 1)}
}

// at returns the locked bucket of a key, and its slot or -1.
func (w *windowTable) at(hash uint64) (b *windowBucket, i int, lock *sync.Mutex) {
	lock = &w.locks[hash&w.mask%stripes]
	b = &w.buckets[hash&w.mask]
	lock.Lock()
	for i := range b.hashes {
		if b.hashes[i] == hash {
			return b, i, lock
		}
	}
	return b, -1, lock
}

// A window is a fixed window of a policy as of now. Its end is 0 before it has
// begun.
type window struct {
	end  int64
	used int64
}

// current brings a slot up to now. What was owed at the end of a window is used
// in the window that follows directly.
func (b *windowBucket) current(i int, p *Policy, m *moment) (win window) {
	if i < 0 {
		return window{}
	}
	end, u := b.ends[i], b.used[i]
	used := min(u.used(), 2*p.Limit)
	carried := max(0, used-p.Limit)
	left := end - m.now
	if u&ofCalendar != 0 {
		left = end - m.wall.UnixNano()
	}
	switch {
	case len(p.Ends) > 0:
		before, next, _ := m.around(p.Ends)
		switch {
		case left > 0 && u&ofCalendar != 0 && end > next.UnixNano() && next.Sub(m.wall) <= time.Duration(slack):
			return window{end, used} // of one who read the clock later, after the end
		case left > 0:
			return window{next.UnixNano(), used}
		case u&ofCalendar != 0 && end == before.UnixNano() && carried > 0:
			return window{next.UnixNano(), carried}
		}
	case left > int64(p.Window)+slack:
		return window{m.now + int64(p.Window), used}
	case left > 0:
		return window{m.now + left, used}
	case carried > 0 && left > -int64(p.Window):
		return window{m.now + left + int64(p.Window), carried}
	}
	return window{}
}

// begin is the end of a window that begins now, and now by the same clock.
func (m *moment) begin(p *Policy) (end, now int64) {
	if len(p.Ends) == 0 {
		return m.now + int64(p.Window), m.now
	}
	_, next, _ := m.around(p.Ends)
	return next.UnixNano(), m.wall.UnixNano()
}

// room notes how the window stands, and reports whether there is room.
func (win window) room(d *debit, m *moment) bool {
	p := d.policy
	begin, now := m.begin(p)
	end := win.end
	if end == 0 || len(p.Ends) == 0 && end > begin { // begin is now and a window
		end = begin
	}
	d.left, d.more, d.due = max(0, p.Limit-win.used), 0, 0
	carried := max(0, win.used-p.Limit)
	if win.used > 0 {
		d.more = end - now
		if carried >= p.Limit { // the next window is used up as well
			d.more = win.second(p, end) - now
		}
	}
	if d.cost > p.Limit-win.used && d.cost > 0 {
		d.due = end - now
		if d.cost <= p.Limit && d.cost > p.Limit-carried {
			d.due = win.second(p, end) - now
		}
	}
	d.exceeded = d.due > 0 && !d.debt
	return !d.exceeded
}

// second is the end of the window after the one with that end.
func (win window) second(p *Policy, end int64) int64 {
	if len(p.Ends) == 0 {
		return end + int64(p.Window)
	}
	for _, e := range p.Ends {
		if at := e.UnixNano(); at > end {
			return at
		}
	}
	return end
}

// look notes how a key stands, and whether it has room. It only writes what has
// to be cut.
func (w *windowTable) look(d *debit, m moment) {
	b, i, lock := w.at(d.hash)
	defer lock.Unlock()
	win := b.current(i, d.policy, &m)
	win.room(d, &m)
	b.keep(i, win, d.policy)
}

// keep writes a window down that has been brought up to now.
func (b *windowBucket) keep(i int, win window, p *Policy) {
	if i >= 0 && win.end != 0 {
		b.ends[i], b.used[i] = win.end, packed(win.used, p)
	}
}

// take uses a window for the cost of a debit, if there is room or the debit may
// owe.
func (w *windowTable) take(d *debit, m moment, evictions *atomic.Uint64) bool {
	b, i, lock := w.at(d.hash)
	defer lock.Unlock()
	p := d.policy
	win := b.current(i, p, &m)
	if !win.room(d, &m) {
		b.keep(i, win, p)
		return false
	}
	d.taken = min(d.cost, 2*p.Limit-win.used)
	win.used += d.taken
	if win.end == 0 {
		win.end, _ = m.begin(p)
	}
	d.until = win.end
	if i < 0 {
		var live bool
		if i, live = b.victim(packed(win.used, p).weight(), &m); live {
			evictions.Add(1)
		}
		b.hashes[i] = d.hash
	}
	b.ends[i], b.used[i] = win.end, packed(win.used, p)
	win.room(d, &m)
	d.exceeded, d.due = false, 0
	return true
}

// victim chooses the slot for a key of that weight: a free one, or one whose
// window is over, or else that of a live key, as in a [table].
func (b *windowBucket) victim(weight int64, m *moment) (index int, live bool) {
	least, latest := -1, -1
	for i := range b.hashes {
		if b.hashes[i] == 0 || b.over(i, m) {
			return i, false
		}
		if least < 0 || b.used[i].weight() < b.used[least].weight() {
			least = i
		}
		if b.used[i].weight() <= weight && (latest < 0 || b.ends[i] >= b.ends[latest]) {
			latest = i
		}
	}
	if latest >= 0 {
		return latest, true
	}
	return least, true
}

// over reports whether nothing of a slot is used any more.
func (b *windowBucket) over(i int, m *moment) bool {
	u := b.used[i]
	left := b.ends[i] - m.now
	if u&ofCalendar != 0 {
		left = b.ends[i] - m.wall.UnixNano()
	}
	if u&owing != 0 { // it has used more than a window of time
		left += (u.weight() + 1) << timeShift
	}
	return left <= 0
}

// giveBack gives back what a debit has taken, within the window that it has
// taken from.
func (w *windowTable) giveBack(d *debit, m moment) {
	b, i, lock := w.at(d.hash)
	defer lock.Unlock()
	win := b.current(i, d.policy, &m)
	if win.end != d.until || win.end == 0 {
		return
	}
	win.used = max(0, win.used-d.taken)
	b.keep(i, win, d.policy)
}

// free makes the quota of a key whole.
func (w *windowTable) free(hash uint64) {
	b, i, lock := w.at(hash)
	defer lock.Unlock()
	if i >= 0 {
		b.hashes[i], b.ends[i], b.used[i] = 0, 0, 0
	}
}
