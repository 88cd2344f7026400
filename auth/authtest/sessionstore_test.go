package authtest_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/session"
)

// The clock is the real one here: stores that others share have no other.
func TestSessionStoreOfAGoodStore(t *testing.T) {
	t.Parallel()
	opened := 0
	authtest.TestSessionStore(t, func(*testing.T) session.Store {
		opened++
		return &session.MemoryStore{Max: 1500}
	})
	if opened < 22 {
		t.Errorf("%d rules were checked", opened)
	}
}

func TestSessionStoreOfAStoreThatIsNeverFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestSessionStore(t, func(*testing.T) session.Store { return &session.MemoryStore{} })
	})
}

// eachSession changes sessions in a list.
func eachSession(all []session.Session, change func(*session.Session)) {
	for i := range all {
		change(&all[i])
	}
}

// Case sess-7.
func TestSessionStoreOfFlawedStores(t *testing.T) {
	if testing.Short() {
		t.Skip("the rules run against good stores, too: what is left is which flaw each finds")
	}
	all := []string{"callers", "cancelled", "clock", "deadline", "concurrent-creates", "concurrent-deletes", "concurrent-logouts", "concurrent-updates", "deleted", "expiry",
		"factors", "fields", "full", "ids", "limit", "list", "many", "providers", "replaces", "sweep", "taken", "touch", "versions"}
	for name, test := range map[string]struct {
		flaw   func(*flawedSessions)
		broken []string // the rules that show it
	}{
		"none":                       {func(f *flawedSessions) {}, nil},
		"cuts-to-microseconds":       {func(f *flawedSessions) { f.stores = microseconds }, nil},
		"refuses-where-nobody-waits": {func(f *flawedSessions) { f.whenCancelled = func() error { return context.Canceled } }, nil},
		"forgets-what-has-expired":   {forgetsAtExpiry(0), nil},
		"is-an-hour-ahead":           {isAnHourAhead, nil},

		"cuts-to-seconds":         {func(f *flawedSessions) { f.stores = seconds }, []string{"cancelled", "deadline", "deleted", "expiry", "fields", "ids", "limit", "providers", "replaces", "sweep", "taken", "touch"}},
		"forgets-early":           {forgetsAtExpiry(time.Second), []string{"expiry", "sweep"}},
		"keeps-the-first-expiry":  {keepsTheFirstExpiry, []string{"expiry", "sweep"}},
		"loses-a-field":           {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.ACR = "" } }, []string{"fields"}},
		"loses-the-grace":         {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.GraceUsed = false } }, []string{"clock", "fields"}},
		"swaps-hashes-in-lists":   {listsOtherHashes, []string{"fields"}},
		"has-one-version":         {hasOneVersion, []string{"concurrent-updates", "versions"}},
		"the-last-wins":           {theLastWins, []string{"concurrent-updates", "versions"}},
		"reads-then-writes":       {readsThenWrites, []string{"concurrent-updates"}},
		"takes-later-versions":    {takesLaterVersions, []string{"versions"}},
		"updates-what-is-gone":    {updatesWhatIsGone, []string{"cancelled", "deadline", "concurrent-deletes", "deleted"}},
		"takes-taken-ids":         {takesTakenIDs, []string{"concurrent-creates", "replaces", "taken"}},
		"ends-before-it-looks":    {endsBeforeItLooks, []string{"replaces", "taken"}},
		"knows-no-limit":          {func(f *flawedSessions) { f.limits = func(int) int { return 5000 } }, []string{"concurrent-creates", "limit", "replaces"}},
		"allows-one-more":         {func(f *flawedSessions) { f.limits = func(n int) int { return n + 1 } }, []string{"concurrent-creates", "limit", "replaces"}},
		"takes-zero-for-no-limit": {func(f *flawedSessions) { f.limits = zeroIsNone }, []string{"limit"}},
		"counts-then-writes":      {countsThenWrites, []string{"concurrent-creates", "providers"}},
		"ends-by-creation":        {endsByCreation, []string{"limit", "providers"}},
		"tells-not-whom-it-ended": {tellsNotWhomItEnded, []string{"concurrent-creates", "full", "limit", "replaces"}},
		"ends-the-new-one":        {endsTheNewOne, []string{"limit"}},
		"ends-for-any-issuer":     {endsForAnyIssuer, []string{"callers", "replaces"}},
		"lists-any-issuer":        {listsAnyIssuer, []string{"callers", "list"}},
		"joins-by-colon":          {joinsCallers(":"), []string{"callers"}},
		"joins-by-nul":            {joinsCallers("\x00"), []string{"callers"}},
		"replaces-nothing":        {replacesNothing, []string{"replaces", "full"}},
		"replaces-afterwards":     {replacesAfterwards, []string{"replaces", "full"}},
		"replaces-beforehand":     {replacesBeforehand, []string{"replaces"}},
		"replaces-anybodys":       {replacesAnybodys, []string{"full", "providers", "replaces"}},
		"replaces-one":            {replacesOne, []string{"replaces"}},
		"has-two-clocks":          {hasTwoClocks, []string{"cancelled", "clock", "deadline", "touch"}},
		"has-no-clock":            {hasNoClock, []string{"clock", "touch"}},
		"stands-still":            {standsStill, []string{"clock", "touch"}},
		"counts-seconds":          {countsSeconds, []string{"clock", "touch"}},
		"stores-refreshes":        {storesRefreshes, []string{"clock"}},
		"refreshes-by-marks":      {refreshesByMarks, []string{"clock"}},
		"never-refreshes":         {neverRefreshes, []string{"clock"}},
		"loses-shown":             {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.Shown = false } }, []string{"clock", "fields"}},
		"loses-the-kind":          {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.Kind = "cookie" } }, []string{"fields"}},
		"loses-the-key":           {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.StoreKey = "key-1" } }, []string{"fields"}},
		"lists-any-provider":      {listsAnyProvider, []string{"list"}},
		"lists-either":            {listsEither, []string{"list"}},
		"lists-only-callers":      {listsOnlyCallers, []string{"concurrent-logouts", "fields", "ids", "list", "many"}},
		"lists-nothing-for-all":   {listsNothingForAll, []string{"list", "many"}},
		"lists-the-first-page":    {listsBy(func(f *session.Filter) { f.After = "" }), []string{"list", "many"}},
		"lists-whole":             {listsBy(func(f *session.Filter) { f.Limit = 2000 }), []string{"list", "many"}},
		"lists-ten":               {listsBy(func(f *session.Filter) { f.Limit = cmp.Or(f.Limit, 10) }), []string{"list", "many"}},
		"lists-backwards":         {listsTo(slices.Reverse[[]session.Session]), []string{"limit", "list", "many", "replaces", "sweep", "taken"}},
		"lists-with-the-before":   {listsWithThePageBefore, []string{"list", "many"}},
		"lists-without-a-clock":   {listsTo(func(all []session.Session) { eachSession(all, func(s *session.Session) { s.ReadAt = time.Time{} }) }), []string{"clock"}},
		"lists-other-uses":        {listsTo(func(all []session.Session) { eachSession(all, func(s *session.Session) { s.UsedAt = time.Time{} }) }), []string{"clock"}},
		"loses-the-seal":          {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.Seal = [32]byte{} } }, []string{"fields"}},
		"loses-factors":           {func(f *flawedSessions) { f.stores = func(s *session.Session) { s.Factors = nil } }, []string{"fields", "factors"}},
		"shares-factors":          {sharesFactors, []string{"factors"}},
		"adds-factors":            {addsFactors, []string{"factors", "fields"}},
		"touches-nothing":         {touchesBy(touchesNothing), []string{"cancelled", "deadline", "touch"}},
		"touches-always":          {touchesBy(touchesAlways), []string{"touch"}},
		"touches-afterwards":      {touchesBy(touchesAfterwards), []string{"cancelled", "deadline", "touch"}},
		"touches-the-unknown":     {touchesBy(touchesTheUnknown), []string{"cancelled", "deadline", "deleted", "touch"}},
		"touches-with-a-version":  {touchesBy(touchesWithAVersion), []string{"cancelled", "concurrent-updates", "deadline", "touch"}},
		"touches-a-stale-row":     {touchesAStaleRow, []string{"cancelled", "concurrent-updates", "deadline", "touch"}},
		"touches-what-is-gone":    {touchesWhatIsGone, []string{"cancelled", "concurrent-deletes", "deadline", "deleted"}},
		"uses-by-updates":         {usesByUpdates, []string{"clock"}},
		"stores-uses":             {storesUses, []string{"clock"}},
		"revokes-no-provider":     {revokesNoProvider, []string{"concurrent-logouts", "cancelled", "deadline", "ids", "providers"}},
		"revokes-both":            {revokesBoth, []string{"providers"}},
		"revokes-what-is-there":   {endsWhatIsThere, []string{"concurrent-logouts", "providers"}},
		"revokes-any-issuer":      {revokesBy(func(p *session.Provider, _, _ *time.Time) { p.Issuer = "idp-a" }), []string{"concurrent-logouts", "cancelled", "deadline", "ids", "providers"}},
		"revokes-a-subject": {revokesBy(func(p *session.Provider, _, _ *time.Time) {
			if p.Subject != "" {
				p.SessionID = ""
			}
		}), []string{"providers"}},
		"own-marks":               {ownMarks(laterMark, refusesRightly), nil},
		"looks-for-marks-first":   {looksForMarksThenCreates, []string{"concurrent-logouts"}},
		"keeps-the-last-mark":     {ownMarks(lastMark, refusesRightly), []string{"providers"}},
		"keeps-the-first-mark":    {ownMarks(firstMark, refusesRightly), []string{"providers"}},
		"refuses-at-any-time":     {ownMarks(laterMark, refusesAtAnyTime), []string{"providers"}},
		"refuses-only-earlier":    {ownMarks(laterMark, refusesOnlyEarlier), []string{"providers"}},
		"refuses-only-before":     {ownMarks(laterMark, refusesOnlyBefore), []string{"providers"}},
		"refuses-for-a-second":    {ownMarks(laterMark, refusesForASecond), []string{"providers"}},
		"forgets-marks-in-sweeps": {forgetsMarksInASweep, []string{"providers"}},
		"ends-before-it-refuses":  {endsBeforeItRefuses, []string{"providers"}},
		"refuses-as-taken":        {refusesAsTaken, []string{"concurrent-logouts", "cancelled", "deadline", "ids", "providers"}},
		"sweeps-nothing":          {sweepsNothing, []string{"sweep"}},
		"sweeps-by-creation":      {sweepsByCreation, []string{"sweep"}},
		"sweeps-early":            {sweepsEarly, []string{"sweep"}},
		"lists-one-page":          {listsOnePage, []string{"list", "many"}},
		"lists-what-it-shares":    {listsWhatItShares, []string{"list"}},
		"lists-the-deleted":       {listsTheDeleted, []string{"cancelled", "concurrent-deletes", "deadline", "deleted", "list"}},
		"folds-case":              {foldsIDs(strings.ToLower), []string{"ids"}},
		"cuts-ids":                {foldsIDs(func(id string) string { return id[:min(len(id), 1024)] }), []string{"ids"}},
		"cuts-ids-at-nul":         {foldsIDs(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }), []string{"ids"}},
		"repairs-utf8":            {foldsIDs(func(id string) string { return strings.ToValidUTF8(id, "?") }), []string{"ids"}},
		"reads-a-cache":           {readsACache, []string{"cancelled", "clock", "concurrent-deletes", "concurrent-updates", "deadline", "deleted", "expiry", "factors", "fields", "full", "limit", "replaces", "sweep", "touch", "versions"}},
		"always-deletes":          {func(f *flawedSessions) { f.deleted = func(bool) bool { return true } }, []string{"concurrent-deletes", "deleted"}},
		"never-tells-of-deletes":  {func(f *flawedSessions) { f.deleted = func(bool) bool { return false } }, []string{"cancelled", "concurrent-deletes", "deadline", "deleted", "full", "ids", "list"}},
		"evicts":                  {evictsSessions(900), []string{"full", "many"}},
		"evicts-when-full":        {evictsWhenFull, []string{"full"}},
		"forgets-that-it-is-full": {forgetsThatItIsFull, []string{"full"}},
		"ends-when-full":          {endsWhenFull, []string{"full"}},
		"knows-nothing-cancelled": {func(f *flawedSessions) { f.whenCancelled = func() error { return auth.ErrNotFound } }, []string{"cancelled", "deadline"}},
		"believes-cancelled":      {func(f *flawedSessions) { f.whenCancelled = func() error { return nil } }, []string{"cancelled", "deadline"}},
		"believes-when-late":      {func(f *flawedSessions) { f.whenLate = func() error { return nil } }, []string{"deadline"}},
		"waits-when-cancelled": {func(f *flawedSessions) {
			f.whenCancelled = func() error { time.Sleep(8 * time.Second); return context.Canceled }
		}, []string{"cancelled", "deadline"}},
		"is-down": {func(f *flawedSessions) { f.down = errors.New("down") }, all},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := authtest.BrokenSessionStore(t.Context(), func() session.Store {
					f := &flawedSessions{MemoryStore: &session.MemoryStore{Max: 1500}}
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
