package ratelimit

import "time"

// now is nanoseconds since the table was made, and never 0.
func (t *table) now() int64 { return int64(time.Since(t.start)) + 1 }

// A moment is now, by the two clocks of a table. Setting the clock of the
// machine changes only the wall clock, which only calendars follow.
type moment struct {
	now  int64 // by table.now
	wall time.Time
}

func (t *table) moment(now int64) moment { return moment{now: now, wall: time.Now().Add(t.step)} }

// around returns the ends of a calendar before and after now, and false if now
// is not within the calendar.
func (m *moment) around(ends []time.Time) (before, next time.Time, ok bool) {
	for i, end := range ends {
		if end.After(m.wall) {
			if i == 0 {
				return before, end, false
			}
			return ends[i-1], end, true
		}
	}
	return before, next, false
}

// holds reports whether now is within a calendar.
func (t *table) holds(ends []time.Time) bool {
	m := t.moment(0)
	_, _, ok := m.around(ends)
	return ok
}

// slack is how much later a window may end, and a request may leave, than a
// window from now. One goroutine reads the clock, another goroutine counts at a
// later time, and then the first counts. What the other has counted must stay
// as it is, or its refund does not find it.
const slack = int64(time.Second)
