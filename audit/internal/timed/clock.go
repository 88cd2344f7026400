package timed

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
)

// running has the clock of the innermost timed layer that a request has
// reached.
var running bulwark.Slot[*clock]

// A clock measures one layer during one request: the time from its first line
// to its last, without the time of the handlers inside it. A handler inside may
// run on another goroutine, and longer than the layer: http.TimeoutHandler.
type clock struct {
	of    *stopwatch
	outer *clock // of the timed layer around this one, or nil
	begin time.Time
	// inside is the time of the handlers inside that have returned.
	inside atomic.Int64
	// entered is when the handler inside began, after begin; 0 while none runs.
	entered atomic.Int64
}

// A stopwatch measures one handler that a layer has made.
type stopwatch struct{ observe func(time.Duration) }

// own is the time of the layer itself, at the end of the layer.
func (c *clock) own(end time.Duration) time.Duration {
	own := end - time.Duration(c.inside.Load())
	if entered := c.entered.Load(); entered > 0 {
		own -= end - time.Duration(entered) // it still runs elsewhere
	}
	return max(own, 0)
}

// start returns a handler that runs the clock of s while inner runs.
func (s *stopwatch) start(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		c := &clock{of: s, begin: time.Now()}
		c.outer, _ = running.Get(scope)
		running.Set(scope, c)
		defer func() { // also after a panic
			s.observe(c.own(time.Since(c.begin)))
			running.Set(scope, c.outer)
		}()
		inner.ServeHTTP(w, r)
	})
}

// pause returns a handler that stops the clock of s while next runs. A layer
// that gives next another request, as a batch does, has a clock that nobody
// finds. The own time of the layer then includes the time of next. If a layer
// calls next several times at once with one request, the clocks of the layers
// inside are mixed up, and only the time of that layer itself is right.
func (s *stopwatch) pause(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		c := s.clockIn(scope)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		entered := max(time.Since(c.begin), 1)
		c.entered.Store(int64(entered))
		defer func() {
			c.entered.Store(0)
			c.inside.Add(int64(time.Since(c.begin) - entered))
		}()
		next.ServeHTTP(w, r)
	})
}

// clockIn returns the running clock of s, or nil.
func (s *stopwatch) clockIn(scope *bulwark.Scope) *clock {
	c, _ := running.Get(scope)
	for c != nil && c.of != s {
		c = c.outer
	}
	return c
}
