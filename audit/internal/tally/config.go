// Package tally counts the security events and the answers of a service, and
// reads the state of audit layers, for the packages that show them: metrics for
// Prometheus, and otelmetrics for OpenTelemetry. Both show the same numbers
// under the same closed lists of labels.
package tally

import (
	"slices"
	"sync"

	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/trail"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// The bounds of the lists in a Config.
const (
	maxMethods  = 16
	maxReasons  = 64
	maxPolicies = 64
)

// A Config has the values of labels that only the application knows.
type Config struct {
	Methods  []string
	Reasons  []string
	Policies []string
	Trail    *trail.Writer
}

// A Tally holds all numbers. Make it with [New]. It is safe for concurrent use.
type Tally struct {
	attempts, failures, denied, limited, invalid *counter
	payloads, anomalies, events, responses       *counter
	all                                          []*counter

	written, dropped, sinkErrors, queued, capacity, lastWrite *Metric
	sinks                                                     *List

	trail                           *trail.Writer // nil without a trail
	lines, unsigned, lastCheckpoint *Metric

	metrics []*Metric // of all

	mu     sync.Mutex
	layers []*audit.Middleware
}

// New returns a Tally with every series at 0. It notes the mistakes of c.
func New(c Config, faults *fault.List) *Tally {
	t := new(Tally)
	reasons := named("Reasons", c.Reasons, maxReasons, faults)
	method := Label{"method", "bulwark.auth.method", newList(slices.Concat(methods, named("Methods", c.Methods, maxMethods, faults))...)}
	policy := Label{"policy", "bulwark.ratelimit.policy", newList(named("Policies", c.Policies, maxPolicies, faults)...)}
	one := func(name, attribute string, values ...string) []Label {
		return []Label{{name, attribute, newList(values...)}}
	}
	count := func(name, instrument, unit, help string, labels ...Label) *counter {
		added := newCounter(&Metric{Name: name, Instrument: instrument, Unit: unit, Help: help, Labels: labels})
		t.all = append(t.all, added)
		t.metrics = append(t.metrics, added.Metric)
		return added
	}
	t.attempts = count("auth_attempts_total", "bulwark.auth.attempts", "{attempt}",
		"Answered requests with an identified caller, successful logins, and failures.", method)
	t.failures = count("auth_failures_total", "bulwark.auth.failures", "{failure}",
		"Credentials and logins that were not accepted.", method, Label{"reason", "error.type", newList(slices.Concat(authReasons, reasons)...)})
	t.denied = count("authz_failures_total", "bulwark.authz.failures", "{failure}",
		"Requests that their caller may not make, or that have no caller.", one("reason", "error.type", slices.Concat(authzReasons, reasons)...)...)
	t.limited = count("rate_limit_exceeded_total", "bulwark.ratelimit.exceeded", "{request}",
		"Requests refused by a rate limit.", policy)
	t.invalid = count("validation_failures_total", "bulwark.validation.failures", "{request}",
		"Requests refused because they are malformed or do not fit the schema.")
	t.payloads = count("suspicious_payloads_total", "bulwark.payloads.suspicious", "{payload}",
		"Values that look like an attack.", one("kind", "bulwark.payload.kind", kinds...)...)
	t.anomalies = count("access_anomalies_total", "bulwark.access.anomalies", "{anomaly}",
		"Findings of the detectors of unusual access.", one("rule", "bulwark.anomaly.rule", rules...)...)
	t.events = count("security_events_total", "bulwark.security.events", "{event}",
		"Security events by name.", one("event", "bulwark.event.name", events...)...)
	t.responses = count("http_responses_total", "bulwark.http.responses", "{response}",
		"Answers by the class of their status, 499 and refusals without an event included.", one("class", "bulwark.http.status_class", statusClasses...)...)
	t.describeDelivery()
	t.describeTrail(c.Trail)
	return t
}

// Metrics returns the descriptions of all metrics that [Tally.Read] reads.
func (t *Tally) Metrics() []*Metric { return t.metrics }

// Failures is the number of all failures of authentication.
func (t *Tally) Failures() uint64 { return t.failures.total() }

// Read calls f for every series of every metric.
func (t *Tally) Read(f Reader) {
	for _, c := range t.all {
		c.read(f)
	}
	t.readDelivery(f)
	t.readTrail(f)
}
