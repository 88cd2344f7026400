package backoff_test

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/backoff"
)

func TestAfter(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 3: 8 * time.Second, 4: 15 * time.Second, 1 << 40: 15 * time.Second} {
		seen := map[time.Duration]bool{}
		for range 100 {
			got := backoff.After(failures, time.Second, 15*time.Second)
			if got > want || got < want*9/10 {
				t.Errorf("%d failures: %v, want %v less up to a tenth", failures, got, want)
			}
			seen[got] = true
		}
		if len(seen) < 50 {
			t.Errorf("%d failures: only %d different times", failures, len(seen))
		}
	}
}
