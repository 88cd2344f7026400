package metrics_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/headers"
)

// A service with a login. The page of metrics is on another listener, which
// clients do not reach.
func Example() {
	collector, err := metrics.New(metrics.Config{
		Policies: []string{"address", "caller"}, // the names of the rate limits
		Reasons:  []string{"login.failed"},      // the codes of the application
	})
	if err != nil {
		panic(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)

	stack, err := bulwark.Chain(
		audit.Config{
			Logger:    slog.New(slog.DiscardHandler),
			Observers: []bulwark.Recorder{collector},
		},
	)
	if err != nil {
		panic(err)
	}
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{
			Status: http.StatusUnauthorized,
			Code:   "login.failed",
			Log:    bulwark.ProblemLog{Event: bulwark.AuthnLoginFail},
		})
	}))
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	for range 3 {
		api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil))
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, `{method="password",reason="login`) || strings.HasPrefix(line, `auth_attempts_total{method="p`) || strings.HasPrefix(line, "rate_limit") {
			fmt.Print(line)
		}
	}
	// Output:
	// auth_attempts_total{method="password"} 3
	// auth_failures_total{method="password",reason="login.failed"} 3
	// rate_limit_exceeded_total{policy="address"} 0
	// rate_limit_exceeded_total{policy="caller"} 0
	// rate_limit_exceeded_total{policy="other"} 0
}

// A layer is measured under a name. Its time does not contain the handlers
// inside it.
func ExampleCollector_Timed() {
	collector := bulwark.Must(metrics.New(metrics.Config{}))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)

	stack, err := bulwark.Chain(
		audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{collector}},
		collector.Timed("headers", headers.Config{}),
	)
	if err != nil {
		panic(err)
	}
	api := stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))

	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "layer_duration_seconds_count") {
			fmt.Print(line)
		}
	}
	// Output:
	// layer_duration_seconds_count{layer="headers"} 1
}

// A limit that the Config does not name is counted as "other". A name that
// cannot be a label is an error.
func Example_incorrect() {
	collector := bulwark.Must(metrics.New(metrics.Config{Policies: []string{"address"}}))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	r := httptest.NewRequest("GET", "/", nil)
	collector.Record(r.Context(), bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Rule: "caller"})

	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "rate_limit") {
			fmt.Print(line)
		}
	}
	_, err := metrics.New(metrics.Config{Policies: []string{"per user"}})
	fmt.Println(err)
	// Output:
	// rate_limit_exceeded_total{policy="address"} 0
	// rate_limit_exceeded_total{policy="other"} 1
	// metrics.Policies[0]: per user: must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write a name of your Config, such as login
}
