package traffic_test

import (
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/internal/traffic"
)

// All steps are in the order of time and within the scenario, have a label, and
// hold what the audit layer would tell.
func TestSteps(t *testing.T) {
	kinds := []string{traffic.Browser, traffic.Office, traffic.Partner, traffic.Crawler}
	for _, s := range traffic.Hours() {
		t.Run(s.Name, func(t *testing.T) {
			seen, attacks := map[string]int{}, 0
			var last time.Duration
			for step := range s.Steps(7) {
				if step.At < last || step.At >= time.Hour {
					t.Fatalf("at %v after %v", step.At, last)
				}
				last = step.At
				seen[step.Kind]++
				if step.Attack {
					attacks++
				}
				if step.Attack == slices.Contains(kinds, step.Kind) || step.Attack && step.Kind != s.Attack || step.Actor == "" {
					t.Fatalf("label %v of %s, %s", step.Attack, step.Kind, step.Actor)
				}
				check(t, step)
			}
			for _, kind := range kinds {
				if seen[kind] < 100 {
					t.Errorf("%d requests of kind %s", seen[kind], kind)
				}
			}
			if (attacks > 0) != (s.Attack != "") || s.Attack != "" && attacks < 5 {
				t.Errorf("%d requests of the attack", attacks)
			}
		})
	}
}

func check(t *testing.T, s traffic.Step) {
	t.Helper()
	e, a := s.Event, s.Answer
	refused := a.Event.Status >= 400
	switch {
	case a.Event.Name != "" || a.Event.Status == 0 || !a.Event.ClientIP.IsValid() || !a.Event.Time.Equal(traffic.Start.Add(s.At)):
		t.Fatalf("answer %+v", a.Event)
	case e.Name == "" && (a.Reported || e.Status != 0):
		t.Fatalf("reported without an event: %+v", a)
	case e.Name == "":
	case e.Name == bulwark.AuthnLoginSuccess && (e.Status != 0 || a.Reported || e.UserID == "" || s.Account == ""):
		t.Fatalf("login %+v", e)
	case e.Name == bulwark.AuthnLoginFail && (e.UserID != "" || s.Account == "" || e.Status != 401):
		t.Fatalf("failed login %+v", e)
	case refused && (e.Status != a.Event.Status || !a.Reported || e.Level.Level() != levelOf(e)):
		t.Fatalf("refusal %+v", e)
	}
	if (a.Caller == nil) != (a.Event.UserID == "") || a.Caller != nil && a.Caller.Subject != a.Event.UserID {
		t.Fatalf("caller %+v, %q", a.Caller, a.Event.UserID)
	}
}

// levelOf is the level that the root gives to these events of a request.
func levelOf(e bulwark.Event) slog.Level {
	if e.Name == bulwark.InputValidationFail && e.Status == 404 {
		return slog.LevelInfo
	}
	return e.Name.Level()
}

// The same seed makes the same steps, another seed makes others.
func TestSeed(t *testing.T) {
	s := traffic.Scenario{Attack: "enumeration_random"}
	a, b, c := slices.Collect(s.Steps(1)), slices.Collect(s.Steps(1)), slices.Collect(s.Steps(2))
	if len(a) < 5000 || !reflect.DeepEqual(a, b) {
		t.Errorf("%d and %d steps of one seed differ", len(a), len(b))
	}
	if reflect.DeepEqual(a, c) {
		t.Error("two seeds make the same steps")
	}
}

// A slow attacker stays below the thresholds that it is said to know.
func TestSlow(t *testing.T) {
	for _, test := range []struct {
		attack string
		window time.Duration
		most   int // requests of one source in the window
	}{
		{"brute_force", 10 * time.Second, 1},
		{"stuffing_one", 5 * time.Minute, 4},
		{"stuffing_hundred", 5 * time.Minute, 4},
		{"spraying", 5 * time.Minute, 4},
		{"distributed_guessing", time.Hour, 1},
		{"guessed", time.Hour, 3},
		{"enumeration_up", 5 * time.Minute, 9},
		{"enumeration_random", 5 * time.Minute, 9},
		{"probing", 10 * time.Second, 1},
	} {
		times := map[netip.Addr][]time.Duration{}
		all := 0
		for step := range (traffic.Scenario{Attack: test.attack, Slow: true, Length: 2 * time.Hour}).Steps(3) {
			if step.Attack {
				times[step.Answer.Event.ClientIP] = append(times[step.Answer.Event.ClientIP], step.At)
				all++
			}
		}
		if all < 10 {
			t.Errorf("%s: %d requests", test.attack, all)
		}
		for of := range maps.Values(times) {
			for i := range of {
				if j := i + test.most; j < len(of) && of[j]-of[i] < test.window {
					t.Errorf("%s: more than %d requests in %v", test.attack, test.most, test.window)
				}
			}
		}
	}
}

// A day is made hour by hour.
func TestDay(t *testing.T) {
	var hours [24]int
	for step := range (traffic.Scenario{Length: 24 * time.Hour, Browsers: 20, Partners: 1}).Steps(1) {
		hours[int(step.At.Hours())]++
	}
	for hour, n := range hours {
		if n < 500 {
			t.Errorf("%d requests in hour %d", n, hour)
		}
	}
}
