package jwt

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// keyFile is the source behind [KeyFile]. What is read, and how, is in
// keyfile.go; when, is in this file.
type keyFile struct {
	path     string
	maxBytes int64
	maxKeys  int
	cooldown time.Duration
	timeout  time.Duration
	err      error     // what is wrong with the configuration
	start    time.Time // what due counts from

	held    atomic.Pointer[jose.KeySet] // what requests read, without a lock
	due     atomic.Int64                // when the file is to be read again, in nanoseconds after start
	logging atomic.Bool                 // a line is under way

	mu    sync.Mutex // held by do and by nobody else
	state fileState

	context context.Context // of the readings of this life; guarded by do
	cancel  context.CancelFunc
}

// fileState is what changes from reading to reading, besides the keys.
type fileState struct {
	reading  *flight           // under way, or nil
	begun    time.Time         // the last reading
	number   int               // of readings, so far
	err      error             // of the last reading
	noted    time.Time         // the last warning
	good     [sha256.Size]byte // of the content that the keys are from
	seen     [sha256.Size]byte // of the last content, good or bad
	seenErr  error             // what was wrong with it
	users    int
	closed   bool
	previous *flight // the one that was cancelled, to be waited for
}

// do lets something happen while nobody else touches the state. Nothing in it
// waits.
func (f *keyFile) do(event func(now time.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	event(time.Now())
}

func (f *keyFile) secret() bool          { return false }
func (f *keyFile) faults(string) error   { return f.err }
func (f *keyFile) initial() *jose.KeySet { return f.held.Load() }

// current returns the present keys, and sees to it that they are up to date. It
// never waits.
func (f *keyFile) current(context.Context, jose.Header) (*jose.KeySet, bool, error) {
	if now := int64(time.Since(f.start)); now >= f.due.Load() {
		f.do(func(now time.Time) {
			if !f.state.closed && f.state.reading == nil {
				f.begin(now)
			}
		})
	}
	return f.held.Load(), false, nil
}

// renewed reads the file for the sake of a key that old does not have, at most
// once each second.
func (f *keyFile) renewed(ctx context.Context, old *jose.KeySet, _ bool) (set *jose.KeySet, err error) {
	var reading *flight
	f.do(func(now time.Time) {
		s := &f.state
		switch {
		case f.held.Load() != old:
			set = f.held.Load()
		case s.reading != nil:
			reading = s.reading
		case s.closed || now.Sub(s.begun) < demandTime:
			err = f.refusal()
		default:
			reading = f.begin(now)
		}
	})
	if reading == nil {
		return set, err
	}
	if err := f.await(ctx, reading); err != nil {
		return nil, err
	}
	if set = f.held.Load(); set != old {
		return set, nil
	}
	f.do(func(time.Time) { err = f.refusal() })
	return nil, err
}

// refusal is why nobody can say whether a key exists, or nil.
func (f *keyFile) refusal() error {
	switch err := f.state.err; {
	case f.state.closed:
		return auth.Unavailable(reasonKeys, errClosed, time.Second)
	case err != nil:
		return auth.Unavailable(reasonKeys, f.failed(err), f.cooldown)
	}
	return nil
}

func (f *keyFile) failed(err error) error {
	return fmt.Errorf("read the file of jwt.Config.Keys: %w", err)
}

// refresh reads the file, for somebody who knows that it has changed.
func (f *keyFile) refresh(ctx context.Context) error {
	var before int
	f.do(func(time.Time) { before = f.state.number })
	for {
		var reading *flight
		var wait time.Duration
		var err error
		f.do(func(now time.Time) {
			s := &f.state
			switch wait = demandTime - now.Sub(s.begun); {
			case s.closed:
				err, wait = f.refusal(), 0
			case s.reading != nil:
				reading = s.reading
			case s.number > before:
				err, wait = f.refusal(), 0
			case wait <= 0:
				reading = f.begin(now)
			}
		})
		switch {
		case reading != nil:
			if err := f.await(ctx, reading); err != nil {
				return err
			}
			continue // the state tells how it has ended, or that it was an earlier one
		case wait <= 0:
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return f.gone(ctx)
		}
	}
}

func (f *keyFile) gone(ctx context.Context) error {
	return auth.Unavailable(reasonKeys, f.failed(ctx.Err()), time.Second)
}

// await waits for a reading, with not too many others. A file of a network may
// hold it up.
func (f *keyFile) await(ctx context.Context, reading *flight) error {
	entered := false
	f.do(func(time.Time) { entered = reading.enter() })
	if !entered {
		return auth.Unavailable(reasonKeys, errCrowded, time.Second)
	}
	defer f.do(func(time.Time) { reading.leave() })
	late := time.NewTimer(time.Until(reading.late))
	defer late.Stop()
	select {
	case <-reading.done:
		return nil
	case <-ctx.Done():
		return f.gone(ctx)
	case <-late.C:
		return auth.Unavailable(reasonKeys, fmt.Errorf("the file of jwt.Config.Keys %w", f.slow()), time.Second)
	}
}

// begin starts a reading, where none is under way. It happens inside do.
func (f *keyFile) begin(now time.Time) *flight {
	reading := &flight{done: make(chan struct{}), late: now.Add(f.timeout + grace), context: f.context}
	f.state.reading, f.state.begun = reading, now
	f.state.number++
	f.due.Store(int64(now.Sub(f.start) + f.cooldown))
	go f.fly(reading, f.state.seen, f.state.seenErr)
	return reading
}

// fly makes a reading. A panic of the parser on this goroutine would end the
// process: it is a bad file instead.
func (f *keyFile) fly(reading *flight, seen [sha256.Size]byte, seenErr error) {
	r := &readFile{sum: seen, err: errFilePanic, bad: seenErr}
	defer func() {
		_ = recover() // whose value may hold anything, so it is not logged
		var changed, warn bool
		f.do(func(now time.Time) { changed, warn = f.land(reading, r, now) })
		if changed || warn {
			f.log(reading, r)
		}
	}()
	text, err := f.settled(reading.context, seen)
	if err != nil {
		r.err = err
		return
	}
	if r.sum = sha256.Sum256(text); r.sum == seen {
		r.err = seenErr
		return
	}
	r.bad = errFilePanic
	r.keys, r.bad = f.parse(text)
	r.err = r.bad
}

// readFile is what has come of a reading.
type readFile struct {
	sum  [sha256.Size]byte
	keys *jose.KeySet // if they are new
	bad  error        // what is wrong with the content of that sum
	err  error        // why the file does not count
}

// land takes in what has come of a reading. It reports whether there are new
// keys, and whether there is something to warn about.
func (f *keyFile) land(reading *flight, r *readFile, now time.Time) (changed, warn bool) {
	defer close(reading.done)
	s := &f.state
	if s.reading != reading { // of an earlier life
		return false, false
	}
	s.reading, s.err, s.seen, s.seenErr = nil, r.err, r.sum, r.bad
	if r.err != nil {
		warn = now.Sub(s.noted) >= time.Minute
		if warn {
			s.noted = now
		}
		return false, warn
	}
	if r.sum == s.good || r.keys == nil {
		return false, false
	}
	s.good = r.sum
	f.held.Store(r.keys)
	return true, false
}

// log reports what has come of a reading, when nobody waits for it any more and
// no lock is held: a handler may block, or panic.
func (f *keyFile) log(reading *flight, r *readFile) {
	if !f.logging.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		_ = recover()
		f.logging.Store(false)
	}()
	if r.err != nil {
		slog.Default().LogAttrs(reading.context, slog.LevelWarn, "jwt: the file of keys cannot be used; the earlier keys remain",
			slog.String("file", f.path), slog.String("error", r.err.Error()))
		return
	}
	slog.Default().LogAttrs(reading.context, slog.LevelInfo, "jwt: the file of keys has been read anew", slog.String("file", f.path))
}

// open counts a verifier more.
func (f *keyFile) open() {
	f.do(func(time.Time) {
		s := &f.state
		s.users++
		if !s.closed {
			return
		}
		s.closed, s.err, s.begun = false, nil, time.Time{}
		f.context, f.cancel = context.WithCancel(context.Background())
		f.due.Store(0) // nobody has kept the keys up to date
	})
}

// shutdown counts one less. With the last one it ends the reading.
func (f *keyFile) shutdown(ctx context.Context, leaving bool) error {
	var reading *flight
	f.do(func(time.Time) {
		s := &f.state
		if leaving {
			s.users--
		}
		if s.users > 0 {
			return
		}
		if !s.closed {
			s.closed, s.previous, s.reading = true, s.reading, nil
			f.cancel()
		}
		reading = s.previous
	})
	return reading.ended(ctx)
}
