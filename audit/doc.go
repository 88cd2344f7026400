// Package audit records what was refused, and every request if asked, over
// [log/slog].
//
// # Threat
//
// An attack that leaves no trace is repeated until it succeeds. Attackers know
// that. They write line breaks and terminal controls into whatever is logged,
// to forge records or to hide some. They send garbage until the log is full or
// its disk is slow: then the record that matters is missing, or the service
// waits for its log and stands still. And they read logs, for the tokens in
// them.
//
// # Defence
//
// A [Middleware] stands outermost. It installs the request's scope, so that
// every [bulwark.Report] and [bulwark.Deny] inside comes here. For each event
// it writes one record of a fixed shape, here on several lines:
//
//	{"time":"…","level":"INFO","msg":"security event",
//	"type":"security","event":"authz_fail",
//	"timestamp":"2026-01-02T03:04:05.678Z",
//	"ip":"192.0.2.1","userId":"","path":"/documents/42","method":"GET",
//	"reason":"authz.unauthenticated","requestId":"…","status":401}
//
// What it does so that the records can be relied on:
//
//   - Messages are constants, keys are fixed and occur once, and every text is
//     escaped and bounded before a handler sees it: control characters, line
//     separators, bidirectional controls, whatever else shows nothing, and
//     invalid UTF-8 become visible. A backslash is doubled, so that an escape
//     cannot be typed.
//   - A 401, 403 or 429 that left without an event, from a handler that knows
//     nothing of this module, gets one. So does a panic, which goes on to the
//     server. Its record and the line in the server's log both have the
//     client's address with its port, as "remoteAddr".
//   - Records go by a send that never blocks into bounded queues, one pair and
//     one goroutine for each sink. Security events have a queue of their own.
//     Half of it is kept for those of level ERROR, without what a client may
//     cause at will. Access records are dropped first.
//   - What is dropped is counted and leaves an audit_gap record with count,
//     first and last time, as soon as the sink writes again.
//   - Events of anonymous callers are written one by one up to 20 per name,
//     address prefix (the IPv4 address or the IPv6 /64) and minute. Events of a
//     known caller are written one by one up to 100 per name and minute. What
//     comes after that is one counted record when the minute is over. In it a
//     field that the counted events do not share is empty, and "addresses",
//     "methods", "paths" and "reasons" list the first four different values,
//     each with its number.
//   - No flood takes the address or the path out of another client's record.
//     Past 16 address prefixes of one site (the IPv4 /24 or the IPv6 /48) the
//     site is counted as one. When the table is full, the networks with the
//     most entries are counted as one each.
//   - [Secret] is text that no log shows. The access record shows only the
//     query values and headers that the Config names, and that rule holds for
//     the URLs in headers and attributes as well. Bodies are never logged.
//
// Every event is thus in exactly one of three places: a record, the count of a
// record, or the count of a gap.
//
// # Events
//
// An alert counts events by name and status. These are the names that the
// layers of this module report, or an application, and what to do about them:
//
//	event                        status      who causes it
//	authn_token_invalid          400, 401    a bad, expired or revoked credential
//	authz_fail                   401         nobody is logged in
//	authz_fail                   403         a known caller without the right
//	authn_login_fail             401         a wrong password (the application)
//	authn_token_reuse            401         a refresh token that was used before
//	malicious_csrf               403         a request that another site sent
//	malicious_cors               403 or any  script of an origin not on the list
//	malicious_csp_violation      –           a browser's report
//	input_validation_fail        4xx         a body, path or header that is wrong
//	excess_rate_limit_exceeded   429         a caller beyond a limit
//	sys_unavailable              500, 503    a failure of ours, or of a service
//	sys_monitor_disabled         –           a weak configuration, told at start
//	authn_key_stale              –           an API key that is due for rotation
//	audit_gap                    –           a sink that hangs or fails
//	authn_login_success, authn_token_created, authn_token_revoked,
//	authz_admin, session_created, session_renewed, session_expired
//	                             –           ordinary use
//	authn_login_successafterfail, authn_login_fail_max, authn_password_spray,
//	authn_credential_stuffing, authn_impossible_travel, malicious_sqli,
//	malicious_extraneous, malicious_attack_tool, malicious_excess_404,
//	malicious_direct_reference, session_use_after_expire, sys_monitor_enabled
//	                             any         what an application finds out itself
//
// Failed authentication is the sum of authn_token_invalid, authn_login_fail and
// authn_token_reuse. Add authz_fail with status 401 where every request should
// carry a credential; a browser's first visit has none. Failed authorization is
// authz_fail with status 403. Count "count" where a record has it, and 1
// otherwise.
//
//   - Alert on each: authn_token_reuse, audit_gap, sys_monitor_disabled after a
//     deployment.
//   - Alert on a rate above the usual: failed authentication, failed
//     authorization, malicious_csrf, excess_rate_limit_exceeded.
//   - Alert on a share of all requests: sys_unavailable.
//   - Look at once in a while: input_validation_fail, malicious_cors,
//     malicious_csp_violation, authn_key_stale.
//
// # Not covered
//
// A [slog.Handler] cannot be told to give up. A sink that hangs holds its own
// goroutine until it returns. Meanwhile its queues fill and drop, other sinks
// and all requests go on, and [Middleware.Shutdown] returns when its context
// ends, with an error. What was queued is then lost with the process: until the
// sink has it, this is a log in memory and not a journal. Events after Shutdown
// are counted and written nowhere. A traceparent is the client's word: its ids
// correlate and prove nothing. A Config with Trace names the service's own
// span. A flood from all over the net at once fills the table with large
// networks, and a client in one of them is counted with it. The path of a
// request is shown as it came: a secret in a path is not redacted.
//
// # Errors
//
// [New] returns every mistake at once, each as a [*bulwark.ConfigError] with
// the path of its field. The layer refuses nothing, unless it was made without
// New: then each request is 500 "audit.unconfigured". Drain and Shutdown return
// an error where records still wait for a sink, and where a sink refused the
// last records. The reasons of the events that the package reports itself are
// "audit.unreported", "audit.panic", "audit.queue_full" and
// "audit.sink_failed".
//
// The examples show the record of a refusal, a flood, the access log, a Secret,
// and what New and Chain say to mistakes.
package audit
