package authtest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
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
	if opened < 16 {
		t.Errorf("%d rules were checked", opened)
	}
}

func TestKeyStoreOfAStoreThatIsNeverFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store { return &apikey.MemoryStore{} })
	})
}

func TestKeyStoreOfFlawedStores(t *testing.T) {
	all := []string{"cancelled", "deadline", "concurrent-creates", "concurrent-marks", "concurrent-updates", "expiry", "fields", "full", "ids",
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
		"loses-the-revocation":    {stores(func(rec *apikey.Record) { rec.RevokedAt = time.Time{} }), []string{"cancelled", "deadline", "fields", "slices"}},
		"epoch-for-zero":          {stores(epochForZero), []string{"cancelled", "deadline", "concurrent-marks", "concurrent-updates", "expiry", "fields", "full", "ids", "marks", "marks-apart", "slices", "taken", "versions"}},
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
		"updates-what-is-unknown": {updatesWhatIsUnknown, []string{"cancelled", "deadline", "unknown"}},
		"takes-taken-ids":         {takesTakenKeyIDs, []string{"concurrent-creates", "full", "taken"}},
		"looks-then-creates":      {looksThenCreates, []string{"concurrent-creates"}},
		"updates-marks":           {updatesMarks, []string{"concurrent-marks", "fields", "marks-apart"}},
		"marks-always":            {marksBy(marksAlways), []string{"cancelled", "deadline", "concurrent-marks", "marks", "marks-apart"}},
		"marks-never":             {marksBy(marksNever), []string{"cancelled", "deadline", "concurrent-marks", "full", "ids", "marks", "marks-apart", "slices", "versions"}},
		"marks-late":              {marksBy(marksLate), []string{"marks"}},
		"marks-backwards":         {marksBy(marksBackwards), []string{"marks"}},
		"reads-then-marks":        {readsThenMarks, []string{"concurrent-marks"}},
		"marks-one-for-both":      {marksBy(marksOneForBoth), []string{"concurrent-marks", "marks", "marks-apart", "versions"}},
		"marks-without-time":      {marksBy(marksWithoutTime), []string{"marks", "marks-apart"}},
		"marks-without-a-word":    {marksBy(marksWithoutReporting), []string{"cancelled", "deadline", "concurrent-marks", "marks", "marks-apart"}},
		"marks-what-is-unknown":   {marksWhatIsUnknown, []string{"unknown"}},
		"keeps-what-it-is-given":  {keepsWhatItIsGiven, []string{"slices"}},
		"keeps-updates-as-given":  {keepsWhatItIsUpdatedWith, []string{"slices"}},
		"changes-what-it-gave":    {changesWhatItGave, []string{"slices"}},
		"folds-case":              {foldsKeyIDs(strings.ToLower), []string{"ids"}},
		"cuts-ids":                {foldsKeyIDs(func(id string) string { return id[:min(len(id), 1024)] }), []string{"ids"}},
		"cuts-ids-at-nul":         {foldsKeyIDs(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }), []string{"ids"}},
		"trims-ids":               {foldsKeyIDs(func(id string) string { return strings.ReplaceAll(id, " /", "/") }), []string{"ids"}},
		"reads-a-cache":           {readsACacheOfKeys, []string{"cancelled", "deadline", "concurrent-marks", "concurrent-updates", "expiry", "fields", "marks", "marks-apart", "slices", "versions"}},
		"evicts":                  {evictsKeys(900), []string{"full", "many"}},
		"evicts-when-full":        {evictsKeysWhenFull, []string{"full"}},
		"forgets-that-it-is-full": {forgetsThatNoKeyFits, []string{"full"}},
		"is-full-for-updates":     {isFullForUpdates, []string{"full"}},
		"knows-nothing-cancelled": {func(f *flawedKeys) { f.whenCancelled = func() error { return auth.ErrNotFound } }, []string{"cancelled", "deadline"}},
		"believes-cancelled":      {func(f *flawedKeys) { f.whenCancelled = func() error { return nil } }, []string{"cancelled", "deadline"}},
		"believes-when-late":      {func(f *flawedKeys) { f.whenLate = func() error { return nil } }, []string{"deadline"}},
		"waits-when-cancelled": {func(f *flawedKeys) {
			f.whenCancelled = func() error { time.Sleep(8 * time.Second); return context.Canceled }
		}, []string{"cancelled", "deadline"}},
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
