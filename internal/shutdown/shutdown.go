// Package shutdown closes several things within one time, as a [bulwark.Stack]
// closes its layers.
package shutdown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// All shuts the closers down in the given order and returns all their errors.
// Each gets half of the time that is left, and the last gets all of it. One
// that panics is an error, and does not keep the others from closing. One that
// does not return when its time is over is an error as well, and goes on alone.
// Nil closers are left out.
func All(ctx context.Context, closers ...bulwark.Shutdowner) error {
	var parts []bulwark.Builder
	for _, c := range slices.Backward(closers) { // a Stack closes the innermost first
		if !fault.IsNil(c) {
			parts = append(parts, part{c})
		}
	}
	stack, err := bulwark.Chain(parts...)
	return errors.Join(err, stack.Shutdown(ctx))
}

// part is a Shutdowner as a layer that does nothing else.
type part struct{ closer bulwark.Shutdowner }

// Build returns p.
func (p part) Build() (bulwark.Layer, error) { return p, nil }

// Wrap returns next.
func (p part) Wrap(next http.Handler) http.Handler { return next }

// grace is what a closer has to return after its time, with an error that says
// more than that it is late.
const grace = 50 * time.Millisecond

// Shutdown bounds the closer, and names the one that panicked. The Stack would
// name a part.
func (p part) Shutdown(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("shutting down a %T: it ended its goroutine", p.closer)
		defer func() {
			if recover() != nil {
				err = fmt.Errorf("shutting down a %T: it panicked", p.closer)
			}
			done <- err
		}()
		err = p.closer.Shutdown(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return fmt.Errorf("shutting down a %T: it still runs: %w", p.closer, context.Cause(ctx))
	}
}
