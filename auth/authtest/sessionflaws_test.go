package authtest_test

import (
	"context"
	"errors"
	"time"

	"slices"
	"sync"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// flawedSessions is a memory store with flaws, one at a time: each function
// takes the place of a step.
type flawedSessions struct {
	*session.MemoryStore
	stores        func(*session.Session) // changes what is stored
	limits        func(int) int
	deleted       func(bool) bool
	whenCancelled func() error
	whenLate      func() error
	down          error
	create        func(context.Context, session.Session, int, []string) ([]string, error)
	get           func(context.Context, string) (session.Session, error)
	update        func(context.Context, session.Session) error
	delete        func(context.Context, string) (bool, error)
	list          func(context.Context, session.Filter) ([]session.Session, error)
	sweep         func(context.Context) error
	touch         func(context.Context, string, time.Duration) error
	revoke        func(context.Context, session.Provider, time.Time, time.Time) error
}

// fails reports whether a call is over before it has begun.
func (f *flawedSessions) fails(ctx context.Context) (error, bool) {
	if f.whenCancelled != nil && ctx.Err() != nil {
		return f.whenCancelled(), true
	}
	if f.whenLate != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return f.whenLate(), true
	}
	return f.down, f.down != nil
}

func (f *flawedSessions) Create(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
	if err, fails := f.fails(ctx); fails {
		return nil, err
	}
	if f.stores != nil {
		f.stores(&s)
	}
	if f.limits != nil {
		limit = f.limits(limit)
	}
	if f.create != nil {
		return f.create(ctx, s, limit, replaces)
	}
	return f.MemoryStore.Create(ctx, s, limit, replaces)
}

func (f *flawedSessions) Get(ctx context.Context, id string) (session.Session, error) {
	if err, fails := f.fails(ctx); fails {
		return session.Session{}, err
	}
	if f.get != nil {
		return f.get(ctx, id)
	}
	return f.MemoryStore.Get(ctx, id)
}

func (f *flawedSessions) Update(ctx context.Context, s session.Session) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.stores != nil {
		f.stores(&s)
	}
	if f.update != nil {
		return f.update(ctx, s)
	}
	return f.MemoryStore.Update(ctx, s)
}

func (f *flawedSessions) Delete(ctx context.Context, id string) (bool, error) {
	if err, fails := f.fails(ctx); fails {
		return false, err
	}
	run := f.MemoryStore.Delete
	if f.delete != nil {
		run = f.delete
	}
	ok, err := run(ctx, id)
	if f.deleted != nil {
		ok = f.deleted(ok)
	}
	return ok, err
}

func (f *flawedSessions) List(ctx context.Context, filter session.Filter) ([]session.Session, error) {
	if err, fails := f.fails(ctx); fails {
		return nil, err
	}
	if f.list != nil {
		return f.list(ctx, filter)
	}
	return f.MemoryStore.List(ctx, filter)
}

func (f *flawedSessions) Sweep(ctx context.Context) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.sweep != nil {
		return f.sweep(ctx)
	}
	return f.MemoryStore.Sweep(ctx)
}

func (f *flawedSessions) Touch(ctx context.Context, id string, every time.Duration) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.touch != nil {
		return f.touch(ctx, id, every)
	}
	return f.MemoryStore.Touch(ctx, id, every)
}

func (f *flawedSessions) RevokeProvider(ctx context.Context, p session.Provider, until, expires time.Time) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.revoke != nil {
		return f.revoke(ctx, p, until, expires)
	}
	return f.MemoryStore.RevokeProvider(ctx, p, until, expires)
}

// everything returns all sessions that the filter matches after they have been
// named, on one page.
func (f *flawedSessions) everything(ctx context.Context, filter session.Filter, named func(session.Session) session.Session) []session.Session {
	var found []session.Session
	for page := (session.Filter{Limit: 1000}); ; {
		all, _ := f.MemoryStore.List(ctx, page)
		for _, s := range all {
			page.After = s.ID
			if s = named(s); s.ID > filter.After && filter.Matches(s) {
				found = append(found, s)
			}
		}
		if len(all) < 1000 {
			break
		}
	}
	if filter.Limit < 1 {
		filter.Limit = 1000
	}
	return found[:min(len(found), filter.Limit)]
}

func rounded(s *session.Session, to time.Duration) {
	for _, at := range []*time.Time{&s.AuthTime, &s.CreatedAt, &s.ExpiresAt} {
		*at = at.Truncate(to)
	}
}

func microseconds(s *session.Session) { rounded(s, time.Microsecond) }

func seconds(s *session.Session) { rounded(s, time.Second) }

func zeroIsNone(limit int) int {
	if limit == 0 {
		return 5000
	}
	return limit
}

// forgetsAtExpiry forgets sessions that expire within the time.
func forgetsAtExpiry(early time.Duration) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.get = func(ctx context.Context, id string) (session.Session, error) {
			s, err := f.MemoryStore.Get(ctx, id)
			if err == nil && time.Until(s.ExpiresAt) <= early {
				return session.Session{}, auth.ErrNotFound
			}
			return s, err
		}
	}
}

func keepsTheFirstExpiry(f *flawedSessions) {
	var ends sync.Map
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ends.Store(s.ID, s.ExpiresAt)
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
	f.get = func(ctx context.Context, id string) (session.Session, error) {
		if end, ok := ends.Load(id); ok && !time.Now().Before(end.(time.Time)) {
			return session.Session{}, auth.ErrNotFound
		}
		return f.MemoryStore.Get(ctx, id)
	}
}

func listsOtherHashes(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		for i := range all {
			all[i].Hash[0]++
		}
		return all, err
	}
}

func hasOneVersion(f *flawedSessions) {
	f.get = func(ctx context.Context, id string) (session.Session, error) {
		s, err := f.MemoryStore.Get(ctx, id)
		s.Version = 1
		return s, err
	}
	f.update = func(ctx context.Context, s session.Session) error {
		if _, err := f.MemoryStore.Get(ctx, s.ID); err == nil && s.Version != 1 {
			return auth.ErrConflict
		}
		return f.overwrite(ctx, s)
	}
}

// overwrite stores s whatever its Version, where there is one.
func (f *flawedSessions) overwrite(ctx context.Context, s session.Session) error {
	for {
		old, err := f.MemoryStore.Get(ctx, s.ID)
		if err != nil {
			return err
		}
		s.Version = old.Version
		if err := f.MemoryStore.Update(ctx, s); !errors.Is(err, auth.ErrConflict) {
			return err
		}
	}
}

func theLastWins(f *flawedSessions) { f.update = f.overwrite }

func readsThenWrites(f *flawedSessions) {
	f.update = func(ctx context.Context, s session.Session) error {
		old, err := f.MemoryStore.Get(ctx, s.ID)
		switch {
		case err != nil:
			return err
		case old.Version != s.Version:
			return auth.ErrConflict
		}
		time.Sleep(time.Millisecond)
		return f.overwrite(ctx, s)
	}
}

func takesLaterVersions(f *flawedSessions) {
	f.update = func(ctx context.Context, s session.Session) error {
		if old, err := f.MemoryStore.Get(ctx, s.ID); err == nil && s.Version > old.Version {
			s.Version = old.Version
		}
		return f.MemoryStore.Update(ctx, s)
	}
}

func updatesWhatIsGone(f *flawedSessions) {
	f.update = func(ctx context.Context, s session.Session) error {
		err := f.MemoryStore.Update(ctx, s)
		if errors.Is(err, auth.ErrNotFound) {
			_, err = f.MemoryStore.Create(ctx, s, 5000, nil)
		}
		return err
	}
}

func takesTakenIDs(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		f.MemoryStore.Delete(ctx, s.ID)
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
}

func endsBeforeItLooks(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		if _, err := f.MemoryStore.Get(ctx, s.ID); err == nil {
			f.endSurplus(ctx, s, limit, replaces)
			return nil, auth.ErrConflict
		}
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
}

// endSurplus makes room for s in the place of others, and below the limit of
// its caller.
func (f *flawedSessions) endSurplus(ctx context.Context, s session.Session, limit int, replaces []string) (ended []string) {
	ended = f.endReplaced(ctx, s, replaces)
	mine, _ := f.MemoryStore.List(ctx, session.Filter{Issuer: s.Issuer, Subject: s.Subject})
	slices.SortFunc(mine, func(a, b session.Session) int { return a.RefreshedAt.Compare(b.RefreshedAt) })
	for len(mine) >= max(limit, 1) {
		f.MemoryStore.Delete(ctx, mine[0].ID)
		ended, mine = append(ended, mine[0].ID), mine[1:]
	}
	return ended
}

func countsThenWrites(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		if _, err := f.MemoryStore.Get(ctx, s.ID); err == nil {
			return nil, auth.ErrConflict
		}
		ended := f.endSurplus(ctx, s, limit, replaces)
		time.Sleep(time.Millisecond)
		more, err := f.MemoryStore.Create(ctx, s, 5000, nil)
		return append(ended, more...), err
	}
}

func endsByCreation(f *flawedSessions) {
	var mu sync.Mutex
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := f.MemoryStore.Get(ctx, s.ID); err == nil {
			return nil, auth.ErrConflict
		}
		ended := f.endReplaced(ctx, s, replaces)
		mine, _ := f.MemoryStore.List(ctx, session.Filter{Issuer: s.Issuer, Subject: s.Subject})
		slices.SortFunc(mine, func(a, b session.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
		for len(mine) >= max(limit, 1) {
			f.MemoryStore.Delete(ctx, mine[0].ID)
			ended, mine = append(ended, mine[0].ID), mine[1:]
		}
		_, err := f.MemoryStore.Create(ctx, s, 5000, nil)
		return ended, err
	}
}

func tellsNotWhomItEnded(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		_, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		return nil, err
	}
}

// endsTheNewOne believes who makes a session about its age.
func endsTheNewOne(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		mine, _ := f.MemoryStore.List(ctx, session.Filter{Issuer: s.Issuer, Subject: s.Subject})
		oldest := !slices.ContainsFunc(mine, func(old session.Session) bool { return !s.CreatedAt.Before(old.RefreshedAt.Add(-time.Minute)) })
		if len(mine) > 0 && len(mine) >= limit && oldest {
			return []string{s.ID}, nil
		}
		return f.MemoryStore.Create(ctx, s, limit, replaces)
	}
}

func endsForAnyIssuer(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		var ended []string
		if limit == 1 && s.Issuer == "https://other.example" {
			there, _ := f.MemoryStore.List(ctx, session.Filter{Issuer: "https://issuer.example", Subject: s.Subject})
			for _, other := range there {
				f.MemoryStore.Delete(ctx, other.ID)
				ended = append(ended, other.ID)
			}
		}
		more, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		return append(ended, more...), err
	}
}

func listsAnyIssuer(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if filter.Issuer == "https://other.example" {
			more, _ := f.MemoryStore.List(ctx, session.Filter{Issuer: "https://issuer.example", Subject: filter.Subject})
			all = append(all, more...)
		}
		return all, err
	}
}

// joinsCallers makes one text of issuer and subject, from which nobody can tell
// where one ends.
func joinsCallers(separator string) func(*flawedSessions) {
	return func(f *flawedSessions) {
		var real sync.Map // what was given, by ID
		f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
			given := s
			s.Issuer, s.Subject = "", s.Issuer+separator+s.Subject
			ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
			if err == nil {
				real.Store(s.ID, given)
			}
			return ended, err
		}
		named := func(s session.Session) session.Session {
			if given, ok := real.Load(s.ID); ok {
				s.Issuer, s.Subject = given.(session.Session).Issuer, given.(session.Session).Subject
			}
			return s
		}
		f.get = func(ctx context.Context, id string) (session.Session, error) {
			s, err := f.MemoryStore.Get(ctx, id)
			return named(s), err
		}
		f.update = func(ctx context.Context, s session.Session) error {
			s.Issuer, s.Subject = "", s.Issuer+separator+s.Subject
			return f.MemoryStore.Update(ctx, s)
		}
		f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
			if filter.Issuer == "" || filter.Subject == "" {
				return f.everything(ctx, filter, named), nil
			}
			filter.Issuer, filter.Subject = "", filter.Issuer+separator+filter.Subject
			all, err := f.MemoryStore.List(ctx, filter)
			for i := range all {
				all[i] = named(all[i])
			}
			return all, err
		}
	}
}

func listsOnePage(f *flawedSessions) {
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		return all[:min(len(all), 100)], err
	}
}

func listsWhatItShares(f *flawedSessions) {
	shared := map[session.Filter][]session.Session{}
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if held := shared[filter]; len(held) == len(all) {
			return held, err
		}
		shared[filter] = all
		return all, err
	}
}

func listsTheDeleted(f *flawedSessions) {
	var mu sync.Mutex
	var gone []session.Session
	f.delete = func(ctx context.Context, id string) (bool, error) {
		old, _ := f.MemoryStore.Get(ctx, id)
		ok, err := f.MemoryStore.Delete(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		if ok {
			gone = append(gone, old)
		}
		return ok, err
	}
	f.list = func(ctx context.Context, filter session.Filter) ([]session.Session, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		mu.Lock()
		defer mu.Unlock()
		for _, old := range gone {
			if filter.Matches(old) {
				all = append(all, old)
			}
		}
		return all, err
	}
}

// foldsIDs takes some ids for one.
func foldsIDs(fold func(string) string) func(*flawedSessions) {
	return func(f *flawedSessions) {
		f.stores = func(s *session.Session) { s.ID = fold(s.ID) }
		f.get = func(ctx context.Context, id string) (session.Session, error) {
			s, err := f.MemoryStore.Get(ctx, fold(id))
			if err == nil {
				s.ID = id
			}
			return s, err
		}
		f.delete = func(ctx context.Context, id string) (bool, error) { return f.MemoryStore.Delete(ctx, fold(id)) }
	}
}

func readsACache(f *flawedSessions) {
	var cache sync.Map
	f.get = func(ctx context.Context, id string) (session.Session, error) {
		if s, ok := cache.Load(id); ok {
			return s.(session.Session), nil
		}
		s, err := f.MemoryStore.Get(ctx, id)
		if err == nil {
			cache.Store(id, s)
		}
		return s, err
	}
}

func evictsSessions(room int) func(*flawedSessions) {
	return func(f *flawedSessions) {
		var mu sync.Mutex
		var ages []string
		f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
			ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
			mu.Lock()
			defer mu.Unlock()
			if ages = append(ages, s.ID); len(ages) > room {
				f.MemoryStore.Delete(ctx, ages[0])
				ages = ages[1:]
			}
			return ended, err
		}
	}
}

func evictsWhenFull(f *flawedSessions) {
	var mu sync.Mutex
	var ages []string
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, auth.ErrFull) {
			f.MemoryStore.Delete(ctx, ages[len(ages)/2])
			return ended, err
		}
		ages = append(ages, s.ID)
		return ended, err
	}
}

func forgetsThatItIsFull(f *flawedSessions) {
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		if errors.Is(err, auth.ErrFull) {
			err = nil
		}
		return ended, err
	}
}

// endsWhenFull ends a caller's sessions before it finds that there is no room.
func endsWhenFull(f *flawedSessions) {
	var mu sync.Mutex
	full := false
	f.create = func(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if full && limit == 1 {
			f.endSurplus(ctx, s, limit, replaces)
			return nil, auth.ErrFull
		}
		ended, err := f.MemoryStore.Create(ctx, s, limit, replaces)
		full = errors.Is(err, auth.ErrFull)
		return ended, err
	}
}
