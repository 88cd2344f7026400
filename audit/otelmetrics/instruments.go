package otelmetrics

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bulwark-go/bulwark/audit/internal/tally"
)

// make makes all instruments, and the one callback that observes them.
func (o *Observer) make(meter metric.Meter, requests bool) error {
	var errs []error
	noted := func(err error) { errs = append(errs, err) }
	integers, floats := map[*tally.Metric]metric.Int64Observable{}, map[*tally.Metric]metric.Float64Observable{}
	var all []metric.Observable
	for _, m := range o.tally.Metrics() {
		switch {
		case m.Unit == "s":
			made, err := meter.Float64ObservableGauge(m.Instrument, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
			noted(err)
			floats[m], all = made, append(all, made)
		case m.Gauge:
			made, err := meter.Int64ObservableGauge(m.Instrument, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
			noted(err)
			integers[m], all = made, append(all, made)
		default:
			made, err := meter.Int64ObservableCounter(m.Instrument, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
			noted(err)
			integers[m], all = made, append(all, made)
		}
	}
	var err error
	o.durations, err = meter.Float64Histogram("bulwark.layer.duration", metric.WithUnit("s"),
		metric.WithDescription("Time that a layer takes, without the handlers inside it."), metric.WithExplicitBucketBoundaries(tally.LayerBuckets...))
	noted(err)
	if requests {
		o.requests, err = meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
			metric.WithDescription("Duration of HTTP server requests."), metric.WithExplicitBucketBoundaries(requestBuckets...))
		noted(err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	o.registration, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		o.tally.Read(func(m *tally.Metric, value float64, labels ...string) {
			if instrument, ok := floats[m]; ok {
				to.ObserveFloat64(instrument, value, o.option(m, labels))
				return
			}
			to.ObserveInt64(integers[m], int64(value), o.option(m, labels))
		})
		return nil
	}, all...)
	return err
}

// requestBuckets are the bounds that the semantic conventions advise for
// http.server.request.duration, in seconds.
var requestBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// A series is a metric with the values of its labels.
type series struct {
	metric *tally.Metric
	labels string
}

// option returns the attributes of a series. They are made once.
func (o *Observer) option(m *tally.Metric, labels []string) metric.MeasurementOption {
	key := series{m, strings.Join(labels, "\n")} // a label has no line break
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.options[key]; ok {
		return known
	}
	attributes := make([]attribute.KeyValue, len(labels))
	for i, value := range labels {
		attributes[i] = attribute.String(m.Labels[i].Attribute, value)
	}
	made := metric.WithAttributeSet(attribute.NewSet(attributes...))
	o.options[key] = made
	return made
}

// open returns what measures the layer of a name.
func (o *Observer) open(name string) func(time.Duration) {
	attributes := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("bulwark.layer.name", name)))}
	return func(took time.Duration) {
		o.durations.Record(context.Background(), took.Seconds(), attributes...)
	}
}
