package ratelimittest_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
)

// The clock is the real one here: stores that others share have no other.
func TestStoreOfAGoodStore(t *testing.T) {
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
	ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return newMapStore("") })
}

// A store is full during the flood.
func TestStoreOfASmallStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ratelimittest.TestStore(t, func(*testing.T) ratelimit.Store { return &ratelimit.MemoryStore{Max: 2048} })
	})
}

func newMapStore(flaw string) *mapStore {
	return &mapStore{flaw: flaw, until: map[string]time.Time{}, shared: map[string][]byte{}}
}

func TestStoreOfFlawedStores(t *testing.T) {
	showing := map[string]bool{}
	for flaw, want := range map[string]string{
		"none":                       "",
		"refuses-where-nobody-waits": "",

		"allows-one-more":            "burst",
		"has-no-burst":               "burst",
		"tells-no-wait":              "burst",
		"tells-a-whole-window":       "burst restores",
		"tells-what-was":             "burst all-or-none",
		"counts-any-cost-as-one":     "costs",
		"counts-refusals":            "burst all-or-none",
		"takes-for-looks":            "look",
		"refuses-looks":              "look",
		"takes-negative-costs":       "unknown",
		"knows-any-algorithm":        "unknown",
		"stops-at-what-it-knows-not": "unknown",
		"takes-one-by-one":           "all-or-none concurrent-cells",
		"takes-the-first-cell":       "all-or-none",
		"stops-at-the-first":         "all-or-none",
		"takes-what-it-says-not":     "burst",
		"never-refunds":              "refund concurrent-refunds",
		"refunds-again-and-again":    "refund",
		"refunds-the-cost":           "refund",
		"refunds-the-first-cell":     "refund",
		"refunds-all":                "refund",
		"refunds-late":               "refund-late",
		"refunds-what-it-reads":      "concurrent-refunds",
		"restores-early":             "restores",
		"never-restores":             "restores",
		"restores-all-at-once":       "burst",
		"never-resets":               "reset",
		"resets-the-first-cell":      "reset",
		"resets-everything":          "reset",
		"forgets-names":              "names",
		"joins-by-colon":             "names",
		"joins-by-nul":               "names",
		"joins-by-nothing":           "names",
		"folds-case":                 "keys",
		"cuts-keys":                  "keys",
		"cuts-keys-at-nul":           "keys",
		"repairs-utf8":               "keys",
		"trims-keys":                 "keys",
		"keeps-slices":               "slices",
		"forgets-a-few":              "many",
		"evicts-the-oldest":          "flood",
		"refuses-when-full":          "flood",
		"forgets-with-the-policy":    "policies",
		"knows-no-slower-policy":     "policies clock",
		"knows-no-debt":              "debt",
		"owes-without-a-bound":       "debt",
		"looks-then-takes":           "concurrent concurrent-cells",
		"believes-cancelled":         "cancelled deadline",
		"believes-late":              "deadline",
		"denies-cancelled":           "cancelled deadline",
		"waits-when-cancelled":       "cancelled deadline",
		"is-down":                    "burst costs look unknown all-or-none refund refund-late restores reset names keys slices many flood policies debt clock concurrent concurrent-cells concurrent-refunds cancelled deadline",
	} {
		t.Run(flaw, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found := ratelimittest.Broken(t.Context(), func() ratelimit.Store { return newMapStore(flaw) })
				if want == "" && len(found) > 0 {
					t.Errorf("a store without a flaw breaks %v", found)
				}
				for _, rule := range strings.Fields(want) {
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
		"subtests": {suite, "--- FAIL: TestAFaultFailsTheTest/all-or-none"},
		"bubble":   {func(t *testing.T) { synctest.Test(t, suite) }, "all-or-none: cell 1 is used up: cell 0: 9 are left, want 10"},
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
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFaultFailsTheTest$", "-test.timeout=60s")
			child.Env = append(os.Environ(), childEnv+"="+name)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), test.says) {
				t.Errorf("%v, want a test that fails with %q:\n%s", err, test.says, out)
			}
		})
	}
}
