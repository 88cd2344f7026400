package authtest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// endReplaced ends the sessions of the same caller that s replaces.
func (f *flawedSessions) endReplaced(ctx context.Context, s session.Session, replaces []string) (ended []string) {
	for _, id := range replaces {
		old, err := f.MemoryStore.Get(ctx, id)
		if err == nil && old.Issuer == s.Issuer && old.Subject == s.Subject {
			f.MemoryStore.Delete(ctx, id)
			ended = append(ended, id)
		}
	}
	return ended
}

func replacesNothing(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, _ []string) ([]string, error) {
		return f.MemoryStore.Create(ctx, s, limit, nil)
	}
}

// replacesAfterwards makes room below the limit first.
func replacesAfterwards(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, nil)
		if err == nil {
			replaces = slices.DeleteFunc(slices.Clone(replaces), func(id string) bool { return id == s.ID })
			ended = append(ended, f.endReplaced(ctx, s, replaces)...)
		}
		return ended, err
	}
}

// replacesBeforehand ends sessions for one that it then does not make.
func replacesBeforehand(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		if _, err := f.MemoryStore.Get(ctx, s.ID); err == nil {
			f.endReplaced(ctx, s, slices.DeleteFunc(slices.Clone(replaces), func(id string) bool { return id == s.ID }))
			return nil, auth.ErrConflict
		}
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
}

func replacesAnybodys(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		for _, id := range replaces {
			if ok, _ := f.MemoryStore.Delete(ctx, id); ok && err == nil && id != s.ID {
				ended = append(ended, id)
			}
		}
		return ended, err
	}
}

// replacesOne looks at the first id.
func replacesOne(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		return f.MemoryStore.Create(ctx, s, limit, replaces[:min(len(replaces), 1)])
	}
}

// times is a store that has times of its own: set is called for each session
// that is read.
func (f *flawedSessions) times(set func(*session.Session)) {
	f.get = func(ctx context.Context, id string) (session.Session, error) {
		s, err := f.MemoryStore.Get(ctx, id)
		if err == nil {
			set(&s)
		}
		return s, err
	}
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		eachSession(all, set)
		return all, err
	}
}

// isAnHourAhead is right: a store has a clock of its own.
func isAnHourAhead(f *flawedSessions) {
	f.times(func(s *session.Session) {
		s.ReadAt, s.RefreshedAt, s.UsedAt = s.ReadAt.Add(time.Hour), s.RefreshedAt.Add(time.Hour), s.UsedAt.Add(time.Hour)
	})
}

func hasTwoClocks(f *flawedSessions) {
	f.times(func(s *session.Session) { s.ReadAt = s.ReadAt.Add(time.Hour) })
}

func hasNoClock(f *flawedSessions) {
	f.times(func(s *session.Session) { s.ReadAt = time.Time{} })
}

func standsStill(f *flawedSessions) {
	f.times(func(s *session.Session) { s.ReadAt = s.RefreshedAt })
}

func countsSeconds(f *flawedSessions) {
	f.times(func(s *session.Session) {
		s.ReadAt, s.RefreshedAt = s.ReadAt.Truncate(time.Second), s.RefreshedAt.Truncate(time.Second)
	})
}

// storesRefreshes keeps the RefreshedAt that it is given, if that is one.
func storesRefreshes(f *flawedSessions) {
	var given sync.Map
	remember := func(s session.Session) {
		if !s.RefreshedAt.IsZero() {
			given.Store(s.ID, s.RefreshedAt)
		}
	}
	f.stores = func(s *session.Session) { remember(*s) }
	f.times(func(s *session.Session) {
		if at, ok := given.Load(s.ID); ok {
			s.RefreshedAt = at.(time.Time)
		}
	})
}

// refreshesByMarks takes every Update for a refresh.
func refreshesByMarks(f *flawedSessions) {
	var at sync.Map
	f.update = func(ctx context.Context, s session.Session) error {
		err := f.MemoryStore.Update(ctx, s)
		if err == nil {
			at.Store(s.ID, time.Now())
		}
		return err
	}
	f.times(func(s *session.Session) {
		if at, ok := at.Load(s.ID); ok {
			s.RefreshedAt = at.(time.Time)
		}
	})
}

// neverRefreshes keeps the time of the Create.
func neverRefreshes(f *flawedSessions) {
	var at sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		at.Store(s.ID, time.Now())
		return ended, err
	}
	f.times(func(s *session.Session) {
		if at, ok := at.Load(s.ID); ok {
			s.RefreshedAt = at.(time.Time)
		}
	})
}

func listsAnyProvider(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if filter.Provider.Issuer == "idp-b" {
			filter.Provider.Issuer = "idp-a"
			more, _ := f.MemoryStore.List(ctx, filter)
			all = append(all, more...)
		}
		return all, err
	}
}

// listsEither takes two conditions for one or the other.
func listsEither(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		if filter.Provider.SessionID != "" {
			filter.Provider.Subject = ""
		}
		return f.MemoryStore.List(ctx, filter)
	}
}

func listsOnlyCallers(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		if filter.Subject == "" {
			return nil, nil
		}
		filter.Provider = session.Provider{}
		return f.MemoryStore.List(ctx, filter)
	}
}

// listsNothingForAll takes an empty filter for one that matches nothing.
func listsNothingForAll(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		if filter.Subject == "" && filter.Provider == (session.Provider{}) {
			return nil, nil
		}
		return f.MemoryStore.List(ctx, filter)
	}
}

// listsBy changes what is asked for.
func listsBy(change func(*session.Filter)) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
			change(&filter)
			return f.MemoryStore.List(ctx, filter)
		}
	}
}

// listsTo changes what is answered.
func listsTo(change func([]session.Session)) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
			all, err := f.MemoryStore.List(ctx, filter)
			change(all)
			return all, err
		}
	}
}

// listsWithThePageBefore begins a page with the last session of the page
// before.
func listsWithThePageBefore(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if s, getErr := f.MemoryStore.Get(ctx, filter.After); getErr == nil {
			all = slices.Insert(all, 0, s)
		}
		return all, err
	}
}

func sweepsNothing(f *flawedSessions) {
	var kept sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if err == nil && s.ID == "short" {
			kept.Store(s.ID, s)
		}
		return ended, err
	}
	f.get = func(ctx context.Context, id string) (session.Session, error) {
		s, err := f.MemoryStore.Get(ctx, id)
		if old, ok := kept.Load(id); ok && errors.Is(err, auth.ErrNotFound) {
			return old.(session.Session), nil
		}
		return s, err
	}
}

// sweepsByCreation forgets what was to expire when it was made.
func sweepsByCreation(f *flawedSessions) {
	var ends sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ends.Store(s.ID, s.ExpiresAt)
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
	f.sweep = func(ctx context.Context) error {
		ends.Range(func(id, end any) bool {
			if !time.Now().Before(end.(time.Time)) {
				f.MemoryStore.Delete(ctx, id.(string))
			}
			return true
		})
		return f.MemoryStore.Sweep(ctx)
	}
}

// sweepsEarly forgets what expires within two seconds.
func sweepsEarly(f *flawedSessions) {
	var all sync.Map
	f.stores = func(s *session.Session) { all.Store(s.ID, s.ExpiresAt) }
	f.sweep = func(ctx context.Context) error {
		all.Range(func(id, end any) bool {
			if time.Until(end.(time.Time)) < 2*time.Second {
				f.MemoryStore.Delete(ctx, id.(string))
			}
			return true
		})
		return nil
	}
}
