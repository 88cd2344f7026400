package otelmetrics

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/bulwark-go/bulwark/audit/internal/tally"
	"github.com/bulwark-go/bulwark/audit/internal/timed"
	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// scope is the name of the instrumentation scope.
const scope = "github.com/bulwark-go/bulwark/audit/otelmetrics"

// A Config says where the instruments are made, and has the values of
// attributes that only the application knows. Each value is a series, which is
// at 0 from the start. Any other value is counted as "other".
type Config struct {
	// MeterProvider makes the instruments, such as the MeterProvider of the SDK
	// or the result of otel.GetMeterProvider. Required.
	MeterProvider metric.MeterProvider
	// Methods are values of bulwark.auth.method, besides the values of this
	// module: "jwt", "introspection", "api_key", "session", "mtls", "password",
	// "none" and "other". Write the Method of your own authenticators, and of
	// a jwt.Config or introspection.Config. Default: none. At most 16.
	Methods []string
	// Reasons are values of error.type of bulwark.auth.failures and
	// bulwark.authz.failures, besides the reasons of this module. Write the
	// codes of your own problems, such as "login.failed". Default: none. At
	// most 64.
	Reasons []string
	// Policies are values of bulwark.ratelimit.policy: the names of your rate
	// limits. Default: none, so that all limits are "other". At most 64.
	Policies []string
	// Trail is the tamper-evident log whose length and last checkpoint are
	// shown. Default: nil, so that the instruments of a trail are not made.
	Trail *trail.Writer
	// RequestDuration adds the histogram http.server.request.duration of the
	// semantic conventions, with http.request.method,
	// http.response.status_code, url.scheme, and error.type for a status of
	// 500 and above. Leave it out if otelhttp measures the requests. Default:
	// false.
	RequestDuration bool
}

// New makes all instruments and returns what counts for them. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Observer, error) {
	faults := fault.In("otelmetrics")
	o := &Observer{
		tally:   tally.New(tally.Config{Methods: c.Methods, Reasons: c.Reasons, Policies: c.Policies, Trail: c.Trail}, faults),
		options: map[series]metric.MeasurementOption{},
	}
	if fault.IsNil(c.MeterProvider) {
		faults.Add("MeterProvider", "", "is missing; give it the MeterProvider of the SDK, or otel.GetMeterProvider()")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	o.layers = &timed.Layers{Path: "otelmetrics", Open: o.open}
	if err := o.make(c.MeterProvider.Meter(scope), c.RequestDuration); err != nil {
		return nil, fmt.Errorf("otelmetrics: make the instruments: %w", err)
	}
	return o, nil
}
