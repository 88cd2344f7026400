package ratelimit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// compileRates compiles Rate, Tiers and Anonymous.
func (m *Middleware) compileRates(c Config, faults *fault.List) {
	wrong, aligned := false, false
	compile := func(field string, rate Rate) *quota {
		q, found := m.quota(rate)
		for _, fault := range found {
			faults.Add(field, fault.text, fault.reason)
			wrong = true
		}
		if q != nil {
			aligned = aligned || slices.ContainsFunc(q.spans, func(s span) bool { return s.calendar != nil })
		}
		return q
	}
	rate, field := c.Rate, "Rate"
	if def, ok := c.Tiers["default"]; ok && rate == "" {
		rate, field = def, "Tiers[default]"
	} else if ok && rate != def {
		faults.Add("Rate", string(rate), `differs from Tiers["default"], which also is the default rate; leave one of the two out`)
	}
	m.rate = compile(field, rate)
	for _, tier := range slices.Sorted(maps.Keys(c.Tiers)) {
		if tier == "" {
			faults.Add("Tiers", "", `have an entry for the empty tier; remove it and write Rate, or Tiers["default"], for callers without a tier`)
			continue
		}
		if field := "Tiers[" + tier + "]"; tier != "default" {
			m.tiers[tier] = compile(field, c.Tiers[tier])
		} else {
			m.tiers[tier] = m.rate
		}
	}
	m.anonymous = m.rate
	if c.Anonymous != "" {
		m.anonymous = compile("Anonymous", c.Anonymous)
	}
	if c.Calendar != nil && !aligned && !wrong && c.RateFor == nil { // RateFor may return a day
		faults.Add("Calendar", c.Calendar.String(), `needs a rate with a day or a month, such as "1000/day"; leave Calendar out for other rates`)
	}
}

// prepare makes a quota ready to be counted in a MemoryStore.
func (m *Middleware) prepare(q *quota) {
	if m.table == nil {
		return
	}
	for i := range q.spans {
		s := &q.spans[i]
		s.nameHash = m.table.name(s.narrow.Name)
		switch s.narrow.Algorithm {
		case FixedWindow:
			m.table.windowed()
		case SlidingLog:
			m.table.logged()
		}
	}
}

// quotas are all quotas that a caller may have, without the unlimited.
func (m *Middleware) quotas() []*quota {
	all := []*quota{m.rate, m.anonymous}
	for _, q := range m.tiers {
		all = append(all, q)
	}
	return slices.DeleteFunc(all, func(q *quota) bool { return q.unlimited })
}

// uncountable says why a [PartialStore] cannot count a window, or nothing.
func (m *Middleware) uncountable(s *span) string {
	for _, a := range []Algorithm{s.narrow.Algorithm, s.wide.Algorithm} {
		if m.algorithms == nil || slices.Contains(m.algorithms, a) {
			continue
		}
		text := "needs " + a.String() + ", by which the Store does not count; "
		if slices.Contains(m.algorithms, FixedWindow) {
			text += `write ",fixed-window" after each window, set Calendar for a day or a month, or `
		}
		return text + "use another Store"
	}
	if s.calendar == nil && s.narrow.Window < m.minWindow {
		return fmt.Sprintf("has a window of %v, and the Store counts windows of at least %v; use another Store for the shorter window", s.narrow.Window, m.minWindow)
	}
	return ""
}

// quota compiles a Rate, or says what is wrong with it.
func (m *Middleware) quota(rate Rate) (*quota, []rateFault) {
	q, faults := rate.parse(m.name, m.calendar)
	if faults != nil {
		return nil, faults
	}
	for i := range q.spans {
		if reason := m.uncountable(&q.spans[i]); reason != "" {
			return nil, []rateFault{{string(rate), reason}}
		}
	}
	m.prepare(q)
	return q, nil
}
