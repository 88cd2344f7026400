package jwt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// mostQueued bounds the names that wait for a call of Find.
const mostQueued = 1024

// A lookup is a call of Find, and the requests that wait for it. What is
// guarded is guarded by the lock of the book.
type lookup struct {
	issuer  string
	old     *tenant       // that is asked about again, or nil
	began   time.Time     // the call of Find
	done    chan struct{} // closed when there is an answer
	err     error         // to be read when done
	waiters int           // guarded
	landed  bool          // there is an answer; guarded
	late    *time.Timer   // ends the wait; guarded
}

// look asks Find, together with all other requests of the issuer.
func (b *book) look(ctx context.Context, issuer string) (*tenant, error) {
	f, t, err := b.join(issuer, time.Now())
	if f == nil {
		return t, err
	}
	defer b.part(f)
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, unfound(fmt.Errorf("wait for jwt.IssuersConfig.Find: %w", ctx.Err()))
	}
	if f.err != nil {
		return nil, f.err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if t := b.kept[issuer]; t != nil && t.wrong == nil {
		t.users.Add(1)
		return t, nil
	}
	return nil, unfound(errCrowdedFinds) // it had to give way at once
}

// join returns the lookup to wait for. It returns the tenant instead if another
// request has just found it, or why the issuer is refused.
func (b *book) join(issuer string, now time.Time) (*lookup, *tenant, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.kept[issuer]
	f := b.asking[issuer]
	switch {
	case t != nil && t.wrong == nil && !cache.Passed(now, t.until):
		t.users.Add(1)
		return nil, t, nil
	case f != nil && f.waiters >= maxWaiters:
		return nil, nil, unfound(errCrowdedFinds)
	case f != nil:
		f.waiters++
		return f, nil, nil
	case t != nil && t.wrong != nil && !cache.Passed(now, t.retry):
		return nil, nil, t.wrong
	case b.closed:
		return nil, nil, unfound(errFindsClosed)
	case b.deaf[issuer]:
		return nil, nil, unfound(errDeafFind)
	}
	if t == nil {
		if e := b.unknown.Live(expiring.DigestOf("", "", issuer)); e != nil {
			return nil, nil, e.Value
		}
		if b.places == 0 && len(b.queue) >= mostQueued {
			return nil, nil, unfound(errCrowdedFinds)
		}
	}
	f = &lookup{issuer: issuer, old: t, done: make(chan struct{}), waiters: 1}
	b.asking[issuer] = f
	switch {
	case t != nil:
		b.start(f)
	case b.places > 0:
		b.places--
		b.start(f)
	default:
		b.queue = append(b.queue, f)
		f.late = time.AfterFunc(b.timeout, func() { b.giveUp(f) })
	}
	return f, nil, nil
}

// part is for a request that waits no longer.
func (b *book) part(f *lookup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f.waiters--
}

// start calls Find. The lock is held.
func (b *book) start(f *lookup) {
	if f.late != nil {
		f.late.Stop()
	}
	f.began = time.Now()
	f.late = time.AfterFunc(b.timeout+grace, func() { b.miss(f) })
	b.running.Go(func() { b.ask(f) })
}

// ask calls Find, and settles what it answers. Find is not ours: if it panics,
// or ends its goroutine, this is a failure as any other.
func (b *book) ask(f *lookup) {
	var made *tenant
	err := unfound(errBrokenFind)
	defer func() {
		_ = recover() // whose value may hold anything, so it is not logged
		b.land(f, made, err)
	}()
	ctx, cancel := context.WithTimeout(b.context, b.timeout)
	defer cancel()
	c, failed := b.find(ctx, f.issuer)
	switch {
	case failed == nil:
		made, err = b.build(f.issuer, c, f.old, f.began)
	case errors.Is(failed, auth.ErrNotFound):
		err = failed
	case errors.Is(failed, context.DeadlineExceeded):
		err = unfound(fmt.Errorf("ask jwt.IssuersConfig.Find: %w; jwt.IssuersConfig.Timeout is %v", failed, b.timeout))
	default:
		err = unfound(fmt.Errorf("ask jwt.IssuersConfig.Find: %w", failed))
	}
}

// land is the end of a call of Find.
func (b *book) land(f *lookup, made *tenant, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f.late.Stop()
	if f.old == nil {
		b.next()
	}
	delete(b.deaf, f.issuer)
	if !f.landed && !b.closed {
		b.end(f, b.settle(f, made, err, time.Now()))
		return
	}
	if made != nil && made != f.old { // too late: nobody waits for this answer
		made.retire()
	}
	if !f.landed {
		b.end(f, unfound(errFindsClosed))
	}
}

// miss ends the wait for a call of Find that does not return in time.
func (b *book) miss(f *lookup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.landed {
		return
	}
	b.deaf[f.issuer] = true
	err := unfound(errDeafFind)
	if t := b.kept[f.issuer]; t != nil {
		t.fail(err, time.Now())
	}
	b.end(f, err)
}

// giveUp ends the wait for a place.
func (b *book) giveUp(f *lookup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, queued := range b.queue {
		if queued == f {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.end(f, unfound(errCrowdedFinds))
			return
		}
	}
}

// end gives an answer to all who wait. The lock is held.
func (b *book) end(f *lookup, err error) {
	f.landed, f.err = true, err
	delete(b.asking, f.issuer)
	close(f.done)
}

// next gives the place of a call that has ended to the name that has waited for
// the longest time. Names that nobody waits for any more are left out. The lock
// is held.
func (b *book) next() {
	for len(b.queue) > 0 {
		f := b.queue[0]
		b.queue[0] = nil
		b.queue = b.queue[1:]
		if f.waiters > 0 && !b.closed {
			b.start(f)
			return
		}
		f.late.Stop()
		b.end(f, unfound(errCrowdedFinds))
	}
	b.places++
}

// shutdown ends the calls of Find and closes the verifiers.
func (b *book) shutdown(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.cancel()
	for _, f := range b.queue {
		f.late.Stop()
		b.end(f, unfound(errFindsClosed))
	}
	b.queue = nil
	all := make([]*Verifier, 0, len(b.kept))
	for _, t := range b.kept {
		all = append(all, t.verifier)
	}
	b.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		b.running.Wait()
		close(ended)
	}()
	var errs []error
	for _, v := range all {
		errs = append(errs, v.Shutdown(ctx))
	}
	select {
	case <-ended:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(errs...)
}

// unfound refuses a token because Find has not answered.
func unfound(cause error) error { return auth.Unavailable("store_unavailable", cause, store.Retry) }

var (
	errBrokenFind   = errors.New("jwt.IssuersConfig.Find panicked")
	errDeafFind     = errors.New("jwt.IssuersConfig.Find does not keep to its deadline")
	errFindsClosed  = errors.New("jwt.IssuersConfig.Find is no longer asked: the Issuers have been shut down")
	errCrowdedFinds = errors.New("too many requests wait for jwt.IssuersConfig.Find; MaxFinds is the bound of its calls")
)
