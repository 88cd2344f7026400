package redisstore

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Limits keeps the quotas of limits in Redis, for all processes at once. It is
// a [ratelimit.Store]; give it to ratelimit.Config.Store. Make it with
// [NewLimits]. It is safe for concurrent use. Several limits with different
// names may share it.
//
// One call is one command of Redis for all its cells, which are in one slot. A
// refusal is remembered until there is room, and for one second at most. So a
// caller who goes on asking costs no command. Nor does a client that goes from
// one network of an IPv6 /48 without room to the next; its Retry-After is that
// of the /48. A Refund or a Reset of another
// process is seen after that second at the latest; one of this process is seen
// at once.
//
// Times are those of the clock of Redis, in whole microseconds. A quota that
// [ratelimit.GCRA] restores faster than that is restored at one request in a
// microsecond.
type Limits struct {
	client   Client
	prefix   string
	timeout  time.Duration
	requests sync.Pool // of *request
	slots    chan struct{}
	breaker  breaker
	denials  *denials
	debit    script
	refund   script
	clock    func() string // in tests only: what the scripts add to the time

	mode      Outage
	instances int64
	local     *ratelimit.MemoryStore
	recorder  bulwark.Recorder
}

var _ ratelimit.Store = (*Limits)(nil)

// maxInFlight bounds how many calls wait for Redis at once. Further calls wait
// for their turn, no longer than Timeout.
const maxInFlight = 1024

// NewLimits checks the Config and returns the store. Every mistake is reported
// at once, each as a [*bulwark.ConfigError]. NewLimits does not connect: a
// service starts while Redis is down, in the mode that OnOutage names.
func NewLimits(c LimitsConfig) (*Limits, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &Limits{
		client: c.Client, prefix: c.Prefix, timeout: c.Timeout,
		slots: make(chan struct{}, maxInFlight), denials: newDenials(c.MaxKeys / 16),
		debit: debitScript, refund: refundScript,
		mode: c.OnOutage, instances: int64(c.Instances), recorder: c.Recorder,
	}
	secret := derive(c.Secret)
	l.requests.New = func() any {
		r := newRequest(secret)
		r.send = func() { l.send(r) }
		return r
	}
	switch c.OnOutage {
	case Local:
		l.local = &ratelimit.MemoryStore{Max: c.MaxKeys}
		// The table is allocated now, and not in the middle of an outage.
		_ = l.local.Reset(context.Background(), nil)
	case InsecureOpen:
		l.reportOpen()
	}
	return l, nil
}

// Debit takes from all cells or from none; see [ratelimit.Store]. If Redis is
// down, it decides as LimitsConfig.OnOutage says. A Debit whose answer is lost
// may have taken; it is never sent again.
func (l *Limits) Debit(ctx context.Context, cells []ratelimit.Cell) (ok bool, err error) {
	if err := l.check(cells); err != nil {
		return false, err
	}
	if err := context.Cause(ctx); err != nil {
		return false, &failure{cause: causeCaller, err: err}
	}
	if len(cells) == 0 {
		return true, nil
	}
	r := l.request()
	defer l.release(r)
	r.debit(l, cells)
	q := l.denials.question(r, time.Now())
	if l.denials.answer(q, cells) {
		return false, nil
	}
	r.script(l)
	answer, fail := l.ask(ctx, r, l.debit)
	if fail == nil {
		ok, fail = read(answer, cells)
	}
	switch {
	case fail == nil && !ok:
		l.denials.keep(q, cells)
		return false, nil
	case fail == nil:
		return true, nil
	case fail.down:
		return l.decide(ctx, cells, fail)
	}
	return false, unknown(cells, fail)
}

// Refund gives back what Debit has taken from the cells, once; see
// [ratelimit.Store]. What was counted in the memory of this process during an
// outage is given back there. While the breaker is open, nothing is sent, and
// Refund returns an error; the requests stay used until time restores them. A
// Refund whose answer is lost may have given back, so it is never sent again:
// Taken is 0 after every call that was sent.
func (l *Limits) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	if err := l.check(cells); err != nil {
		return err
	}
	if err := l.refundLocal(ctx, cells); err != nil {
		return err
	}
	r := l.request()
	defer l.release(r)
	if !r.refund(l, cells) {
		return nil
	}
	answer, fail := l.ask(ctx, r, l.refund)
	if fail == nil || fail.cause != causeOpen {
		for i := range cells {
			cells[i].Taken = 0
		}
	}
	l.denials.forget(r)
	if fail == nil && answer != "1" {
		fail = &failure{cause: causeReply}
	}
	return fail.orNil()
}

// Reset makes the quota of each cell whole; see [ratelimit.Store]. What was
// counted in the memory of this process is whole in any case. An error means
// that the quota in Redis may be as it was.
func (l *Limits) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	if err := l.check(cells); err != nil || len(cells) == 0 {
		return err
	}
	if err := l.resetLocal(ctx, cells); err != nil {
		return err
	}
	r := l.request()
	defer l.release(r)
	r.reset(l, cells)
	_, fail := l.ask(ctx, r, script{})
	l.denials.forget(r)
	return fail.orNil()
}

// check returns an error for cells that no Limits can count, and for a Limits
// that NewLimits has not made: a nil *Limits in a ratelimit.Store is not a nil
// Store.
func (l *Limits) check(cells []ratelimit.Cell) error {
	if l == nil || l.client == nil {
		return fault.Unmade("redisstore.Limits", "NewLimits")
	}
	return check(cells)
}

// unknown empties the cells, of which an error knows nothing.
func unknown(cells []ratelimit.Cell, fail *failure) error {
	for i := range cells {
		cells[i].Taken, cells[i].Standing = 0, ratelimit.Standing{}
	}
	return fail
}

// orNil is an error that is nil if there was no failure.
func (f *failure) orNil() error {
	if f == nil {
		return nil
	}
	return f
}

func (l *Limits) request() *request { return l.requests.Get().(*request) }

// release keeps a request for the next call, unless the Client may still read
// it. The Keys in it are those of the caller.
func (l *Limits) release(r *request) {
	if !r.kept {
		clear(r.cells)
		r.call, r.replies = nil, nil
		l.requests.Put(r)
	}
}
