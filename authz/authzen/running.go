package authzen

import (
	"context"
	"sync"
)

// running counts what is under way, until it is closed.
type running struct {
	mu     sync.Mutex
	n      int
	closed bool
	end    chan struct{} // closed with closed
	idle   chan struct{} // closed when closed and n is 0
}

// enter reports whether something may begin. It is then counted until leave.
func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.n++
	return true
}

// enterBelow is enter, unless most are under way.
func (r *running) enterBelow(most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.n >= most {
		return false
	}
	r.n++
	return true
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.closed && r.n == 0 {
		close(r.idle)
	}
}

// ended returns a channel that is closed by close.
func (r *running) ended() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending()
}

func (r *running) ending() chan struct{} {
	if r.end == nil {
		r.end, r.idle = make(chan struct{}), make(chan struct{})
	}
	return r.end
}

// close lets nothing more begin, and waits until nothing is under way.
func (r *running) close(ctx context.Context) error {
	r.mu.Lock()
	end := r.ending()
	if !r.closed {
		r.closed = true
		close(end)
		if r.n == 0 {
			close(r.idle)
		}
	}
	r.mu.Unlock()
	select {
	case <-r.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
