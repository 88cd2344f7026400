package detect_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/audit/internal/traffic"
	"github.com/bulwark-go/bulwark/internal/race"
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
	attack   int             // steps of the attack
	begin    time.Duration   // of the attack
	sources  map[string]bool // actors of the attack
}

// A flood is how many actors are made up in each five minutes. Each has one
// failed login at an account of its own, and asks for one path.
type flood int

// play sends a scenario through a Detector, together with a flood.
func play(t *testing.T, s traffic.Scenario, seed uint64, c detect.Config, flooded flood) (result trial) {
	synctest.Test(t, func(t *testing.T) {
		result.sources = map[string]bool{}
		var step traffic.Step
		c.OnAnomaly = func(_ context.Context, a detect.Anomaly) {
			result.findings = append(result.findings, finding{a, step, result.attack})
		}
		d := made(t, c)
		begin, madeUps := time.Now(), 0
		ctx := t.Context()
		for next := range s.Steps(seed) {
			for flooded > 0 && time.Duration(madeUps)*5*time.Minute/time.Duration(flooded) < next.At {
				who := madeUp(madeUps)
				step = traffic.Step{Actor: "flood", Attack: true}
				d.Record(ctx, bulwark.Event{Name: bulwark.AuthnLoginFail, Status: 401, ClientIP: who, UserID: who.String()})
				d.Record(ctx, bulwark.Event{Name: bulwark.InputValidationFail, Status: 404, ClientIP: who, Path: "/x"})
				if madeUps++; madeUps%16 == 0 {
					time.Sleep(time.Until(begin.Add(time.Duration(madeUps) * 5 * time.Minute / time.Duration(flooded))))
				}
			}
			step = next
			if wait := step.At - time.Since(begin); wait > 0 {
				time.Sleep(wait)
			}
			if step.Attack {
				if result.attack == 0 {
					result.begin = step.At
				}
				result.attack++
				result.sources[step.Actor] = true
			}
			if step.Event.Name != "" {
				if step.Account != "" {
					step.Event.Attrs[0] = d.Account(step.Account)
				}
				d.Record(ctx, step.Event)
			}
			d.Answered(ctx, step.Answer)
		}
	})
	return result
}

// trials plays a scenario with the seeds 1 to n, two at a time.
func trials(t *testing.T, s traffic.Scenario, n int, c detect.Config, flooded flood) []trial {
	all := make([]trial, n)
	places := make(chan int, n)
	for i := range n {
		places <- i
	}
	close(places)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for i := range places {
				all[i] = play(t, s, uint64(i+1), c, flooded)
			}
		})
	}
	workers.Wait()
	return all
}

// meant are the rules that are meant for each attack.
var meant = map[string]detect.Rule{
	"brute_force":          detect.BruteForce,
	"stuffing_one":         detect.CredentialStuffing,
	"stuffing_hundred":     detect.CredentialStuffing,
	"spraying":             detect.CredentialStuffing,
	"distributed_guessing": detect.DistributedGuessing,
	"guessed":              detect.SuccessAfterFailures,
	"enumeration_up":       detect.Enumeration,
	"enumeration_down":     detect.Enumeration,
	"enumeration_random":   detect.Enumeration,
	"probing":              detect.Probing,
}

// A rate is how an attack was found.
type rate struct {
	name     string
	runs     int
	found    int           // runs in which the rule that is meant has reported
	sources  float64       // share of the sources that were reported
	requests int           // median until the first report, of the source
	after    time.Duration // median, of the whole attack
	attempts int           // median of the attack
	also     []detect.Rule // other rules that have reported
}

// rateOf sums up the trials of an attack.
func rateOf(s traffic.Scenario, all []trial) rate {
	r := rate{name: s.Name, runs: len(all)}
	rule := meant[s.Attack]
	var requests, attempts []int
	var after []time.Duration
	reported, sources := 0, 0
	for _, one := range all {
		actors := map[string]bool{}
		for _, f := range one.findings {
			if !f.step.Attack || f.step.Actor == "flood" {
				continue
			}
			if f.Rule != rule {
				if !slices.Contains(r.also, f.Rule) {
					r.also = append(r.also, f.Rule)
				}
				continue
			}
			if len(actors) == 0 {
				requests, after = append(requests, f.nth), append(after, f.step.At-one.begin)
			}
			actors[f.step.Actor] = true
		}
		if len(actors) > 0 {
			r.found++
		}
		if rule == detect.DistributedGuessing { // the actor is the account
			sources++
			reported += min(1, len(actors))
		} else {
			sources += len(one.sources)
			reported += len(actors)
		}
		attempts = append(attempts, one.attack)
	}
	r.sources = float64(reported) / float64(max(1, sources))
	r.requests, r.after, r.attempts = median(requests), median(after), median(attempts)
	slices.Sort(r.also)
	return r
}

func median[T cmp.Ordered](all []T) (middle T) {
	if len(all) > 0 {
		slices.Sort(all)
		middle = all[len(all)/2]
	}
	return middle
}

// kinds are the kinds of ordinary users, with how many there are in an hour.
var kinds = []struct {
	name  string
	users int
}{{traffic.Browser, 400}, {traffic.Office, 200}, {traffic.Partner, 4}, {traffic.Crawler, 4}}

const users = 608

// falseReports counts the reports of ordinary users by rule and kind.
func falseReports(all []trial) map[detect.Rule]map[string]int {
	counts := map[detect.Rule]map[string]int{}
	for _, one := range all {
		for _, f := range one.findings {
			if f.step.Attack {
				continue
			}
			if counts[f.Rule] == nil {
				counts[f.Rule] = map[string]int{}
			}
			counts[f.Rule][f.step.Kind]++
			counts[f.Rule][""]++
		}
	}
	return counts
}

var rules = []detect.Rule{detect.BruteForce, detect.CredentialStuffing, detect.DistributedGuessing, detect.Enumeration, detect.Probing, detect.SuccessAfterFailures}

// thresholds are those of the sweep.
var thresholds = []int{2, 3, 4, 5, 6, 8, 10, 12, 16, 20}

// at has the same threshold in each rule. Runs are as long as the threshold, so
// that the panels show one number.
func at(threshold int) detect.Config {
	w, l := detect.WindowConfig{Threshold: threshold}, detect.LeakConfig{Threshold: threshold}
	return detect.Config{BruteForce: l, Probing: l, CredentialStuffing: w, DistributedGuessing: w, SuccessAfterFailures: w,
		Enumeration: detect.EnumerationConfig{Threshold: threshold, Run: max(3, threshold)}}
}

// A sweep is what a rule does at each threshold.
type sweep struct {
	usual, slow []float64 // share of the sources that are reported
	wrong       []float64 // false reports in 1,000 user-hours
}

// measured is everything that the page shows.
type measured struct {
	rates  []rate
	quiet  map[detect.Rule]map[string]int
	hours  int // of quiet traffic
	sweeps map[detect.Rule]*sweep
	floods []floodRate
}

// A floodRate is what a flood does to ordinary users and to the reports of an
// attack.
type floodRate struct {
	times     int // the places of a table, in each five minutes
	wrong     int // reports of ordinary users
	estimated int // of these
	madeUps   int // reports of actors that are made up
	found     float64
}

// attackOf is the attack that the panel of a rule shows.
var attackOf = map[detect.Rule]string{
	detect.BruteForce: "brute_force", detect.CredentialStuffing: "stuffing_hundred", detect.DistributedGuessing: "distributed_guessing",
	detect.Enumeration: "enumeration_random", detect.Probing: "probing", detect.SuccessAfterFailures: "guessed",
}

const (
	quietHours  = 10
	attackSeeds = 3
	sweepSeeds  = 2
	floodHours  = 2
	smallTable  = 1024
)

func measure(t *testing.T) measured {
	m := measured{hours: quietHours, sweeps: map[detect.Rule]*sweep{}}
	for _, s := range traffic.Hours() {
		if s.Attack == "" {
			m.quiet = falseReports(trials(t, s, quietHours, detect.Config{}, 0))
			continue
		}
		m.rates = append(m.rates, rateOf(s, trials(t, s, attackSeeds, detect.Config{}, 0)))
	}
	for _, threshold := range thresholds {
		wrong := falseReports(trials(t, traffic.Scenario{}, sweepSeeds, at(threshold), 0))
		for _, rule := range rules {
			if m.sweeps[rule] == nil {
				m.sweeps[rule] = &sweep{}
			}
			sweep := m.sweeps[rule]
			sweep.wrong = append(sweep.wrong, float64(wrong[rule][""])/(users*sweepSeeds)*1000)
			s := traffic.Scenario{Attack: attackOf[rule], Browsers: -1, People: -1, Partners: -1, Crawlers: -1}
			sweep.usual = append(sweep.usual, rateOf(s, trials(t, s, sweepSeeds, at(threshold), 0)).sources)
			s.Slow = true
			sweep.slow = append(sweep.slow, rateOf(s, trials(t, s, sweepSeeds, at(threshold), 0)).sources)
		}
	}
	for _, times := range []int{0, 1, 4} {
		s := traffic.Scenario{Attack: "stuffing_hundred"}
		all := trials(t, s, floodHours, detect.Config{MaxActors: smallTable}, flood(times*smallTable))
		r := floodRate{times: times, found: rateOf(s, all).sources}
		for _, one := range all {
			for _, f := range one.findings {
				switch {
				case f.step.Actor == "flood":
					r.madeUps++
				case !f.step.Attack:
					r.wrong++
					if f.Estimated {
						r.estimated++
					}
				}
			}
		}
		m.floods = append(m.floods, r)
	}
	return m
}

// TestEvidence measures detection and false reports on labelled traffic. Worse
// detection fails, and so does a page that shows other numbers.
func TestEvidence(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("measures for many seconds, and is not about races")
	}
	m := measure(t)
	for _, r := range m.rates {
		if slow := strings.HasSuffix(r.name, "_slow"); slow {
			continue
		}
		// The page says what is missed. This is the floor.
		threshold := map[detect.Rule]int{detect.BruteForce: 5, detect.CredentialStuffing: 6, detect.DistributedGuessing: 10, detect.Enumeration: 15, detect.Probing: 10, detect.SuccessAfterFailures: 12}[meant[r.name]]
		if r.name == "stuffing_hundred" || r.name == "spraying" {
			threshold *= 100 // of each address
		}
		if r.found != r.runs || r.sources < 0.97 || r.requests > threshold || r.after > 3*time.Minute {
			t.Errorf("worse than before: %+v", r)
		}
	}
	for rule, most := range map[detect.Rule]int{detect.BruteForce: 3, detect.CredentialStuffing: 6, detect.DistributedGuessing: 0, detect.Enumeration: 8, detect.Probing: 0, detect.SuccessAfterFailures: 35} {
		if n := m.quiet[rule][""]; n*1000 > most*users*m.hours {
			t.Errorf("%s: %d false reports in %d user-hours", rule, n, users*m.hours)
		}
	}
	for _, f := range m.floods {
		if f.found < 0.97 || f.madeUps > 32 {
			t.Errorf("in a flood: %+v", f)
		}
	}
	check(t, "../../docs/detection.svg", plot(m))
	check(t, "../../docs/detection.md", page(m))
}
