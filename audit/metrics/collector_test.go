package metrics_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/internal/tallytest"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/internal/race"
)

var config = metrics.Config{Methods: tallytest.Config.Methods, Reasons: tallytest.Config.Reasons, Policies: tallytest.Config.Policies}

func TestEvents(t *testing.T) {
	for _, test := range tallytest.Events {
		t.Run(test.Name, func(t *testing.T) {
			collector, registry := made(t, config)
			before := series(t, registry)
			collector.Record(t.Context(), test.Event)
			if got := changed(before, series(t, registry)); !slices.Equal(got, test.Want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.Want, "\n"))
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer audit.Answer
		want   []string
	}{
		{"anonymous", audit.Answer{Event: bulwark.Event{Status: 200}}, []string{`http_responses_total{class="2xx"} +1`}},
		{"identified", audit.Answer{Event: bulwark.Event{Status: 304}, Caller: &bulwark.Principal{Method: "api_key"}},
			[]string{`auth_attempts_total{method="api_key"} +1`, `http_responses_total{class="3xx"} +1`}},
		{"identified-and-forbidden", audit.Answer{Event: bulwark.Event{Status: 403}, Caller: &bulwark.Principal{Method: "session"}, Reported: true},
			[]string{`auth_attempts_total{method="session"} +1`, `http_responses_total{class="4xx"} +1`}},
		{"own-method", audit.Answer{Event: bulwark.Event{Status: 101}, Caller: &bulwark.Principal{Method: "kerberos"}},
			[]string{`auth_attempts_total{method="kerberos"} +1`, `http_responses_total{class="1xx"} +1`}},
		{"unknown-method", audit.Answer{Event: bulwark.Event{Status: 503}, Caller: &bulwark.Principal{Method: "\xff\n"}},
			[]string{`auth_attempts_total{method="other"} +1`, `http_responses_total{class="5xx"} +1`}},
		{"client-left", audit.Answer{Event: bulwark.Event{Status: 499}, Cancelled: true}, []string{`http_responses_total{class="4xx"} +1`}},
		{"strange-status", audit.Answer{Event: bulwark.Event{Status: 999}}, []string{`http_responses_total{class="other"} +1`}},
		{"no-status", audit.Answer{}, []string{`http_responses_total{class="other"} +1`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			collector, registry := made(t, config)
			before := series(t, registry)
			collector.Answered(t.Context(), test.answer)
			if got := changed(before, series(t, registry)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// hostile are texts that a client may send.
var hostile = []string{"", " ", "' OR 1=1--", "<script>alert(1)</script>", "a\nb 1", `"} 1`, "\x00\xff", "\u202e", "other ", strings.Repeat("x", 1<<16),
	"203.0.113.7", "alice@example.com", "/documents/42", "detect.", "detect.\n", "sanitize.suspicious"}

// Values of a request do not make a series, whichever field they are in, and
// are nowhere in the page.
func TestHostileValuesMakeNoSeries(t *testing.T) {
	collector, registry := made(t, config)
	audited(t, collector)
	before := series(t, registry)
	for _, name := range append([]bulwark.EventName{"", "my\nevent", "x_y_z"}, bulwark.AuthnLoginFail, bulwark.AuthnTokenInvalid, bulwark.AuthnTokenReuse,
		bulwark.AuthzFail, bulwark.ExcessRateLimitExceeded, bulwark.InputValidationFail, bulwark.MaliciousSQLi, bulwark.MaliciousExtraneous, bulwark.AuditGap) {
		for _, text := range hostile {
			e := bulwark.Event{Name: name, Issuer: text, UserID: text, AssumedIssuer: text, AssumedID: text, Method: text, Path: text, Route: text,
				RequestID: text, TraceID: text, SpanID: text, Reason: text, Rule: text, Attrs: tallytest.By(text), Status: len(text), Count: len(text)}
			e.Attrs[1], e.Attrs[2] = slog.String(text, text), slog.Any("authMethod", text)
			collector.Record(t.Context(), e)
			e.Reason = "detect." + text
			collector.Record(t.Context(), e)
			collector.Answered(t.Context(), audit.Answer{Event: e, Caller: &bulwark.Principal{Issuer: text, Subject: text, Method: text, Roles: []string{text}, Tier: text}})
		}
	}
	after := series(t, registry)
	if !slices.Equal(names(before), names(after)) {
		t.Errorf("%d series before, %d after", len(before), len(after))
	}
	if len(changed(before, after)) < 12 {
		t.Errorf("only %v have changed", changed(before, after))
	}
}

// A counter that begins at 1 is missed by rate and increase.
func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	collector, registry := made(t, metrics.Config{PlainNames: true})
	audited(t, collector)
	counts := map[string]int{}
	for name, value := range series(t, registry) {
		family, _, _ := strings.Cut(name, "{")
		counts[family]++
		if value != 0 && family != "audit_queue_capacity_records" {
			t.Errorf("%s is %v", name, value)
		}
	}
	for family, want := range map[string]int{
		"auth_attempts_total": 8, "auth_failures_total": 8 * 30, "auth_failures": 1, "authz_failures_total": 16, "rate_limit_exceeded_total": 1,
		"validation_failures_total": 1, "suspicious_payloads_total": 7, "access_anomalies_total": 7, "security_events_total": 35,
		"http_responses_total": 6, "audit_events_written_total": 2, "audit_events_dropped_total": 6, "audit_sink_errors_total": 1,
		"audit_queue_records": 2, "audit_queue_capacity_records": 2, "audit_last_write_timestamp_seconds": 1,
	} {
		if counts[family] != want {
			t.Errorf("%s has %d series, want %d", family, counts[family], want)
		}
		delete(counts, family)
	}
	if len(counts) > 0 {
		t.Errorf("unexpected: %v", counts)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	collector, _ := made(t, config)
	ctx := t.Context()
	for _, test := range tallytest.Events {
		if n := testing.AllocsPerRun(100, func() { collector.Record(ctx, test.Event) }); n > 0 {
			t.Errorf("%s: %v allocations", test.Name, n)
		}
	}
	answer := audit.Answer{Event: bulwark.Event{Status: 200}, Caller: &bulwark.Principal{Method: "jwt"}}
	if n := testing.AllocsPerRun(100, func() { collector.Answered(ctx, answer) }); n > 0 {
		t.Errorf("an answer: %v allocations", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	collector, registry := made(t, config)
	before := series(t, registry)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				collector.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Attrs: tallytest.By("jwt")})
				collector.Answered(t.Context(), audit.Answer{Event: bulwark.Event{Status: 401}})
			}
		})
		group.Go(func() {
			audited(t, collector)
			series(t, registry)
		})
	}
	group.Wait()
	after := series(t, registry)
	for _, name := range []string{`auth_failures_total{method="jwt",reason="expired"}`, `auth_attempts_total{method="jwt"}`, `http_responses_total{class="4xx"}`} {
		if got := after[name] - before[name]; got != 8000 {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// A collector that was made without New counts nothing, and disturbs nobody.
func TestUnmade(t *testing.T) {
	for name, collector := range map[string]*metrics.Collector{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			collector.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			collector.Answered(t.Context(), audit.Answer{})
			collector.Watch(nil)
			metricsOf, descs := make(chan prometheus.Metric, 1), make(chan *prometheus.Desc, 1)
			collector.Collect(metricsOf)
			collector.Describe(descs)
			if len(metricsOf)+len(descs) > 0 {
				t.Error("it shows something")
			}
			_, err := collector.Timed("auth", bulwark.LayerFunc(func(h http.Handler) http.Handler { return h })).Build()
			if err == nil || !strings.Contains(err.Error(), "metrics") || !strings.Contains(err.Error(), "made without New") {
				t.Errorf("Build: %v", err)
			}
		})
	}
}

// A service behind an audit layer is counted as its clients see it.
func TestThroughTheAuditLayer(t *testing.T) {
	collector, registry := made(t, config)
	before := series(t, registry)
	handler := audited(t, collector).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/denied":
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "authz.forbidden"})
		case "/quiet":
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusConflict, Code: "documents.changed", Log: bulwark.ProblemLog{Event: bulwark.NoEvent}})
		case "/handwritten":
			w.WriteHeader(http.StatusUnauthorized)
		case "/panic":
			panic(http.ErrAbortHandler)
		}
	}))
	for _, path := range []string{"/", "/denied", "/quiet", "/handwritten", "/panic"} {
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		}()
	}
	want := []string{
		`authz_failures_total{reason="audit.unreported"} +1`,
		`authz_failures_total{reason="authz.forbidden"} +1`,
		`http_responses_total{class="2xx"} +1`,
		`http_responses_total{class="4xx"} +3`,
		`http_responses_total{class="5xx"} +1`,
		`security_events_total{event="authz_fail"} +2`,
	}
	got := slices.DeleteFunc(changed(before, series(t, registry)), func(line string) bool { return strings.HasPrefix(line, "audit_") })
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func BenchmarkRecord(b *testing.B) {
	collector, _ := made(b, config)
	event := bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Attrs: tallytest.By("jwt")}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		collector.Record(ctx, event)
	}
}

func BenchmarkAnswered(b *testing.B) {
	collector, _ := made(b, config)
	answer := audit.Answer{Event: bulwark.Event{Status: 200}, Caller: &bulwark.Principal{Method: "jwt"}}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		collector.Answered(ctx, answer)
	}
}
