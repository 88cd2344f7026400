package jwt_test

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Processes whose clocks differ a little hand out nonces of two stretches of time
// at the end of each, and know both.
func TestNoncesOfClocksThatDiffer(t *testing.T) {
	end := time.Unix(300*1000, 0)
	for _, test := range []struct {
		name        string
		made, known time.Time
		want        bool
	}{
		{"same", end, end, true},
		{"a-second-ahead", end, end.Add(-time.Second), true},
		{"a-second-behind", end.Add(-time.Second), end, true},
		{"one-stretch-ahead", end.Add(5 * time.Minute), end, true},
		{"two-stretches-ahead", end.Add(10 * time.Minute), end, false},
		{"one-stretch-behind", end.Add(-5 * time.Minute), end, true},
		{"two-stretches-behind", end.Add(-5*time.Minute - time.Second), end, false},
	} {
		if got := jwt.NonceKnown(nonceKey, 5*time.Minute, test.made, test.known); got != test.want {
			t.Errorf("%s: known %t, want %t", test.name, got, test.want)
		}
	}
}
