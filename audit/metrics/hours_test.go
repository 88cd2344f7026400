package metrics_test

import (
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/audit/internal/traffic"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/internal/race"
)

// hours are the alerts that fire in the hour of each scenario. An attacker who
// stays below each threshold is seen by the share of failed logins, or not at
// all: these hours are here so that the documentation can say so.
var hours = map[string][]string{
	"quiet":                     nil,
	"brute_force":               {anomaly("brute_force"), manyFailures},
	"stuffing_one":              {anomaly("brute_force"), manyFailures},
	"stuffing_hundred":          {anomaly("credential_stuffing"), manyFailures},
	"spraying":                  {anomaly("credential_stuffing"), manyFailures},
	"distributed_guessing":      {anomaly("distributed_guessing")},
	"guessed":                   {anomaly("success_after_failures")},
	"enumeration_up":            {anomaly("enumeration"), forbidden},
	"enumeration_down":          {anomaly("enumeration"), forbidden},
	"enumeration_random":        {anomaly("enumeration"), forbidden},
	"probing":                   {anomaly("probing")},
	"brute_force_slow":          {manyFailures},
	"stuffing_one_slow":         nil,
	"stuffing_hundred_slow":     {manyFailures},
	"spraying_slow":             {manyFailures},
	"distributed_guessing_slow": nil,
	"guessed_slow":              nil,
	"enumeration_up_slow":       nil,
	"enumeration_down_slow":     nil,
	"enumeration_random_slow":   nil,
	"probing_slow":              nil,
}

func anomaly(rule string) string { return `{alertname="AccessAnomaly",rule="` + rule + `"}` }

const (
	manyFailures = `{alertname="AuthFailureRatio",method="password"}`
	forbidden    = `{alertname="HighAuthzFailures"}`
)

// scrapeEvery is how often Prometheus reads the page.
const scrapeEvery = 15 * time.Second

// scraped returns the samples of each series in the hour of a scenario: a real
// audit layer with a detector and a collector, in virtual time.
func scraped(t *testing.T, scenario traffic.Scenario) (all map[string][]float64, scrapes int) {
	all = map[string][]float64{}
	synctest.Test(t, func(t *testing.T) {
		detector, err := detect.New(detect.Config{})
		if err != nil {
			t.Fatal(err)
		}
		collector, registry := made(t, metrics.Config{Reasons: []string{"login.failed"}})
		layer, err := audit.New(audit.Config{Sinks: []slog.Handler{discard{}}, Observers: []bulwark.Recorder{detector, collector}})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		scrape := func() {
			synctest.Wait() // for the sink
			for name, value := range series(t, registry) {
				if strings.Contains(name, "timestamp") && value > 0 {
					value -= float64(begin.Unix()) // promtool begins at 0
				}
				for len(all[name]) < scrapes {
					all[name] = append(all[name], 0)
				}
				all[name] = append(all[name], value)
			}
			scrapes++
		}
		scrape()
		until := func(at time.Duration) {
			for next := time.Duration(scrapes) * scrapeEvery; next <= at; next += scrapeEvery {
				time.Sleep(time.Until(begin.Add(next)))
				scrape()
			}
			time.Sleep(time.Until(begin.Add(at)))
		}
		for step := range scenario.Steps(1) {
			until(step.At)
			if step.Event.Name != "" {
				if step.Account != "" {
					step.Event.Attrs[0] = detector.Account(step.Account)
				}
				layer.Record(t.Context(), step.Event)
			}
			detector.Answered(t.Context(), step.Answer)
			collector.Answered(t.Context(), step.Answer)
		}
		until(time.Hour)
		_ = layer.Shutdown(t.Context())
	})
	return all, scrapes
}

// The quiet hour has no alert, and the hour of each attack has exactly the
// alerts of the table. The series are what Prometheus would scrape.
func TestHours(t *testing.T) {
	if race.Enabled {
		t.Skip("hours of traffic under the race detector take minutes")
	}
	if said, err := promtool(t, "", "check", "rules", "alerts.yml"); err != nil {
		t.Fatal(err, said)
	}
	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	scenarios := traffic.Hours()
	if len(scenarios) < 15 || scenarios[0].Attack != "" {
		t.Fatalf("%d scenarios", len(scenarios))
	}
	for _, scenario := range scenarios {
		t.Run(scenario.Name, func(t *testing.T) {
			want, known := hours[scenario.Name]
			if !known {
				t.Error("the table has no such hour")
			}
			all, scrapes := scraped(t, scenario)
			var file strings.Builder
			fmt.Fprintf(&file, "rule_files:\n  - %s\nevaluation_interval: 30s\ntests:\n  - interval: %s\n    input_series:\n", rules, scrapeEvery)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				if len(all[name]) != scrapes {
					t.Errorf("%s has %d samples of %d", name, len(all[name]), scrapes)
				}
				fmt.Fprintf(&file, "      - series: '%s'\n        values: '%s'\n", labelled(name), values(all[name]))
			}
			file.WriteString("    promql_expr_test:\n      - expr: group by (alertname, rule, method) (count_over_time(ALERTS{alertstate=\"firing\"}[1h]))\n        eval_time: 1h\n        exp_samples:")
			if len(want) == 0 {
				file.WriteString(" []")
			}
			for _, alert := range want {
				fmt.Fprintf(&file, "\n          - labels: '%s'\n            value: 1", alert)
			}
			name := filepath.Join(t.TempDir(), "hour.yml")
			write(t, name, file.String()+"\n")
			if said, err := promtool(t, "", "test", "rules", name); err != nil {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}

// labelled adds the labels that Prometheus adds at a scrape.
func labelled(name string) string {
	family, labels, found := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	if found {
		labels = "," + labels
	}
	return family + `{job="api",instance="a:443"` + labels + "}"
}

// values writes samples as promtool reads them.
func values(samples []float64) string {
	var text strings.Builder
	for i := 0; i < len(samples); {
		same := 1
		for i+same < len(samples) && samples[i+same] == samples[i] {
			same++
		}
		fmt.Fprintf(&text, "%s", strconv.FormatFloat(samples[i], 'f', -1, 64))
		if same > 1 {
			fmt.Fprintf(&text, "x%d", same-1)
		}
		text.WriteByte(' ')
		i += same
	}
	return strings.TrimSpace(text.String())
}
