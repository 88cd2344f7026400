// Package apikey authenticates programs by API keys: long-lived bearer secrets
// that a partner's server sends with each request.
//
// # Threat
//
// A key is copied into configuration files, shell histories, logs and
// repositories, lives for months, and belongs to somebody who is not at the
// keyboard. A key leaks where nobody looks. A copied database hands over all
// keys at once. A service that asks its store about every guess can be worn
// out. A key that cannot be replaced without an outage is never replaced.
//
// # Defence
//
// A key reads prefix_env_id_secret_check. The prefix lets secret scanners find
// the key. The environment keeps a test key out of production. The check, a
// CRC-32 of everything before it, tells a typo or a made-up key apart before
// any store is asked. The secret has 256 random bits and is shown once, by
// [Keys.Issue]. The [Store] holds its HMAC-SHA-256, together with prefix,
// environment and id, under a [Pepper] that the store does not have. A random
// secret needs no slow hash, so that a verification costs about a microsecond,
// and as much for an id that does not exist.
//
// [Keys.Rotate] gives a key a second secret, while the first secret goes on
// working for the time that its owner needs to switch. A secret older than
// [Config.MaxAge] still works, and is reported as authn_key_stale once a day,
// so that somebody asks for the rotation. [Keys.Revoke] ends a key at once and
// reports that. [Keys.List] shows whose keys there are and which are stale, and
// [Keys.RevokeOwner] ends all keys of an owner. A [Grant] gives a key its
// expiry, roles, scopes, rate-limit tier and networks.
//
// A key is read from "Authorization: ApiKey …", from "Authorization: Bearer …"
// where it begins with our prefix, and from a further header if [Config.Header]
// names it. Keys of another prefix or environment may stand beside: each
// recognizes its own keys in all of these places, and the first refuses what
// nobody recognizes. A key is never read from the query, which ends up in logs,
// histories and Referer. [Keys.Verify] takes a key that comes by another way
// than a request.
//
// [MemoryStore] serves one process. A store of several processes keeps the
// rules of [Store].
//
// # Not covered
//
// A bearer secret is as good for the thief as for its owner until it is
// revoked. Bind keys to networks where callers have fixed addresses, and prefer
// signed tokens with sender constraints where callers can use them. A key that
// acts for an owner does not know whether that account still exists: call
// [Keys.RevokeOwner] when an account is closed. The application decides who may
// issue, rotate and revoke keys, and reports what it issues and rotates.
//
// # Errors
//
// A key that is not accepted is 401 "auth.invalid_token". [Keys.Authenticate]
// lists the reasons that only the log learns. Two credentials are 400
// "auth.ambiguous_credentials". A store that fails is 503 "auth.unavailable"
// for the caller, and "apikey.unavailable" or "apikey.store_full" for who
// issues, rotates or revokes. Those learn 422 "apikey.invalid_grant" or
// "apikey.invalid_overlap", 404 "apikey.not_found", and 409 "apikey.ended" or
// "apikey.too_many_secrets" about what they asked for. Keys that were made
// without [New] are 500 "apikey.unconfigured". New joins a
// *[bulwark.ConfigError] for everything that is wrong.
//
// The Example shows a key that is issued, used and rotated.
package apikey
