package ratelimit

import (
	"sync/atomic"
	"time"
)

// A calendar says when the days or the months of a place end.
type calendar struct {
	place   *time.Location
	months  bool
	current atomic.Pointer[period]
}

// A period is a window of a calendar, in which the policies do not change.
type period struct {
	from, until  time.Time
	narrow, wide Policy
}

func newCalendar(place *time.Location, months bool) *calendar {
	return &calendar{place: place, months: months}
}

// at is the period of now. It is computed once in each period.
func (c *calendar) at(now time.Time, s *span) *period {
	if p := c.current.Load(); p != nil && !now.Before(p.from) && now.Before(p.until) {
		return p
	}
	p := &period{narrow: s.narrow, wide: s.wide}
	p.narrow.Ends = c.ends(now)
	p.wide.Ends = p.narrow.Ends
	for _, end := range p.narrow.Ends {
		if end.After(now) {
			p.until = end
			break
		}
		p.from = end
	}
	c.current.Store(p)
	return p
}

// around is how many windows before and after now have an end in a Policy. A
// store whose clock differs by hours, even in the shortest of days, then finds
// its window among them.
const around = 3

// ends are the ends of the windows around now, in ascending order.
func (c *calendar) ends(now time.Time) []time.Time {
	year, month, day := now.In(c.place).Date()
	all := make([]time.Time, 0, 2*around+1)
	for i := -around; i <= around; i++ {
		var end time.Time
		if c.months {
			end = dayBegins(year, month+time.Month(i), 1, c.place)
		} else {
			end = dayBegins(year, month, day+i, c.place)
		}
		// A day that a place has left out begins and ends at once.
		if len(all) == 0 || end.After(all[len(all)-1]) {
			all = append(all, end)
		}
	}
	return all
}

// dayBegins is the first moment at which the clocks of a place show that date,
// or a later one. That need not be midnight, where clocks are set forward at
// midnight. It may come twice, where clocks are set back after midnight. And a
// date may not come at all: on Samoa 30 December 2011 did not.
func dayBegins(year int, month time.Month, day int, place *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	// No place is further from UTC than this. From here on, each stretch of
	// time between two changes of the clocks is asked for the date.
	at := midnight.Add(-26 * time.Hour).In(place)
	for {
		_, offset := at.Zone()
		begin, end := at.ZoneBounds()
		first := midnight.Add(-time.Duration(offset) * time.Second)
		if first.Before(begin) {
			first = begin
		}
		if end.IsZero() || first.Before(end) {
			return first.In(place)
		}
		at = end
	}
}
