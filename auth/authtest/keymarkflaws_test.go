package authtest_test

import (
	"context"
	"errors"
	"time"

	"sync"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// A marker decides about one mark: of last, which holds both, it sets the one
// at index which.
type marker func(last *[2]time.Time, which int, at time.Time, every time.Duration) bool

func rightly(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	if at.Sub(last[which]) < every {
		return false
	}
	last[which] = at
	return true
}

// ownMarks keeps the marks beside the memory store. It returns how to set them.
func (f *flawedKeys) ownMarks(decide marker) (set func(apikey.Record)) {
	var mu sync.Mutex
	held := map[string]*[2]time.Time{}
	set = func(rec apikey.Record) {
		mu.Lock()
		defer mu.Unlock()
		held[rec.ID] = &[2]time.Time{rec.LastUsed, rec.StaleReported}
	}
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		if err == nil {
			set(rec)
		}
		return err
	}
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		if last := held[id]; last != nil && err == nil {
			rec.LastUsed, rec.StaleReported = last[0], last[1]
		}
		return rec, err
	}
	f.mark = func(_ context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		last := held[id]
		if last == nil {
			return false, auth.ErrNotFound
		}
		which := 0
		if mark == apikey.Stale {
			which = 1
		}
		return decide(last, which, at, every), nil
	}
	return set
}

func marksBy(decide marker) func(*flawedKeys) {
	return func(f *flawedKeys) { f.ownMarks(decide) }
}

// updatesMarks takes the marks out of what is updated.
func updatesMarks(f *flawedKeys) {
	set := f.ownMarks(rightly)
	f.update = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Update(ctx, rec)
		if err == nil {
			set(rec)
		}
		return err
	}
}

func marksAlways(last *[2]time.Time, which int, at time.Time, _ time.Duration) bool {
	last[which] = at
	return true
}

func marksNever(*[2]time.Time, int, time.Time, time.Duration) bool { return false }

func marksLate(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	return at.Sub(last[which]) > every && rightly(last, which, at, every)
}

func marksBackwards(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	if every == 0 {
		last[which] = at
		return true
	}
	return rightly(last, which, at, every)
}

func marksOneForBoth(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	done := rightly(last, which, at, every)
	last[1-which] = last[which]
	return done
}

func marksWithoutTime(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	done := rightly(last, which, at, every)
	if done {
		last[which] = time.Now()
	}
	return done
}

func marksWithoutReporting(last *[2]time.Time, which int, at time.Time, every time.Duration) bool {
	rightly(last, which, at, every)
	return true
}

func readsThenMarks(f *flawedKeys) {
	f.ownMarks(rightly)
	mark := f.mark
	f.mark = func(ctx context.Context, id string, which apikey.Mark, at time.Time, every time.Duration) (bool, error) {
		rec, err := f.get(ctx, id)
		last := rec.LastUsed
		if which == apikey.Stale {
			last = rec.StaleReported
		}
		if err != nil || at.Sub(last) < every {
			return false, err
		}
		time.Sleep(time.Millisecond)
		_, err = mark(ctx, id, which, at, every)
		return true, err
	}
}

func marksWhatIsUnknown(f *flawedKeys) {
	f.mark = func(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
		ok, err := f.MemoryStore.Mark(ctx, id, mark, at, every)
		if errors.Is(err, auth.ErrNotFound) {
			return true, nil
		}
		return ok, err
	}
}
