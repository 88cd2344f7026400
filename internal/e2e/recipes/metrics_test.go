package recipes

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/audit/otelmetrics"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func withMetrics(logger *slog.Logger) (*bulwark.Stack, *prometheus.Registry, error) {
	collector, err := metrics.New(metrics.Config{
		Policies: []string{"address", "caller"}, // the names of your rate limits
		Reasons:  []string{"login.failed"},      // the codes of your own problems
	})
	if err != nil {
		return nil, nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector, collectors.NewGoCollector())
	stack, err := bulwark.Chain(
		audit.Config{Logger: logger, Observers: []bulwark.Recorder{collector}},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		collector.Timed("headers", headers.Config{}), // if you want to know what a layer costs
		collector.Timed("address", ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"}),
	)
	return stack, registry, err
}

func metricsServer(registry *prometheus.Registry) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return transport.Server(mux)
}

// A ticket is refused as an authenticator of one's own refuses it.
func ticketRefused(err error) (*bulwark.Principal, error) {
	refused := auth.Invalid("signature", err)
	refused.Log.Attrs = []slog.Attr{slog.String("authMethod", "kerberos")}
	return nil, refused
}

func plainNames() (*metrics.Collector, error) {
	collector, err := metrics.New(metrics.Config{PlainNames: true})
	return collector, err
}

func withOpenTelemetry(logger *slog.Logger, provider metric.MeterProvider) (*bulwark.Stack, error) {
	observer, err := otelmetrics.New(otelmetrics.Config{
		MeterProvider:   provider,
		Policies:        []string{"address", "caller"},
		Reasons:         []string{"login.failed"},
		RequestDuration: true, // leave it out if otelhttp measures the requests
	})
	if err != nil {
		return nil, err
	}
	return bulwark.Chain(
		audit.Config{Logger: logger, Observers: []bulwark.Recorder{observer}},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
	)
}

const prometheusConfig = `
scrape_configs:
  - job_name: documents
    scrape_interval: 15s
    static_configs:
      - targets: ["127.0.0.1:9464"]
rule_files:
  - alerts.yml
`

func quietly() *slog.Logger { return slog.New(slog.DiscardHandler) }

// login is a login that nobody passes.
var login = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed", Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}})
})

func attempt(h http.Handler) {
	r := httptest.NewRequest("POST", "/login", nil)
	r.Host = "api.example.com"
	h.ServeHTTP(httptest.NewRecorder(), r)
}

func TestMetrics(t *testing.T) {
	stack, registry, err := withMetrics(quietly())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Shutdown(context.Background()) })
	attempt(stack.Wrap(login))
	w := httptest.NewRecorder()
	metricsServer(registry).Handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`auth_failures_total{method="password",reason="login.failed"} 1`, `rate_limit_exceeded_total{policy="caller"} 0`,
		`layer_duration_seconds_count{layer="headers"} 1`, `layer_duration_seconds_count{layer="address"} 1`, "go_goroutines ",
	} {
		if !strings.Contains(w.Body.String(), "\n"+line) {
			t.Errorf("the page has no line %s", line)
		}
	}
}

// The method of an authenticator of one's own is a label.
func TestOwnMethod(t *testing.T) {
	collector, err := metrics.New(metrics.Config{Methods: []string{"kerberos"}})
	if err != nil {
		t.Fatal(err)
	}
	layer, err := audit.New(audit.Config{Logger: quietly(), Observers: []bulwark.Recorder{collector}})
	if err != nil {
		t.Fatal(err)
	}
	_, refused := ticketRefused(errors.New("forged"))
	attempt(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, refused) })))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	w := httptest.NewRecorder()
	metricsServer(registry).Handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if line := `auth_failures_total{method="kerberos",reason="signature"} 1`; !strings.Contains(w.Body.String(), line) {
		t.Errorf("the page has no line %s", line)
	}
}

// A real Prometheus reads the page in both formats, with the plain name as well,
// and loads the alert rules.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("BULWARK_PROMETHEUS") == "required" {
			t.Fatal("prometheus is missing: install the Debian package prometheus")
		}
		t.Skip("prometheus is missing")
	}
	for name, openMetrics := range map[string]bool{"text": false, "openmetrics": true} {
		t.Run(name, func(t *testing.T) {
			collector, err := plainNames()
			if err != nil {
				t.Fatal(err)
			}
			layer, err := audit.New(audit.Config{Logger: quietly(), Observers: []bulwark.Recorder{collector}})
			if err != nil {
				t.Fatal(err)
			}
			handler := layer.Wrap(login)
			for range 7 {
				attempt(handler)
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(collector)
			page := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: openMetrics}))
			defer page.Close()

			ask := started(t, program, page.Listener.Addr().String())
			for query, want := range map[string]string{
				`auth_failures{job="documents"}`:                        "7",
				`sum(auth_failures_total{job="documents"})`:             "7",
				`sum(auth_attempts_total{method="password"})`:           "7",
				`http_responses_total{class="4xx"}`:                     "7",
				`count(security_events_total)`:                          "35",
				`sum(audit_events_dropped_total)`:                       "0",
				`scrape_samples_scraped{job="documents"} > bool 300`:    "1",
				`count(count by (__name__) ({__name__=~"auth_.+"}))`:    "3",
				`max(audit_queue_capacity_records{class="security"})`:   "1024",
				`time() - max(audit_last_write_timestamp_seconds) < 60`: "",
			} {
				got := ask(query)
				if got != want && (want != "" || got == "none") {
					t.Errorf("%s is %s, want %s", query, got, want)
				}
			}
		})
	}
}

// saysWhere is the line in which Prometheus says where it listens.
var saysWhere = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// started runs a Prometheus with the configuration of the page, and returns a
// function that asks it. The first answer waits until it has read the target.
func started(t *testing.T, program, target string) (ask func(query string) string) {
	t.Helper()
	folder := t.TempDir()
	rules, err := os.ReadFile("../../../audit/metrics/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("127.0.0.1:9464", target, "15s", "100ms").Replace(prometheusConfig)
	for name, text := range map[string]string{"prometheus.yml": config, "alerts.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, "--config.file="+filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address=127.0.0.1:0")
	said, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	var address string
	var log strings.Builder
	for lines := bufio.NewScanner(said); address == "" && lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if found := saysWhere.FindStringSubmatch(lines.Text()); found != nil {
			address = found[1]
		}
	}
	if address == "" {
		t.Fatalf("Prometheus does not listen:\n%s", log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	ask = func(query string) string {
		answer, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			return "none"
		}
		defer answer.Body.Close()
		var found struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		text, _ := io.ReadAll(answer.Body)
		if json.Unmarshal(text, &found) != nil || len(found.Data.Result) != 1 {
			return "none"
		}
		value, _ := found.Data.Result[0].Value[1].(string)
		return value
	}
	for deadline := time.Now().Add(time.Minute); ask(`up{job="documents"}`) != "1"; {
		if time.Now().After(deadline) {
			t.Fatal("Prometheus has not read the page")
		}
		time.Sleep(50 * time.Millisecond) // another process has no other way to be waited for
	}
	answer, err := http.Get("http://" + address + "/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	loaded, _ := io.ReadAll(answer.Body)
	if n := strings.Count(string(loaded), `"type":"alerting"`); n != strings.Count(string(rules), "- alert: ") {
		t.Errorf("%d rules are loaded", n)
	}
	return ask
}

func TestOpenTelemetry(t *testing.T) {
	reader := sdk.NewManualReader()
	stack, err := withOpenTelemetry(quietly(), sdk.NewMeterProvider(sdk.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Shutdown(context.Background()) })
	attempt(stack.Wrap(login))
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		found[m.Name] = true
	}
	for _, name := range []string{"bulwark.auth.failures", "http.server.request.duration"} {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
