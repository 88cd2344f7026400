package authtest_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

func touchesBy(touch func(f *flawedSessions, ctx context.Context, id string, every time.Duration) error) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.touch = func(ctx context.Context, id string, every time.Duration) error { return touch(f, ctx, id, every) }
	}
}

func touchesNothing(f *flawedSessions, ctx context.Context, id string, _ time.Duration) error {
	_, err := f.MemoryStore.Get(ctx, id)
	return err
}

func touchesAlways(f *flawedSessions, ctx context.Context, id string, _ time.Duration) error {
	return f.MemoryStore.Touch(ctx, id, 0)
}

// touchesAfterwards wants UsedAt to be older than every, where as old is enough.
func touchesAfterwards(f *flawedSessions, ctx context.Context, id string, every time.Duration) error {
	if every == 0 {
		every = time.Minute
	}
	return f.MemoryStore.Touch(ctx, id, every)
}

func touchesTheUnknown(f *flawedSessions, ctx context.Context, id string, every time.Duration) error {
	if err := f.MemoryStore.Touch(ctx, id, every); !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	return nil
}

// touchesWithAVersion takes a Touch for an Update.
func touchesWithAVersion(f *flawedSessions, ctx context.Context, id string, every time.Duration) error {
	if err := f.MemoryStore.Touch(ctx, id, every); err != nil {
		return err
	}
	s, err := f.MemoryStore.Get(ctx, id)
	if err != nil {
		return err
	}
	return f.overwrite(ctx, s)
}

// touchesAStaleRow writes back the row as it was made.
func touchesAStaleRow(f *flawedSessions) {
	var made sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if err == nil {
			made.Store(s.ID, s)
		}
		return ended, err
	}
	f.touch = func(ctx context.Context, id string, every time.Duration) error {
		err := f.MemoryStore.Touch(ctx, id, every)
		if s, ok := made.Load(id); ok && err == nil {
			err = f.overwrite(ctx, s.(session.Session))
		}
		return err
	}
}

// touchesWhatIsGone makes a deleted session again.
func touchesWhatIsGone(f *flawedSessions) {
	var made sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if err == nil {
			made.Store(s.ID, s)
		}
		return ended, err
	}
	f.touch = func(ctx context.Context, id string, every time.Duration) error {
		err := f.MemoryStore.Touch(ctx, id, every)
		if s, ok := made.Load(id); ok && errors.Is(err, auth.ErrNotFound) {
			f.MemoryStore.Create(ctx, s.(session.Session), 5000, nil)
		}
		return err
	}
}

// usesByUpdates takes each Update for a use.
func usesByUpdates(f *flawedSessions) {
	f.update = func(ctx context.Context, s session.Session) error {
		err := f.MemoryStore.Update(ctx, s)
		if err == nil {
			f.MemoryStore.Touch(ctx, s.ID, 0)
		}
		return err
	}
}

// storesUses keeps the UsedAt that it is given, if there is one.
func storesUses(f *flawedSessions) {
	var given sync.Map
	f.stores = func(s *session.Session) {
		if !s.UsedAt.IsZero() {
			given.Store(s.ID, s.UsedAt)
		}
	}
	f.times(func(s *session.Session) {
		if at, ok := given.Load(s.ID); ok {
			s.UsedAt = at.(time.Time)
		}
	})
}

// sharesFactors holds the map that it is given.
func sharesFactors(f *flawedSessions) {
	var given sync.Map
	f.stores = func(s *session.Session) { given.Store(s.ID, s.Factors) }
	f.times(func(s *session.Session) {
		if shared, ok := given.Load(s.ID); ok {
			s.Factors = maps.Clone(shared.(map[string]time.Time))
		}
	})
}

// addsFactors never takes one away.
func addsFactors(f *flawedSessions) {
	f.update = func(ctx context.Context, s session.Session) error {
		old, err := f.MemoryStore.Get(ctx, s.ID)
		if err == nil {
			both := maps.Clone(old.Factors)
			if both == nil {
				both = map[string]time.Time{}
			}
			maps.Copy(both, s.Factors)
			s.Factors = both
		}
		return f.MemoryStore.Update(ctx, s)
	}
}

func revokesBy(change func(p *session.Provider, until, expires *time.Time)) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.revoke = func(ctx context.Context, p session.Provider, until, expires time.Time) error {
			change(&p, &until, &expires)
			return f.MemoryStore.RevokeProvider(ctx, p, until, expires)
		}
	}
}

func revokesNoProvider(f *flawedSessions) {
	f.revoke = func(context.Context, session.Provider, time.Time, time.Time) error { return nil }
}

// revokesBoth takes the mark of a session of a provider for one of its subject
// also.
func revokesBoth(f *flawedSessions) {
	f.revoke = func(ctx context.Context, p session.Provider, until, expires time.Time) error {
		if p.Subject != "" {
			f.MemoryStore.RevokeProvider(ctx, session.Provider{Issuer: p.Issuer, Subject: p.Subject}, until, expires)
		}
		return f.MemoryStore.RevokeProvider(ctx, p, until, expires)
	}
}

// endsWhatIsThere ends the sessions that exist.
func endsWhatIsThere(f *flawedSessions) {
	f.revoke = func(ctx context.Context, p session.Provider, until, expires time.Time) error {
		all, _ := f.MemoryStore.List(ctx, session.Filter{Provider: p})
		for _, s := range all {
			f.MemoryStore.Delete(ctx, s.ID)
		}
		return f.MemoryStore.RevokeProvider(ctx, p, until, expires)
	}
}

// aMark is what ownMarks keeps of one login.
type aMark struct{ until, expires time.Time }

// ownMarks keeps the marks beside the memory store. join decides what remains
// of two marks of one login, and refuses whether a mark counts for a session.
func ownMarks(join func(old, new aMark) aMark, refuses func(m aMark, bySession bool, s session.Session) bool) func(*flawedSessions) {
	return func(f *flawedSessions) {
		var mu sync.Mutex
		marks := map[session.Provider]aMark{}
		f.revoke = func(_ context.Context, p session.Provider, until, expires time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			if p.SessionID != "" {
				p.Subject = ""
			}
			next := aMark{until, expires}
			if old, ok := marks[p]; ok {
				next = join(old, next)
			}
			marks[p] = next
			return nil
		}
		f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
			mu.Lock()
			defer mu.Unlock() // a mark must not come between
			one, hasOne := marks[session.Provider{Issuer: s.Provider.Issuer, SessionID: s.Provider.SessionID}]
			two, hasTwo := marks[session.Provider{Issuer: s.Provider.Issuer, Subject: s.Provider.Subject}]
			if hasOne && s.Provider.SessionID != "" && refuses(one, true, s) || hasTwo && s.Provider.Subject != "" && refuses(two, false, s) {
				return nil, session.ErrLoggedOut
			}
			return f.MemoryStore.Create(ctx, s, limit, replaces)
		}
	}
}

// looksForMarksThenCreates makes a session although a mark came meanwhile.
func looksForMarksThenCreates(f *flawedSessions) {
	marks := &session.MemoryStore{}
	f.revoke = marks.RevokeProvider
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		if _, err := marks.Create(ctx, s, limit, nil); errors.Is(err, session.ErrLoggedOut) {
			return nil, err
		}
		time.Sleep(time.Millisecond)
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
}

func laterMark(old, new aMark) aMark {
	if old.until.After(new.until) {
		new.until = old.until
	}
	if old.expires.After(new.expires) {
		new.expires = old.expires
	}
	return new
}

func refusesRightly(m aMark, bySession bool, s session.Session) bool {
	return time.Now().Before(m.expires) && (bySession || !s.AuthTime.After(m.until))
}

func lastMark(_, new aMark) aMark { return new }

func firstMark(old, _ aMark) aMark { return old }

func refusesAtAnyTime(m aMark, _ bool, _ session.Session) bool { return time.Now().Before(m.expires) }

func refusesOnlyEarlier(m aMark, _ bool, s session.Session) bool {
	return time.Now().Before(m.expires) && !s.AuthTime.After(m.until)
}

func refusesOnlyBefore(m aMark, bySession bool, s session.Session) bool {
	return time.Now().Before(m.expires) && (bySession || s.AuthTime.Before(m.until))
}

func refusesForASecond(m aMark, bySession bool, s session.Session) bool {
	return refusesRightly(aMark{m.until, m.expires.Add(-time.Second)}, bySession, s)
}

// forgetsMarksInASweep keeps the marks until somebody sweeps.
func forgetsMarksInASweep(f *flawedSessions) {
	var mu sync.Mutex
	swept := false
	f.sweep = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		swept = true
		return f.MemoryStore.Sweep(ctx)
	}
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		given := s.Provider
		if swept {
			s.Provider = session.Provider{}
		}
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if err == nil && given != s.Provider {
			held, _ := f.MemoryStore.Get(ctx, s.ID)
			held.Provider = given
			f.MemoryStore.Update(ctx, held)
		}
		return ended, err
	}
}

// endsBeforeItRefuses makes room for a session that it then does not make.
func endsBeforeItRefuses(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if errors.Is(err, session.ErrLoggedOut) {
			f.endReplaced(ctx, s, replaces)
		}
		return ended, err
	}
}

// refusesAsTaken has another error for what is logged out.
func refusesAsTaken(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if errors.Is(err, session.ErrLoggedOut) {
			err = auth.ErrConflict
		}
		return ended, err
	}
}
