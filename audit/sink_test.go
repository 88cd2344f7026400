package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// stalling is a sink that hangs while it is held.
type stalling struct {
	*log
	gate sync.Mutex
}

func (s *stalling) Handle(ctx context.Context, r slog.Record) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	return s.log.Handle(ctx, r)
}

// stuck hangs until it is released; unlike a mutex, a channel is something that
// a synctest bubble knows to be waiting.
type stuck struct {
	*log
	release chan struct{}
}

func (s *stuck) Handle(ctx context.Context, r slog.Record) error {
	<-s.release
	return s.log.Handle(ctx, r)
}

// failing returns errors, or panics, while told to.
type failing struct {
	*log
	broken atomic.Bool
	panics bool
}

func (f *failing) Handle(ctx context.Context, r slog.Record) error {
	if f.broken.Load() {
		if f.panics {
			panic("disk full")
		}
		return errors.New("disk full")
	}
	return f.log.Handle(ctx, r)
}

// exiting ends the goroutine that calls it, on the first n records.
type exiting struct {
	*log
	left atomic.Int64
}

func (e *exiting) Handle(ctx context.Context, r slog.Record) error {
	if e.left.Add(-1) >= 0 {
		runtime.Goexit()
	}
	return e.log.Handle(ctx, r)
}

type slowSink struct {
	*log
	each time.Duration
}

func (s slowSink) Handle(ctx context.Context, r slog.Record) error {
	time.Sleep(s.each)
	return s.log.Handle(ctx, r)
}
