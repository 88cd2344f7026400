package ratelimittest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
)

// The clock is the real one here: stores that others share have no other.
func TestStoreOfAGoodStore(t *testing.T) {
	t.Parallel()
	opened := 0
	ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store {
		opened++
		return &ratelimit.MemoryStore{Max: 4096}
	})
	if opened != len(ratelimittest.Rules()) {
		t.Errorf("%d rules were checked", opened)
	}
}

func TestStoreOfAnother(t *testing.T) {
	t.Parallel()
	ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return newMapStore("") })
}

// A store is full during the flood.
func TestStoreOfASmallStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return &ratelimit.MemoryStore{Max: 2048} })
	})
}

func newMapStore(flaw string) *mapStore {
	return &mapStore{flaw: flaw, cells: map[string]*state{}, shared: map[string][]byte{}}
}

func TestStoreOfFlawedStores(t *testing.T) {
	if testing.Short() {
		t.Skip("the rules run against good stores, too: what is left is which flaw each finds")
	}
	showing := map[string]bool{}
	for flaw, want := range map[string]string{
		"none":                       "",
		"refuses-where-nobody-waits": "",

		"allows-one-more":              "burst",
		"has-no-burst":                 "gcra/burst",
		"tells-no-wait":                "burst",
		"tells-a-whole-window":         "gcra/burst gcra/restores fixed-window/restores fixed-window/calendar sliding-log/restores",
		"tells-what-was":               "burst all-or-none",
		"counts-any-cost-as-one":       "costs",
		"counts-refusals":              "all-or-none",
		"takes-for-looks":              "look",
		"refuses-looks":                "look",
		"takes-negative-costs":         "unknown",
		"knows-any-algorithm":          "unknown",
		"knows-any-log":                "sliding-log/unknown",
		"stops-at-what-it-knows-not":   "fixed-window/calendar-ends",
		"takes-one-by-one":             "all-or-none concurrent-cells algorithms",
		"takes-the-first-cell":         "all-or-none algorithms",
		"stops-at-the-first":           "all-or-none",
		"takes-what-it-says-not":       "burst",
		"joins-algorithms":             "algorithms",
		"never-refunds":                "refund concurrent-refunds algorithms fixed-window/calendar-refund",
		"refunds-again-and-again":      "refund fixed-window/calendar-refund",
		"refunds-the-cost":             "refund",
		"refunds-the-first-cell":       "refund algorithms",
		"refunds-all":                  "refund",
		"refunds-late":                 "refund-late fixed-window/calendar",
		"refunds-what-it-reads":        "concurrent-refunds",
		"restores-early":               "restores",
		"never-restores":               "restores policies debt clock fixed-window/calendar fixed-window/calendar-clock fixed-window/carries",
		"restores-all-at-once":         "gcra/burst sliding-log/restores",
		"restores-evenly":              "fixed-window/burst",
		"begins-again":                 "fixed-window/restores sliding-log/restores",
		"aligns-windows":               "fixed-window/restores",
		"carries-nothing":              "fixed-window/carries fixed-window/calendar",
		"carries-all":                  "fixed-window/carries fixed-window/calendar",
		"carries-for-ever":             "fixed-window/carries fixed-window/calendar",
		"knows-no-calendar":            "fixed-window/calendar",
		"cuts-calendars":               "fixed-window/calendar fixed-window/calendar-policies",
		"knows-the-future":             "fixed-window/calendar-ends",
		"knows-the-past":               "fixed-window/calendar-ends",
		"names-windows-by-their-index": "fixed-window/calendar-refund",
		"keeps-the-old-calendar":       "fixed-window/calendar-policies fixed-window/calendar-clock",
		"forgets-with-the-calendar":    "fixed-window/calendar-policies",
		"never-resets":                 "reset fixed-window/calendar-refund algorithms",
		"resets-the-first-cell":        "reset",
		"resets-everything":            "reset",
		"forgets-names":                "names",
		"joins-by-colon":               "names",
		"joins-by-nul":                 "names",
		"joins-by-nothing":             "names",
		"folds-case":                   "keys",
		"cuts-keys":                    "keys",
		"cuts-keys-at-nul":             "keys",
		"repairs-utf8":                 "keys",
		"trims-keys":                   "keys",
		"keeps-slices":                 "slices",
		"forgets-a-few":                "many",
		"evicts-the-oldest":            "flood",
		"refuses-when-full":            "flood",
		"forgets-with-the-policy":      "policies",
		"knows-no-slower-policy":       "policies clock",
		"keeps-what-is-too-late":       "policies clock",
		"knows-no-debt":                "debt fixed-window/carries",
		"owes-without-a-bound":         "debt",
		"looks-then-takes":             "concurrent concurrent-cells",
		"believes-cancelled":           "cancelled deadline",
		"believes-late":                "deadline",
		"denies-cancelled":             "cancelled deadline",
		"waits-when-cancelled":         "cancelled deadline",
		"is-down":                      strings.Join(ratelimittest.Rules(), " "),
	} {
		t.Run(flaw, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := ratelimittest.Broken(t.Context(), func() ratelimit.Store { return newMapStore(flaw) })
				if want == "" && len(found) > 0 {
					t.Errorf("a store without a flaw breaks %v", found)
				}
				for _, rule := range ratelimittest.Named(strings.Fields(want)) {
					showing[rule] = showing[rule] || flaw != "is-down"
					if len(found[rule]) == 0 {
						t.Errorf("the rule %q does not show the flaw; broken are %q", rule, slices.Sorted(maps.Keys(found)))
					}
				}
				time.Sleep(time.Minute) // until no call is under way
			})
		})
	}
	for _, rule := range ratelimittest.Rules() {
		if !showing[rule] {
			t.Errorf("no flaw shows that the rule %q can fail", rule)
		}
	}
}

// A store that lists some algorithms is tested by the rules of these, and has
// to know no other.
func TestStoreOfPartialStores(t *testing.T) {
	all := []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.FixedWindow, ratelimit.SlidingLog}
	for name, test := range map[string]struct {
		store  func() ratelimit.Store
		broken []string
	}{
		"windows":         {func() ratelimit.Store { return onlyStore{newMapStore(""), all[1:2]} }, nil},
		"windows_and_log": {func() ratelimit.Store { return onlyStore{newMapStore(""), all[1:]} }, nil},
		"all":             {func() ratelimit.Store { return partialStore{newMapStore(""), all} }, nil},
		"lists_too_few":   {func() ratelimit.Store { return partialStore{newMapStore(""), all[1:2]} }, []string{"algorithms"}},
		"lists_nothing":   {func() ratelimit.Store { return partialStore{newMapStore(""), nil} }, []string{"algorithms"}},
		"flawed":          {func() ratelimit.Store { return onlyStore{newMapStore("restores-early"), all[2:]} }, []string{"sliding-log/refund-late", "sliding-log/restores"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := slices.Sorted(maps.Keys(ratelimittest.Broken(t.Context(), test.store)))
				if !slices.Equal(got, test.broken) {
					t.Errorf("broken are %q, want %q", got, test.broken)
				}
			})
		})
	}
}

func TestStoreSkipsWhatIsNotListed(t *testing.T) {
	t.Parallel()
	all := []ratelimit.Algorithm{ratelimit.FixedWindow}
	skipped := 0
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		t.Cleanup(func() {
			if t.Skipped() {
				skipped++
			}
		})
		return onlyStore{newMapStore(""), all}
	})
	if skipped != 19+1+19+1 {
		t.Errorf("%d rules were skipped, want those of GCRA and of logs", skipped)
	}
}

// childEnv tells a process of this test that it is to fail.
const childEnv = "RATELIMITTEST_CHILD"

// A store that breaks a rule fails the test that called the suite. To show that,
// a test has to fail, in its own process.
func TestAFaultFailsTheTest(t *testing.T) {
	suite := func(t *testing.T) {
		ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return newMapStore("takes-one-by-one") })
	}
	for name, test := range map[string]struct {
		run  func(t *testing.T)
		says string
	}{
		"subtests": {suite, "--- FAIL: TestAFaultFailsTheTest/gcra/all-or-none"},
		"bubble":   {func(t *testing.T) { synctest.Test(t, suite) }, "gcra/all-or-none: cell 1 is used up: cell 0: 9 are left, want 10"},
	} {
		switch os.Getenv(childEnv) {
		case name:
			test.run(t)
			return
		case "":
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFaultFailsTheTest$/^gcra$/^all-or-none$", "-test.timeout=5m")
			child.Env = append(os.Environ(), childEnv+"="+name)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), test.says) {
				t.Errorf("%v, want a test that fails with %q:\n%s", err, test.says, out)
			}
		})
	}
}

// A homeStore notes cells whose calls do not always end with the same Key.
type homeStore struct {
	ratelimit.Store
	mu   sync.Mutex
	last map[string]string // by cell
	lost []string
}

func (h *homeStore) see(cells []ratelimit.Cell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := string(cells[len(cells)-1].Key)
	for i := range cells {
		p := &cells[i].Policy
		cell := fmt.Sprintf("%.40q %x %q %v", cells[i].Key, sha256.Sum256(cells[i].Key), p.Name, p.Algorithm)
		if known, ok := h.last[cell]; ok && known != last {
			h.lost = append(h.lost, cell)
		}
		h.last[cell] = last
	}
}

func (h *homeStore) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	h.see(cells)
	return h.Store.Debit(ctx, cells)
}

func (h *homeStore) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	h.see(cells)
	return h.Store.Refund(ctx, cells)
}

func (h *homeStore) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	h.see(cells)
	return h.Store.Reset(ctx, cells)
}

func (h *homeStore) StepClock(d time.Duration) { h.Store.(ratelimittest.ClockStepper).StepClock(d) }

// A store of several nodes chooses the node by the last Key of a call. The
// suite keeps to what ratelimit.Store says about it.
func TestTheLastKeyOfACellIsAlwaysTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*homeStore
		found := ratelimittest.Broken(t.Context(), func() ratelimit.Store {
			h := &homeStore{Store: newMapStore(""), last: map[string]string{}}
			all = append(all, h)
			return h
		})
		if len(found) > 0 {
			t.Errorf("a store without a flaw breaks %v", found)
		}
		for i, h := range all {
			if len(h.lost) > 0 {
				t.Errorf("%s: calls with %s have several last Keys", ratelimittest.Rules()[i], h.lost[0])
			}
		}
	})
}
