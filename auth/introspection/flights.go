package introspection

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// maxWaiters bounds the requests that wait, for an answer or for their turn.
const maxWaiters = 1024

var (
	errBroken  = errors.New("introspection.Config.Client.Transport panicked")
	errClosed  = errors.New("the Introspector has been shut down")
	errCrowded = errors.New("too many requests wait for the endpoint; introspection.Config.Client.MaxConcurrent bounds the questions under way")
)

// flights are the questions under way, one for each token. A question is
// nobody's: it goes on when the request that began it is gone.
type flights struct {
	endpoint *endpoint
	rules    rules
	memory   *memory
	issuer   string
	timeout  time.Duration
	slots    chan struct{}   // holds one element per question under way
	context  context.Context // of all questions; ended by shutdown
	cancel   context.CancelFunc
	logging  atomic.Bool // a line is under way

	mu      sync.Mutex
	all     map[key]*flight
	breaker breaker
	waiting int
	flying  int           // goroutines
	idle    chan struct{} // closed when closed and none is flying
	closed  bool
}

// flight is one question.
type flight struct {
	done    chan struct{}
	landed  bool    // guarded by flights.mu
	outcome outcome // to be read when done
}

func newFlights(c Config, e *endpoint, r rules, m *memory) *flights {
	fs := &flights{
		endpoint: e, rules: r, memory: m, issuer: c.Issuer, timeout: c.Client.Timeout,
		slots: make(chan struct{}, c.Client.MaxConcurrent), all: map[key]*flight{}, idle: make(chan struct{}),
	}
	fs.context, fs.cancel = context.WithCancel(context.Background())
	return fs
}

// take returns what comes of the question about a token, which others may have
// asked already, or an error where ctx ends or too many wait.
func (fs *flights) take(ctx context.Context, k key, token string) (outcome, error) {
	if !fs.enter() {
		return outcome{}, unavailable(errCrowded, 0)
	}
	defer fs.leave()
	f, o := fs.board(k, token, false)
	if f == nil && o == (outcome{}) { // all slots are taken
		if err := fs.queue(ctx); err != nil {
			return outcome{}, unavailable(err, 0)
		}
		f, o = fs.board(k, token, true)
	}
	if f == nil {
		return o, nil
	}
	select {
	case <-f.done:
		return f.outcome, nil
	case <-ctx.Done():
		return outcome{}, unavailable(ctx.Err(), 0)
	}
}

func (fs *flights) enter() bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.waiting >= maxWaiters {
		return false
	}
	fs.waiting++
	return true
}

// leave makes room: a client that has gone waits no longer.
func (fs *flights) leave() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting--
}

// queue waits for a slot.
func (fs *flights) queue(ctx context.Context) error {
	timer := time.NewTimer(fs.timeout)
	defer timer.Stop()
	select {
	case fs.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errCrowded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// board returns the question about the token, which it begins where it must, or
// an outcome without one. It returns neither where there is no slot for a
// question; the caller may have taken one.
func (fs *flights) board(k key, token string, slot bool) (*flight, outcome) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f, o := fs.find(k, time.Now()); f != nil || o != (outcome{}) {
		if slot {
			<-fs.slots
		}
		return f, o
	}
	if !slot {
		select {
		case fs.slots <- struct{}{}:
		default:
			return nil, outcome{}
		}
	}
	f := &flight{done: make(chan struct{})}
	fs.all[k] = f
	fs.breaker.start(f)
	fs.flying++
	go fs.fly(f, k, token)
	return f, outcome{}
}

// find returns the question that is under way, or the outcome that makes one
// needless. The lock is held.
func (fs *flights) find(k key, now time.Time) (*flight, outcome) {
	if f := fs.all[k]; f != nil {
		return f, outcome{}
	}
	if o, known := fs.memory.known(k, now); known {
		return nil, o
	}
	if fs.closed {
		return nil, outcome{failure: &failure{cause: errClosed}}
	}
	if wait := fs.breaker.wait(now); wait > 0 {
		return nil, outcome{failure: &failure{cause: fs.breaker.cause, retryAt: now.Add(wait)}}
	}
	return nil, outcome{}
}

// fly asks the question. The transport is not ours, and a panic on this
// goroutine would end the process: it is a failure instead.
func (fs *flights) fly(f *flight, k key, token string) {
	ctx, cancel := context.WithTimeout(fs.context, fs.timeout)
	// A transport that does not listen to its context holds up its own slot
	// only.
	stop := context.AfterFunc(ctx, func() {
		if o := (outcome{failure: &failure{cause: readable(ctx.Err())}}); fs.land(f, k, o) {
			fs.log(o.failure.cause)
		}
	})
	o := outcome{failure: &failure{cause: errBroken}}
	defer func() {
		_ = recover() // whose value may hold anything, so it is not logged
		stop()
		cancel()
		failed := fs.land(f, k, o)
		fs.free()
		if failed {
			fs.log(o.failure.cause)
		}
	}()
	o = fs.question(ctx, token)
}

func (fs *flights) question(ctx context.Context, token string) outcome {
	asked := time.Now()
	body, bad, failed := fs.endpoint.ask(ctx, token)
	switch {
	case failed != nil:
		return outcome{failure: failed}
	case bad != nil:
		return outcome{refusal: bad}
	}
	return fs.rules.read(body, asked, time.Now())
}

// land takes in what has come of a question, unless that has been given up, and
// reports whether it is a failure to be logged. It is remembered before another
// question can begin.
func (fs *flights) land(f *flight, k key, o outcome) bool {
	now := time.Now()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.landed {
		return false
	}
	f.landed = true
	defer close(f.done)
	delete(fs.all, k)
	if fs.closed && o.failure != nil {
		f.outcome = outcome{failure: &failure{cause: errClosed}}
		return false
	}
	failed := fs.breaker.land(f, o.failure, now)
	if o.failure != nil {
		o.failure.retryAt = now.Add(fs.breaker.wait(now))
		if o.failure.token {
			o.failure.retryAt = now.Add(failureTime)
		}
	}
	fs.memory.keep(k, o, now)
	f.outcome = o
	return failed
}

// free gives the slot of a goroutine back.
func (fs *flights) free() {
	<-fs.slots
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.flying--
	fs.settle()
}

// settle says that all is over. The lock is held.
func (fs *flights) settle() {
	if fs.closed && fs.flying == 0 {
		close(fs.idle)
	}
}

// shutdown ends the questions.
func (fs *flights) shutdown(ctx context.Context) error {
	fs.mu.Lock()
	if !fs.closed {
		fs.closed = true
		fs.settle()
	}
	fs.mu.Unlock()
	fs.cancel()
	defer fs.endpoint.client.Close()
	select {
	case <-fs.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// log reports a failure, when nobody waits for it any more and no lock is held:
// a handler may block, or panic. While one line is under way no other is begun,
// so that a handler which blocks for good costs one goroutine.
func (fs *flights) log(cause error) {
	if !fs.logging.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		_ = recover()
		fs.logging.Store(false)
	}()
	slog.Default().LogAttrs(fs.context, slog.LevelWarn, "introspection: the endpoint cannot be asked",
		slog.String("issuer", fs.issuer), slog.String("error", cause.Error()))
}
