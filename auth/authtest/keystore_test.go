package authtest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

// The clock is the real one here: stores that others share have no other.
func TestKeyStoreOfAGoodStore(t *testing.T) {
	opened := 0
	authtest.TestKeyStore(t, func(*testing.T) apikey.Store {
		opened++
		return &apikey.MemoryStore{Max: 1500}
	})
	if opened < 15 {
		t.Errorf("%d rules were checked", opened)
	}
}

func TestKeyStoreOfAStoreThatIsNeverFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store { return &apikey.MemoryStore{} })
	})
}

func TestKeyStoreOfFlawedStores(t *testing.T) {
	all := []string{"cancelled", "concurrent-creates", "concurrent-marks", "concurrent-updates", "expiry", "fields", "full", "ids",
		"many", "marks", "marks-apart", "slices", "taken", "unknown", "versions"}
	stores := func(change func(*apikey.Record)) func(*flawedKeys) {
		return func(f *flawedKeys) { f.stores = change }
	}
	for name, test := range map[string]struct {
		flaw   func(*flawedKeys)
		broken []string // the rules that show it
	}{
		"none":                       {func(f *flawedKeys) {}, nil},
		"cuts-to-microseconds":       {stores(func(rec *apikey.Record) { roundKey(rec, time.Microsecond) }), nil},
		"refuses-where-nobody-waits": {func(f *flawedKeys) { f.whenCancelled = func() error { return context.Canceled } }, nil},
		"forgets-what-has-expired":   {forgetsKeysAtExpiry(0), nil},

		"cuts-to-milliseconds":    {stores(func(rec *apikey.Record) { roundKey(rec, time.Millisecond) }), []string{"fields", "slices"}},
		"forgets-early":           {forgetsKeysAtExpiry(time.Second), []string{"expiry"}},
		"keeps-the-first-expiry":  {keepsTheFirstKeyExpiry, []string{"expiry"}},
		"loses-networks":          {stores(func(rec *apikey.Record) { rec.Networks = nil }), []string{"fields", "slices"}},
		"cuts-networks":           {stores(cutsNetworks), []string{"fields", "slices"}},
		"loses-the-revocation":    {stores(func(rec *apikey.Record) { rec.RevokedAt = time.Time{} }), []string{"cancelled", "fields", "slices"}},
		"epoch-for-zero":          {stores(epochForZero), []string{"cancelled", "concurrent-marks", "concurrent-updates", "expiry", "fields", "full", "ids", "marks", "marks-apart", "slices", "taken", "versions"}},
		"sorts-roles":             {stores(sortsRoles), []string{"fields", "slices"}},
		"joins-roles-by-comma":    {stores(joinsRoles), []string{"fields", "slices"}},
		"three-secrets":           {stores(func(rec *apikey.Record) { rec.Secrets = rec.Secrets[:min(len(rec.Secrets), 3)] }), []string{"fields", "slices"}},
		"swaps-secrets":           {stores(swapsSecrets), []string{"fields", "slices"}},
		"leaves-what-is-empty":    {leavesWhatIsEmpty, []string{"fields"}},
		"has-one-version":         {hasOneKeyVersion, []string{"concurrent-marks", "concurrent-updates", "versions"}},
		"the-last-wins":           {theLastKeyWins, []string{"concurrent-marks", "concurrent-updates", "versions"}},
		"reads-then-writes":       {readsThenWritesKeys, []string{"concurrent-marks", "concurrent-updates"}},
		"takes-later-versions":    {takesLaterKeyVersions, []string{"versions"}},
		"marks-are-updates":       {marksAreUpdates, []string{"concurrent-marks", "full", "versions"}},
		"updates-what-is-unknown": {updatesWhatIsUnknown, []string{"cancelled", "unknown"}},
		"takes-taken-ids":         {takesTakenKeyIDs, []string{"concurrent-creates", "full", "taken"}},
		"looks-then-creates":      {looksThenCreates, []string{"concurrent-creates"}},
		"updates-marks":           {updatesMarks, []string{"concurrent-marks", "fields", "marks-apart"}},
		"marks-always":            {marksBy(marksAlways), []string{"cancelled", "concurrent-marks", "marks", "marks-apart"}},
		"marks-never":             {marksBy(marksNever), []string{"cancelled", "concurrent-marks", "full", "ids", "marks", "marks-apart", "slices", "versions"}},
		"marks-late":              {marksBy(marksLate), []string{"marks"}},
		"marks-backwards":         {marksBy(marksBackwards), []string{"marks"}},
		"reads-then-marks":        {readsThenMarks, []string{"concurrent-marks"}},
		"marks-one-for-both":      {marksBy(marksOneForBoth), []string{"concurrent-marks", "marks", "marks-apart", "versions"}},
		"marks-without-time":      {marksBy(marksWithoutTime), []string{"marks", "marks-apart"}},
		"marks-without-a-word":    {marksBy(marksWithoutReporting), []string{"cancelled", "concurrent-marks", "marks", "marks-apart"}},
		"marks-what-is-unknown":   {marksWhatIsUnknown, []string{"unknown"}},
		"keeps-what-it-is-given":  {keepsWhatItIsGiven, []string{"slices"}},
		"keeps-updates-as-given":  {keepsWhatItIsUpdatedWith, []string{"slices"}},
		"changes-what-it-gave":    {changesWhatItGave, []string{"slices"}},
		"folds-case":              {foldsKeyIDs(strings.ToLower), []string{"ids"}},
		"cuts-ids":                {foldsKeyIDs(func(id string) string { return id[:min(len(id), 1024)] }), []string{"ids"}},
		"cuts-ids-at-nul":         {foldsKeyIDs(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }), []string{"ids"}},
		"trims-ids":               {foldsKeyIDs(func(id string) string { return strings.ReplaceAll(id, " /", "/") }), []string{"ids"}},
		"reads-a-cache":           {readsACacheOfKeys, []string{"cancelled", "concurrent-marks", "concurrent-updates", "expiry", "fields", "marks", "marks-apart", "slices", "versions"}},
		"evicts":                  {evictsKeys(900), []string{"full", "many"}},
		"evicts-when-full":        {evictsKeysWhenFull, []string{"full"}},
		"forgets-that-it-is-full": {forgetsThatNoKeyFits, []string{"full"}},
		"is-full-for-updates":     {isFullForUpdates, []string{"full"}},
		"knows-nothing-cancelled": {func(f *flawedKeys) { f.whenCancelled = func() error { return auth.ErrNotFound } }, []string{"cancelled"}},
		"believes-cancelled":      {func(f *flawedKeys) { f.whenCancelled = func() error { return nil } }, []string{"cancelled"}},
		"waits-when-cancelled": {func(f *flawedKeys) {
			f.whenCancelled = func() error { time.Sleep(8 * time.Second); return context.Canceled }
		}, []string{"cancelled"}},
		"is-down": {func(f *flawedKeys) { f.down = errors.New("down") }, all},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := authtest.BrokenKeyStore(t.Context(), func() apikey.Store {
					f := &flawedKeys{MemoryStore: &apikey.MemoryStore{Max: 1500}}
					test.flaw(f)
					return f
				})
				slices.Sort(test.broken)
				if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, test.broken) {
					t.Errorf("broken rules %q, want %q: %v", got, test.broken, found)
				}
				time.Sleep(time.Minute) // until no call is under way
			})
		})
	}
}

// flawedKeys is a memory store with flaws, one at a time: each function takes
// the place of a step.
type flawedKeys struct {
	*apikey.MemoryStore
	stores        func(*apikey.Record) // changes what is stored
	whenCancelled func() error
	down          error
	create        func(context.Context, apikey.Record) error
	get           func(context.Context, string) (apikey.Record, error)
	update        func(context.Context, apikey.Record) error
	mark          func(context.Context, string, apikey.Mark, time.Time, time.Duration) (bool, error)
}

// fails reports whether a call is over before it has begun.
func (f *flawedKeys) fails(ctx context.Context) (error, bool) {
	if f.whenCancelled != nil && ctx.Err() != nil {
		return f.whenCancelled(), true
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
			if err == nil && time.Until(rec.ExpiresAt) <= early {
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
		if end, ok := ends.Load(id); ok && !time.Now().Before(end.(time.Time)) {
			return apikey.Record{}, auth.ErrNotFound
		}
		return f.MemoryStore.Get(ctx, id)
	}
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
