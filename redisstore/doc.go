// Package redisstore keeps the state of several processes in Redis or Valkey:
// the quotas of limits, sessions, API keys, revocations and used proofs. It is
// a module of its own, so that only a service that uses it downloads a client
// of Redis.
//
//	client := redisstore.Rueidis(rueidisClient)
//	limits, err := redisstore.NewLimits(redisstore.LimitsConfig{Client: client, Secret: key, Instances: 4})
//	store, err := redisstore.New(ctx, redisstore.Config{Client: client, Secrets: [][]byte{key}})
//
// [Limits] is a [ratelimit.Store]. A [Store] has a session.Store, an
// apikey.Store, an auth.Revocations and a dpop.Replays. The two differ in what
// an outage may cost, so they need two servers of Redis:
//
//   - Limits change with every request and may be lost. Give them a server with
//     "maxmemory-policy volatile-ttl".
//   - Sessions, keys, revocations and proofs must not be lost. Give them a
//     server with "maxmemory-policy noeviction" and "appendonly yes".
//
// # Threat
//
// A limit that each process counts for itself lets N times as much pass with N
// processes. A limit that reads, decides and then writes lets guesses pass that
// arrive at once. Redis hangs, and every request waits for it. Or Redis hangs,
// and the limits are gone without anybody noticing. A client chooses names that
// fill the memory of Redis, or that push out what others have used. A client
// command that is sent again after a timeout counts twice.
//
// # Defence
//
// One Debit is one script in Redis, for all cells of a caller: all are taken
// from, or none. All cells of a call are in one slot of a Cluster. Redis counts
// in whole microseconds of its own clock, so the clocks of the processes do not
// matter. A clock of Redis that is set back, as by a failover, locks nobody out
// for longer than it takes to restore two whole quotas. A script that Redis
// does not have is sent with its source. No other command is ever sent twice.
//
// The names of keys hold an HMAC in place of what identifies a client. A client
// can choose neither a key of its own nor its slot, and nobody reads addresses
// or names of users in Redis. Each key ends with its quota: a cell whose quota
// is whole again needs no memory. A key takes about 160 bytes (GCRA), 190 bytes
// (fixed window), or up to 1.7 KiB (sliding log with 64 requests).
//
// A call waits for Redis no longer than LimitsConfig.Timeout, even if the
// client ignores its context. At most 1,024 calls wait at once. After five
// failures in a row, a breaker answers at once. After 50 to 150 milliseconds
// one call asks Redis again, then after a longer pause, of 1.5 seconds at most.
// During this time [Outage] says how the limits decide. Timeouts, errors of the
// network and answers such as LOADING, READONLY, CLUSTERDOWN and OOM count as
// failures. Other answers, such as NOPERM and WRONGTYPE, are mistakes of the
// deployment. Debit returns them as an error in every mode, and the limit
// answers 503.
//
// An outage is two events, whoever notices it: sys_unavailable with the reason
// "redisstore.outage" at its begin, and sys_monitor_enabled with the reason
// "redisstore.recovered" at its end. The metrics of package audit count both by
// name.
//
// # Not covered
//
//   - Failover. Redis replicates later than it answers. What the replica has
//     not received is lost: at most one whole quota of each cell passes again.
//   - A Debit whose answer is lost may have taken. Then a request was counted
//     that was refused, or that was counted in the memory of the process as
//     well.
//   - The mode Local knows nothing of what was used before the outage. So one
//     more share of a quota may pass. It does not pass again at the next outage
//     while the share is used up. A request whose cost is above the share of
//     the Burst is refused.
//   - One primary of a Cluster that is down. The calls to the other primaries
//     go on. Each call to its slots is decided as OnOutage says, after its own
//     failure. An event comes only when five calls in a row have failed.
//   - Eviction. With "maxmemory-policy allkeys-lru" or another allkeys policy,
//     a flood of made-up keys pushes out what an offender has used. With
//     volatile-ttl, Redis evicts first what ends first, which are keys that
//     have used little. NewLimits does not look at the server, so that a
//     service starts without it. Watch evicted_keys of INFO, and check
//     maxmemory-policy when you deploy.
//   - Who reads or writes in Redis. Use TLS and an ACL. The limits use the
//     commands EVALSHA, EVAL, GET, SET, DEL and TIME.
//   - Transport and pools. The application makes, tunes and closes the client.
//
// The scripts need Redis 6.2 or Valkey. They use no library of Lua that
// Dragonfly lacks. The scripts of Limits declare all their keys. The scripts of
// a Store also use keys that they do not declare, such as the rows of a
// caller's other sessions. These are in the slot of the declared keys, and the
// first line of each script says so to Dragonfly (allow-undeclared-keys). The
// tests run on Redis 7 only: one server, a Cluster of three, and Sentinel.
//
// # Errors
//
// [NewLimits] and [New] report every mistake of their Config at once, each as a
// [*bulwark.ConfigError]. An error of Debit says whether Redis has not answered
// in time, cannot be reached, or which code it answers. It never holds what was
// sent or answered. An error of a cell, such as a Limit of 0, is a
// [*bulwark.ConfigError] and costs no command.
//
// See the Examples, one of which shows two mistakes.
package redisstore
