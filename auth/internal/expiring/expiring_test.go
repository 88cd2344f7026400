package expiring_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/bulwark-go/bulwark/auth/internal/expiring"
)

// afterJump is a time on a machine whose clock on the wall has moved by d while
// the monotonic one stood still: it slept, or somebody set the clock. No
// function of package time makes such a time, so the seconds are added where
// time.Time keeps them (its documented layout beside a monotonic reading).
func afterJump(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	after := at
	*(*uint64)(unsafe.Pointer(&after)) += uint64(d/time.Second) << 30
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != d {
		t.Fatal("package time keeps its seconds elsewhere")
	}
	return after
}

func TestNothingIsForgottenByOneClockAlone(t *testing.T) {
	now := time.Now()
	expires := now.Round(0).Add(time.Minute) // as from a token: without a monotonic reading
	for _, test := range []struct {
		name    string
		expires time.Time
		now     time.Time
		want    bool
	}{
		{"at-once", expires, now, false},
		{"just-before", expires, now.Add(time.Minute - 1), false},
		{"at-the-time", expires, now.Add(time.Minute), true},
		{"with-a-monotonic-reading", now.Add(time.Minute), now.Add(time.Minute), true},
		{"for-good", time.Time{}, now.Add(1e6 * time.Hour), false},
		{"in-a-far-year", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), now.Add(1e6 * time.Hour), false},
		{"in-a-far-past", time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC), now, true},
		{"asleep", expires, afterJump(t, now, time.Hour), false},
		{"asleep-and-then-awake", expires, afterJump(t, now, time.Hour).Add(time.Minute), true},
		{"clock-set-ahead", expires, afterJump(t, now, time.Hour).Add(59 * time.Second), false},
		{"clock-set-back", expires, afterJump(t, now, -time.Hour).Add(2 * time.Minute), false},
		{"clock-set-back-and-caught-up", expires, afterJump(t, now, -time.Hour).Add(61 * time.Minute), true},
		{"without-readings", expires, now.Round(0).Add(time.Minute), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := expiring.Over(test.now, expiring.Ending(now, test.expires)); got != test.want {
				t.Errorf("forgotten: %t, want %t", got, test.want)
			}
		})
	}
}

// No two things share an entry, wherever one part of their names ends.
func TestDigestsAreInjective(t *testing.T) {
	long := strings.Repeat("x", 600) // beyond what the digest needs no allocation for
	parts := []string{"", "a", "ab", "abc", "b", "bc", "c", ":", "a:b", "\x00", "a\x00b", "\x01", "\x01a", "1:a", long, long + "a"}
	seen := map[expiring.Digest]string{}
	for _, kind := range []string{"token", "session", "subject", "proof"} {
		for _, issuer := range parts {
			for _, id := range parts {
				digest, name := expiring.DigestOf(kind, issuer, id), fmt.Sprintf("%s %.20q %.20q", kind, issuer, id)
				if other, ok := seen[digest]; ok {
					t.Errorf("%s and %s are one", name, other)
				}
				seen[digest] = name
			}
		}
	}
	if len(seen) != 4*len(parts)*len(parts) {
		t.Errorf("%d digests", len(seen))
	}
}

// Each value that leaves the Map is handed back once, so that its owner can
// count what is left: when its entry is replaced, and when it is forgotten.
func TestDroppedValuesAreHandedBack(t *testing.T) {
	var m expiring.Map[string]
	var dropped []string
	note := func(value string) { dropped = append(dropped, value) }
	now := time.Now()
	past, future := now.Add(-time.Minute), now.Add(time.Hour)
	key := expiring.DigestOf("token", "issuer", "a")
	m.Add(key, past, note).Value = "first"
	if m.Live(key) != nil {
		t.Error("an entry that has expired is alive")
	}
	m.Add(key, future, note).Value = "second"
	if got := m.Find("token", "issuer", "a"); got == nil || got.Value != "second" || m.Len() != 1 {
		t.Errorf("entry %+v of %d", got, m.Len())
	}
	m.Add(expiring.DigestOf("token", "issuer", "b"), past, nil).Value = "third"
	m.Forget(now, note)
	if got := strings.Join(dropped, " "); got != "first third" || m.Len() != 1 {
		t.Errorf("dropped %q, %d left", got, m.Len())
	}
	m.Forget(now, note)
	if len(dropped) != 2 {
		t.Errorf("dropped %q: what has not expired is kept", dropped)
	}
}
