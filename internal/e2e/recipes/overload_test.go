package recipes

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func overloadStack(authConfig auth.Config) (*bulwark.Stack, error) {
	return bulwark.Chain(
		audit.Config{},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
		ratelimit.Concurrency{Name: "service", Max: 100, HealthPaths: []string{"/health"}},
		authConfig,
		perCaller,
	)
}

var perCaller = ratelimit.Concurrency{
	Name: "caller", Max: 100, Key: ratelimit.ByPrincipal, MaxPerKey: 10,
}

// countLimits shows what no event says.
func countLimits(registry *prometheus.Registry, limit *ratelimit.Middleware, service *ratelimit.ConcurrencyLimit) {
	registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rate_limit_exempt_total", Help: "Requests of exempt networks.",
			ConstLabels: prometheus.Labels{"policy": limit.LimitName()},
		}, func() float64 { return float64(limit.Exempted()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "requests_shed_total", Help: "Requests without a place.",
			ConstLabels: prometheus.Labels{"policy": service.LimitName()},
		}, func() float64 { return float64(service.Shed()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "requests_running", Help: "Requests with a place.",
			ConstLabels: prometheus.Labels{"policy": service.LimitName()},
		}, func() float64 { running, _ := service.Load(); return float64(running) }),
	)
}

func TestOverloadStack(t *testing.T) {
	tokens := bulwark.Must(jwt.New(jwt.Config{Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"}, Keys: jwt.SecretKeys([]byte(strings.Repeat("k", 32)))}))
	if _, err := overloadStack(auth.Config{Authenticators: []auth.Authenticator{tokens}}); err != nil {
		t.Error(err)
	}
}

func TestLimitsInMetrics(t *testing.T) {
	limit := bulwark.Must(ratelimit.New(ratelimit.Config{
		Name: "address", Key: ratelimit.ByIP, Rate: "600/minute",
		Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}))
	service := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "service", Max: 1}))
	registry := prometheus.NewRegistry()
	countLimits(registry, limit, service)
	var page string
	h := limit.Wrap(service.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		w := httptest.NewRecorder()
		metricsServer(registry).Handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		page = w.Body.String()
	})))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	for _, line := range []string{`rate_limit_exempt_total{policy="address"} 1`, `requests_shed_total{policy="service"} 0`, `requests_running{policy="service"} 1`} {
		if !strings.Contains(page, line) {
			t.Errorf("%s is not on the page:\n%s", line, page)
		}
	}
}
