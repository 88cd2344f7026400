package shutdown_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/shutdown"
)

// closer is a Shutdowner that is a function.
type closer func(context.Context) error

func (c closer) Shutdown(ctx context.Context) error { return c(ctx) }

// hang waits until its share of the time has passed.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAllInTheGivenOrder(t *testing.T) {
	var order []string
	named := func(name string, err error) bulwark.Shutdowner {
		return closer(func(context.Context) error { order = append(order, name); return err })
	}
	first, last := errors.New("first"), errors.New("last")
	var stack *bulwark.Stack
	err := shutdown.All[bulwark.Shutdowner](t.Context(), named("a", first), nil, stack, closer(nil),
		closer(func(context.Context) error { panic("secret") }), named("b", last))
	if !slices.Equal(order, []string{"a", "b"}) {
		t.Errorf("order %v", order)
	}
	if !errors.Is(err, first) || !errors.Is(err, last) {
		t.Errorf("an error is lost: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "shutdown_test.closer: it panicked") || strings.Contains(text, "secret") {
		t.Errorf("the panic is %q", text)
	}
	if err := shutdown.All[bulwark.Shutdowner](t.Context()); err != nil {
		t.Errorf("nothing to close: %v", err)
	}
}

func TestAllSharesTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		start := time.Now()
		var ended []time.Duration
		hanging := closer(func(ctx context.Context) error {
			err := hang(ctx)
			ended = append(ended, time.Since(start))
			return err
		})
		err := shutdown.All(ctx, hanging, hanging, hanging, nil)
		if want := []time.Duration{4 * time.Second, 6 * time.Second, 8 * time.Second}; !slices.Equal(ended, want) {
			t.Errorf("they ended after %v, want %v", ended, want)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// A closer that does not look at its context takes no time from the others, and
// is named.
func TestCaseEx6ACloserThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		release := make(chan struct{})
		start := time.Now()
		var second time.Duration
		err := shutdown.All(ctx,
			closer(func(context.Context) error { <-release; return nil }),
			closer(func(context.Context) error { second = time.Since(start); return nil }),
			closer(func(context.Context) error { runtime.Goexit(); return nil }),
			closer(func(context.Context) error { <-release; return nil }))
		if took := time.Since(start); took > 8*time.Second+100*time.Millisecond || second > 4*time.Second+100*time.Millisecond {
			t.Errorf("returned after %s, the second closer began after %s", took, second)
		}
		if !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), "shutdown_test.closer: it still runs") != 2 || !strings.Contains(err.Error(), "it ended its goroutine") {
			t.Errorf("error %v", err)
		}
		close(release)
	})
}

// deaf is a closer that does not look at its context.
type deaf struct{}

func (deaf) Shutdown(context.Context) error { time.Sleep(time.Hour); return nil }

// The deaf one inside is named, and not the stack that holds it.
func TestCaseEx6ACloserThatHangsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		around := func(inner bulwark.Shutdowner) bulwark.Shutdowner {
			return closer(func(ctx context.Context) error { return shutdown.All(ctx, inner) })
		}
		closed := false
		err := shutdown.All[bulwark.Shutdowner](ctx, around(around(deaf{})), closer(func(context.Context) error { closed = true; return nil }))
		if !closed || err == nil || !strings.HasPrefix(err.Error(), "shutting down a shutdown_test.deaf: it still runs") {
			t.Errorf("closed %v, error %v", closed, err)
		}
		time.Sleep(2 * time.Hour) // of the bubble: until the deaf one ends
	})
}
