package ratelimit

import (
	"context"
	"sync"
	"time"
)

// A gate lets a bounded number of requests in at once, also for each key, and
// lets a few more wait for a short time. A key is known to the gate only while
// a request of it is in or waits. So nothing grows beyond max and maxQueue.
type gate struct {
	max      int
	perKey   int // 0 where there are no keys
	maxQueue int
	maxWait  time.Duration

	mu    sync.Mutex
	in    int
	keys  map[uint64]load
	queue queue
	full  time.Time // since when somebody waits, and no place of max was free
}

// load is how many requests of a key are in, and how many wait.
type load struct{ in, waiting int }

// gateKeys are the hashes of the keys of a request: of the caller and, for an
// IPv6 address, of the network around it, which may have more requests in.
type gateKeys struct {
	hash [2]uint64
	n    int
}

// most is how many requests of the i-th key may be in at once.
func (g *gate) most(i int) int {
	if i == 0 {
		return g.perKey
	}
	return g.perKey * aggregateFactor
}

// A verdict is what becomes of a request.
type verdict int

const (
	undecided  verdict = iota
	admitted           // the request is in, and has to leave
	overloaded         // there is no room for anybody
	tooMany            // there is no room for the key
	gone               // the client has left
)

// enter lets a request in, at once or after a while, or says why not.
func (g *gate) enter(ctx context.Context, k gateKeys) verdict {
	g.mu.Lock()
	if g.in < g.max && g.hasRoom(k) {
		g.take(k, 1, 0)
		if g.queue.len > 0 { // those in it only wait for others of their keys
			g.full = time.Now()
		}
		g.mu.Unlock()
		return admitted
	}
	w, refused := g.join(k)
	g.mu.Unlock()
	if refused != undecided {
		return refused
	}
	return g.wait(ctx, w)
}

// leave lets a request out, and the next one in.
func (g *gate) leave(k gateKeys) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take(k, -1, 0)
	if g.queue.len == 0 {
		return
	}
	// At most one of those that wait has room now that had none before.
	next := g.queue.first
	newest := g.standing()
	if newest {
		next = g.queue.last
	}
	for next != nil && !g.hasRoom(next.keys) {
		if newest {
			next = next.before
		} else {
			next = next.after
		}
	}
	if next != nil {
		g.take(next.keys, 1, 0)
		g.decide(next, admitted)
	}
}

// join puts a request into the queue, or says why it has no place there. The
// lock is held.
func (g *gate) join(k gateKeys) (*waiter, verdict) {
	for i := range k.n {
		if g.keys[k.hash[i]].waiting >= g.most(i) {
			return nil, tooMany
		}
	}
	if g.queue.len >= g.maxQueue {
		w := g.yielding(k)
		if w == nil {
			return nil, g.blame(k)
		}
		g.decide(w, g.blame(w.keys))
	}
	if g.queue.len == 0 {
		g.full = time.Now()
	}
	w := &waiter{keys: k, decided: make(chan struct{})}
	g.queue.push(w)
	g.take(k, 0, 1)
	return w, undecided
}

// yielding is the request in a full queue that gives its place to a request of
// the keys, or nil. It is one that only waits for others of its own key, or
// else the oldest in an overload. A request that has to wait for others of its
// own key gets the place of such a request only.
func (g *gate) yielding(k gateKeys) *waiter {
	const maxSteps = 64 // under the lock
	own, w := !g.hasRoom(k), g.queue.first
	if own && (!g.standing() || g.hasRoom(w.keys)) {
		return nil
	}
	for range maxSteps {
		if k.n == 0 || w == nil {
			break
		}
		if !g.hasRoom(w.keys) {
			return w
		}
		w = w.after
	}
	if g.standing() {
		return g.queue.first
	}
	return nil
}

// wait waits until somebody decides about w, or until its time is over.
func (g *gate) wait(ctx context.Context, w *waiter) verdict {
	timer := time.NewTimer(g.maxWait)
	defer timer.Stop()
	select {
	case <-w.decided:
	case <-timer.C:
		g.giveUp(w, undecided)
	case <-ctx.Done():
		g.giveUp(w, gone)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return w.verdict
}

// giveUp takes w out of the queue, unless it was decided about meanwhile. Then
// it is in, and leaves as any other.
func (g *gate) giveUp(w *waiter, why verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.verdict != undecided {
		return
	}
	if why == undecided {
		why = g.blame(w.keys)
	}
	g.decide(w, why)
}

// decide takes w out of the queue. The lock is held.
func (g *gate) decide(w *waiter, v verdict) {
	g.queue.remove(w)
	g.take(w.keys, 0, -1)
	w.verdict = v
	close(w.decided)
}

// standing reports whether there was neither a free place nor an empty queue
// for maxWait. Then more requests come than leave, and it does not help to let
// the oldest in: its client has waited longest, and is the next to give up.
func (g *gate) standing() bool { return g.queue.len > 0 && time.Since(g.full) > g.maxWait }

// hasRoom reports whether another request of the keys may be in.
func (g *gate) hasRoom(k gateKeys) bool {
	for i := range k.n {
		if g.keys[k.hash[i]].in >= g.most(i) {
			return false
		}
	}
	return true
}

// blame says who has used the room up that a request of the keys needs.
func (g *gate) blame(k gateKeys) verdict {
	if g.hasRoom(k) {
		return overloaded
	}
	return tooMany
}

// take changes how many requests of the keys are in, and how many wait. A key
// without any is forgotten.
func (g *gate) take(k gateKeys, in, waiting int) {
	g.in += in
	for i := range k.n {
		l := g.keys[k.hash[i]]
		l.in, l.waiting = l.in+in, l.waiting+waiting
		if l == (load{}) {
			delete(g.keys, k.hash[i])
			continue
		}
		g.keys[k.hash[i]] = l
	}
}

// A queue has the requests that wait, in the order in which they came.
type queue struct {
	first, last *waiter
	len         int
}

// A waiter is a request that waits.
type waiter struct {
	keys          gateKeys
	before, after *waiter
	decided       chan struct{} // closed with the verdict
	verdict       verdict
}

func (q *queue) push(w *waiter) {
	w.before = q.last
	if q.last != nil {
		q.last.after = w
	} else {
		q.first = w
	}
	q.last = w
	q.len++
}

func (q *queue) remove(w *waiter) {
	if w.before != nil {
		w.before.after = w.after
	} else {
		q.first = w.after
	}
	if w.after != nil {
		w.after.before = w.before
	} else {
		q.last = w.before
	}
	w.before, w.after = nil, nil
	q.len--
}
