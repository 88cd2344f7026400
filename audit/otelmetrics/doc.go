// Package otelmetrics counts security events and answers by the metric API of
// OpenTelemetry. It has the same numbers as package metrics, for a service
// without Prometheus.
//
// # Threat
//
// An attack shows as a number before anybody reads a log. A metric that takes
// its attributes from requests is a target itself: an attacker who sends a new
// path each time makes a new series each time, until the memory of the service
// or of the collector is full.
//
// # Defence
//
//	observer, err := otelmetrics.New(otelmetrics.Config{MeterProvider: provider})
//	…
//	audit.Config{Observers: []bulwark.Recorder{observer}}
//
// The attributes are closed lists. A value that is not in its list is counted
// as "other". No attribute has an address, a user or a path. All counters and
// gauges are observed by one callback, so that each series is exported at 0
// from the start. These are the instruments, with their attributes:
//
//   - bulwark.auth.attempts: bulwark.auth.method
//   - bulwark.auth.failures: bulwark.auth.method, error.type
//   - bulwark.authz.failures: error.type
//   - bulwark.ratelimit.exceeded: bulwark.ratelimit.policy
//   - bulwark.validation.failures
//   - bulwark.payloads.suspicious: bulwark.payload.kind
//   - bulwark.access.anomalies: bulwark.anomaly.rule
//   - bulwark.security.events: bulwark.event.name
//   - bulwark.http.responses: bulwark.http.status_class
//   - bulwark.audit.events.written: bulwark.audit.class
//   - bulwark.audit.events.dropped: bulwark.audit.class, error.type
//   - bulwark.audit.sink.errors: bulwark.audit.sink
//   - bulwark.audit.queue.size and bulwark.audit.queue.capacity:
//     bulwark.audit.sink, bulwark.audit.class
//   - bulwark.audit.last_write: bulwark.audit.sink
//   - bulwark.audit.trail.lines, bulwark.audit.trail.unsigned and
//     bulwark.audit.trail.last_checkpoint: see [Config.Trail]
//   - bulwark.layer.duration: bulwark.layer.name; see [Observer.Timed]
//   - http.server.request.duration: see [Config.RequestDuration]
//
// The comment of package metrics says what each of them counts. The attribute
// error.type and the instrument http.server.request.duration are of the
// semantic conventions. The conventions have no names for the others.
//
// Example is a complete service. ExampleNew_incorrect shows a Config with
// mistakes.
//
// # Not covered
//
// The histograms have no series before their first measurement, because the API
// has no way to export an empty one. Views and exporters are the concern of the
// SDK. An event that an application reports outside the audit layer is not
// counted.
//
// # Errors
//
// [New] reports each mistake as a *bulwark.ConfigError. Its Reason says what to
// write instead. The Build of [Observer.Timed] does the same.
package otelmetrics
