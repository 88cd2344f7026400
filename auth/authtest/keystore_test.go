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

func TestKeyStoreOfAGoodStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store {
			opened++
			return &apikey.MemoryStore{Max: 1500}
		})
		if opened < 21 {
			t.Errorf("%d rules were checked", opened)
		}
	})
}

func TestKeyStoreOfAStoreThatIsNeverFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store { return &apikey.MemoryStore{} })
	})
}

func TestKeyStoreOfFlawedStores(t *testing.T) {
	if testing.Short() {
		t.Skip("the rules run against good stores, too: what is left is which flaw each finds")
	}
	every := []string{"adopted", "cancelled", "deadline", "concurrent-creates", "concurrent-marks", "concurrent-owners", "concurrent-updates", "expiry", "fields", "full", "ids",
		"list", "many", "marks", "marks-apart", "owners", "owners-end", "slices", "sweep", "taken", "unknown", "versions"}
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

		"cuts-to-milliseconds":    {stores(func(rec *apikey.Record) { roundKey(rec, time.Millisecond) }), []string{"fields", "owners", "slices"}},
		"forgets-early":           {forgetsKeysAtExpiry(time.Second), []string{"adopted", "expiry", "sweep"}},
		"keeps-the-first-expiry":  {keepsTheFirstKeyExpiry, []string{"expiry", "sweep"}},
		"loses-networks":          {stores(func(rec *apikey.Record) { rec.Networks = nil }), []string{"fields", "slices"}},
		"cuts-networks":           {stores(cutsNetworks), []string{"fields", "slices"}},
		"loses-the-revocation":    {stores(func(rec *apikey.Record) { rec.RevokedAt = time.Time{} }), []string{"adopted", "cancelled", "deadline", "expiry", "fields", "owners", "slices", "sweep"}},
		"epoch-for-zero":          {stores(epochForZero), []string{"adopted", "cancelled", "concurrent-marks", "concurrent-updates", "deadline", "expiry", "fields", "full", "ids", "marks", "marks-apart", "owners", "owners-end", "slices", "sweep", "taken", "versions"}},
		"sorts-roles":             {stores(sortsRoles), []string{"fields", "slices"}},
		"joins-roles-by-comma":    {stores(joinsRoles), []string{"fields", "slices"}},
		"three-secrets":           {stores(func(rec *apikey.Record) { rec.Secrets = rec.Secrets[:min(len(rec.Secrets), 3)] }), []string{"fields", "slices"}},
		"swaps-secrets":           {stores(swapsSecrets), []string{"fields", "list", "slices"}},
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
		"marks-never":             {marksBy(marksNever), []string{"adopted", "cancelled", "concurrent-marks", "deadline", "full", "ids", "marks", "marks-apart", "slices", "versions"}},
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
		"folds-case":              {foldsKeyIDs(strings.ToLower), []string{"ids", "list"}},
		"cuts-ids":                {foldsKeyIDs(func(id string) string { return id[:min(len(id), 1024)] }), []string{"ids"}},
		"cuts-ids-at-nul":         {foldsKeyIDs(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }), []string{"ids"}},
		"trims-ids":               {foldsKeyIDs(func(id string) string { return strings.ReplaceAll(id, " /", "/") }), []string{"ids"}},
		"lists-any-family":        {listing(func(f *apikey.Filter) { f.Family = "" }, nil), []string{"list"}},
		"lists-any-owner":         {listing(func(f *apikey.Filter) { f.Owner = nil }, nil), []string{"list"}},
		"lists-any-issuer":        {listsAnyIssuersKeys, []string{"list"}},
		"lists-any-tier":          {listing(func(f *apikey.Filter) { f.Tier = "" }, nil), []string{"list"}},
		"lists-the-fresh":         {listing(func(f *apikey.Filter) { f.Stale = time.Time{} }, nil), []string{"list"}},
		"lists-by-any-secret":     {listsByAnySecret, []string{"list"}},
		"lists-all-pages":         {listing(func(f *apikey.Filter) { f.Limit = 0 }, nil), []string{"cancelled", "deadline", "list"}},
		"lists-one-page":          {listing(func(f *apikey.Filter) { f.After = "" }, nil), []string{"list"}},
		"includes-after":          {includesAfter, []string{"list"}},
		"sorts-folding-case":      {listing(nil, sortsFoldingCase), []string{"list"}},
		"sorts-by-length":         {listing(nil, sortsByLength), []string{"adopted", "list", "sweep"}},
		"lists-the-living":        {listing(nil, listsTheLiving), []string{"adopted", "cancelled", "deadline", "list", "sweep"}},
		"lists-without-versions":  {listing(nil, listsWithoutVersions), []string{"list"}},
		"marks-no-owner":          {marksNoOwner, []string{"concurrent-owners", "cancelled", "deadline", "owners", "owners-end"}},
		"revokes-what-is-there":   {revokesWhatIsThere, []string{"concurrent-owners", "cancelled", "deadline", "owners", "owners-end"}},
		"meets-the-mark-first":    {meetsTheMarkFirst, []string{"concurrent-owners"}},
		"marks-the-owner-now":     {marksTheOwnerNow, []string{"owners"}},
		"keeps-the-last-mark":     {marksEnd(keepsTheLastOwnerMark), []string{"owners"}},
		"marks-by-subject":        {marksOwners(func(_, subject string) string { return subject }, true, true, older), []string{"owners"}},
		"marks-by-joining":        {marksOwners(func(issuer, subject string) string { return issuer + subject }, true, true, older), []string{"owners"}},
		"marks-folding-case":      {marksOwners(func(issuer, subject string) string { return issuer + "\n" + strings.ToLower(subject) }, true, true, older), []string{"owners"}},
		"marks-owners-at-create":  {marksOwners(byBoth, true, false, older), []string{"owners"}},
		"marks-owners-at-update":  {marksOwners(byBoth, false, true, older), []string{"concurrent-owners", "cancelled", "deadline", "owners", "owners-end"}},
		"marks-owners-older":      {marksOwners(byBoth, true, true, olderOnly), []string{"concurrent-owners", "cancelled", "deadline", "owners", "owners-end"}},
		"marks-owners-for-good":   {marksOwners(byBoth, true, true, all), []string{"owners"}},
		"marks-owners-again":      {marksOwners(byBoth, true, true, again), []string{"owners"}},
		"marks-owners-rightly":    {marksOwners(byBoth, true, true, older), nil},
		"forgets-marks-by-sweep":  {forgetsMarksBySweep, []string{"owners", "owners-end"}},
		"ends-marks-rightly":      {marksEnd(latest), nil},
		"ends-marks-early":        {marksEnd(endsEarly), []string{"owners-end"}},
		"never-ends-marks":        {marksEnd(neverEnds), []string{"owners-end"}},
		"keeps-the-first-end":     {marksEnd(keepsTheFirstEnd), []string{"owners-end"}},
		"keeps-the-last-end":      {marksEnd(keepsTheLastEnd), []string{"owners-end"}},
		"loses-adopted":           {stores(func(rec *apikey.Record) { rec.Adopted = false }), []string{"adopted", "fields", "slices"}},
		"forgets-adopted":         {forgetsAdopted(anyRecord, false), []string{"adopted"}},
		"forgets-adopted-revoked": {forgetsAdopted(isRevoked, false), []string{"adopted"}},
		"sweeps-adopted":          {forgetsAdopted(anyRecord, true), []string{"adopted"}},
		"sweeps-adopted-revoked":  {forgetsAdopted(isRevoked, true), []string{"adopted"}},
		"hides-adopted":           {listing(nil, hidesAdopted), []string{"adopted"}},
		"forgets-the-revoked":     {forgetsTheRevoked, []string{"adopted", "expiry", "sweep"}},
		"sweeps-revoked":          {sweepsRevoked, []string{"sweep"}},
		"sweeps-no-keys":          {sweepsNoKeys, []string{"adopted", "owners-end", "sweep"}},
		"loses-the-family":        {stores(func(rec *apikey.Record) { rec.Family = "acme_live" }), []string{"fields", "list", "slices"}},
		"reads-a-cache":           {readsACacheOfKeys, []string{"adopted", "cancelled", "concurrent-marks", "concurrent-updates", "deadline", "expiry", "fields", "marks", "marks-apart", "owners", "slices", "sweep", "versions"}},
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
		"is-down": {func(f *flawedKeys) { f.down = errors.New("down") }, every},
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
