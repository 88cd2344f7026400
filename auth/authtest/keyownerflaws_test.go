package authtest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// listing changes the filter before a List, or its answer afterwards.
func listing(change func(*apikey.Filter), after func([]apikey.Record) []apikey.Record) func(*flawedKeys) {
	return func(f *flawedKeys) {
		f.list = func(ctx context.Context, filter apikey.Filter) ([]apikey.Record, error) {
			if change != nil {
				change(&filter)
			}
			all, err := f.MemoryStore.List(ctx, filter)
			if after != nil {
				all = after(all)
			}
			return all, err
		}
	}
}

func listsAnyIssuersKeys(f *flawedKeys) {
	f.list = func(ctx context.Context, filter apikey.Filter) ([]apikey.Record, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if filter.Owner != nil && filter.Owner.Issuer == "https://other.example" {
			filter.Owner = &bulwark.Principal{Issuer: "https://issuer.example", Subject: filter.Owner.Subject}
			more, _ := f.MemoryStore.List(ctx, filter)
			all = append(more, all...)
		}
		return all, err
	}
}

func listsByAnySecret(f *flawedKeys) {
	f.list = func(ctx context.Context, filter apikey.Filter) ([]apikey.Record, error) {
		stale := filter.Stale
		filter.Stale = time.Time{}
		all, err := f.MemoryStore.List(ctx, filter)
		return slices.DeleteFunc(all, func(rec apikey.Record) bool {
			return !stale.IsZero() && !slices.ContainsFunc(rec.Secrets, func(s apikey.Secret) bool { return s.CreatedAt.Before(stale) })
		}), err
	}
}

func includesAfter(f *flawedKeys) {
	f.list = func(ctx context.Context, filter apikey.Filter) ([]apikey.Record, error) {
		all, err := f.MemoryStore.List(ctx, filter)
		if rec, found := f.MemoryStore.Get(ctx, filter.After); found == nil && filter.Matches(rec) {
			all = append([]apikey.Record{rec}, all...)
		}
		return all, err
	}
}

// sortsFoldingCase orders as many databases do.
func sortsFoldingCase(all []apikey.Record) []apikey.Record {
	slices.SortStableFunc(all, func(a, b apikey.Record) int {
		return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID))
	})
	return all
}

func sortsByLength(all []apikey.Record) []apikey.Record {
	slices.SortStableFunc(all, func(a, b apikey.Record) int { return len(a.ID) - len(b.ID) })
	return all
}

func listsTheLiving(all []apikey.Record) []apikey.Record {
	return slices.DeleteFunc(all, func(rec apikey.Record) bool { return !rec.RevokedAt.IsZero() })
}

func listsWithoutVersions(all []apikey.Record) []apikey.Record {
	for i := range all {
		all[i].Version = 0
	}
	return all
}

func marksNoOwner(f *flawedKeys) {
	f.revokeOwner = func(context.Context, string, string, time.Time, time.Time) error { return nil }
}

// revokesWhatIsThere looks at the records once.
func revokesWhatIsThere(f *flawedKeys) {
	f.revokeOwner = func(ctx context.Context, issuer, subject string, until, expires time.Time) error {
		all, err := f.MemoryStore.List(ctx, apikey.Filter{Owner: &bulwark.Principal{Issuer: issuer, Subject: subject}})
		for _, rec := range all {
			rec.RevokedAt = until
			f.MemoryStore.Update(ctx, rec)
		}
		return err
	}
}

// meetsTheMarkFirst stores a record as it was before a mark that came meanwhile.
func meetsTheMarkFirst(f *flawedKeys) {
	marks := &apikey.MemoryStore{}
	f.revokeOwner = func(ctx context.Context, issuer, subject string, until, expires time.Time) error {
		marks.RevokeOwner(ctx, issuer, subject, until, expires)
		return f.MemoryStore.RevokeOwner(ctx, issuer, subject, until, expires)
	}
	f.create = func(ctx context.Context, rec apikey.Record) error {
		if marks.Create(ctx, rec) == nil {
			if met, _ := marks.Get(ctx, rec.ID); met.RevokedAt.Equal(rec.RevokedAt) && strings.HasPrefix(rec.ID, "owned-") {
				time.Sleep(time.Millisecond)
				rec.CreatedAt = time.Now().Add(time.Hour) // the mark of the MemoryStore does not meet it
				return f.MemoryStore.Create(ctx, rec)
			}
		}
		return f.MemoryStore.Create(ctx, rec)
	}
}

func marksTheOwnerNow(f *flawedKeys) {
	f.revokeOwner = func(ctx context.Context, issuer, subject string, _, expires time.Time) error {
		return f.MemoryStore.RevokeOwner(ctx, issuer, subject, time.Now(), expires)
	}
}

// A markedUntil is the mark of an owner.
type markedUntil struct{ until, expires time.Time }

func latest(last, next markedUntil) markedUntil {
	if last.until.After(next.until) {
		next.until = last.until
	}
	if last.expires.After(next.expires) {
		next.expires = last.expires
	}
	return next
}

// keepsTheLastOwnerMark lets an earlier mark take the place of a later one.
func keepsTheLastOwnerMark(last, next markedUntil) markedUntil {
	next.expires = latest(last, next).expires
	return next
}

// keepsTheLastEnd lets a mark that ends earlier cut one that ends later.
func keepsTheLastEnd(last, next markedUntil) markedUntil {
	next.until = latest(last, next).until
	return next
}

func keepsTheFirstEnd(last, next markedUntil) markedUntil {
	next = latest(last, next)
	if !last.expires.IsZero() {
		next.expires = last.expires
	}
	return next
}

func neverEnds(last, next markedUntil) markedUntil {
	next = latest(last, next)
	next.expires = next.expires.AddDate(1, 0, 0)
	return next
}

func endsEarly(last, next markedUntil) markedUntil {
	next.expires = next.expires.Add(-time.Second)
	return latest(last, next)
}

func marksEnd(join func(last, next markedUntil) markedUntil) func(*flawedKeys) {
	return ownMarksOfOwners(byBoth, join, true, true, older)
}

// marksOwners keeps the marks by a name, and asks at the writes that are named.
func marksOwners(name func(issuer, subject string) string, atCreate, atUpdate bool, revoke func(rec *apikey.Record, until time.Time)) func(*flawedKeys) {
	return ownMarksOfOwners(name, latest, atCreate, atUpdate, revoke)
}

func ownMarksOfOwners(name func(issuer, subject string) string, join func(last, next markedUntil) markedUntil, atCreate, atUpdate bool,
	revoke func(rec *apikey.Record, until time.Time)) func(*flawedKeys) {
	return func(f *flawedKeys) {
		var mu sync.Mutex
		marks := map[string]markedUntil{}
		f.revokeOwner = func(_ context.Context, issuer, subject string, until, expires time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			marks[name(issuer, subject)] = join(marks[name(issuer, subject)], markedUntil{until, expires})
			return nil
		}
		meet := func(rec *apikey.Record) {
			if mark, has := marks[name(rec.Issuer, rec.Subject)]; has {
				revoke(rec, mark.until)
			}
		}
		f.create = func(ctx context.Context, rec apikey.Record) error {
			mu.Lock()
			defer mu.Unlock() // a mark must not come between
			if atCreate {
				meet(&rec)
			}
			return f.MemoryStore.Create(ctx, rec)
		}
		f.update = func(ctx context.Context, rec apikey.Record) error {
			mu.Lock()
			defer mu.Unlock()
			if atUpdate {
				meet(&rec)
			}
			return f.MemoryStore.Update(ctx, rec)
		}
		f.sweep = func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			for whose, mark := range marks {
				if !time.Now().Before(mark.expires) {
					delete(marks, whose)
				}
			}
			return f.MemoryStore.Sweep(ctx)
		}
	}
}

func byBoth(issuer, subject string) string { return issuer + "\n" + subject }

func older(rec *apikey.Record, until time.Time) {
	if rec.RevokedAt.IsZero() && !rec.CreatedAt.After(until) {
		rec.RevokedAt = until
	}
}

func olderOnly(rec *apikey.Record, until time.Time) {
	if rec.RevokedAt.IsZero() && rec.CreatedAt.Before(until) {
		rec.RevokedAt = until
	}
}

func all(rec *apikey.Record, until time.Time) {
	if rec.RevokedAt.IsZero() {
		rec.RevokedAt = until
	}
}

func again(rec *apikey.Record, until time.Time) {
	if !rec.CreatedAt.After(until) {
		rec.RevokedAt = until
	}
}

func forgetsMarksBySweep(f *flawedKeys) {
	marksEnd(latest)(f)
	mark, create := f.revokeOwner, f.create
	var swept atomic.Bool
	f.sweep = func(ctx context.Context) error { swept.Store(true); return f.MemoryStore.Sweep(ctx) }
	f.revokeOwner = func(ctx context.Context, issuer, subject string, until, expires time.Time) error {
		swept.Store(false)
		return mark(ctx, issuer, subject, until, expires)
	}
	f.create = func(ctx context.Context, rec apikey.Record) error {
		if swept.Load() {
			return f.MemoryStore.Create(ctx, rec)
		}
		return create(ctx, rec)
	}
}

func forgetsTheRevoked(f *flawedKeys) {
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		if err == nil && id == "revoked" {
			return apikey.Record{}, auth.ErrNotFound
		}
		return rec, err
	}
}

// sweepsRevoked forgets by Sweep what has been revoked.
func sweepsRevoked(f *flawedKeys) {
	f.sweep = func(ctx context.Context) error {
		found, err := f.MemoryStore.List(ctx, apikey.Filter{})
		for _, rec := range found {
			if !rec.RevokedAt.IsZero() && !time.Now().Before(rec.RevokedAt) {
				rec.ExpiresAt = rec.RevokedAt
				f.MemoryStore.Update(ctx, rec)
			}
		}
		if err != nil {
			return err
		}
		return f.MemoryStore.Sweep(ctx)
	}
}

func sweepsNoKeys(f *flawedKeys) { f.sweep = func(context.Context) error { return nil } }
