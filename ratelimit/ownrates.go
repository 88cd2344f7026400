package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

const (
	// maxAsking bounds the calls of RateFor at once, and with them the
	// goroutines that a slow database can hold.
	maxAsking = 16
	// retryAfter is how long the tier's rate stands for a rate that RateFor
	// could not tell. The next call is made after it.
	retryAfter = 5 * time.Second
	// maxCompiled bounds the compiled rates that callers share, and
	// maxRateBytes the text of each.
	maxCompiled  = 256
	maxRateBytes = 256
	// maxShapes bounds the kinds of cells that Reset knows of these rates.
	maxShapes = 64
)

// ownRates are the rates of single callers, as Config.RateFor knows them. They
// are kept for a while, and are bounded. All methods are safe for concurrent
// use.
type ownRates struct {
	ask     func(context.Context, *bulwark.Principal) (Rate, error)
	compile func(Rate) (q *quota, reason string)
	report  func(context.Context, bulwark.Event)
	rule    string
	maxAge  time.Duration
	timeout time.Duration
	max     int
	seed    maphash.Seed
	slots   chan struct{} // has one for each call that runs

	mu       sync.Mutex
	rates    map[uint64]*ownRate // by the hash of the caller
	clock    []*ownRate          // the same, in the order of a clock
	hand     int
	compiled map[Rate]*quota
	shapes   map[string]*quota // by the names and algorithms of the cells
	overdue  int               // calls that still run after their deadline
	failed   pace
	invalid  pace
}

// An ownRate is what is known of one caller.
type ownRate struct {
	hash    uint64
	visited bool      // since the hand of the clock has passed
	asking  *asking   // the call that runs, or waits to run, or nil
	quota   *quota    // nil is the quota of the tier
	until   time.Time // when the quota has to be asked for again; zero before the first answer
}

// newOwnRates compiles what a Config says about RateFor, or returns nil.
func (m *Middleware) newOwnRates(c Config, faults *fault.List) *ownRates {
	if c.RateFor == nil {
		if c.RateMaxAge != 0 || c.RateTimeout != 0 || c.MaxRates != 0 {
			faults.Add("RateFor", "", "is missing, and RateMaxAge, RateTimeout or MaxRates needs it; set RateFor, or leave them out")
		}
		return nil
	}
	if !m.byPrincipal {
		faults.Add("RateFor", "", "needs a Key with ByPrincipal, because only a principal has a rate of its own; set Key to ratelimit.ByPrincipal, or leave RateFor out")
	}
	return &ownRates{
		ask: c.RateFor, compile: m.compileOwn,
		report:  func(ctx context.Context, e bulwark.Event) { bulwark.ReportContext(ctx, m.recorder, e) },
		maxAge:  faults.Span("RateMaxAge", c.RateMaxAge, time.Second, 24*time.Hour, time.Minute),
		timeout: faults.Span("RateTimeout", c.RateTimeout, 10*time.Millisecond, 30*time.Second, time.Second),
		max:     faults.Number("MaxRates", c.MaxRates, 16, 1_000_000, 10_000),
		seed:    maphash.MakeSeed(), slots: make(chan struct{}, maxAsking),
		rates: map[uint64]*ownRate{}, compiled: map[Rate]*quota{}, shapes: map[string]*quota{},
		rule: m.name,
	}
}

// compileOwn compiles a rate of RateFor.
func (m *Middleware) compileOwn(rate Rate) (q *quota, reason string) {
	q, faults := m.quota(rate)
	for _, fault := range faults { // the texts of the rate are left out: nobody has checked them
		reason = fault.reason
	}
	if memory, ok := m.counts.(*MemoryStore); ok && reason == "" && !memory.share(q.spans, m.name) {
		return nil, "has a window with the name of another limit of the same Store; rename that limit, or give it its own Store"
	}
	return q, reason
}

// quotas are quotas that callers may have used: one of each set of cells that
// the rates of RateFor have had.
func (o *ownRates) quotas() []*quota {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.shapes))
}

// remember keeps a compiled rate, for other callers and for Reset. The lock is
// held.
func (o *ownRates) remember(rate Rate, q *quota) {
	if len(o.compiled) == maxCompiled {
		clear(o.compiled)
	}
	o.compiled[rate] = q
	shape := ""
	for i := range q.spans {
		p := &q.spans[i].narrow
		shape += fmt.Sprint(p.Name, " ", p.Algorithm, ";")
	}
	if _, known := o.shapes[shape]; !known && !q.unlimited && len(o.shapes) < maxShapes {
		o.shapes[shape] = q
	}
}

// of returns the quota of a caller. It waits for RateFor only if there is no
// answer, or if the answer is older than twice maxAge. It allocates nothing if
// the answer is fresh.
func (o *ownRates) of(ctx context.Context, p *bulwark.Principal, tier *quota) *quota {
	hash, now := o.hash(p), time.Now()
	o.mu.Lock()
	r := o.find(hash)
	if r == nil {
		o.mu.Unlock()
		return tier // each of the callers that are kept is being asked for
	}
	quota, fresh, usable := r.quota, now.Before(r.until), now.Before(r.until.Add(o.maxAge))
	first := !fresh && r.asking == nil
	if first {
		r.asking = &asking{done: make(chan struct{})}
	}
	call := r.asking
	o.mu.Unlock()
	if first {
		o.begin(ctx, r, call, p, usable)
	}
	if !usable {
		select {
		case <-call.done:
		case <-ctx.Done():
		}
		o.mu.Lock()
		quota = r.quota
		o.mu.Unlock()
	}
	if quota == nil {
		return tier
	}
	return quota
}

func (o *ownRates) hash(p *bulwark.Principal) uint64 {
	var room [256]byte
	return maphash.Bytes(o.seed, p.AppendKey(room[:0]))
}

// find returns what is known of a caller. A new caller takes the place of one
// that was not there for a while, so that the callers of a flood displace each
// other. It returns nil if there is no such place. The lock is held.
func (o *ownRates) find(hash uint64) *ownRate {
	if r, known := o.rates[hash]; known {
		r.visited = true
		return r
	}
	r := &ownRate{hash: hash}
	if len(o.clock) < o.max {
		o.clock = append(o.clock, r)
		o.rates[hash] = r
		return r
	}
	at := o.displaceable()
	if at < 0 {
		return nil
	}
	delete(o.rates, o.clock[at].hash)
	o.clock[at], o.rates[hash] = r, r
	return r
}

// displaceable is the place of a caller that may be forgotten, or -1. A caller
// that is being asked for stays, or a second call for it could begin.
func (o *ownRates) displaceable() int {
	const maxSteps = 128 // under the lock
	found := -1
	for range min(maxSteps, len(o.clock)) {
		at := o.hand
		o.hand = (o.hand + 1) % len(o.clock)
		switch r := o.clock[at]; {
		case r.asking != nil:
		case !r.visited:
			return at
		default:
			r.visited, found = false, at
		}
	}
	return found
}
