// Package audit records what was refused, and every request if asked, over
// [log/slog].
//
// # The threat
//
// An attack that leaves no trace is repeated until it succeeds. Attackers know
// that: they write line breaks and terminal controls into whatever is logged, to
// forge records or to hide some; they send garbage until the log is full or its
// disk slow, so that the one record that matters is not among the rest, or the
// service waits for its log and stands still; and they read logs, for the
// tokens in them.
//
// # The defence
//
// A [Middleware] stands outermost. It installs the request's scope, so that
// every [bulwark.Report] and [bulwark.Deny] inside comes here, and writes one
// record of a fixed shape for each event, here on several lines:
//
//	{"time":"…","level":"WARN","msg":"security event",
//	"type":"security","event":"authz_fail","timestamp":"2026-01-02T03:04:05.678Z",
//	"ip":"192.0.2.1","userId":"","path":"/documents/42","method":"GET",
//	"reason":"authz.unauthenticated","requestId":"…","status":401}
//
// What it does so that the records can be relied on:
//
//   - Messages are constants, keys are fixed and occur once, and every text is
//     escaped and bounded before a handler sees it: control characters, DEL, C1,
//     U+2028, U+2029, bidirectional controls and invalid UTF-8 become visible.
//   - A 401, 403 or 429 that left without an event, from a handler that knows
//     nothing of this module, gets one; so does a panic, which is recorded as 500
//     and goes on to the server.
//   - Records go by a send that never blocks into bounded queues, one pair and
//     one goroutine for each sink. Security events have a queue of their own,
//     half of which is kept for those of level ERROR. Access records are shed first.
//   - What is dropped is counted and leaves an audit_gap record with count, first
//     and last time, as soon as the sink writes again.
//   - Events of anonymous callers, and excess_rate_limit_exceeded of anybody, are
//     written one by one up to 20 per name, address prefix (the IPv4 address or
//     the IPv6 /64) and minute, and then as one counted record when the minute is
//     over. In it a field that the counted events do not share is empty.
//   - [Secret] is text that no log shows. The access record shows only the query
//     values and headers that the Config names; bodies are never logged.
//
// Every event is thus in exactly one of three places: a record, the count of a
// record, or the count of a gap.
//
// # What it does not cover
//
// A [slog.Handler] cannot be told to give up. A sink that hangs holds its own
// goroutine until it returns; meanwhile its queues fill and drop, other sinks and
// all requests go on, and [Middleware.Shutdown] returns when its context ends,
// with an error. What was queued is then lost with the process: this is a log in
// memory until the sink has it, no journal. Events after Shutdown are counted
// and written nowhere. A traceparent is the client's word: its ids correlate and
// prove nothing.
package audit
