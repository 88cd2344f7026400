package otelmetrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/otelmetrics"
)

// A service with a login. A real service has a periodic reader with an exporter
// in place of the manual one.
func Example() {
	reader := sdk.NewManualReader()
	observer, err := otelmetrics.New(otelmetrics.Config{
		MeterProvider: sdk.NewMeterProvider(sdk.WithReader(reader)),
		Reasons:       []string{"login.failed"}, // the codes of the application
	})
	if err != nil {
		panic(err)
	}
	stack, err := bulwark.Chain(
		audit.Config{
			Logger:    slog.New(slog.DiscardHandler),
			Observers: []bulwark.Recorder{observer},
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
	for range 3 {
		api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil))
	}

	var exported metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &exported); err != nil {
		panic(err)
	}
	for _, m := range exported.ScopeMetrics[0].Metrics {
		if m.Name != "bulwark.auth.failures" {
			continue
		}
		for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
			if reason, _ := point.Attributes.Value("error.type"); point.Value > 0 {
				fmt.Println(m.Name, reason.AsString(), point.Value)
			}
		}
	}
	// Output:
	// bulwark.auth.failures login.failed 3
}

// New reports all mistakes at once.
func ExampleNew_incorrect() {
	_, err := otelmetrics.New(otelmetrics.Config{Policies: []string{"per user"}})
	fmt.Println(err)
	// Output:
	// otelmetrics.Policies[0]: per user: must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write a name of your Config, such as login
	// otelmetrics.MeterProvider: is missing; give it the MeterProvider of the SDK, or otel.GetMeterProvider()
}
