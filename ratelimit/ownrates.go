package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
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
	overdue  int // calls that still run after their deadline
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

// asking is one call of RateFor.
type asking struct {
	done    chan struct{} // closed when it is settled
	settled bool          // the answer is there, or will not come in time
	late    bool          // it was settled at the deadline
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
		rates: map[uint64]*ownRate{}, compiled: map[Rate]*quota{},
		rule: m.name,
	}
}

// compileOwn compiles a rate of RateFor.
func (m *Middleware) compileOwn(rate Rate) (*quota, string) {
	q, reason := rate.parse()
	if reason == "" && !q.unlimited {
		q.named(m.name)
	}
	return &q, reason
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

// begin begins the call, if one of the slots is free or becomes free in time.
// The time in which it waits for a slot is part of the time that the call has.
// If there is an answer that can be used meanwhile, begin does not wait.
func (o *ownRates) begin(client context.Context, r *ownRate, call *asking, p *bulwark.Principal, usable bool) {
	// The call outlives the request that begins it, because other requests may
	// wait for the same answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(client), o.timeout)
	var problem error
	select {
	case o.slots <- struct{}{}:
		go o.run(ctx, cancel, r, call, p)
		return
	default:
	}
	switch {
	case usable: // a later request asks
	case o.stuck():
		problem = errRateStuck
	default:
		select {
		case o.slots <- struct{}{}:
			go o.run(ctx, cancel, r, call, p)
			return
		case <-client.Done(): // a later request asks
		case <-ctx.Done():
			problem = errRateBusy
		}
	}
	cancel()
	if problem != nil {
		o.settle(ctx, r, call, answer{err: problem})
	}
	o.end(r, call)
}

// stuck reports whether none of the running calls comes back in time. Then
// waiting for a slot helps nobody.
func (o *ownRates) stuck() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.overdue == maxAsking
}

// run asks RateFor. At the deadline it is settled that there is no answer, also
// if RateFor does not look at its context. The call keeps its slot until it
// comes back.
func (o *ownRates) run(ctx context.Context, cancel context.CancelFunc, r *ownRate, call *asking, p *bulwark.Principal) {
	stop := context.AfterFunc(ctx, func() { o.settle(ctx, r, call, answer{err: errRateLate, late: true}) })
	told := answer{err: errRateNoReturn} // what holds if RateFor ends its goroutine
	defer func() {
		if cause := recover(); cause != nil {
			told = answer{err: fmt.Errorf("Config.RateFor panicked, so the rate of the tier holds: %v", cause)}
		}
		stop()
		cancel()
		o.settle(ctx, r, call, told)
		o.end(r, call)
		<-o.slots
	}()
	told = o.compiledAnswer(o.ask(ctx, p))
}

// An answer is what RateFor has told, or why it has told nothing.
type answer struct {
	quota   *quota // nil is the quota of the tier
	err     error
	invalid bool // the database has a text that is not a rate
	late    bool
}

// compiledAnswer is what an answer of RateFor means.
func (o *ownRates) compiledAnswer(rate Rate, err error) answer {
	switch {
	case err != nil:
		return answer{err: fmt.Errorf("Config.RateFor failed, so the rate of the tier holds: %w", err)}
	case rate == "":
		return answer{}
	case len(rate) > maxRateBytes:
		return answer{invalid: true, err: errRateLong}
	}
	o.mu.Lock()
	q := o.compiled[rate]
	o.mu.Unlock()
	if q != nil {
		return answer{quota: q}
	}
	q, reason := o.compile(rate)
	if reason != "" {
		// The text is not in the event, because nobody has checked it.
		return answer{invalid: true, err: errors.New("Config.RateFor returned a text that " + reason)}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.compiled) == maxCompiled {
		clear(o.compiled)
	}
	o.compiled[rate] = q
	return answer{quota: q}
}

// settle decides what holds for the caller from now on, once for each call. A
// failure is an event, and holds for a shorter time than an answer. A text that
// is not a rate holds as long as an answer: asking again does not change it.
func (o *ownRates) settle(ctx context.Context, r *ownRate, call *asking, told answer) {
	e, settled := o.settled(r, call, told)
	if !settled {
		return
	}
	defer close(call.done) // after the event, so that it comes before those of the request
	if e.Count > 0 {
		o.report(ctx, e)
	}
}

// settled notes an answer, and returns the event that is to be reported. An
// event without a Count is not reported.
func (o *ownRates) settled(r *ownRate, call *asking, told answer) (e bulwark.Event, settled bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if call.settled {
		return e, false
	}
	call.settled, call.late = true, told.late
	if told.late {
		o.overdue++
	}
	now := time.Now()
	r.quota, r.until = told.quota, now.Add(o.maxAge)
	if told.err == nil {
		return e, true
	}
	pace := &o.invalid
	if !told.invalid {
		pace, r.until = &o.failed, now.Add(min(o.maxAge, retryAfter))
	}
	e = bulwark.Event{Name: bulwark.SysUnavailable, Reason: "ratelimit.rate_unknown", Rule: o.rule}
	e.Attrs[0] = errorAttr(told.err)
	e.Count = pace.note(now, o.maxAge)
	return e, true
}

// end ends a call: another may begin. Who still waits for it gets what is known.
func (o *ownRates) end(r *ownRate, call *asking) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r.asking = nil
	if call.late {
		o.overdue--
	}
	if !call.settled {
		call.settled = true
		close(call.done)
	}
}

// A pace lets something be reported once in a window.
type pace struct {
	until   time.Time
	pending int
}

// note counts an occurrence. It returns how many the report stands for, and 0
// if there is no report now.
func (p *pace) note(now time.Time, window time.Duration) (count int) {
	p.pending++
	if now.Before(p.until) {
		return 0
	}
	count, p.pending, p.until = p.pending, 0, now.Add(window)
	return count
}

// Why the rate of a caller is not known.
var (
	errRateLate     = errors.New("Config.RateFor has not returned within Config.RateTimeout, so the rate of the tier holds; make the look-up faster, and let it end with its context")
	errRateBusy     = errors.New("16 calls of Config.RateFor were running for all of Config.RateTimeout, so the rate of the tier holds; make the look-up faster")
	errRateStuck    = errors.New("16 calls of Config.RateFor run longer than Config.RateTimeout, so the rate of the tier holds; let the look-up end with its context")
	errRateLong     = errors.New("Config.RateFor returned a text of more than 256 bytes; return a Rate such as 100/minute")
	errRateNoReturn = errors.New("Config.RateFor has ended its goroutine, so the rate of the tier holds; it must return")
)
