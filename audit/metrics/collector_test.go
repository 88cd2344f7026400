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
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/internal/race"
)

func by(method string) [4]slog.Attr { return [4]slog.Attr{slog.String("authMethod", method)} }

// events are events, and what they add to the series.
var events = []struct {
	name  string
	event bulwark.Event
	want  []string
}{
	{"bad-token", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Status: 401, Attrs: by("jwt")}, []string{
		`auth_attempts_total{method="jwt"} +1`,
		`auth_failures_total{method="jwt",reason="expired"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"method-in-the-second-attribute", bulwark.Event{Name: bulwark.AuthnTokenReuse, Reason: "reuse", Attrs: [4]slog.Attr{slog.String("session", "7"), slog.String("authMethod", "session")}}, []string{
		`auth_attempts_total{method="session"} +1`,
		`auth_failures_total{method="session",reason="reuse"} +1`,
		`security_events_total{event="authn_token_reuse"} +1`,
	}},
	{"no-authenticator", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "scheme"}, []string{
		`auth_attempts_total{method="none"} +1`,
		`auth_failures_total{method="none",reason="scheme"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"unknown-method-and-reason", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "solar", Attrs: by("palm")}, []string{
		`auth_attempts_total{method="other"} +1`,
		`auth_failures_total{method="other",reason="other"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"method-that-is-not-text", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "key", Attrs: [4]slog.Attr{slog.Int("authMethod", 1)}}, []string{
		`auth_attempts_total{method="none"} +1`,
		`auth_failures_total{method="none",reason="key"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"own-method-and-reason", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "login.failed", Attrs: by("kerberos")}, []string{
		`auth_attempts_total{method="kerberos"} +1`,
		`auth_failures_total{method="kerberos",reason="login.failed"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"wrong-password", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "login.failed", Attrs: by("jwt")}, []string{
		`auth_attempts_total{method="password"} +1`,
		`auth_failures_total{method="password",reason="login.failed"} +1`,
		`security_events_total{event="authn_login_fail"} +1`,
	}},
	{"many-in-one", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password", Count: 250}, []string{
		`auth_attempts_total{method="password"} +250`,
		`auth_failures_total{method="password",reason="password"} +250`,
		`security_events_total{event="authn_login_fail"} +250`,
	}},
	{"negative-count", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password", Count: -3}, []string{
		`auth_attempts_total{method="password"} +1`,
		`auth_failures_total{method="password",reason="password"} +1`,
		`security_events_total{event="authn_login_fail"} +1`,
	}},
	{"login", bulwark.Event{Name: bulwark.AuthnLoginSuccess}, []string{
		`auth_attempts_total{method="password"} +1`,
		`security_events_total{event="authn_login_success"} +1`,
	}},
	{"forbidden", bulwark.Event{Name: bulwark.AuthzFail, Reason: "authz.forbidden", Status: 403}, []string{
		`authz_failures_total{reason="authz.forbidden"} +1`,
		`security_events_total{event="authz_fail"} +1`,
	}},
	{"forbidden-by-the-application", bulwark.Event{Name: bulwark.AuthzFail, Reason: "login.failed", Status: 403}, []string{
		`authz_failures_total{reason="login.failed"} +1`,
		`security_events_total{event="authz_fail"} +1`,
	}},
	{"limited", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.exceeded", Rule: "caller", Status: 429}, []string{
		`rate_limit_exceeded_total{policy="caller"} +1`,
		`security_events_total{event="excess_rate_limit_exceeded"} +1`,
	}},
	{"limited-by-another", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "audit.unreported", Status: 429}, []string{
		`rate_limit_exceeded_total{policy="other"} +1`,
		`security_events_total{event="excess_rate_limit_exceeded"} +1`,
	}},
	{"limited-on-trial", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.dry_run", Rule: "caller", Count: 9}, []string{
		`security_events_total{event="excess_rate_limit_exceeded"} +9`,
	}},
	{"invalid", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "validate.invalid", Status: 422}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
		`validation_failures_total +1`,
	}},
	{"no-route", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "authz.no_route", Status: 404}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
	}},
	{"conflict", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "documents.changed", Status: 412}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
	}},
	{"sqli", bulwark.Event{Name: bulwark.MaliciousSQLi, Reason: "sanitize.suspicious", Rule: "sqli"}, []string{
		`security_events_total{event="malicious_sqli"} +1`,
		`suspicious_payloads_total{kind="sqli"} +1`,
	}},
	{"sqli-of-the-application", bulwark.Event{Name: bulwark.MaliciousSQLi, Reason: "search"}, []string{
		`security_events_total{event="malicious_sqli"} +1`,
		`suspicious_payloads_total{kind="sqli"} +1`,
	}},
	{"traversal", bulwark.Event{Name: bulwark.MaliciousExtraneous, Reason: "sanitize.suspicious", Rule: "traversal", Count: 3}, []string{
		`security_events_total{event="malicious_extraneous"} +3`,
		`suspicious_payloads_total{kind="traversal"} +3`,
	}},
	{"extraneous-of-the-application", bulwark.Event{Name: bulwark.MaliciousExtraneous, Rule: "zip bomb"}, []string{
		`security_events_total{event="malicious_extraneous"} +1`,
		`suspicious_payloads_total{kind="other"} +1`,
	}},
	{"finding", bulwark.Event{Name: bulwark.AuthnCredentialStuffing, Reason: "detect.credential_stuffing"}, []string{
		`access_anomalies_total{rule="credential_stuffing"} +1`,
		`security_events_total{event="authn_credential_stuffing"} +1`,
	}},
	{"finding-is-not-a-failure", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "detect.brute_force", Count: 40}, []string{
		`access_anomalies_total{rule="brute_force"} +40`,
		`security_events_total{event="authn_login_fail"} +40`,
	}},
	{"unknown-finding", bulwark.Event{Name: bulwark.MaliciousExcess404, Reason: "detect.<script>"}, []string{
		`access_anomalies_total{rule="other"} +1`,
		`security_events_total{event="malicious_excess_404"} +1`,
	}},
	{"unknown-event", bulwark.Event{Name: "my_event", Reason: "expired", Status: 403}, []string{
		`security_events_total{event="other"} +1`,
	}},
}

var config = metrics.Config{Methods: []string{"kerberos"}, Reasons: []string{"login.failed"}, Policies: []string{"address", "caller"}}

func TestEvents(t *testing.T) {
	for _, test := range events {
		t.Run(test.name, func(t *testing.T) {
			collector, registry := made(t, config)
			before := series(t, registry)
			collector.Record(t.Context(), test.event)
			if got := changed(before, series(t, registry)); !slices.Equal(got, test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
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
				RequestID: text, TraceID: text, SpanID: text, Reason: text, Rule: text, Attrs: by(text), Status: len(text), Count: len(text)}
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
		"auth_attempts_total": 8, "auth_failures_total": 8 * 29, "auth_failures": 1, "authz_failures_total": 15, "rate_limit_exceeded_total": 1,
		"validation_failures_total": 1, "suspicious_payloads_total": 7, "access_anomalies_total": 7, "security_events_total": 33,
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
	for _, test := range events {
		if n := testing.AllocsPerRun(100, func() { collector.Record(ctx, test.event) }); n > 0 {
			t.Errorf("%s: %v allocations", test.name, n)
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
				collector.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Attrs: by("jwt")})
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
	event := bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Attrs: by("jwt")}
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
