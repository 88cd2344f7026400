// Package metrics counts security events and answers for Prometheus.
//
// # Threat
//
// An attack shows as a number before anybody reads a log: failed logins go up,
// a limit refuses all the time, and records are no longer written. A metric
// that takes its labels from requests is a target itself. An attacker who sends
// a new path each time makes a new series each time, until the memory of the
// service and of Prometheus is full.
//
// # Defence
//
//	collector, err := metrics.New(metrics.Config{Policies: []string{"address", "caller"}})
//	…
//	registry.MustRegister(collector)
//	audit.Config{Observers: []bulwark.Recorder{collector}}
//
// The labels are closed lists. A value that is not in its list is counted as
// "other". No label has an address, a user, a path or anything else that a
// client chooses. Every series is there at 0 from the start, because rate and
// increase do not see the first count of a series that begins at 1.
//
//   - auth_attempts_total{method} counts attempts to authenticate: answered
//     requests with an identified caller, events authn_login_success, and all
//     of auth_failures_total. So failures divided by attempts is at most 1. A
//     request without a credential is not an attempt.
//   - auth_failures_total{method,reason} counts authn_login_fail (the method is
//     "password"), authn_token_invalid and authn_token_reuse. The method is
//     "none" if no authenticator has read the credential.
//   - authz_failures_total{reason} counts authz_fail.
//   - rate_limit_exceeded_total{policy} counts what rate limits refuse. A limit
//     with DryRun is not counted.
//   - validation_failures_total counts input_validation_fail, except for the
//     status 404, 409, 410, 412 and 423.
//   - suspicious_payloads_total{kind} counts malicious_sqli and
//     malicious_extraneous. The kind is sqli, xss, traversal, crlf, template or
//     nosql.
//   - access_anomalies_total{rule} counts the findings of package detect.
//   - security_events_total{event} counts every event by its name.
//   - http_responses_total{class} counts every answer by the class of its
//     status, such as "4xx". A client that left before the answer is 499.
//   - layer_duration_seconds{layer} is a histogram of the layers in
//     [Collector.Timed].
//   - audit_events_written_total{class} and
//     audit_events_dropped_total{class,reason} count what the sinks of the
//     audit layer received and did not receive, for the classes "security" and
//     "access". The reasons are queue_full, sink_failed and closed.
//   - audit_trail_lines, audit_trail_unsigned_lines and
//     audit_trail_last_checkpoint_timestamp_seconds describe Config.Trail.
//   - audit_sink_errors_total{sink}, audit_queue_records{sink,class},
//     audit_queue_capacity_records{sink,class} and
//     audit_last_write_timestamp_seconds{sink} describe each sink. The name of
//     a sink is its field in audit.Config, such as "Logger" or "Sinks[0]".
//
// An event with a Count counts as often as it says. A finding of package detect
// is not a failure of authentication a second time.
//
// The file alerts.yml beside this package has alert rules, and dashboard.json
// has a dashboard for Grafana. The guide docs/metrics.md shows how to load
// them. Example is a complete service. ExampleCollector_Timed measures two
// layers. Example_incorrect shows why an unknown limit is "other".
//
// # Not covered
//
// The numbers begin at 0 with each process, as Prometheus expects. Who may read
// the page of metrics is not checked: serve it on another listener. An event
// that an application reports outside the audit layer is not counted.
//
// # Errors
//
// [New] reports each mistake as a *bulwark.ConfigError. Its Reason says what to
// write instead. The Build of [Collector.Timed] does the same.
package metrics
