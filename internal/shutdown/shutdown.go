// Package shutdown closes several things within one time.
package shutdown

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// All shuts the closers down in the given order and returns all their errors.
// Each closer gets half of the time that is left, and the last closer gets all
// of it. A closer that panics becomes an error, and the next one is closed. A
// closer that does not return when its time is over also becomes an error, and
// is left running. Nil closers are skipped.
func All[C interface{ Shutdown(context.Context) error }](ctx context.Context, closers ...C) error {
	closers = slices.DeleteFunc(slices.Clone(closers), func(c C) bool { return isNil(c) })
	var errs []error
	for i, c := range closers {
		share, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok && i < len(closers)-1 {
			share, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		}
		errs = append(errs, one(share, c))
		cancel()
	}
	return errors.Join(errs...)
}

// isNil reports a nil interface, and a nil pointer or function inside one.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Pointer, reflect.Func:
		return value.IsNil()
	}
	return false
}

// grace is how long All waits for a closer after its time is over: the error of
// the closer says more than an error of All. A closer that holds other closers
// gives them half of it.
const grace = 50 * time.Millisecond

type graceKey struct{}

// one bounds a closer, and names the one that fails to return.
func one(ctx context.Context, c interface{ Shutdown(context.Context) error }) error {
	late, ok := ctx.Value(graceKey{}).(time.Duration)
	if !ok {
		late = grace
	}
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("shutting down a %T: it ended its goroutine", c)
		defer func() {
			if recover() != nil { // it may hold anything
				err = fmt.Errorf("shutting down a %T: it panicked", c)
			}
			done <- err
		}()
		err = c.Shutdown(context.WithValue(ctx, graceKey{}, late/2))
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(late):
		return fmt.Errorf("shutting down a %T: it still runs: %w", c, context.Cause(ctx))
	}
}
