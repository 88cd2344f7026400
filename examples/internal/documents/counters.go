package documents

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// countedMinutes is how many minutes the counters look back. The minute that
// runs is the last of them.
const countedMinutes = 15

// counters count events by kind, and requests, in each of the last minutes. It
// is an observer of the audit layer.
type counters struct {
	mu      sync.Mutex
	minutes [countedMinutes]minute
}

// A minute has the counts of one minute. The first minute since 1970 has the
// number 0.
type minute struct {
	number   int64
	kinds    []uint64 // in the order of kinds
	requests uint64
	refused  uint64 // requests that were answered with a status from 400 on
}

func newCounters() *counters {
	c := &counters{}
	for i := range c.minutes {
		c.minutes[i].kinds = make([]uint64, len(kinds))
	}
	return c
}

// Record counts an event.
func (c *counters) Record(_ context.Context, e bulwark.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now(time.Now()).kinds[kindOf(e.Name)] += uint64(max(e.Count, 1))
}

// Answered counts a request.
func (c *counters) Answered(_ context.Context, a audit.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now(time.Now())
	now.requests++
	if a.Event.Status >= http.StatusBadRequest {
		now.refused++
	}
}

// now returns the minute that runs. It takes the place of the minute that is
// too old. The caller holds the lock.
func (c *counters) now(t time.Time) *minute {
	number := t.Unix() / 60
	m := &c.minutes[number%countedMinutes]
	if m.number != number {
		m.number, m.requests, m.refused = number, 0, 0
		clear(m.kinds)
	}
	return m
}

// A tally has the counts of the last minutes, the oldest minute first.
type tally struct {
	Minutes  []time.Time `json:"minutes"`
	Requests []uint64    `json:"requests"`
	Refused  []uint64    `json:"refused"`
	Kinds    []kindTally `json:"kinds"`
}

type kindTally struct {
	Kind   string   `json:"kind"`
	Counts []uint64 `json:"counts"`
}

// tally returns the counts of this moment. Every kind is there, also at zero.
func (c *counters) tally() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := tally{Kinds: make([]kindTally, len(kinds))}
	for i, kind := range kinds {
		t.Kinds[i] = kindTally{Kind: kind, Counts: make([]uint64, countedMinutes)}
	}
	last := time.Now().Unix() / 60
	for i := range countedMinutes {
		number := last - countedMinutes + 1 + int64(i)
		t.Minutes = append(t.Minutes, time.Unix(number*60, 0).UTC())
		m := c.minutes[number%countedMinutes]
		if m.number != number { // nothing was counted in that minute
			t.Requests, t.Refused = append(t.Requests, 0), append(t.Refused, 0)
			continue
		}
		t.Requests, t.Refused = append(t.Requests, m.requests), append(t.Refused, m.refused)
		for k, count := range m.kinds {
			t.Kinds[k].Counts[i] = count
		}
	}
	return t
}
