package ratelimittest_test

import (
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A counting is how a mapStore counts by one algorithm.
type counting interface {
	// age brings a state up to now.
	age(m *mapStore, c *ratelimit.Cell, s *state)
	standing(m *mapStore, c *ratelimit.Cell, s *state) (remaining int64, reset time.Duration)
	wait(m *mapStore, c *ratelimit.Cell, s *state, cost int64) time.Duration
	take(m *mapStore, c *ratelimit.Cell, s *state, cost int64)
	mark(m *mapStore, s *state) int64
	giveBack(m *mapStore, c *ratelimit.Cell, s *state, taken int64)
}

func (m *mapStore) counting(c *ratelimit.Cell) counting {
	switch c.Policy.Algorithm {
	case ratelimit.FixedWindow:
		return windows{}
	case ratelimit.SlidingLog:
		return logs{}
	}
	return gcra{}
}

// limit is how many requests a window or a log has room for.
func (m *mapStore) limit(c *ratelimit.Cell) int64 {
	if m.is("allows-one-more") {
		return c.Policy.Limit + 1
	}
	return c.Policy.Limit
}

// most is how many requests a cell counts, debts among them.
func (m *mapStore) most(c *ratelimit.Cell) int64 {
	if m.is("owes-without-a-bound") {
		return 1 << 12
	}
	return 2 * c.Policy.Limit
}

type gcra struct{}

// unit is what one request occupies, and all of a quota.
func (gcra) unit(m *mapStore, c *ratelimit.Cell) (unit, full, most time.Duration) {
	unit = time.Duration((int64(c.Policy.Window) + c.Policy.Limit - 1) / c.Policy.Limit)
	burst := c.Policy.Burst
	switch m.flaw {
	case "has-no-burst":
		burst = c.Policy.Limit
	case "allows-one-more":
		burst++
	case "restores-early":
		unit /= 2
	case "never-restores":
		unit *= 1000
	}
	full = unit * time.Duration(burst)
	most = 2 * full
	if m.is("owes-without-a-bound") || m.is("knows-no-slower-policy") {
		most = 1 << 62
	}
	return unit, full, most
}

func (g gcra) level(m *mapStore, c *ratelimit.Cell, s *state) time.Duration {
	_, _, most := g.unit(m, c)
	return min(max(0, s.until.Sub(m.now())), most)
}

func (g gcra) age(m *mapStore, c *ratelimit.Cell, s *state) {
	s.until = m.now().Add(g.level(m, c, s))
}

func (g gcra) standing(m *mapStore, c *ratelimit.Cell, s *state) (remaining int64, reset time.Duration) {
	unit, full, _ := g.unit(m, c)
	level := g.level(m, c, s)
	remaining = int64(max(0, (full-level)/unit))
	if missing := int64(full/unit) - remaining; missing > 0 {
		reset = level - time.Duration(missing-1)*unit
	}
	return remaining, reset
}

func (g gcra) wait(m *mapStore, c *ratelimit.Cell, s *state, cost int64) time.Duration {
	unit, full, _ := g.unit(m, c)
	return g.level(m, c, s) + unit*time.Duration(min(cost, 1<<20)) - full
}

func (g gcra) take(m *mapStore, c *ratelimit.Cell, s *state, cost int64) {
	unit, _, most := g.unit(m, c)
	level := g.level(m, c, s) + unit*time.Duration(cost)
	if m.is("restores-all-at-once") { // a window from the first request on
		level = max(g.level(m, c, s), c.Policy.Window)
	}
	s.until = m.now().Add(min(level, most))
}

func (gcra) mark(_ *mapStore, s *state) int64 { return s.until.UnixNano() }

func (g gcra) giveBack(m *mapStore, c *ratelimit.Cell, s *state, taken int64) {
	unit, _, _ := g.unit(m, c)
	amount := unit * time.Duration(taken)
	if !m.is("refunds-late") {
		amount = min(amount, max(0, time.Unix(0, c.Standing.Mark).Sub(m.now())))
	}
	s.until = s.until.Add(-amount)
}

type windows struct{}

// next is the index of the first end of a calendar that is ahead.
func (m *mapStore) next(p *ratelimit.Policy) int {
	now := m.now()
	i := slices.IndexFunc(p.Ends, func(end time.Time) bool { return end.After(now) })
	if i < 0 {
		return len(p.Ends)
	}
	return i
}

// bounds are the end of the window before, as far as it is known, and of a
// window that begins now.
func (windows) bounds(m *mapStore, p *ratelimit.Policy) (before, end time.Time) {
	now := m.now()
	if len(p.Ends) == 0 || m.is("knows-no-calendar") {
		return time.Time{}, now.Add(p.Window)
	}
	i := min(m.next(p), len(p.Ends)-1) // the last one, of a store that knows the past
	if end = p.Ends[i]; m.is("cuts-calendars") && end.Sub(now) > p.Window {
		end = now.Add(p.Window)
	}
	if m.is("names-windows-by-their-index") {
		end = end.Add(time.Duration(i))
	}
	return p.Ends[max(i-1, 0)], end
}

func (w windows) age(m *mapStore, c *ratelimit.Cell, s *state) {
	p := &c.Policy
	now := m.now()
	before, end := w.bounds(m, p)
	limit := p.Limit
	s.used = min(s.used, m.most(c))
	if m.is("never-restores") && !s.until.IsZero() {
		return
	}
	if m.is("restores-early") && s.used > 0 && s.until.Sub(now) < p.Window/2 {
		s.until = now
	}
	if over := !s.until.IsZero() && !now.Before(s.until); over {
		follows := s.until.Equal(before)
		if len(p.Ends) == 0 {
			end = s.until.Add(p.Window)
			follows = now.Before(end)
		}
		carried := max(0, s.used-limit)
		switch {
		case m.is("carries-nothing"):
			carried = 0
		case m.is("carries-for-ever"):
			follows = true
		case m.is("carries-all"):
			carried = s.used
		}
		*s = state{}
		if follows && carried > 0 {
			*s = state{until: end, used: carried}
		}
		return
	}
	if s.until.IsZero() {
		return
	}
	if m.is("aligns-windows") || m.is("knows-no-slower-policy") {
		return
	}
	if len(p.Ends) > 0 && m.is("keeps-the-old-calendar") {
		return
	}
	if len(p.Ends) > 0 && !m.is("names-windows-by-their-index") {
		if m.is("forgets-with-the-calendar") && !s.until.Equal(end) {
			s.used = 0
		}
		s.until = end
	}
	if m.is("names-windows-by-their-index") && len(p.Ends) > 0 && !s.until.Equal(end) {
		s.used, s.until = 0, end
	}
	if s.until.After(end) {
		s.until = end
	}
}

func (w windows) standing(m *mapStore, c *ratelimit.Cell, s *state) (remaining int64, reset time.Duration) {
	if s.used > 0 {
		reset = s.until.Sub(m.now())
	}
	if s.used >= 2*m.limit(c) { // the next window is used up as well
		reset += w.following(c, s)
	}
	return max(0, m.limit(c)-s.used), reset
}

func (w windows) wait(m *mapStore, c *ratelimit.Cell, s *state, cost int64) time.Duration {
	if s.used+cost <= m.limit(c) {
		return 0
	}
	if s.until.IsZero() {
		return c.Policy.Window
	}
	wait := s.until.Sub(m.now())
	if cost <= m.limit(c) && s.used-m.limit(c)+cost > m.limit(c) {
		wait += w.following(c, s)
	}
	if m.is("restores-evenly") {
		wait = (wait + 1) / 2
	}
	return wait
}

// following is how long the window after this one is.
func (windows) following(c *ratelimit.Cell, s *state) time.Duration {
	if len(c.Policy.Ends) == 0 {
		return c.Policy.Window
	}
	for _, end := range c.Policy.Ends {
		if end.After(s.until) {
			return end.Sub(s.until)
		}
	}
	return 0
}

func (w windows) take(m *mapStore, c *ratelimit.Cell, s *state, cost int64) {
	if s.until.IsZero() {
		_, s.until = w.bounds(m, &c.Policy)
		if m.is("aligns-windows") && len(c.Policy.Ends) == 0 {
			s.until = m.now().Truncate(c.Policy.Window).Add(c.Policy.Window)
		}
	} else if m.is("begins-again") && len(c.Policy.Ends) == 0 { // each request moves the end
		s.until = m.now().Add(c.Policy.Window)
	}
	s.used = min(s.used+cost, m.most(c))
}

func (windows) mark(_ *mapStore, s *state) int64 { return s.until.UnixNano() }

func (windows) giveBack(m *mapStore, c *ratelimit.Cell, s *state, taken int64) {
	if s.until.UnixNano() == c.Standing.Mark || m.is("refunds-late") {
		s.used = max(0, s.used-taken)
	}
}

type logs struct{}

func (logs) age(m *mapStore, c *ratelimit.Cell, s *state) {
	now := m.now()
	if m.is("never-restores") {
		return
	}
	if m.is("restores-all-at-once") && len(s.leave) > 0 && !s.leave[0].After(now) {
		s.leave = nil
	}
	s.leave = slices.DeleteFunc(s.leave, func(at time.Time) bool {
		if m.is("restores-early") {
			at = at.Add(-c.Policy.Window / 2)
		}
		return !at.After(now)
	})
	for i := range s.leave {
		if latest := now.Add(c.Policy.Window); s.leave[i].After(latest) && !m.is("knows-no-slower-policy") {
			s.leave[i] = latest
		}
	}
}

func (logs) standing(m *mapStore, c *ratelimit.Cell, s *state) (remaining int64, reset time.Duration) {
	n := int64(len(s.leave))
	if n > 0 {
		reset = s.leave[min(max(0, n-m.limit(c)), n-1)].Sub(m.now())
	}
	return max(0, m.limit(c)-n), reset
}

func (logs) wait(m *mapStore, c *ratelimit.Cell, s *state, cost int64) time.Duration {
	over := int64(len(s.leave)) + cost - m.limit(c)
	switch {
	case over <= 0:
		return 0
	case cost > m.limit(c), over > int64(len(s.leave)), m.is("never-restores"):
		return c.Policy.Window
	}
	return s.leave[over-1].Sub(m.now())
}

func (logs) take(m *mapStore, c *ratelimit.Cell, s *state, cost int64) {
	if m.is("begins-again") {
		for i := range s.leave {
			s.leave[i] = m.now().Add(c.Policy.Window)
		}
	}
	at := m.now().Add(c.Policy.Window)
	for ; cost > 0 && int64(len(s.leave)) < m.most(c); cost-- {
		s.leave = append(s.leave, at)
	}
}

func (logs) mark(_ *mapStore, s *state) int64 {
	if len(s.leave) == 0 {
		return 0
	}
	return s.leave[len(s.leave)-1].UnixNano()
}

func (logs) giveBack(m *mapStore, c *ratelimit.Cell, s *state, taken int64) {
	for i := len(s.leave) - 1; i >= 0 && taken > 0; i-- {
		if s.leave[i].UnixNano() == c.Standing.Mark || m.is("refunds-late") {
			s.leave = slices.Delete(s.leave, i, i+1)
			taken--
		}
	}
}
