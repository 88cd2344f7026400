package otelmetrics_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/audit/internal/tallytest"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/audit/otelmetrics"
	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// made returns an Observer, and the reader of its provider.
func made(t testing.TB, c otelmetrics.Config) (*otelmetrics.Observer, *sdk.ManualReader) {
	t.Helper()
	reader := sdk.NewManualReader()
	c.MeterProvider = sdk.NewMeterProvider(sdk.WithReader(reader))
	observer, err := otelmetrics.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return observer, reader
}

func config() otelmetrics.Config {
	c := tallytest.Config
	return otelmetrics.Config{Methods: c.Methods, Reasons: c.Reasons, Policies: c.Policies}
}

// instruments are the instruments of the one scope.
func instruments(t testing.TB, reader *sdk.ManualReader) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.ScopeMetrics) != 1 || all.ScopeMetrics[0].Scope.Name != "github.com/bulwark-go/bulwark/audit/otelmetrics" {
		t.Fatalf("scopes %v", all.ScopeMetrics)
	}
	return all.ScopeMetrics[0].Metrics
}

// series are all series by name and attributes, such as
// bulwark.auth.failures{bulwark.auth.method=jwt,error.type=expired}. Of a
// histogram it has the count.
func series(t testing.TB, reader *sdk.ManualReader) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, m := range instruments(t, reader) {
		put := func(set attribute.Set, value float64) {
			all[m.Name+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] = value
		}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			if !data.IsMonotonic {
				t.Errorf("%s may go down", m.Name)
			}
			for _, point := range data.DataPoints {
				put(point.Attributes, float64(point.Value))
			}
		case metricdata.Gauge[int64]:
			for _, point := range data.DataPoints {
				put(point.Attributes, float64(point.Value))
			}
		case metricdata.Gauge[float64]:
			for _, point := range data.DataPoints {
				put(point.Attributes, point.Value)
			}
		case metricdata.Histogram[float64]:
			for _, point := range data.DataPoints {
				put(point.Attributes, float64(point.Count))
			}
		default:
			t.Errorf("%s is a %T", m.Name, data)
		}
	}
	return all
}

// prometheusSeries are the series of a collector under the names of
// OpenTelemetry. The names are those of the descriptions that both share.
func prometheusSeries(t *testing.T, collector *metrics.Collector, log *trail.Writer) map[string]float64 {
	t.Helper()
	known := map[string]*tally.Metric{}
	for _, m := range tally.New(tally.Config{Trail: log}, nil).Metrics() {
		known[m.Name] = m
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		m := known[family.GetName()]
		if m == nil {
			t.Errorf("%s has no instrument", family.GetName())
			continue
		}
		for _, sample := range family.Metric {
			var attributes []attribute.KeyValue
			for _, pair := range sample.Label {
				at := slices.IndexFunc(m.Labels, func(l tally.Label) bool { return l.Name == pair.GetName() })
				attributes = append(attributes, attribute.String(m.Labels[at].Attribute, pair.GetValue()))
			}
			set := attribute.NewSet(attributes...)
			all[m.Instrument+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] = sample.GetCounter().GetValue() + sample.GetGauge().GetValue()
		}
	}
	return all
}

// failing is a sink that refuses the first records.
type failing struct {
	slog.Handler
	left *int
}

func (f failing) Handle(context.Context, slog.Record) error {
	if *f.left--; *f.left >= 0 {
		return errors.New("disk full")
	}
	return nil
}

// Both collectors see the same events and answers, and have the same series with
// the same numbers.
func TestSameNumbersAsPrometheus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := bulwark.Must(trail.New(io.Discard, trail.Config{
			Origin: "api.example.com/audit", Signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)), MaxUnsigned: 3}))
		defer log.Close()
		ours := config()
		ours.Trail = log
		observer, reader := made(t, ours)
		collector := bulwark.Must(metrics.New(metrics.Config{Methods: ours.Methods, Reasons: ours.Reasons, Policies: ours.Policies, Trail: log}))
		left := 2
		layer := bulwark.Must(audit.New(audit.Config{
			Sinks:     []slog.Handler{failing{left: &left}, slog.NewJSONHandler(log, nil)},
			Observers: []bulwark.Recorder{observer, collector}, AccessLog: true, MaxSecurityQueue: 16,
		}))
		same := func() {
			t.Helper()
			synctest.Wait()
			got, want := series(t, reader), prometheusSeries(t, collector, log)
			if len(want) < 300 {
				t.Errorf("only %d series", len(want))
			}
			for name, value := range want {
				if other, there := got[name]; !there || other != value {
					t.Errorf("%s is %v (there: %v), Prometheus has %v", name, other, there, value)
				}
			}
			for name := range got {
				if _, there := want[name]; !there {
					t.Errorf("%s is not in Prometheus", name)
				}
			}
		}
		same() // all at 0
		for _, test := range tallytest.Events {
			layer.Record(t.Context(), test.Event)
			time.Sleep(time.Second)
		}
		same()
		handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var status int
			fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.WriteHeader(status)
		}))
		for _, status := range []int{200, 204, 301, 401, 403, 404, 429, 500, 599, 999} {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprint("/", status), nil))
		}
		for range 100 { // a flood, more than the queue takes
			layer.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password"})
		}
		same()
		all := series(t, reader)
		for _, name := range []string{
			"bulwark.auth.failures{bulwark.auth.method=kerberos,error.type=login.failed}", "bulwark.http.responses{bulwark.http.status_class=4xx}",
			"bulwark.audit.events.written{bulwark.audit.class=access}", "bulwark.audit.sink.errors{bulwark.audit.sink=Sinks[0]}",
			"bulwark.audit.events.dropped{bulwark.audit.class=security,error.type=queue_full}", "bulwark.audit.trail.lines{}",
			"bulwark.audit.last_write{bulwark.audit.sink=Sinks[1]}", "bulwark.audit.trail.last_checkpoint{}",
			"bulwark.audit.queue.capacity{bulwark.audit.class=access,bulwark.audit.sink=Sinks[1]}",
		} {
			if all[name] == 0 {
				t.Errorf("%s is 0: the test does not move it", name)
			}
		}
		_ = layer.Shutdown(t.Context())
		same()
	})
}

// Each instrument has a unit and a description, and each counter and gauge all
// of its series at 0.
func TestInstruments(t *testing.T) {
	c := config()
	c.Trail = bulwark.Must(trail.New(io.Discard, trail.Config{Origin: "api.example.com/audit", Signer: ed25519.NewKeyFromSeed(make([]byte, 32))}))
	defer c.Trail.Close()
	c.RequestDuration = true
	observer, reader := made(t, c)
	layer := bulwark.Must(audit.New(audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{observer}}))
	units := map[string]string{}
	check := func() {
		for _, m := range instruments(t, reader) {
			units[m.Name] = m.Unit
			if m.Description == "" || m.Unit == "" {
				t.Errorf("%s has the unit %q and the description %q", m.Name, m.Unit, m.Description)
			}
		}
	}
	check()
	for name, value := range series(t, reader) {
		if value != 0 && !strings.HasPrefix(name, "bulwark.audit.queue.capacity") {
			t.Errorf("%s is %v", name, value)
		}
	}
	stack := bulwark.Must(bulwark.Chain(layer, observer.Timed("nothing", bulwark.LayerFunc(func(next http.Handler) http.Handler { return next }))))
	stack.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	check()
	want := map[string]string{
		"bulwark.auth.attempts": "{attempt}", "bulwark.auth.failures": "{failure}", "bulwark.authz.failures": "{failure}",
		"bulwark.ratelimit.exceeded": "{request}", "bulwark.validation.failures": "{request}", "bulwark.payloads.suspicious": "{payload}",
		"bulwark.access.anomalies": "{anomaly}", "bulwark.security.events": "{event}", "bulwark.http.responses": "{response}",
		"bulwark.audit.events.written": "{event}", "bulwark.audit.events.dropped": "{event}", "bulwark.audit.sink.errors": "{error}",
		"bulwark.audit.queue.size": "{record}", "bulwark.audit.queue.capacity": "{record}", "bulwark.audit.last_write": "s",
		"bulwark.audit.trail.lines": "{line}", "bulwark.audit.trail.unsigned": "{line}", "bulwark.audit.trail.last_checkpoint": "s",
		"bulwark.layer.duration": "s", "http.server.request.duration": "s",
	}
	if !maps.Equal(units, want) {
		t.Errorf("instruments %v, want %v", units, want)
	}
}

// Values of a request do not make a series.
func TestHostileValuesMakeNoSeries(t *testing.T) {
	c := config()
	c.RequestDuration = true
	observer, reader := made(t, c)
	observer.Answered(t.Context(), audit.Answer{Event: bulwark.Event{Method: "_OTHER"}})
	before := slices.Sorted(maps.Keys(series(t, reader)))
	for _, name := range []bulwark.EventName{"", "my\nevent", bulwark.AuthnLoginFail, bulwark.AuthnTokenInvalid, bulwark.AuthzFail,
		bulwark.ExcessRateLimitExceeded, bulwark.MaliciousSQLi, bulwark.MaliciousExtraneous} {
		for _, text := range []string{"", "' OR 1=1--", "a\nb", "\x00\xff", strings.Repeat("x", 1<<16), "203.0.113.7", "/documents/42", "get", "detect.x"} {
			e := bulwark.Event{Name: name, Issuer: text, UserID: text, Method: text, Path: text, Route: text, RequestID: text, Reason: text, Rule: text,
				Attrs: tallytest.By(text), Status: 1000 + len(text)}
			observer.Record(t.Context(), e)
			observer.Answered(t.Context(), audit.Answer{Event: e, Caller: &bulwark.Principal{Subject: text, Method: text}})
		}
	}
	if after := slices.Sorted(maps.Keys(series(t, reader))); !slices.Equal(before, after) {
		t.Errorf("%d series before, %d after", len(before), len(after))
	}
}

// The duration of requests has the attributes of the semantic conventions.
func TestRequestDuration(t *testing.T) {
	for _, on := range []bool{true, false} {
		c := config()
		c.RequestDuration = on
		observer, reader := made(t, c)
		layer := bulwark.Must(audit.New(audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{observer}}))
		handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "BREW" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/documents/42?a=b", nil))
		secure := httptest.NewRequest("BREW", "/", nil)
		secure.TLS = new(tls.ConnectionState)
		handler.ServeHTTP(httptest.NewRecorder(), secure)
		var got []string
		for name := range series(t, reader) {
			if strings.HasPrefix(name, "http.") {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		want := []string{
			"http.server.request.duration{error.type=503,http.request.method=_OTHER,http.response.status_code=503,url.scheme=https}",
			"http.server.request.duration{http.request.method=GET,http.response.status_code=200,url.scheme=http}",
		}
		if !on {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("with RequestDuration %v: %q, want %q", on, got, want)
		}
	}
}

// A layer has its own time, without the handlers inside it.
func TestTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		observer, reader := made(t, config())
		slow := bulwark.LayerFunc(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(5 * time.Millisecond)
				next.ServeHTTP(w, r)
			})
		})
		layer := bulwark.Must(observer.Timed("slow", slow).Build())
		layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		found := false
		for _, m := range instruments(t, reader) {
			if data, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == "bulwark.layer.duration" {
				point := data.DataPoints[0]
				name, _ := point.Attributes.Value("bulwark.layer.name")
				found = point.Count == 1 && point.Sum > 0.0049 && point.Sum < 0.0051 && name.AsString() == "slow" && point.Bounds[0] == 1e-6
			}
		}
		if !found {
			t.Error("there is no such time")
		}
	})
	observer, _ := made(t, config())
	if _, err := observer.Timed("a b", nil).Build(); !slices.Equal(faulttest.Sorted(err), []string{"otelmetrics.Timed.name", "otelmetrics.Timed.part"}) {
		t.Errorf("%v", err)
	}
}

// broken is a provider whose meter makes nothing.
type broken struct{ noop.MeterProvider }

func (broken) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

type brokenMeter struct{ noop.Meter }

var errBroken = errors.New("the name is taken")

func (brokenMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errBroken
}

func TestConfigErrors(t *testing.T) {
	for _, test := range []struct {
		name   string
		config otelmetrics.Config
		fields []string
	}{
		{"zero", otelmetrics.Config{}, []string{"otelmetrics.MeterProvider"}},
		{"nil-inside", otelmetrics.Config{MeterProvider: (*sdk.MeterProvider)(nil)}, []string{"otelmetrics.MeterProvider"}},
		{"all", otelmetrics.Config{Methods: []string{""}, Reasons: []string{"a\n"}, Policies: []string{"x", "x"}},
			[]string{"otelmetrics.MeterProvider", "otelmetrics.Methods[0]", "otelmetrics.Policies[1]", "otelmetrics.Reasons[0]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			observer, err := otelmetrics.New(test.config)
			if observer != nil || !slices.Equal(faulttest.Sorted(err), test.fields) {
				t.Errorf("%v, faults %q, want %q", observer, faulttest.Sorted(err), test.fields)
			}
		})
	}
	if observer, err := otelmetrics.New(otelmetrics.Config{MeterProvider: broken{}}); observer != nil || !errors.Is(err, errBroken) {
		t.Errorf("%v, %v", observer, err)
	}
	if _, err := otelmetrics.New(otelmetrics.Config{MeterProvider: noop.NewMeterProvider(), RequestDuration: true}); err != nil {
		t.Errorf("a provider that keeps nothing: %v", err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	observer, _ := made(t, config())
	ctx := t.Context()
	answer := audit.Answer{Event: bulwark.Event{Status: 200}, Caller: &bulwark.Principal{Method: "jwt"}}
	for _, test := range tallytest.Events {
		if n := testing.AllocsPerRun(100, func() {
			observer.Record(ctx, test.Event)
			observer.Answered(ctx, answer)
		}); n > 0 {
			t.Errorf("%s: %v allocations", test.Name, n)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	observer, reader := made(t, config())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				observer.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password"})
			}
		})
		group.Go(func() { series(t, reader) })
	}
	group.Wait()
	if got := series(t, reader)["bulwark.auth.failures{bulwark.auth.method=password,error.type=password}"]; got != 8000 {
		t.Errorf("%v failures", got)
	}
}

// After Shutdown nothing is exported, and the service goes on.
func TestShutdown(t *testing.T) {
	observer, reader := made(t, config())
	for range 2 {
		if err := observer.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	observer.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil || len(all.ScopeMetrics) > 0 {
		t.Errorf("%v, %v", all.ScopeMetrics, err)
	}
}

func TestUnmade(t *testing.T) {
	for name, observer := range map[string]*otelmetrics.Observer{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			observer.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			observer.Answered(t.Context(), audit.Answer{})
			observer.Watch(nil)
			if err := observer.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := observer.Timed("x", nil).Build(); !slices.Equal(faulttest.Fields(err), []string{"otelmetrics"}) {
				t.Errorf("Build: %v", err)
			}
		})
	}
}
