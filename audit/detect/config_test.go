package detect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigFaults(t *testing.T) {
	off := detect.WindowConfig{InsecureOff: true}
	for _, test := range []struct {
		name   string
		config detect.Config
		field  string
		reason string
	}{
		{"short_key", detect.Config{AccountKey: audit.NewSecret("too short")}, "detect.AccountKey", "has 9 bytes; write at least 32 random bytes"},
		{"public_key", detect.Config{AccountKey: audit.NewSecret("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")}, "detect.AccountKey", "is a key or certificate in PEM and not a secret; write at least 32 random bytes"},
		{"few_actors", detect.Config{MaxActors: 63}, "detect.MaxActors", "must be 64 to 1048576, or 0 for the default of 16384"},
		{"many_actors", detect.Config{MaxActors: 1<<20 + 1}, "detect.MaxActors", "must be 64 to 1048576"},
		{"estimates", detect.Config{MaxEstimated: -1}, "detect.MaxEstimated", "must be 1 to 1024, or 0 for the default of 16"},
		{"threshold", detect.Config{BruteForce: detect.LeakConfig{Threshold: 1}}, "detect.BruteForce.Threshold", "must be 2 to 64, or 0 for the default of 5"},
		{"leak", detect.Config{Probing: detect.LeakConfig{Leak: time.Microsecond}}, "detect.Probing.Leak", "must be 1ms to 1h0m0s, or 0 for the default of 10s"},
		{"probing", detect.Config{Probing: detect.LeakConfig{Threshold: 65}}, "detect.Probing.Threshold", "or 0 for the default of 10"},
		{"window", detect.Config{CredentialStuffing: detect.WindowConfig{Window: 25 * time.Hour}}, "detect.CredentialStuffing.Window", "must be 1s to 24h0m0s, or 0 for the default of 5m0s"},
		{"stuffing", detect.Config{CredentialStuffing: detect.WindowConfig{Threshold: -5}}, "detect.CredentialStuffing.Threshold", "or 0 for the default of 5"},
		{"guessing", detect.Config{DistributedGuessing: detect.WindowConfig{Window: time.Millisecond}}, "detect.DistributedGuessing.Window", "or 0 for the default of 1h0m0s"},
		{"guessing_threshold", detect.Config{DistributedGuessing: detect.WindowConfig{Threshold: 100}}, "detect.DistributedGuessing.Threshold", "or 0 for the default of 10"},
		{"enumeration", detect.Config{Enumeration: detect.EnumerationConfig{Threshold: 100}}, "detect.Enumeration.Threshold", "or 0 for the default of 10"},
		{"run", detect.Config{Enumeration: detect.EnumerationConfig{Run: 2}}, "detect.Enumeration.Run", "must be 3 to 100, or 0 for the default of 6"},
		{"enumeration_window", detect.Config{Enumeration: detect.EnumerationConfig{Window: -1}}, "detect.Enumeration.Window", "or 0 for the default of 5m0s"},
		{"success", detect.Config{SuccessAfterFailures: detect.WindowConfig{Threshold: 99}}, "detect.SuccessAfterFailures.Threshold", "or 0 for the default of 3"},
		{"success_window", detect.Config{SuccessAfterFailures: detect.WindowConfig{Window: 1}}, "detect.SuccessAfterFailures.Window", "or 0 for the default of 1h0m0s"},
		{"nothing_left", detect.Config{BruteForce: detect.LeakConfig{InsecureOff: true}, Probing: detect.LeakConfig{InsecureOff: true}, Enumeration: detect.EnumerationConfig{InsecureOff: true},
			CredentialStuffing: off, DistributedGuessing: off, SuccessAfterFailures: off}, "detect", "has every rule switched off; leave the Detector out of Observers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := detect.New(test.config)
			if d != nil || err == nil {
				t.Fatalf("%v, %v", d, err)
			}
			if fields := faulttest.Fields(err); len(fields) != 1 || fields[0] != test.field || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Every mistake is reported at once, and the value of a key is not.
func TestAllFaultsAtOnce(t *testing.T) {
	_, err := detect.New(detect.Config{AccountKey: audit.NewSecret("my-secret"), MaxActors: 1, BruteForce: detect.LeakConfig{Threshold: 1, Leak: 1}})
	if fields := faulttest.Fields(err); len(fields) != 4 || strings.Contains(err.Error(), "my-secret") {
		t.Errorf("%v", err)
	}
}

// The bounds themselves are accepted.
func TestBounds(t *testing.T) {
	for _, c := range []detect.Config{
		{MaxActors: 64, MaxEstimated: 1, BruteForce: detect.LeakConfig{Threshold: 2, Leak: time.Millisecond}, Probing: detect.LeakConfig{Threshold: 64, Leak: time.Hour}},
		{MaxActors: 1000, CredentialStuffing: detect.WindowConfig{Threshold: 64, Window: 24 * time.Hour}, Enumeration: detect.EnumerationConfig{Threshold: 2, Run: 100, Window: time.Second}},
		{AccountKey: audit.NewSecret(testKey)},
	} {
		made(t, c)
	}
}
