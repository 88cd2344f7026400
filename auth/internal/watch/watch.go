// Package watch asks again, while streams are open, whether the credentials of
// their callers are still good. It asks once for all streams of one name, such
// as a session, and ends them together.
package watch

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

const (
	// Deadline is how long an answer may take.
	Deadline = 2 * time.Second
	// Concurrent bounds the questions that are asked at once.
	Concurrent = 32
)

// The causes with which streams end, besides [response.ErrRevoked] and
// [response.ErrUnchecked].
var (
	// ErrFull refuses a stream: as many are open as may be.
	ErrFull = errors.New("too many streams are open")
	// ErrShare refuses a stream: its caller has as many open as one may have.
	ErrShare = errors.New("the caller has too many open streams")

	errPanicked = errors.New("the question of Review panicked, or ended its goroutine")
	errLate     = fmt.Errorf("no answer within %s", Deadline)
	errQueue    = fmt.Errorf("%d other questions have no answer yet", Concurrent)
)

// A Name is what one question is about.
type Name struct {
	Of   int    // the authenticator
	Text string // within the authenticator; not empty
}

// An End tells of streams that have been ended.
type End struct {
	Scope   response.Canceler // of one of them
	Streams int
	// Refusal is the 401 that the question was answered with. It is nil if
	// there was no answer.
	Refusal *bulwark.Problem
	Err     error // of the last question
}

// A Watch has a timer for each name, and no goroutine while nothing is asked.
// It is safe for concurrent use.
type Watch struct {
	every, silence time.Duration
	max, each      int
	report         func(End)

	mu     sync.Mutex
	names  map[Name]*subject
	shares map[string]*share
	open   int         // streams
	sated  int         // callers that may open no more
	tight  atomic.Bool // somebody may open no more
	queue  list.List   // of the subjects whose turn it is
	asking int         // goroutines that work through the queue

	lost outage
}

// New returns a Watch that asks about each name once in every. A name without
// an answer for the time of silence loses its streams. At most max streams are
// open, and at most each of one caller. Ends are given to report.
func New(every, silence time.Duration, max, each int, report func(End)) *Watch {
	return &Watch{every: every, silence: silence, max: max, each: each, report: report, names: map[Name]*subject{}, shares: map[string]*share{}}
}

// A subject is a name with open streams.
type subject struct {
	name    Name
	again   func(context.Context) error
	streams []*Visit
	timer   *time.Timer
	next    time.Time     // the next turn
	queued  *list.Element // in the queue; nil otherwise
	asked   bool          // the question is under way
	due     time.Time     // the turn of the question that is queued or under way
	failing time.Time     // the first turn of those without an answer; zero after an answer
	err     error         // of the last question
	gone    bool          // has no streams
}

// A Visit is one stream. It is a [response.Stay].
type Visit struct {
	w      *Watch
	on     *subject
	of     *share
	at     int // in the streams of the subject
	scope  response.Canceler
	stream response.Stream
}

// Enter begins to ask about the name of a stream. The question is again, or
// that of an earlier stream of the name.
func (w *Watch) Enter(name Name, caller string, again func(context.Context) error, scope response.Canceler, s response.Stream) (*Visit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.shares[caller]
	if err := w.room(of); err != nil {
		return nil, err
	}
	if of == nil {
		of = &share{caller: caller}
		w.shares[caller] = of
	}
	w.count(of, 1)
	on := w.names[name]
	if on == nil {
		on = w.add(name, again)
	}
	v := &Visit{w: w, on: on, of: of, at: len(on.streams), scope: scope, stream: s}
	on.streams = append(on.streams, v)
	return v, nil
}

// add makes the subject of a name. Its first turn is at a random time, so that
// the questions are spread evenly also if all clients connect at once.
func (w *Watch) add(name Name, again func(context.Context) error) *subject {
	first := 1 + rand.N(w.every)
	s := &subject{name: name, again: again, next: time.Now().Add(first)}
	s.timer = time.AfterFunc(first, func() { w.turn(s) })
	w.names[name] = s
	return s
}

// Leave tells that the stream has ended.
func (v *Visit) Leave() {
	w, s := v.w, v.on
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count(v.of, -1)
	if s.gone {
		return
	}
	last := len(s.streams) - 1
	moved := s.streams[last]
	s.streams[v.at], moved.at = moved, v.at
	s.streams[last] = nil
	if s.streams = s.streams[:last]; last == 0 {
		w.remove(s)
	}
}

// remove takes a subject away and returns its streams. The lock is held.
func (w *Watch) remove(s *subject) []*Visit {
	streams := s.streams
	s.gone, s.streams = true, nil
	s.timer.Stop()
	delete(w.names, s.name)
	if s.queued != nil {
		w.queue.Remove(s.queued)
		s.queued = nil
	}
	return streams
}

// turn is called by the timer of s.
func (w *Watch) turn(s *subject) {
	w.mu.Lock()
	if s.gone {
		w.mu.Unlock()
		return
	}
	now := s.next
	if s.next = now.Add(w.every); !time.Now().Before(s.next) { // the machine has slept
		s.next = time.Now().Add(w.every)
	}
	s.timer.Reset(time.Until(s.next))
	if s.asked || s.queued != nil { // since its last turn
		if s.err = errLate; !s.asked {
			s.err = errQueue
		}
		w.unanswered(s, now)
		return
	}
	s.due = now
	s.queued = w.queue.PushBack(s)
	if w.asking >= Concurrent {
		w.mu.Unlock()
		return
	}
	w.asking++
	w.mu.Unlock()
	w.work()
}

// work asks until the queue is empty. A question that ends its goroutine leaves
// the rest of the queue to another one.
func (w *Watch) work() {
	ended := true
	defer func() {
		if ended {
			go w.work()
		}
	}()
	for w.askNext() {
	}
	ended = false
}

// askNext asks about the first name of the queue. It returns false if there is
// none: then the goroutine ends.
func (w *Watch) askNext() bool {
	w.mu.Lock()
	front := w.queue.Front()
	if front == nil {
		w.asking--
		w.mu.Unlock()
		return false
	}
	s := w.queue.Remove(front).(*subject)
	s.queued, s.asked = nil, true
	w.mu.Unlock()
	var refusal *bulwark.Problem
	err := errPanicked // if the question ends this goroutine
	defer func() { w.answered(s, refusal, err) }()
	refusal, err = ask(s.again)
	return true
}

// answered takes in the answer to the question of s.
func (w *Watch) answered(s *subject, refusal *bulwark.Problem, err error) {
	w.mu.Lock()
	s.asked = false
	switch {
	case s.gone:
	case refusal != nil:
		streams := w.remove(s)
		w.mu.Unlock()
		end(streams, response.ErrRevoked)
		w.tell(End{Scope: streams[0].scope, Streams: len(streams), Refusal: refusal, Err: err})
		return
	case err != nil:
		s.err = err
		w.unanswered(s, s.due)
		return
	default:
		s.failing = time.Time{}
	}
	w.mu.Unlock()
}

// unanswered notes that the question of s has no answer. The lock is held, and
// is given back.
func (w *Watch) unanswered(s *subject, now time.Time) {
	if s.failing.IsZero() {
		s.failing = s.due
	}
	if now.Sub(s.failing) < w.silence {
		w.mu.Unlock()
		return
	}
	streams, err := w.remove(s), s.err
	w.mu.Unlock()
	end(streams, response.ErrUnchecked)
	w.lose(End{Scope: streams[0].scope, Streams: len(streams), Err: err})
}

// ask returns the refusal, or an error if there is no answer.
func ask(again func(context.Context) error) (refusal *bulwark.Problem, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), Deadline)
	defer cancel()
	defer func() {
		if recover() != nil { // with a value that may hold anything
			refusal, err = nil, errPanicked
		}
	}()
	err = again(ctx)
	var p *bulwark.Problem
	switch {
	case err == nil && ctx.Err() != nil:
		return nil, errLate // what is known now may not be new
	case errors.As(err, &p) && p != nil && p.Status == http.StatusUnauthorized:
		return p, err
	}
	return nil, err
}

// end ends streams. Each has a goroutine, because a connection may need its
// time: TLS tells the client.
func end(streams []*Visit, cause error) {
	for _, v := range streams {
		go v.stream.End(cause)
	}
}

// tell reports an end. The recorder may be anybody's, and no server stands
// around this goroutine.
func (w *Watch) tell(e End) {
	defer func() { _ = recover() }()
	w.report(e)
}
