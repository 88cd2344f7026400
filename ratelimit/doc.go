// Package ratelimit bounds how much each caller may ask for.
//
// # Threat
//
// One client takes what was meant for all. A script guesses passwords or walks
// through ids. And the limiter itself gives way: somebody floods it with
// made-up keys, its clients choose their own key, or many requests at once all
// pass before the first request has been counted.
//
// # Defence
//
// A [Config] names a rate as text. It says whose requests are counted together:
// those of an address, of a verified caller, or of something of the
// application's own. And it says what is counted: requests, or failures only.
// Past the rate the answer is 429 with Retry-After, as problem details of the
// type quota-exceeded, and the event is excess_rate_limit_exceeded. Responses
// carry the RateLimit fields of the IETF draft. Memory is allocated once and
// bounded, whatever clients do; see [MemoryStore].
//
// # Rates
//
// The algorithm is GCRA, the generic cell rate algorithm: it restores a quota
// evenly, not all at once at the end of a window. With "100/minute" 100
// requests pass at once, and from then on one request in 0.6 seconds. The worst
// 60 seconds are those around the end of a pause:
//
//	100/minute              199 requests
//	100/minute,burst=25     124 requests
//	fixed windows of 100    200 requests, for comparison
//	a sliding log of 100    100 requests, for comparison
//
// What is refused is not counted: a client that keeps asking is not locked out
// for longer. Limits that stand directly inside each other decide together: who
// is refused by one has lost nothing at the others, in whatever order they
// stand. What stands between two limits, such as auth, parts them.
//
// # Logins
//
// Three limits belong together, all of failures only: one by address (10/hour),
// one by account and address prefix (10/hour), and one by account (100/hour).
// The limit by account stops guessing from many addresses. It has to be the
// widest, because it also locks out the owner. The latter two need the account,
// which is known only after the body has been read: see [Middleware.TakeFor]
// and [Middleware.Take]. A handler should not run for longer than its limit's
// window, because a refund gives back only what time has not restored yet.
// Under another framework, see [Failures] and docs/routers.md: an answer that
// the limit cannot see counts as a failure.
//
// # Not covered
//
// With a [MemoryStore] limits count within one process: n processes behind a
// balancer allow up to n times as much. A [Store] that all of them share has no
// such gap. State is lost with the process. A distributed flood that fills the
// table beyond its size is counted less exactly. So are fresh keys during such
// a flood. A caller that has used up a quota stays refused.
// [MemoryStore.Evictions] tells. Bandwidth and floods below HTTP are for the
// network. Hashes of keys are seeded for each process and 64 bits wide: two
// callers share a quota by chance once in 2⁶⁴ pairs.
//
// A client's address is what [bulwark.ClientIP] says: without a [bulwark.Edge]
// that names the proxies, all clients behind one proxy share one quota. A
// preflight that a cors layer outside answers never reaches a limit.
//
// # Errors
//
// New returns every mistake at once, each as a [*bulwark.ConfigError] with a
// path such as "ratelimit(caller).Rate". The layer refuses with 429
// "ratelimit.exceeded". It refuses with 400 "ratelimit.key" what does not say
// whose quota it uses, with 400 "ratelimit.cost" what costs less than 1 or more
// than the burst, and with 400 "ratelimit.client_address" what comes from an
// unknown address. A Middleware that was made without New answers 500
// "ratelimit.unconfigured", and so does a limit by principal that no auth layer
// stands around. Where a [Store] fails, the answer is 503
// "ratelimit.unavailable". [Middleware.Take] and [Middleware.TakeFor] return
// the same errors.
//
// The examples show a limit for each address, tiers of callers, a login, a
// limit in a dry run, and what New says to a Config with mistakes.
package ratelimit
