package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/audit/internal/timed"
	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config has the values of labels that only the application knows. Each value
// is a series, which is at 0 from the start. Any other value is counted as
// "other". The zero Config is valid.
type Config struct {
	// Methods are values of the label method, besides the values of this
	// module: "jwt", "introspection", "api_key", "session", "mtls", "password",
	// "none" and "other". Write the Method of your own authenticators, and of
	// a jwt.Config or introspection.Config. Default: none. At most 16.
	Methods []string
	// Reasons are values of the label reason of auth_failures_total and
	// authz_failures_total, besides the reasons of this module. Write the codes
	// of your own problems, such as "login.failed". Each is a series for each
	// method. Default: none. At most 64.
	Reasons []string
	// Policies are values of the label policy: the names of your rate limits.
	// Default: none, so that all limits are "other". At most 64.
	Policies []string
	// Trail is the tamper-evident log whose length and last checkpoint are
	// shown. Default: nil, so that the metrics of a trail are not there.
	Trail *trail.Writer
	// PlainNames adds the metric auth_failures, without labels. It is the sum
	// of auth_failures_total, under a name that some alert rules have:
	//
	//	rate(auth_failures[5m]) > 10
	//
	// Default: false, because Prometheus wants names of counters to end in
	// _total.
	PlainNames bool
}

// New returns a collector with every series at 0. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Collector, error) {
	faults := fault.In("metrics")
	counted := tally.New(tally.Config{Methods: c.Methods, Reasons: c.Reasons, Policies: c.Policies, Trail: c.Trail}, faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	collector := &Collector{
		tally: counted,
		descs: map[*tally.Metric]*prometheus.Desc{},
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "layer_duration_seconds", Help: "Time that a layer takes, without the handlers inside it.", Buckets: tally.LayerBuckets,
		}, []string{"layer"}),
	}
	for _, m := range counted.Metrics() {
		labels := make([]string, len(m.Labels))
		for i, label := range m.Labels {
			labels[i] = label.Name
		}
		collector.descs[m] = prometheus.NewDesc(m.Name, m.Help, labels, nil)
	}
	if c.PlainNames {
		collector.plain = prometheus.NewDesc("auth_failures", "The sum of auth_failures_total.", nil, nil)
	}
	collector.layers = &timed.Layers{Path: "metrics", Open: collector.open}
	return collector, nil
}
