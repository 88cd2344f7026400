package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A waiter waits for the records that had been accepted or lost when it came.
type waiter struct {
	until [classes]uint64
	lost  [classes][causes]uint64
	done  chan struct{}
}

// awaited reports whether a drain waits for a loss that no record has reported
// yet. Losses after the begin of the drain do not count, because in a flood
// there is always another loss. d.mu is held.
func (d *delivery) awaited(class class, cause cause) bool {
	return slices.ContainsFunc(d.waiters, func(w *waiter) bool { return d.told[class][cause] < w.lost[class][cause] })
}

// release ends the waiting of those whose records have all been tried. d.mu is
// held.
func (d *delivery) release() {
	if len(d.waiters) == 0 {
		return
	}
	d.waiters = slices.DeleteFunc(d.waiters, func(w *waiter) bool {
		if d.tried(w) != nil {
			return false
		}
		close(w.done)
		return true
	})
}

// errWaiting is the error of a drain whose time ran out.
var errWaiting = errors.New("audit: records still wait for a sink")

// tried returns an error until the records that w waits for have been written,
// or tried if the sink fails. d.mu is held.
func (d *delivery) tried(w *waiter) error {
	for class := range classes {
		if d.done[class] < w.until[class] {
			return errWaiting
		}
		for cause := range causes {
			if d.told[class][cause] < w.lost[class][cause] && !(d.failing && (d.ended || time.Now().Before(d.retry))) {
				return errWaiting
			}
		}
	}
	return nil
}

// drain waits until what has been pushed is written.
func (d *delivery) drain(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &waiter{until: d.accepted, lost: d.lost, done: make(chan struct{})}
	if d.begun && !d.ended {
		d.waiters = append(d.waiters, w)
		d.retry = time.Time{} // a last try for the gaps
		d.rouse()
		d.mu.Unlock()
		select {
		case <-w.done:
		case <-ctx.Done():
		}
		d.mu.Lock()
		d.waiters = slices.DeleteFunc(d.waiters, func(other *waiter) bool { return other == w })
	}
	if err := d.tried(w); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if d.failing && d.missing > 0 {
		return fmt.Errorf("audit: a sink refused the last records (%s): %w", d.field, d.why)
	}
	return nil
}

// shutdown takes no more records, drains, and waits for the goroutine's end.
func (d *delivery) shutdown(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.retry = time.Time{}
	begun := d.begun
	d.rouse()
	d.mu.Unlock()
	if !begun {
		return nil
	}
	if err := d.drain(ctx); err != nil {
		return err
	}
	select {
	case <-d.over:
		return nil
	case <-ctx.Done():
		return errors.Join(errWaiting, context.Cause(ctx))
	}
}
