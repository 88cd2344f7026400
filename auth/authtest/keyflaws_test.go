package authtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// flawedKeys is a memory store with flaws, one at a time: each function takes
// the place of a step.
type flawedKeys struct {
	*apikey.MemoryStore
	stores        func(*apikey.Record) // changes what is stored
	whenCancelled func() error
	whenLate      func() error
	down          error
	create        func(context.Context, apikey.Record) error
	get           func(context.Context, string) (apikey.Record, error)
	update        func(context.Context, apikey.Record) error
	mark          func(context.Context, string, apikey.Mark, time.Time, time.Duration) (bool, error)
	list          func(context.Context, apikey.Filter) ([]apikey.Record, error)
	revokeOwner   func(ctx context.Context, issuer, subject string, until, expires time.Time) error
	sweep         func(context.Context) error
}

// fails reports whether a call is over before it has begun.
func (f *flawedKeys) fails(ctx context.Context) (error, bool) {
	if f.whenCancelled != nil && ctx.Err() != nil {
		return f.whenCancelled(), true
	}
	if f.whenLate != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return f.whenLate(), true
	}
	return f.down, f.down != nil
}

func (f *flawedKeys) Create(ctx context.Context, rec apikey.Record) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.stores != nil {
		rec = copied(rec)
		f.stores(&rec)
	}
	if f.create != nil {
		return f.create(ctx, rec)
	}
	return f.MemoryStore.Create(ctx, rec)
}

func (f *flawedKeys) Get(ctx context.Context, id string) (apikey.Record, error) {
	if err, fails := f.fails(ctx); fails {
		return apikey.Record{}, err
	}
	if f.get != nil {
		return f.get(ctx, id)
	}
	return f.MemoryStore.Get(ctx, id)
}

func (f *flawedKeys) Update(ctx context.Context, rec apikey.Record) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.stores != nil {
		rec = copied(rec)
		f.stores(&rec)
	}
	if f.update != nil {
		return f.update(ctx, rec)
	}
	return f.MemoryStore.Update(ctx, rec)
}

func (f *flawedKeys) Mark(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
	if err, fails := f.fails(ctx); fails {
		return false, err
	}
	if f.mark != nil {
		return f.mark(ctx, id, mark, at, every)
	}
	return f.MemoryStore.Mark(ctx, id, mark, at, every)
}

func (f *flawedKeys) List(ctx context.Context, filter apikey.Filter) ([]apikey.Record, error) {
	if err, fails := f.fails(ctx); fails {
		return nil, err
	}
	if f.list != nil {
		return f.list(ctx, filter)
	}
	all, err := f.MemoryStore.List(ctx, filter)
	for i := range all {
		if f.get != nil { // what a flaw does to Get is not about List
			if rec, err := f.get(ctx, all[i].ID); err == nil {
				all[i] = rec
			}
		}
	}
	return all, err
}

func (f *flawedKeys) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.revokeOwner != nil {
		return f.revokeOwner(ctx, issuer, subject, until, expires)
	}
	return f.MemoryStore.RevokeOwner(ctx, issuer, subject, until, expires)
}

func (f *flawedKeys) Sweep(ctx context.Context) error {
	if err, fails := f.fails(ctx); fails {
		return err
	}
	if f.sweep != nil {
		return f.sweep(ctx)
	}
	return f.MemoryStore.Sweep(ctx)
}

func copied(rec apikey.Record) apikey.Record {
	rec.Roles, rec.Scopes = slices.Clone(rec.Roles), slices.Clone(rec.Scopes)
	rec.Networks, rec.Secrets = slices.Clone(rec.Networks), slices.Clone(rec.Secrets)
	return rec
}

// timesOf are all times of a record that Create and Update store.
func timesOf(rec *apikey.Record) []*time.Time {
	all := []*time.Time{&rec.CreatedAt, &rec.ExpiresAt, &rec.RevokedAt, &rec.LastUsed, &rec.StaleReported}
	for i := range rec.Secrets {
		all = append(all, &rec.Secrets[i].CreatedAt, &rec.Secrets[i].NotAfter)
	}
	return all
}

func roundKey(rec *apikey.Record, to time.Duration) {
	for _, at := range timesOf(rec) {
		*at = at.Truncate(to)
	}
}

// epochForZero keeps times as numbers, which have no zero time.
func epochForZero(rec *apikey.Record) {
	for _, at := range timesOf(rec) {
		if at.IsZero() {
			*at = time.Unix(0, 0)
		}
	}
}

func cutsNetworks(rec *apikey.Record) {
	for i := range rec.Networks {
		rec.Networks[i] = rec.Networks[i].Masked()
		if rec.Networks[i].Bits() > 64 {
			rec.Networks[i], _ = rec.Networks[i].Addr().Prefix(64)
		}
	}
}

func sortsRoles(rec *apikey.Record) { slices.Sort(rec.Roles) }

func joinsRoles(rec *apikey.Record) {
	if len(rec.Roles) > 0 {
		rec.Roles = strings.Split(strings.Join(rec.Roles, ","), ",")
	}
}

func swapsSecrets(rec *apikey.Record) { slices.Reverse(rec.Secrets) }

func forgetsKeysAtExpiry(early time.Duration) func(*flawedKeys) {
	return func(f *flawedKeys) {
		f.get = func(ctx context.Context, id string) (apikey.Record, error) {
			rec, err := f.MemoryStore.Get(ctx, id)
			if err == nil && !rec.Adopted && time.Until(rec.ExpiresAt) <= early {
				return apikey.Record{}, auth.ErrNotFound
			}
			return rec, err
		}
	}
}

func keepsTheFirstKeyExpiry(f *flawedKeys) {
	var ends sync.Map
	f.create = func(ctx context.Context, rec apikey.Record) error {
		ends.Store(rec.ID, rec.ExpiresAt)
		return f.MemoryStore.Create(ctx, rec)
	}
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		if end, ok := ends.Load(id); ok && !rec.Adopted && !time.Now().Before(end.(time.Time)) {
			return apikey.Record{}, auth.ErrNotFound
		}
		return rec, err
	}
}

// forgetsAdopted forgets the adopted records that have expired, of those that
// it is told: by Sweep, or when it is asked for one.
func forgetsAdopted(which func(apikey.Record) bool, bySweep bool) func(*flawedKeys) {
	return func(f *flawedKeys) {
		over := func(rec apikey.Record) bool {
			return rec.Adopted && which(rec) && !time.Now().Before(rec.ExpiresAt)
		}
		if !bySweep {
			f.get = func(ctx context.Context, id string) (apikey.Record, error) {
				rec, err := f.MemoryStore.Get(ctx, id)
				if err == nil && over(rec) {
					return apikey.Record{}, auth.ErrNotFound
				}
				return rec, err
			}
			return
		}
		f.sweep = func(ctx context.Context) error {
			found, err := f.MemoryStore.List(ctx, apikey.Filter{})
			for _, rec := range found {
				if over(rec) {
					rec.Adopted = false
					f.MemoryStore.Update(ctx, rec)
				}
			}
			if err != nil {
				return err
			}
			return f.MemoryStore.Sweep(ctx)
		}
	}
}

func anyRecord(apikey.Record) bool { return true }

func isRevoked(rec apikey.Record) bool { return !rec.RevokedAt.IsZero() }

// hidesAdopted leaves adopted records out of a list once they have expired.
func hidesAdopted(all []apikey.Record) []apikey.Record {
	return slices.DeleteFunc(all, func(rec apikey.Record) bool { return rec.Adopted && !time.Now().Before(rec.ExpiresAt) })
}

func leavesWhatIsEmpty(f *flawedKeys) {
	f.update = func(ctx context.Context, rec apikey.Record) error {
		if old, err := f.MemoryStore.Get(ctx, rec.ID); err == nil && rec.Networks == nil {
			rec.Networks = old.Networks
		}
		return f.MemoryStore.Update(ctx, rec)
	}
}

func hasOneKeyVersion(f *flawedKeys) {
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		rec.Version = 1
		return rec, err
	}
	f.update = func(ctx context.Context, rec apikey.Record) error {
		if _, err := f.MemoryStore.Get(ctx, rec.ID); err == nil && rec.Version != 1 {
			return auth.ErrConflict
		}
		return f.overwrite(ctx, rec)
	}
}

// overwrite stores rec whatever its Version, where there is one.
func (f *flawedKeys) overwrite(ctx context.Context, rec apikey.Record) error {
	for {
		old, err := f.MemoryStore.Get(ctx, rec.ID)
		if err != nil {
			return err
		}
		rec.Version = old.Version
		if err := f.MemoryStore.Update(ctx, rec); !errors.Is(err, auth.ErrConflict) {
			return err
		}
	}
}

func theLastKeyWins(f *flawedKeys) { f.update = f.overwrite }

func readsThenWritesKeys(f *flawedKeys) {
	f.update = func(ctx context.Context, rec apikey.Record) error {
		old, err := f.MemoryStore.Get(ctx, rec.ID)
		switch {
		case err != nil:
			return err
		case old.Version != rec.Version:
			return auth.ErrConflict
		}
		time.Sleep(time.Millisecond)
		return f.overwrite(ctx, rec)
	}
}

func takesLaterKeyVersions(f *flawedKeys) {
	f.update = func(ctx context.Context, rec apikey.Record) error {
		if old, err := f.MemoryStore.Get(ctx, rec.ID); err == nil && rec.Version > old.Version {
			rec.Version = old.Version
		}
		return f.MemoryStore.Update(ctx, rec)
	}
}

// marksAreUpdates gives a marked record another Version.
func marksAreUpdates(f *flawedKeys) {
	f.mark = func(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
		ok, err := f.MemoryStore.Mark(ctx, id, mark, at, every)
		if ok && err == nil {
			rec, _ := f.MemoryStore.Get(ctx, id)
			f.MemoryStore.Update(ctx, rec)
		}
		return ok, err
	}
}

func updatesWhatIsUnknown(f *flawedKeys) {
	f.update = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Update(ctx, rec)
		if errors.Is(err, auth.ErrNotFound) {
			err = f.MemoryStore.Create(ctx, rec)
		}
		return err
	}
}

func takesTakenKeyIDs(f *flawedKeys) {
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		if errors.Is(err, auth.ErrConflict) {
			err = f.overwrite(ctx, rec)
		}
		return err
	}
}

func looksThenCreates(f *flawedKeys) {
	f.create = func(ctx context.Context, rec apikey.Record) error {
		if _, err := f.MemoryStore.Get(ctx, rec.ID); err == nil {
			return auth.ErrConflict
		}
		time.Sleep(time.Millisecond)
		err := f.MemoryStore.Create(ctx, rec)
		if errors.Is(err, auth.ErrConflict) {
			err = f.overwrite(ctx, rec)
		}
		return err
	}
}

// keepsWhatItIsGiven returns the slices of its callers.
func keepsWhatItIsGiven(f *flawedKeys) {
	var given sync.Map
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		if err == nil {
			given.Store(rec.ID, rec)
		}
		return err
	}
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		if first, ok := given.Load(id); ok && err == nil && rec.Version == 1 {
			rec.Roles = first.(apikey.Record).Roles
		}
		return rec, err
	}
}

// keepsWhatItIsUpdatedWith is the like for Update.
func keepsWhatItIsUpdatedWith(f *flawedKeys) {
	var given sync.Map
	f.update = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Update(ctx, rec)
		if err == nil {
			given.Store(rec.ID, rec)
		}
		return err
	}
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		if last, ok := given.Load(id); ok && err == nil && rec.Version == last.(apikey.Record).Version+1 {
			rec.Secrets = last.(apikey.Record).Secrets
		}
		return rec, err
	}
}

// changesWhatItGave writes into the slices that it has returned before.
func changesWhatItGave(f *flawedKeys) {
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := f.MemoryStore.Get(ctx, id)
		rec.Roles = slices.Clone(rec.Roles)
		return rec, err
	}
	var gave sync.Map
	get := f.get
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		rec, err := get(ctx, id)
		if err == nil {
			gave.Store(id, rec)
		}
		return rec, err
	}
	f.update = func(ctx context.Context, rec apikey.Record) error {
		if old, ok := gave.Load(rec.ID); ok && len(old.(apikey.Record).Roles) > 2 {
			defer copy(old.(apikey.Record).Roles, []string{"other"})
		}
		return f.MemoryStore.Update(ctx, copied(rec))
	}
}

// foldsKeyIDs takes some ids for one.
func foldsKeyIDs(fold func(string) string) func(*flawedKeys) {
	return func(f *flawedKeys) {
		f.stores = func(rec *apikey.Record) { rec.ID = fold(rec.ID) }
		f.get = func(ctx context.Context, id string) (apikey.Record, error) {
			rec, err := f.MemoryStore.Get(ctx, fold(id))
			if err == nil {
				rec.ID = id
			}
			return rec, err
		}
		f.mark = func(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
			return f.MemoryStore.Mark(ctx, fold(id), mark, at, every)
		}
	}
}

func readsACacheOfKeys(f *flawedKeys) {
	var cache sync.Map
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		if rec, ok := cache.Load(id); ok {
			return rec.(apikey.Record), nil
		}
		rec, err := f.MemoryStore.Get(ctx, id)
		if err == nil {
			cache.Store(id, rec)
		}
		return rec, err
	}
}

// drops makes the first few records unfindable, one for each call of the
// result.
func (f *flawedKeys) drops() (drop func()) {
	var mu sync.Mutex
	var ages []string
	gone := map[string]bool{}
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			ages = append(ages, rec.ID)
		}
		return err
	}
	f.get = func(ctx context.Context, id string) (apikey.Record, error) {
		mu.Lock()
		defer mu.Unlock()
		if gone[id] {
			return apikey.Record{}, auth.ErrNotFound
		}
		return f.MemoryStore.Get(ctx, id)
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		gone[ages[len(gone)]] = true
	}
}

func evictsKeys(room int) func(*flawedKeys) {
	return func(f *flawedKeys) {
		drop := f.drops()
		create, made := f.create, 0
		var mu sync.Mutex
		f.create = func(ctx context.Context, rec apikey.Record) error {
			mu.Lock()
			defer mu.Unlock()
			err := create(ctx, rec)
			if err == nil {
				made++
			}
			if made > room && err == nil {
				drop()
			}
			return err
		}
	}
}

func evictsKeysWhenFull(f *flawedKeys) {
	drop := f.drops()
	create := f.create
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := create(ctx, rec)
		if errors.Is(err, auth.ErrFull) {
			drop()
		}
		return err
	}
}

func forgetsThatNoKeyFits(f *flawedKeys) {
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		if errors.Is(err, auth.ErrFull) {
			err = nil
		}
		return err
	}
}

func isFullForUpdates(f *flawedKeys) {
	var full sync.Map
	f.create = func(ctx context.Context, rec apikey.Record) error {
		err := f.MemoryStore.Create(ctx, rec)
		if errors.Is(err, auth.ErrFull) {
			full.Store("full", true)
		}
		return err
	}
	f.update = func(ctx context.Context, rec apikey.Record) error {
		if _, is := full.Load("full"); is {
			return auth.ErrFull
		}
		return f.MemoryStore.Update(ctx, rec)
	}
}
