package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark"
)

// asking is one call of RateFor.
type asking struct {
	done    chan struct{} // closed when it is settled
	settled bool          // the answer is there, or will not come in time
	late    bool          // it was settled at the deadline
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
	if ctx.Err() != nil { // at the very deadline: the answer does not depend on who is faster
		told = answer{err: errRateLate}
	}
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
	o.remember(rate, q)
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

// end ends a call: another may begin. Who still waits for it gets what is
// known.
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
