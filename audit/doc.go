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
//     nothing of this module, gets one; so does a panic, which is recorded as
//     500 and goes on to the server.
//   - Records go by a send that never blocks into bounded queues, one pair and
//     one goroutine for each sink. Security events have a queue of their own,
//     half of which is kept for those of level ERROR. Access records are
//     dropped first.
//   - What is dropped is counted and leaves an audit_gap record with count,
//     first and last time, as soon as the sink writes again.
//   - Events of anonymous callers, and excess_rate_limit_exceeded of anybody,
//     are written one by one up to 20 per name, address prefix (the IPv4
//     address or the IPv6 /64) and minute, and then as one counted record when
//     the minute is over. In it a field that the counted events do not share is
//     empty.
//   - [Secret] is text that no log shows. The access record shows only the
//     query values and headers that the Config names; bodies are never logged.
//
// Every event is thus in exactly one of three places: a record, the count of a
// record, or the count of a gap.
//
// # Not covered
//
// A [slog.Handler] cannot be told to give up. A sink that hangs holds its own
// goroutine until it returns. Meanwhile its queues fill and drop, other sinks
// and all requests go on, and [Middleware.Shutdown] returns when its context
// ends, with an error. What was queued is then lost with the process: until the
// sink has it, this is a log in memory and not a journal. Events after Shutdown
// are counted and written nowhere. A traceparent is the client's word: its ids
// correlate and prove nothing.
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
