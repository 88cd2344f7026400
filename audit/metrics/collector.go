package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/audit/internal/timed"
)

// A Collector counts what it observes, and shows the counts to Prometheus. Make
// it with [New]. Put it into the Observers of an audit.Config, and register it
// once. It is safe for concurrent use. A zero or nil Collector counts and shows
// nothing.
type Collector struct {
	tally     *tally.Tally
	descs     map[*tally.Metric]*prometheus.Desc
	plain     *prometheus.Desc // nil without PlainNames
	durations *prometheus.HistogramVec
	layers    *timed.Layers
}

// What the audit layer and the registry look for.
var (
	_ bulwark.Recorder     = (*Collector)(nil)
	_ audit.AnswerObserver = (*Collector)(nil)
	_ audit.Watcher        = (*Collector)(nil)
	_ prometheus.Collector = (*Collector)(nil)
)

// made reports whether New has made c.
func (c *Collector) made() bool { return c != nil && c.tally != nil }

// Record counts an event. It does not lock or allocate. An event with a Count
// counts as often as it says.
func (c *Collector) Record(_ context.Context, e bulwark.Event) {
	if c.made() {
		c.tally.Record(&e)
	}
}

// Answered counts an answer. It does not lock or allocate.
func (c *Collector) Answered(_ context.Context, a audit.Answer) {
	if c.made() {
		c.tally.Answered(&a)
	}
}

// Watch keeps m, to read its [audit.Stats] at each scrape. If several audit
// layers have the Collector, their numbers are added up: the sinks of the same
// field are one series. At most 16 audit layers are read.
func (c *Collector) Watch(m *audit.Middleware) {
	if c.made() {
		c.tally.Watch(m)
	}
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	if !c.made() {
		return
	}
	for _, m := range c.tally.Metrics() {
		to <- c.descs[m]
	}
	if c.plain != nil {
		to <- c.plain
	}
	c.durations.Describe(to)
}

// Collect sends all series.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	if !c.made() {
		return
	}
	c.tally.Read(func(m *tally.Metric, value float64, labels ...string) {
		kind := prometheus.CounterValue
		if m.Gauge {
			kind = prometheus.GaugeValue
		}
		to <- prometheus.MustNewConstMetric(c.descs[m], kind, value, labels...)
	})
	if c.plain != nil {
		// Not a counter: in the OpenMetrics format, the name of a counter gets
		// the ending _total, and that is the name of another metric.
		to <- prometheus.MustNewConstMetric(c.plain, prometheus.UntypedValue, float64(c.tally.Failures()))
	}
	c.durations.Collect(to)
}

// Timed returns a Builder that measures the layer of part: the time that it
// takes itself, without the handlers inside it. The time is in
// layer_duration_seconds under the name. Build reports an error if the name is
// not 1 to 64 letters, digits, "-", "_" and ".", or would be name number 33.
// Several layers may have one name. The time of a layer that passes on another
// request, as a batch does, includes the handlers inside it.
//
// Two adjacent rate limits decide together only if nothing stands between them.
// Measure them as one part: a Stack of both. A Stack of layers of different
// kinds is an error.
func (c *Collector) Timed(name string, part bulwark.Builder) bulwark.Builder {
	if !c.made() {
		return unmade{}
	}
	return timed.Part{Layers: c.layers, Name: name, Inner: part}
}

// open makes the series of a layer.
func (c *Collector) open(name string) func(time.Duration) {
	series := c.durations.WithLabelValues(name)
	return func(took time.Duration) { series.Observe(took.Seconds()) }
}
