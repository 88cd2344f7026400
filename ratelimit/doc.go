// Package ratelimit bounds how much each caller may ask for.
//
// The threat: one client that takes what was meant for all, a script that guesses
// passwords or walks through ids, and a limiter that itself gives way, because it
// is flooded with made-up keys, because its clients choose their own key, or because
// many requests at once all pass before the first one has been counted.
//
// The defence: a [Config] names a rate as text, says whose requests are counted
// together (an address, a verified caller, something of the application's own) and
// what is counted (requests, or failures only). Past the rate the answer is 429 with
// Retry-After, as problem details of the type quota-exceeded, and the event is
// excess_rate_limit_exceeded. Responses carry the RateLimit fields of the IETF draft.
// Memory is allocated once and bounded, whatever clients do; see [MemoryStore].
//
// # Rates
//
// The algorithm is GCRA, the generic cell rate algorithm: a quota is restored
// evenly, not all at once at the end of a window. For "100/minute" it lets 100
// requests pass at once, and from then on one in 0.6 seconds. In the worst 60
// seconds, those around the end of a pause, that is
//
//	100/minute              199 requests
//	100/minute,burst=25     124 requests
//	fixed windows of 100    200 requests, for comparison
//	a sliding log of 100    100 requests, for comparison
//
// What is refused is not counted: who keeps asking is not locked out for longer.
//
// # Logins
//
// Three limits belong together, all of failures only: one by address (10/hour), one
// by account and address prefix (10/hour), and one by account (100/hour). The limit
// by account stops guessing from many addresses, and has to be the widest: it also
// locks out the owner. The latter two need the account, which is known only after
// the body has been read: see [Middleware.Take]. A handler should not run for longer
// than its limit's window: what is refunded is what time has not restored yet.
//
// # What is not covered
//
// Limits count within one process: n processes allow n times as much. State is lost
// with the process. A distributed flood that fills the table beyond its size is
// counted less exactly, and so are fresh keys in it, while who has used up a quota
// stays refused; [MemoryStore.Evictions] tells. Bandwidth and floods below HTTP are for
// the network. Hashes of keys are seeded per process and 64 bits wide: two callers
// share a quota by chance once in 2⁶⁴ pairs.
//
// A client's address is what [bulwark.ClientIP] says: without a [bulwark.Edge] that
// names the proxies, all clients behind one proxy share one quota. A preflight that a
// cors layer outside answers never reaches a limit.
package ratelimit
