package detect_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/audit/internal/traffic"
)

// A finding is an anomaly and the step at which it was reported.
type finding struct {
	detect.Anomaly
	step traffic.Step
	nth  int // of the steps of the attack
}

// A trial is one scenario with one seed.
type trial struct {
	findings []finding
	attack   int           // steps of the attack
	begin    time.Duration // of the attack
	sources  map[string]bool
	users    map[string]int // requests of ordinary actors by kind
}

// play sends a scenario through a Detector.
func play(t *testing.T, s traffic.Scenario, seed uint64, c detect.Config) (result trial) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		result.sources, result.users = map[string]bool{}, map[string]int{}
		var step traffic.Step
		c.OnAnomaly = func(_ context.Context, a detect.Anomaly) {
			result.findings = append(result.findings, finding{a, step, result.attack})
		}
		d := made(t, c)
		begin := time.Now()
		for step = range s.Steps(seed) {
			if wait := step.At - time.Since(begin); wait > 0 {
				time.Sleep(wait)
			}
			if step.Attack {
				if result.attack == 0 {
					result.begin = step.At
				}
				result.attack++
				result.sources[step.Actor] = true
			} else {
				result.users[step.Kind]++
			}
			if step.Event.Name != "" {
				if step.Account != "" {
					step.Event.Attrs[0] = d.Account(step.Account)
				}
				d.Record(t.Context(), step.Event)
			}
			d.Answered(t.Context(), step.Answer)
		}
	})
	return result
}

func TestTry(t *testing.T) {
	for _, s := range traffic.Hours() {
		begin := time.Now()
		rules, false_ := map[detect.Rule]int{}, map[string]int{}
		var first []string
		for seed := range uint64(3) {
			r := play(t, s, seed, detect.Config{})
			found := map[detect.Rule]bool{}
			for _, f := range r.findings {
				if f.step.Attack {
					rules[f.Rule]++
					if !found[f.Rule] {
						found[f.Rule] = true
						first = append(first, fmt.Sprint(f.Rule, "@", f.nth, "/", f.step.At-r.begin))
					}
				} else {
					false_[string(f.Rule)+"/"+f.step.Kind]++
				}
			}
		}
		slices.Sort(first)
		fmt.Println(s.Name, rules, first, "FALSE", false_, time.Since(begin))
	}
}
