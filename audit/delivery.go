package audit

import (
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A delivery carries records to one sink: two bounded queues, and one goroutine
// that begins with the first record and ends with shutdown.
type delivery struct {
	field string       // of the Config that the sink is in
	sink  slog.Handler // nil is slog.Default's
	query []string     // the parameters that a URL in a record shows
	wake  chan struct{}
	over  chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	queues   [classes]queue
	counts   [classes]Counts
	accepted [classes]uint64 // records put into the queue
	done     [classes]uint64 // records taken out and tried
	gaps     [classes][causes]gap
	lost     [classes][causes]uint64 // all that gaps have ever held
	told     [classes][causes]uint64 // how much of that gap records have told
	lastGap  [classes][causes]time.Time
	missing  int       // how many of gaps are open
	failing  bool      // the sink refused the last record
	why      error     // if failing: what it returned
	errors   uint64    // how often the sink has failed
	written  time.Time // when the sink took a record last
	retry    time.Time
	said     time.Time // when slog.Default was told last; of the goroutine alone
	begun    bool
	ended    bool // the goroutine will touch nothing any more
	idle     bool
	closed   bool
	waiters  []*waiter
}

func newDelivery(field string, sink slog.Handler, query []string, security, access int) *delivery {
	d := &delivery{field: field, sink: sink, query: query, wake: make(chan struct{}, 1), over: make(chan struct{})}
	d.queues[securityClass].bound = security
	d.queues[accessClass].bound = access
	return d
}

// push queues e, or counts it as dropped. It does not block.
func (d *delivery) push(e *entry) {
	class := e.class()
	d.mu.Lock()
	defer d.mu.Unlock()
	counts, q := &d.counts[class], &d.queues[class]
	if d.closed {
		counts.Closed += occurrences(e)
		return
	}
	// The second half of the security queue is for what matters most, so that
	// garbage, which anybody can make, does not push it out.
	room := q.bound
	if class == securityClass && !important(&e.event) {
		room /= 2
	}
	if q.size >= room || q.crowded(e) {
		counts.Full += occurrences(e)
		d.lose(class, queueFull, occurrences(e), e.event.Time, e.event.Time)
		return
	}
	q.put(e)
	counts.Queued += occurrences(e)
	d.accepted[class]++
	if !d.begun {
		d.begun = true
		go d.run()
	}
	d.rouse()
}

// rouse wakes the goroutine if it waits. d.mu is held.
func (d *delivery) rouse() {
	if !d.idle {
		return
	}
	d.idle = false
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// lose notes a gap. d.mu is held.
func (d *delivery) lose(class class, cause cause, n uint64, first, last time.Time) {
	d.lost[class][cause] += n
	d.reopen(class, cause, n, first, last)
}

func (d *delivery) reopen(class class, cause cause, n uint64, first, last time.Time) {
	g := &d.gaps[class][cause]
	if g.count == 0 {
		d.missing++
	}
	g.add(n, first, last)
}

// run writes until shutdown. Security goes before access, which is shed first.
func (d *delivery) run() {
	defer func() {
		if d.ended {
			close(d.over)
			return
		}
		go d.run() // the sink has ended this goroutine with runtime.Goexit
	}()
	var e entry
	room := make([]slog.Attr, 0, attrRoom)
	for {
		d.mu.Lock()
		class, cause, open := d.dueGap()
		switch {
		case open:
			lost := d.gaps[class][cause]
			d.gaps[class][cause] = gap{}
			d.missing--
			d.mu.Unlock()
			e = lost.record(class, cause, time.Now())
			d.tell(class, cause, lost, &e, room)
		case d.queues[securityClass].size > 0:
			d.one(securityClass, &e, room)
		case d.queues[accessClass].size > 0:
			d.one(accessClass, &e, room)
		default:
			d.release()
			if d.closed {
				d.ended = true
				d.mu.Unlock()
				return
			}
			d.rest()
		}
		e = entry{}
	}
}

// one writes the oldest record of a class. d.mu is held and released.
func (d *delivery) one(class class, e *entry, room []slog.Attr) {
	d.queues[class].take(e)
	n := occurrences(e)
	d.counts[class].Queued -= n
	d.mu.Unlock()

	err := errGoexit
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.done[class]++
		d.settle(err)
		if err != nil {
			d.counts[class].Failed += n
			d.lose(class, sinkFailed, n, e.event.Time, e.event.Time)
		} else {
			d.counts[class].Written += n
		}
		d.release()
	}()
	err = d.write(e, room)
}

// tell writes the record of a gap, and opens the gap again if that fails.
func (d *delivery) tell(class class, cause cause, lost gap, e *entry, room []slog.Attr) {
	err := errGoexit
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		// From the end of the write on: a sink that takes longer than gapEvery
		// would otherwise write nothing but gaps.
		d.lastGap[class][cause] = time.Now()
		d.settle(err)
		if err != nil {
			d.reopen(class, cause, lost.count, lost.first, lost.last)
		} else {
			d.told[class][cause] += lost.count
		}
		d.release()
	}()
	err = d.write(e, room)
}

// settle remembers whether the sink works. d.mu is held.
func (d *delivery) settle(err error) {
	d.failing, d.why = err != nil, err
	if !d.failing {
		d.written = time.Now()
		return
	}
	d.errors++
	d.retry = time.Now().Add(gapEvery)
}

// dueGap finds a gap to record. A gap is recorded at once if nothing else
// waits, or if somebody drains. Otherwise it is recorded once in a while. d.mu
// is held.
func (d *delivery) dueGap() (class, cause, bool) {
	if d.missing == 0 {
		return 0, 0, false
	}
	now := time.Now()
	if d.failing && now.Before(d.retry) {
		return 0, 0, false
	}
	busy := d.queues[securityClass].size > 0 || d.queues[accessClass].size > 0
	for class := range classes {
		for cause := range causes {
			if d.gaps[class][cause].count == 0 {
				continue
			}
			if !busy || d.closed || now.Sub(d.lastGap[class][cause]) >= gapEvery || d.awaited(class, cause) {
				return class, cause, true
			}
		}
	}
	return 0, 0, false
}

// rest waits for something to do. d.mu is held and released.
func (d *delivery) rest() {
	d.idle = true
	wait := time.Duration(-1)
	if d.missing > 0 { // the sink fails: try again in a while
		wait = max(time.Until(d.retry), time.Millisecond)
	}
	d.mu.Unlock()
	if wait < 0 {
		<-d.wake
		return
	}
	again := time.NewTimer(wait)
	defer again.Stop()
	select {
	case <-d.wake:
	case <-again.C:
		d.mu.Lock()
		d.idle = false
		d.mu.Unlock()
	}
}

// Errors of a sink that does not return. What it panicked with may hold
// anything.
var (
	errPanic  = errors.New("audit: the sink panicked")
	errGoexit = errors.New("audit: the sink ended its goroutine")
)

// write hands a record to the sink, and says at [slog.Default] why the sink
// fails.
func (d *delivery) write(e *entry, room []slog.Attr) error {
	err := d.handle(e, room)
	if err != nil {
		d.complain(err)
	}
	return err
}

// handle hands a record to the sink. A sink that panics must not end the
// process.
func (d *delivery) handle(e *entry, room []slog.Attr) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	sink := d.sink
	if sink == nil {
		sink = slog.Default().Handler()
	}
	if e.access.is {
		return sink.Handle(background(), accessRecord(e, room, d.query))
	}
	return sink.Handle(background(), securityRecord(e, room, d.query))
}

// sayEvery is how often at most the cause of a failure is told to
// [slog.Default], for each sink.
const sayEvery = time.Minute

// complain tells slog.Default why the sink fails: an audit_gap is written when
// the sink works again, and until then nobody would know. Where slog.Default is
// the sink itself, the line would be lost as well.
func (d *delivery) complain(err error) {
	now := time.Now()
	if d.sink == nil || !d.said.IsZero() && now.Sub(d.said) < sayEvery {
		return
	}
	d.said = now
	other := slog.Default().Handler()
	if same(other, d.sink) {
		return
	}
	defer func() { _ = recover() }()
	e := bulwark.Event{Name: bulwark.AuditGap, Time: now}
	e.Attrs[0] = slog.Any("error", err)
	e = shown(e, d.query)
	record := slog.NewRecord(now, slog.LevelError, "audit sink fails, records are lost", 0)
	record.AddAttrs(slog.String("layer", "audit"), slog.String("sink", d.field), slog.String("reason", sinkFailed.String()), e.Attrs[0])
	_ = other.Handle(background(), record)
}

// same reports whether two handlers are one. Handlers of a type that cannot be
// compared are not.
func same(a, b slog.Handler) bool {
	return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}
