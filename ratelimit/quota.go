package ratelimit

import (
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/member"
)

// A quota is a compiled Rate.
type quota struct {
	unlimited bool
	spans     []span // 1 to maxWindows, in the order of the Rate
	words     []string
	burst     int64 // the least of them: the most that a request may cost

	policies string // the members of RateLimit-Policy
	plain    string // the same for Triple
	refusal  *bulwark.Problem
	refused  *member.List // the names in refusal
}

// A span is one window of a quota.
type span struct {
	narrow   Policy // of a caller
	wide     Policy // for the /48 around an IPv6 /64; see aggregate
	gcra     gcra   // of narrow
	wideGCRA gcra
	calendar *calendar // nil unless the window is a day or month of a calendar
	nameHash uint64    // of the name, in the table of a MemoryStore

	begin    string      // the begin of a member of RateLimit, up to the number
	violated member.List // the member of a refusal
}

// fault says what is wrong with the numbers of a window.
func (s *span) fault() (reason string) {
	p := &s.narrow
	switch {
	case int64(p.Window)/p.Limit < minUnit:
		return `is more than 1000000 a second; write a lower rate, or "unlimited"`
	case p.Algorithm == SlidingLog && p.Limit > maxLog:
		return `has more than 64 requests, and a sliding log keeps the time of each; write at most 64, or ",fixed-window"`
	case p.Algorithm == GCRA && p.Burst > p.Limit && unit(p) > int64(maxPeriod)/p.Burst:
		// A burst of at most the limit takes no longer than the period, give
		// or take the rounding.
		return "has a burst that takes more than 366 days to be restored; write a smaller burst"
	}
	return ""
}

// add adds a window, or says why it cannot be.
func (q *quota) add(s span, word string) (reason string) {
	for i := range q.spans {
		if q.spans[i].narrow.Window == s.narrow.Window {
			return "has the same length as another window of the rate; write only the lower one of the two"
		}
	}
	q.spans, q.words = append(q.spans, s), append(q.words, word)
	if q.burst == 0 || s.narrow.Burst < q.burst {
		q.burst = s.narrow.Burst
	}
	return ""
}

// window is the window in seconds.
func (s *span) window() int64 { return int64(s.narrow.Window / time.Second) }

// aggregateFactor is how many fully used /64 networks a /48 is worth. A site is
// commonly given a /48 or a /56, that is up to 65,536 networks of its own.
const aggregateFactor = 16

// named gives the quota the name of its limit, and a whole /48 its quota. If
// there are several windows, each adds its own name.
func (q *quota) named(name string) {
	for i := range q.spans {
		s := &q.spans[i]
		s.narrow.Name = name
		if len(q.spans) > 1 {
			s.narrow.Name += "-" + q.words[i]
		}
		s.violated = member.List{Name: "violated-policies", Values: []string{s.narrow.Name}}
		s.wide = s.narrow
		s.wide.Limit *= aggregateFactor
		s.wide.Burst *= aggregateFactor
		if s.wide.Algorithm == SlidingLog { // that of a network would be too long
			s.wide.Algorithm = GCRA
		}
		s.gcra, s.wideGCRA = newGCRA(&s.narrow), newGCRA(&s.wide)
	}
	q.describe()
	q.prepareRefusal(name)
}

// now is the policies of the caller and of its network as of now. They change
// only with the windows of a calendar.
func (s *span) now() (narrow, wide *Policy) {
	if s.calendar == nil {
		return &s.narrow, &s.wide
	}
	p := s.calendar.at(time.Now(), s)
	return &p.narrow, &p.wide
}

// aim tells a debit the policy of the caller, or of its network, as of now.
func (s *span) aim(d *debit, wide bool) {
	p, g := &s.narrow, &s.gcra
	if wide {
		p, g = &s.wide, &s.wideGCRA
	}
	if p.Algorithm == GCRA {
		d.gcra = *g
		return
	}
	if d.policy = p; s.calendar != nil {
		narrow, network := s.now()
		if d.policy = narrow; wide {
			d.policy = network
		}
	}
}

// cells are what the quota counts for the keys of one caller: those of the
// narrow key and then, if there is one, those of the wide key.
func (q *quota) cells(cost int64, keys [][]byte) []Cell {
	cells := make([]Cell, 0, len(keys)*len(q.spans))
	for i, key := range keys {
		for j := range q.spans {
			narrow, wide := q.spans[j].now()
			if i > 0 {
				narrow = wide
			}
			cells = append(cells, Cell{Policy: *narrow, Key: key, Cost: cost})
		}
	}
	return cells
}
