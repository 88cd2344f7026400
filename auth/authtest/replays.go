package authtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/dpop"
)

// TestReplays checks that a store keeps the rules of [dpop.Replays]. What
// [TestRevocations] says about open, room, time and bubbles applies here also.
func TestReplays(t *testing.T, open func(t *testing.T) dpop.Replays) {
	t.Helper()
	testRules(t, replayRules, open)
}

var replayRules = []rule[dpop.Replays]{
	{"once", usedOnce},
	{"ids", usedByBytes},
	{"clients", usedByClients},
	{"past", usedTooLate},
	{"expiry", usedForAWhile},
	{"many", usedMany},
	{"concurrent", usedAtOnce},
	{"cancelled", usedCancelled},
}

// someone is the client of the rules that are about ids.
const someone = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

// use reports whether a use by someone was first. An error is noted, and is not
// first.
func use(t *trial, store dpop.Replays, id string, until time.Time) bool {
	return useBy(t, store, someone, id, until)
}

func useBy(t *trial, store dpop.Replays, client, id string, until time.Time) bool {
	ctx, cancel := t.call()
	defer cancel()
	first, err := store.Use(ctx, client, id, until)
	if err != nil {
		t.fault("Use: %w", err)
	}
	return first && err == nil
}

// uses notes where a use for an hour is first and should not be, or the
// reverse.
func uses(t *trial, store dpop.Replays, want bool, described, id string) {
	if got := use(t, store, id, inAnHour()); got != want {
		t.fault("%s: first %t, want %t", described, got, want)
	}
}

func usedOnce(t *trial, store dpop.Replays) {
	uses(t, store, true, "an id in an empty store", "a")
	uses(t, store, false, "the id again", "a")
	uses(t, store, true, "another id", "b")
	for range 3 {
		uses(t, store, false, "the id after another", "a")
	}
}

func usedByBytes(t *trial, store dpop.Replays) {
	for i, pair := range distinct() {
		for _, id := range pair {
			// Other pairs hold some of the same ids.
			behind, before := fmt.Sprint(id, "/", i), fmt.Sprint(i, "/", id)
			for _, whole := range []string{behind, before} {
				described := fmt.Sprintf("%.20q of %d bytes beside %.20q", whole, len(whole), pair[0])
				uses(t, store, true, described, whole)
				uses(t, store, false, described+" again", whole)
			}
		}
	}
}

// usedByClients wants an id to count within its client, also where the two
// together are the same text.
func usedByClients(t *trial, store dpop.Replays) {
	until := inAnHour()
	for i, pair := range distinct() {
		id := fmt.Sprint("shared-", i)
		for _, client := range pair {
			once, again := useBy(t, store, client, id, until), useBy(t, store, client, id, until)
			if !once || again {
				t.fault("an id of client %.20q of %d bytes beside %.20q: first %t, then %t", client, len(client), pair[0], once, again)
			}
		}
	}
	for _, cut := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}, {"a:", "bc"}, {"a", ":bc"}, {"a\x00", "bc"}, {"a", "\x00bc"}} {
		if !useBy(t, store, cut[0], cut[1], until) {
			t.fault("client %q and id %q are taken for another pair", cut[0], cut[1])
		}
	}
}

func usedTooLate(t *trial, store dpop.Replays) {
	now := time.Now()
	for described, until := range map[string]time.Time{"an hour ago": now.Add(-time.Hour), "a moment ago": now.Add(-time.Nanosecond), "zero": {}} {
		once, again := use(t, store, described, until), use(t, store, described, until)
		if once && again {
			t.fault("an id whose time is %s is used first twice", described)
		}
	}
}

func usedForAWhile(t *trial, store dpop.Replays) {
	soon := brief()
	if !use(t, store, "brief", soon) || !use(t, store, "lasting", inAnHour()) {
		t.fault("an id in an empty store is not used first")
	}
	use(t, store, "lasting", soon)
	// Each of these uses is for long, and none of them moves the time.
	t.until(soon, "an id", func() bool { return use(t, store, "brief", inAnHour()) })
	uses(t, store, false, "an id whose second use was for a shorter time", "lasting")
	uses(t, store, false, "an id that is used anew after its time", "brief")
}

func usedMany(t *trial, store dpop.Replays) {
	for i := range manyItems {
		uses(t, store, true, "a new id among many", fmt.Sprint("id-", i))
	}
	again := 0
	for i := range manyItems {
		if use(t, store, fmt.Sprint("id-", i), inAnHour()) {
			again++
		}
	}
	if again > 0 {
		t.fault("of %d ids that were used %d can be used once more", manyItems, again)
	}
}

func usedAtOnce(t *trial, store dpop.Replays) {
	until := inAnHour()
	for round := range 32 {
		var first atomic.Int64
		t.atOnce(func(i int) {
			if use(t, store, fmt.Sprint("shared-", round), until) {
				first.Add(1)
			}
			if !use(t, store, fmt.Sprint("own-", round, "-", i), until) {
				t.fault("an id of one goroutine only is not used first")
			}
		})
		if n := first.Load(); n != 1 {
			t.fault("of %d uses at once %d are first", crowd, n)
			return
		}
	}
}

func usedCancelled(t *trial, store dpop.Replays) {
	uses(t, store, true, "an id in an empty store", "used")
	t.promptly("Use", func(ctx context.Context) {
		if first, err := store.Use(ctx, someone, "used", inAnHour()); err == nil && first {
			t.fault("with a cancelled context a used id is new")
		}
	})
	var first bool
	var err error
	if t.promptly("Use", func(ctx context.Context) { first, err = store.Use(ctx, someone, "new", inAnHour()) }) && err == nil {
		if !first {
			t.fault("with a cancelled context a new id is used")
		}
		uses(t, store, false, "an id whose use returned nil in spite of a cancelled context", "new")
	}
}
