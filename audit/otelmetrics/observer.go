package otelmetrics

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/audit/internal/timed"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// An Observer counts what it observes, for the instruments of a MeterProvider.
// Make it with [New], and put it into the Observers of an audit.Config. It is
// safe for concurrent use. A zero or nil Observer counts nothing.
type Observer struct {
	tally        *tally.Tally
	layers       *timed.Layers
	durations    metric.Float64Histogram
	requests     metric.Float64Histogram // nil without RequestDuration
	registration metric.Registration

	mu      sync.Mutex
	options map[series]metric.MeasurementOption
}

// What the audit layer looks for.
var (
	_ bulwark.Recorder     = (*Observer)(nil)
	_ audit.AnswerObserver = (*Observer)(nil)
	_ audit.Watcher        = (*Observer)(nil)
)

// made reports whether New has made o.
func (o *Observer) made() bool { return o != nil && o.tally != nil }

// Record counts an event. It does not lock or allocate. An event with a Count
// counts as often as it says.
func (o *Observer) Record(_ context.Context, e bulwark.Event) {
	if o.made() {
		o.tally.Record(&e)
	}
}

// Answered counts an answer. Without [Config.RequestDuration] it does not lock
// or allocate.
func (o *Observer) Answered(ctx context.Context, a audit.Answer) {
	if !o.made() {
		return
	}
	o.tally.Answered(&a)
	if o.requests != nil {
		o.requests.Record(ctx, a.Duration.Seconds(), metric.WithAttributeSet(requestAttributes(ctx, &a.Event)))
	}
}

// requestAttributes are the attributes of a request by the semantic
// conventions.
func requestAttributes(ctx context.Context, e *bulwark.Event) attribute.Set {
	attributes := make([]attribute.KeyValue, 0, 4)
	attributes = append(attributes, attribute.String("http.request.method", methodOf(e.Method)), attribute.String("url.scheme", schemeOf(ctx)))
	if e.Status >= 100 && e.Status <= 599 {
		attributes = append(attributes, attribute.Int("http.response.status_code", e.Status))
		if e.Status >= 500 {
			attributes = append(attributes, attribute.String("error.type", strconv.Itoa(e.Status)))
		}
	}
	return attribute.NewSet(attributes...)
}

// methodOf returns a method of RFC 9110 or 5789, or "_OTHER".
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "_OTHER"
}

// schemeOf returns how the client sent the request, as bulwark.Edge sees it.
func schemeOf(ctx context.Context) string {
	_, scope := bulwark.Enter(new(http.Request).WithContext(ctx)) // without a Header: the scope in ctx
	if scope.Secure() {
		return "https"
	}
	return "http"
}

// Watch keeps m, to read its [audit.Stats] at each export. If several audit
// layers have the Observer, their numbers are added up: the sinks of the same
// field are one series. At most 16 audit layers are read.
func (o *Observer) Watch(m *audit.Middleware) {
	if o.made() {
		o.tally.Watch(m)
	}
}

// Timed returns a Builder that measures the layer of part: the time that it
// takes itself, without the handlers inside it. The time is in
// bulwark.layer.duration under the name. Build reports an error if the name is
// not 1 to 64 letters, digits, "-", "_" and ".", or would be name number 33.
// Several layers may have one name. The time of a layer that passes on another
// request, as a batch does, includes the handlers inside it.
//
// Two adjacent rate limits decide together only if nothing stands between them.
// Measure them as one part: a Stack of both. A Stack of layers of different
// kinds is an error.
func (o *Observer) Timed(name string, part bulwark.Builder) bulwark.Builder {
	if !o.made() {
		return unmade{}
	}
	return timed.Part{Layers: o.layers, Name: name, Inner: part}
}

// Shutdown ends the export of the counters and gauges. It does not shut the
// MeterProvider down. It may be called more than once.
func (o *Observer) Shutdown(context.Context) error {
	if !o.made() {
		return nil
	}
	return o.registration.Unregister()
}

// unmade is a part that was measured by an Observer made without New.
type unmade struct{}

func (unmade) Build() (bulwark.Layer, error) { return nil, fault.Unmade("otelmetrics", "New") }
