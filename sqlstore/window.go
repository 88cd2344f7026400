package sqlstore

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// maxWindow is the longest window of a quota.
const maxWindow = 366 * 24 * time.Hour

// A tally is the state of a cell: until when its window lasts, and how much of
// it is used. Without a window both are 0.
type tally struct{ ends, used int64 }

// A window is a cell of one call. Times are microseconds.
type window struct {
	cell   *ratelimit.Cell
	digest digest
	span   int64
	ends   []int64 // of the calendar

	known bool  // the cell has a row
	held  tally // as it was read
	next  tally // as it will be written
	cut   bool  // its window ends at another time than before

	taken    int64
	standing ratelimit.Standing
}

// windows checks the cells.
func (s quotas) windows(cells []ratelimit.Cell) ([]*window, error) {
	if s.db == nil {
		return nil, unmade()
	}
	wrong := func(field, reason string) ([]*window, error) {
		return nil, &bulwark.ConfigError{Field: "sqlstore.Quotas." + field, Reason: reason}
	}
	if len(cells) > maxCells {
		return wrong("Debit", fmt.Sprintf("was called with more than %d cells", maxCells))
	}
	all := make([]*window, len(cells))
	for i := range cells {
		c := &cells[i]
		p := &c.Policy
		switch {
		case p.Algorithm != ratelimit.FixedWindow:
			return wrong("Policy.Algorithm", "is not FixedWindow; write \",fixed-window\" behind the Rate of a quota, or give this limit a ratelimit.MemoryStore or the store of package redisstore")
		case p.Window < 1 || p.Window > maxWindow:
			return wrong("Policy.Window", "must be above 0 and at most 366 days")
		case p.Window < s.config.MinWindow && len(p.Ends) == 0:
			return wrong("Policy.Window", fmt.Sprintf("is shorter than %v (Config.MinWindow), and each request would wait for the database; give this limit a ratelimit.MemoryStore or the store of package redisstore", s.config.MinWindow))
		case p.Limit < 1 || p.Limit > math.MaxInt64/4:
			return wrong("Policy.Limit", "must be at least 1, and at most a quarter of the largest int64")
		case c.Cost < 0:
			return wrong("Cost", "must not be negative; call Refund to give requests back")
		}
		all[i] = &window{cell: c, digest: digestOf("quota", p.Name, string(c.Key)), span: (int64(p.Window) + 999) / 1000}
		for _, end := range p.Ends {
			all[i].ends = append(all[i].ends, ceiled(end))
		}
	}
	return all, nil
}

// decide says whether every cell has room, and what each is to become.
func decide(windows []*window, now int64) (ok bool, err error) {
	ends := make([]int64, len(windows)) // of a window that begins now
	ok = true
	for i, w := range windows {
		if ends[i], err = w.age(now); err != nil {
			return false, err
		}
		room := w.cell.Cost == 0 || w.cell.Cost <= w.cell.Policy.Limit-w.next.used
		w.standing = ratelimit.Standing{Exceeded: !room && !w.cell.Debt}
		ok = ok && !w.standing.Exceeded
	}
	for i, w := range windows {
		w.settle(ok, now, ends[i])
	}
	return ok, nil
}

// age sets next to what is held, brought up to now. It returns the end of a
// window that begins now.
func (w *window) age(now int64) (end int64, err error) {
	before, end := int64(0), now+w.span
	if len(w.ends) > 0 {
		i, found := slices.BinarySearch(w.ends, now)
		if found {
			i++ // a window that ends now has ended
		}
		if i == 0 || i == len(w.ends) {
			return 0, &bulwark.ConfigError{Field: "sqlstore.Quotas.Policy.Ends", Reason: "do not reach from the past into the future by the clock of the database; compare the clocks of the servers"}
		}
		before, end = w.ends[i-1], w.ends[i]
	}
	limit := w.cell.Policy.Limit
	w.next, w.cut = w.held, false
	switch {
	case w.held.ends == 0:
		w.next = tally{}
	case w.held.ends <= now:
		following, follows := end, w.held.ends == before
		if len(w.ends) == 0 {
			following = w.held.ends + w.span
			follows = now < following
		}
		w.next = tally{}
		if owed := w.held.used - limit; follows && owed > 0 {
			w.next = tally{following, owed}
		}
	default:
		if w.next.ends > end || len(w.ends) > 0 {
			w.next.ends = end
		}
		w.cut = w.next.ends != w.held.ends
	}
	w.next.used = min(w.next.used, 2*limit)
	return end, nil
}

// settle takes if all cells have room, and says how the cell stands.
func (w *window) settle(ok bool, now, end int64) {
	limit := w.cell.Policy.Limit
	if w.taken = 0; ok {
		w.taken = min(w.cell.Cost, 2*limit-w.next.used)
	}
	if w.taken > 0 {
		if w.next.ends == 0 {
			w.next.ends = end
		}
		w.next.used += w.taken
	}
	s := &w.standing
	s.Remaining, s.Mark = max(0, limit-w.next.used), w.next.ends
	if w.next.used > 0 {
		s.Reset = time.Duration(w.next.ends-now) * time.Microsecond
	}
	if s.Exceeded {
		if w.next.ends > 0 {
			end = w.next.ends
		}
		s.Wait = time.Duration(end-now) * time.Microsecond
	}
}

// takes reports whether the cell must be written.
func (w *window) takes() bool { return w.taken > 0 }

// expires is when the row may be forgotten: at the end of its window, or of the
// next one if something is owed.
func (w *window) expires() int64 {
	if w.next.used <= w.cell.Policy.Limit {
		return w.next.ends
	}
	for _, end := range w.ends {
		if end > w.next.ends {
			return end
		}
	}
	return w.next.ends + w.span
}
