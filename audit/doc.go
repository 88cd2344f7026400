// Package audit records what a service has refused, over [log/slog]. It can
// also record every request.
//
// # Threat
//
// An attack that leaves no trace is repeated until it succeeds. Attackers know
// the log:
//
//   - They write line breaks and terminal controls into logged values, to forge
//     records or to hide records.
//   - They send garbage until the log is full or its disk is slow. Then the
//     record that matters is missing, or the service waits for its log.
//   - They read logs, because logs may hold tokens.
//
// # Defence
//
// Put a [Config] into the chain as the outermost layer:
//
//	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil))
//	stack, err := bulwark.Chain(
//		audit.Config{Logger: logger, AccessLog: true},
//		…
//	)
//
// Each security event is one record of a fixed shape. In the log a record is
// one line. Here it has line breaks:
//
//	{"time":"…","level":"WARN","msg":"security event",
//	"type":"security","event":"authz_fail",
//	"timestamp":"2026-01-02T03:04:05.678Z",
//	"ip":"192.0.2.1","userId":"alice","path":"/documents/42","method":"GET",
//	"issuer":"https://login.example.com","route":"GET /documents/{id}",
//	"reason":"authz.forbidden","requestId":"…","status":403}
//
// The field "event" says what happened, see Events below. The field "reason"
// says why. If a field of a Config would change the decision, the attribute
// "error" names that field.
//
// AccessLog switches the access log on. It has one record for each request:
//
//	{"time":"…","level":"INFO","msg":"request","type":"access",
//	"timestamp":"…","ip":"192.0.2.1","userId":"alice",
//	"path":"/documents/42","method":"GET",
//	"issuer":"https://login.example.com","route":"GET /documents/{id}",
//	"requestId":"…","status":403,"bytes":144,"durationMs":1.669}
//
// For zap, use a handler of package zaplog:
//
//	audit.Config{Sinks: []slog.Handler{zaplog.New(zapLogger)}}
//
// At the end of the program call [bulwark.Stack.Shutdown], as transport.Serve
// does, so that the records that still wait are written.
//
// The layer installs the scope of the request, so that every [bulwark.Report]
// and every [bulwark.Deny] inside comes here. You can rely on the records
// because of these rules:
//
//   - Messages are constants. Keys are fixed, and no key occurs twice in a
//     record.
//   - Every text is escaped and bounded before a handler sees it: control
//     characters, line separators, bidirectional controls, other invisible
//     characters and invalid UTF-8 become visible. A backslash is doubled, so
//     that a client cannot type an escape.
//   - A 401, 403 or 429 that a handler wrote without an event gets an event. A
//     panic also gets an event, and then goes on to the server. The record of
//     the panic and the line in the log of the server both have the address and
//     port of the client. In the record this is "remoteAddr".
//   - A request never waits for the log. Each sink has two bounded queues, one
//     for security events and one for access records, and one goroutine. Half
//     of the security queue is kept for events of level ERROR that a client
//     cannot cause at will. Access records are dropped first.
//   - A dropped record is counted. An audit_gap record has the count, the first
//     and the last time, as soon as the sink writes again.
//   - Many events of one caller become one record with a count. Events of
//     anonymous callers are written one by one up to 20 per name, address
//     prefix (the IPv4 address or the IPv6 /64) and minute. Events of a known
//     caller are written one by one up to 100 per name and minute. When the
//     minute is over, one record has the count of all further events. A field
//     of this record is empty if its events have different values. The
//     attributes "addresses", "methods", "paths" and "reasons" list the first
//     four different values, each with its number.
//   - A flood of one client does not remove the address or the path from the
//     record of another client. After 16 address prefixes of one site (the IPv4
//     /24 or the IPv6 /48) the site is counted as one. When the table is full,
//     the networks with the most entries are counted as one each.
//   - [Secret] is text that no log shows. The access record shows only the
//     query values and headers that the Config names. The rule for query values
//     also holds for URLs in headers and attributes. Bodies are never logged.
//
// So every event is in exactly one of three places: a record, the count of a
// record, or the count of a gap.
//
// # Events
//
// An alert counts events by name and status. The layers of this module or the
// application report these names:
//
//	event                        status     who causes it
//	authn_token_invalid          400, 401   a bad, expired or revoked credential
//	authz_fail                   401        nobody is logged in
//	authz_fail                   403        a known caller without the right
//	authn_login_fail             401        a wrong password (the application)
//	authn_token_reuse            401        a refresh token that was used before
//	malicious_csrf               403        a request that another site sent
//	malicious_cors               403, any   a script of an origin not listed
//	malicious_csp_violation      –          a browser's report
//	input_validation_fail        4xx        a body, path or header that is wrong
//	excess_rate_limit_exceeded   429        a caller beyond a limit
//	sys_unavailable              500, 503   a failure here, or of a dependency
//	sys_monitor_disabled         –          a weak configuration, found at start
//	authn_key_stale              –          an API key that is due for rotation
//	audit_gap                    –          a sink that hangs or fails
//	authz_shadow                 –          two policy engines that differ
//	authn_login_success, authn_token_created, authn_token_revoked,
//	authz_admin, authz_allow, session_created, session_renewed,
//	session_expired              –          ordinary use
//	authn_login_successafterfail, authn_login_fail_max, authn_password_spray,
//	authn_credential_stuffing, authn_impossible_travel, malicious_sqli,
//	malicious_extraneous, malicious_attack_tool, malicious_excess_404,
//	malicious_direct_reference, session_use_after_expire, sys_monitor_enabled
//	                             any        what package detect finds, and what
//	                                        the application itself detects
//
// Failed authentication is the sum of authn_token_invalid, authn_login_fail and
// authn_token_reuse. If each client sends a credential with its first request,
// add authz_fail with status 401. Browsers do not: their first visit has no
// credential. Failed authorization is authz_fail with status 403. Count the
// value of "count" if a record has it, and 1 otherwise.
//
//   - Alert on each: authn_token_reuse, audit_gap, sys_monitor_disabled after a
//     deployment.
//   - Alert on a rate above the usual: failed authentication, failed
//     authorization, malicious_csrf, excess_rate_limit_exceeded.
//   - Alert on a share of all requests: sys_unavailable.
//   - Read now and then: input_validation_fail, malicious_cors,
//     malicious_csp_violation, authn_key_stale.
//
// # Not covered
//
// A [slog.Handler] cannot be interrupted. A sink that hangs holds its own
// goroutine until it returns. Meanwhile its queues fill and drop records. Other
// sinks and all requests go on. [Middleware.Shutdown] returns an error when its
// context ends, and the records in the queues are lost with the process. Until
// the sink has written a record, the record is only in memory. Events after
// Shutdown are counted and are not written.
//
// Any client can send a traceparent. Its ids connect records and prove nothing.
// [Config.Trace] names the span of the service itself.
//
// A flood from the whole internet fills the table with large networks. Then a
// client is counted together with the other clients of its network.
//
// A secret in the path of a request is not redacted.
//
// # Errors
//
// [New] returns every mistake at once, each as a [*bulwark.ConfigError] with
// the path of its field. A layer that New has made does not refuse requests. A
// layer that was made without New answers each request with 500
// "audit.unconfigured". Drain and Shutdown return an error if records still
// wait for a sink, or if a sink has refused the last records. The error wraps
// the error of the sink and names its field of the Config.
//
// While a sink fails, a line of level ERROR at [slog.Default] has the error of
// the sink, at most once a minute for each sink. The line is left out if
// slog.Default writes to the same handler.
//
// The package reports events of its own with these reasons:
//
//	audit.unreported   a handler wrote 401, 403 or 429 without bulwark.Deny
//	audit.panic        a handler has panicked
//	audit.queue_full   records were dropped because the queue was full
//	audit.sink_failed  records were dropped because the sink failed
//
// Example shows the record of a refusal. The examples of [Config] show the
// access log, a flood, and a chain in the wrong order. There is an example of
// [Secret], and the incorrect example shows what New says about mistakes.
package audit
