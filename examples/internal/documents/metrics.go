package documents

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/headers"
)

// openMetrics makes the counters for Prometheus. They are an observer of the
// audit layer. Their labels are closed lists, so the names of the limits and
// the codes of this API stand here.
func (a *App) openMetrics() (err error) {
	a.metrics, err = metrics.New(metrics.Config{
		Policies:   append([]string{"address", "caller"}, a.limits.names...),
		Reasons:    []string{"login.failed", "users.role_forbidden"},
		PlainNames: true,
	})
	return err
}

// Metrics returns the handler of the metrics listener, and the part to shut
// down after the server. The handler serves GET /metrics and nothing else, by
// the names of hosts and by the addresses of a private network. The listener is
// for the network of the operator: whoever reaches it may read the metrics.
func (a *App) Metrics(hosts []string) (http.Handler, bulwark.Shutdowner, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.metrics, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exposition := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	stack, err := bulwark.Chain(
		audit.Config{Logger: a.config.Logger, Observers: []bulwark.Recorder{a.journal}},
		bulwark.Edge{Hosts: hosts, HealthPaths: []string{"/metrics"}, HealthHosts: inside},
		headers.Config{HSTS: hsts},
	)
	if err != nil {
		return nil, nil, err
	}
	return stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/metrics":
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusNotFound, Code: "metrics.not_found", Detail: "The metrics are at /metrics."})
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "metrics.method_not_allowed", Header: http.Header{"Allow": {"GET, HEAD"}}})
		default:
			exposition.ServeHTTP(w, r)
		}
	})), stack, nil
}
