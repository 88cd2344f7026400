package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An asker calls functions of the application: only so many at once, and each
// only for so long. It returns in time also if a function never does.
type asker struct {
	places chan struct{} // holds one element for each function that runs
	time   time.Duration
	late   error // says which field bounds the time
	busy   error // says which field bounds the number
}

func newAsker(c Config) *asker {
	return &asker{
		places: make(chan struct{}, c.MaxAsking), time: c.AskTimeout,
		late: fmt.Errorf("no answer after %v (apikey.Config.AskTimeout)", c.AskTimeout),
		busy: fmt.Errorf("%d calls have not returned (apikey.Config.MaxAsking)", c.MaxAsking),
	}
}

// The value of a panic may hold anything, so the log does not show it.
var (
	errPanicked = errors.New("the function panicked")
	errEnded    = errors.New("the function ended its goroutine")
)

// A call is a function that runs, and its answer.
type call[T any] struct {
	asker *asker
	ctx   context.Context // ends at the latest moment for the answer
	done  chan struct{}   // closed when the function has returned
	value T
	err   error
}

// begin runs f. When f has returned, begin calls after with the answer, and
// then the answer is there for those who wait.
func begin[T any](ctx context.Context, a *asker, f func(context.Context) (T, error), after func(*call[T])) *call[T] {
	c := &call[T]{asker: a, done: make(chan struct{})}
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(ctx, a.time)
	go func() {
		defer cancel()
		defer close(c.done)
		defer after(c)
		select {
		case a.places <- struct{}{}:
			defer func() { <-a.places }()
		case <-c.ctx.Done():
			c.err = a.busy
			return
		}
		c.run(f)
	}()
	return c
}

// run takes a panic of f as its error, because nobody else recovers on this
// goroutine.
func (c *call[T]) run(f func(context.Context) (T, error)) {
	c.err = errEnded
	defer func() {
		if recover() != nil {
			c.err = errPanicked
		}
	}()
	c.value, c.err = f(c.ctx)
}

// wait returns the answer, or an error at the end of ctx or of the call.
func (c *call[T]) wait(ctx context.Context) (value T, err error) {
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		return value, ctx.Err()
	case <-c.ctx.Done():
	}
	select {
	case <-c.done: // the context ends when the answer is there
		return c.value, c.err
	default:
		return value, c.asker.late
	}
}
