package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
)

// Events of requests without an audit layer go to slog.Default.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// made returns a collector in a registry that checks it.
func made(t testing.TB, c metrics.Config) (*metrics.Collector, *prometheus.Registry) {
	t.Helper()
	collector, err := metrics.New(c)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	return collector, registry
}

// series returns all series of a registry, by their name and labels as in a
// query, such as auth_failures_total{method="jwt",reason="expired"}. Of a
// histogram it has the count.
func series(t testing.TB, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, label := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			name := family.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// changed returns the series that differ, as lines "name +by".
func changed(before, after map[string]float64) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if by := after[name] - before[name]; by != 0 {
			lines = append(lines, fmt.Sprintf("%s %+g", name, by))
		}
	}
	return lines
}

// names returns the names of series, sorted.
func names(all map[string]float64) []string { return slices.Sorted(maps.Keys(all)) }

// A discard is a sink that takes everything.
type discard struct{ slog.Handler }

func (discard) Handle(context.Context, slog.Record) error { return nil }

// audited returns an audit layer that the collector observes.
func audited(t testing.TB, collector *metrics.Collector, sinks ...slog.Handler) *audit.Middleware {
	t.Helper()
	if len(sinks) == 0 {
		sinks = []slog.Handler{discard{}}
	}
	m, err := audit.New(audit.Config{Sinks: sinks, Observers: []bulwark.Recorder{collector}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown(context.Background()) })
	return m
}
