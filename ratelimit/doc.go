// Package ratelimit bounds how much each client may ask for.
//
// # Threat
//
//   - One client uses what was meant for all clients.
//   - A script guesses passwords, or walks through ids.
//   - The limiter itself is attacked. A flood of made-up keys fills its memory.
//     A client chooses a new key for each request. Many requests run at once
//     and pass before the first of them has been counted.
//
// # Defence
//
// A [Config] is one limit. This limit lets each address send 100 requests a
// minute:
//
//	limit, err := ratelimit.New(ratelimit.Config{
//		Name: "address",
//		Key:  ratelimit.ByIP,
//		Rate: "100/minute",
//	})
//	// check err
//	http.ListenAndServe("localhost:8080", limit.Wrap(mux))
//
// This limit stands around a login and lets each address fail ten times an
// hour:
//
//	logins, err := ratelimit.New(ratelimit.Config{
//		Name:  "login",
//		Key:   ratelimit.ByIP,
//		Rate:  "10/hour",
//		Count: ratelimit.Failures,
//	})
//	// check err
//	mux.Handle("POST /login", logins.Wrap(login))
//
// A Config can also stand in a [bulwark.Chain]. The terms of a Config are:
//
//   - The Key says whose requests are counted together. [ByIP] counts by
//     address, and [ByPrincipal] by verified caller. A [KeyFunc] counts by a
//     text that the application returns, such as a tenant.
//   - The Rate is a number of requests and a window. "100/minute" has a window
//     of one minute. "10/second; 1000/day" has two windows, and a request needs
//     room in both.
//   - The burst is how many requests pass at once after a pause. It is the
//     number of the Rate, unless the Rate says ",burst=25".
//   - The Calendar is the place whose days and months a rate such as "1000/day"
//     follows.
//   - A tier is a class of callers, such as "free" or "premium". The auth layer
//     writes it into [bulwark.Principal.Tier]. Config.Tiers gives each tier its
//     Rate.
//   - Anonymous is the Rate of requests without a caller, if the Key is
//     ByPrincipal. Such requests are counted by address.
//   - AuthOutside is for a Key with ByPrincipal. It tells [bulwark.Chain] that
//     an auth layer stands outside the chain, although Chain cannot see that
//     layer.
//   - Count says which requests count. With [Failures] a request that succeeds
//     is given back to the quota, so that only failed requests use it up.
//
// # Answers
//
// A request over the limit is not passed on. The answer is 429 Too Many
// Requests with the code "ratelimit.exceeded", as problem details of the type
// quota-exceeded. It has the field Retry-After, in seconds. The event is
// excess_rate_limit_exceeded, and its Rule is the Name of the limit.
//
// Every response, including the 429, tells the client how much is left:
//
//	RateLimit-Policy: "address";q=100;w=60   100 requests in 60 seconds
//	RateLimit: "address";r=99;t=1            99 left, more in 1 second
//
// These are the fields of the IETF draft. Config.Headers chooses older fields,
// or no fields.
//
// # Rates
//
// A Rate names one of three algorithms for each of its windows:
//
//   - GCRA, the generic cell rate algorithm, is the default. It restores a
//     quota evenly, and not all at once at the end of a window. With
//     "100/minute" 100 requests pass at once. From then on one request passes
//     in 0.6 seconds.
//   - A fixed window restores the whole quota at its end. With
//     "100/minute,fixed-window" a window begins with the first request of a
//     client, and lasts a minute. With Config.Calendar the window of "1000/day"
//     ends at midnight, and that of "1000/month" on the first of the month.
//   - A sliding log remembers the time of each request, for at most 64
//     requests. With "10/hour,sliding-log" no hour, wherever it begins, has
//     more than 10 requests. It is the choice for guesses at passwords.
//
// At most this many requests pass within a minute, wherever it begins:
//
//	100/minute                  199 requests
//	100/minute,burst=25         124 requests
//	100/minute,fixed-window     200 requests
//	64/minute,sliding-log        64 requests
//
// For the default that is one request less than twice the number of the Rate.
// It happens if the client has paused before. For a fixed window it is twice
// the number: at the end of a window and at the begin of the next. The windows
// of a calendar are not all equally long. Around a day of 23 hours three times
// the number can pass within 24 hours, and around a February of 28 days within
// 30 days.
//
// Several windows bound bursts and quotas together: "10/second; 1000/day" is 10
// in a second, and not 1000 of them before breakfast. Each window has its own
// member in the header fields, and its own name in violated-policies, such as
// "api-second". A store debits all of them in one call, or none.
//
// All /64 networks of an IPv6 /48 together have 16 times the Rate. A sliding
// log of that length would be too long, so the /48 has a GCRA of 16 times the
// Rate.
//
// A request that is refused is not counted. A client that keeps asking does not
// wait longer for it.
//
// Limits that stand directly inside each other decide together. A request that
// one of them refuses takes nothing from the others, in any order. Another
// layer between two limits, such as auth, separates them: the outer limit has
// counted the request before the inner limit refuses it.
//
// # Logins
//
// Guesses at passwords come from one address or from many. Use three limits
// together, each with [Failures] or with a refund after success:
//
//   - By address, "10/hour,sliding-log": a Config with [ByIP] around the
//     handler.
//   - By account and address, "10/hour,sliding-log": [Middleware.TakeFor] in
//     the handler.
//   - By account, 100/hour: [Middleware.Take] in the handler. This limit stops
//     guesses from many addresses. It must have the highest rate, because it
//     also locks the owner of the account out.
//
// The account is known only after the body has been read. Therefore the handler
// calls Take and TakeFor itself. The sliding log makes 10 an hour mean 10: by
// the default algorithm a client that paused has up to 19 guesses in an hour. A
// handler should not run for longer than the
// window of its limit: a refund gives back only what time has not restored yet.
// Under another framework, see [Failures] and docs/routers.md: an answer that
// the limit cannot see counts as a failure.
//
// # Costs, exceptions and unlocking
//
// A unit of a quota need not be a request. [Middleware.TakeN] takes a cost,
// such as an estimated number of tokens, and [Reservation.Settle] corrects it
// when the exact cost is known. A cost above the estimate is owed by the
// caller.
//
// Config.RateFor gives single callers a rate of their own, for example from a
// database. It is asked at most once a minute for a caller, and a slow database
// delays only the first request of a caller. While it does not answer, the rate
// of the caller's tier holds.
//
// Config.Exempt lets the networks of the monitoring or the office pass.
// [Middleware.Exempted] counts their requests.
//
// [Middleware.Reset] and [Middleware.ResetFor] unlock a caller. They are an
// event, because whoever may unlock can also help an attacker to more guesses.
//
// # Overload
//
// A rate limits one client. [Concurrency] limits how many requests of all
// clients run at once, with a short queue. What the service cannot do in time
// it refuses with 503, so that it goes on doing what it can. The page
// docs/overload.md shows it under a load of four times the capacity.
//
// # Not covered
//
//   - Several processes. A [MemoryStore] counts within one process: n processes
//     behind a balancer allow up to n times as much. A [Store] that all
//     processes share holds one limit for all of them: package redisstore has
//     one for limits, and package sqlstore one for quotas of days and months.
//   - Restarts. The state of a MemoryStore is lost with the process.
//   - A distributed flood that fills the table of a MemoryStore. During such a
//     flood fresh keys are counted less exactly. A caller that has used up a
//     quota stays refused. [MemoryStore.Evictions] shows such a flood.
//   - A clock that is set. In a MemoryStore only the windows of a calendar
//     follow the clock of the machine. If it is set back over midnight, the day
//     ends twice, and a client has its quota twice.
//   - Bandwidth, and floods below HTTP. The network has to stop them.
//   - Clients behind a proxy. The address of a client is the result of
//     [bulwark.ClientIP]. Without a [bulwark.Edge] that names the proxy, all
//     clients behind the proxy share one quota.
//   - Preflights. A cors layer outside answers them before they reach a limit.
//   - Chance. Hashes of keys are 64 bits wide and seeded for each process. Two
//     callers share a quota by chance once in 2⁶⁴ pairs.
//
// # Errors
//
// New returns every mistake at once, each as a [*bulwark.ConfigError] with a
// path such as "ratelimit(caller).Rate". The layer refuses a request with:
//
//   - 429 "ratelimit.exceeded": the request is over the limit.
//   - 429 "ratelimit.concurrent": the caller has too many requests at once; see
//     Concurrency.MaxPerKey.
//   - 503 "ratelimit.overloaded": there is no place for the request in
//     Concurrency.Max.
//   - 400 "ratelimit.key": the request has an empty key.
//   - 400 "ratelimit.cost": Config.Cost returned less than 1, or more than the
//     burst.
//   - 400 "ratelimit.client_address": the address of the client is not known.
//   - 500 "ratelimit.unconfigured": the Middleware was made without New, or has
//     a Key with ByPrincipal and no auth layer outside.
//   - 503 "ratelimit.unavailable": the [Store] failed.
//
// [Middleware.Take], [Middleware.TakeN] and [Middleware.TakeFor] return the
// same errors. For all of them except 429 and "ratelimit.overloaded" the
// attribute error of the event names the field of the Config, or the call, that
// has to change.
//
// The package Example is a limit by address. The Example Login counts failed
// logins, and the Example of [Middleware.Take] also counts them by account. The
// Example Tiers gives each tier of callers its own rate. The Example Windows
// has a limit for seconds and days together, and the Example Calendar a quota
// that ends at midnight. The Example of [Config] is a dry run, and the Example
// Incorrect shows what New says to a Config with mistakes. The Example of
// [Reservation.Settle] counts the tokens of a language model. The Example of
// [Middleware.ResetFor] unlocks an account, and the Example of [Concurrency]
// sheds what is too much.
package ratelimit
