package documents

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/headers"
)

// Metrics returns the handler of the metrics listener, and the part to shut
// down after the server. The handler serves GET /metrics and nothing else, by
// the names of hosts and by the addresses of a private network. The listener is
// for the network of the operator: whoever reaches it may read the metrics.
func (a *App) Metrics(hosts []string) (http.Handler, bulwark.Shutdowner, error) {
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
			a.metrics.ServeHTTP(w, r)
		}
	})), stack, nil
}

// noMetrics is an exposition without metrics.
func noMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
}
