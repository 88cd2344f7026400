package jwt_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// afterSuspend is t on a machine that slept for d: the clock on the wall went
// on and the monotonic one stood still. No function of package time makes such
// a time, so the seconds are added where time.Time keeps them (its documented
// layout beside a monotonic reading).
func afterSuspend(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	after := at
	*(*uint64)(unsafe.Pointer(&after)) += uint64(d/time.Second) << 30
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != d {
		t.Fatal("package time keeps its seconds elsewhere")
	}
	return after
}

func TestASuspendedMachineExtendsNothing(t *testing.T) {
	now := time.Now()
	soon, later := time.Unix(now.Unix()+30, 0), time.Unix(now.Unix()+3600, 0)
	for _, test := range []struct {
		name    string
		expires time.Time
		now     time.Time
		want    bool
	}{
		{"at-once", later, now, true},
		{"before-a-minute", later, now.Add(59 * time.Second), true},
		{"after-a-minute", later, now.Add(time.Minute), false},
		{"before-expiry", soon, now.Add(28 * time.Second), true},
		{"after-expiry", soon, now.Add(31 * time.Second), false},
		{"asleep-for-a-while", later, afterSuspend(t, now, 58*time.Second), true},
		{"asleep-for-two-minutes", later, afterSuspend(t, now, 2*time.Minute), false},
		{"asleep-past-expiry", soon, afterSuspend(t, now, 31*time.Second), false},
		{"clock-set-back", later, afterSuspend(t, now, -10*time.Minute).Add(time.Minute), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := jwt.Remembered(test.expires, now, test.now); got != test.want {
				t.Errorf("believed: %t, want %t", got, test.want)
			}
		})
	}
	if !jwt.KeysUsable(now, time.Hour, afterSuspend(t, now, 59*time.Minute)) || jwt.KeysUsable(now, time.Hour, afterSuspend(t, now, time.Hour)) {
		t.Error("keys are not usable for exactly as long as they shall be")
	}
}
