// Package apikey authenticates programs by API keys: long-lived bearer secrets that a partner's server sends with each request.
//
// # Threat
//
// A key is copied into configuration files, shell histories, logs and repositories, lives for months, and belongs to somebody who is
// not at the keyboard. It leaks where nobody looks, a copied database hands over all keys at once, a service that asks its store
// about every guess can be worn out, and a key that cannot be replaced without an outage is never replaced.
//
// # Defence
//
// A key reads prefix_env_id_secret_check. The prefix lets secret scanners find it; the environment keeps a test key out of
// production; the check, a CRC-32 of all before it, tells a typo or a made-up key apart before any store is asked. The secret has 256
// random bits and is shown once, by [Keys.Issue]. The store holds HMAC-SHA-256 of it under a pepper that the store does not have.
// No slow hash is needed for a random secret, so verifying costs about a microsecond, and the same for an id that does not exist.
//
// [Keys.Rotate] gives a key a second secret while the first goes on working for the time that its owner needs to switch. A secret
// older than [Config.MaxAge] still works, and is reported as authn_key_stale once a day, so that somebody asks for the rotation. A
// key has an expiry, roles, scopes, a rate-limit tier, and may be bound to networks.
//
// A key is read from "Authorization: ApiKey …", from "Authorization: Bearer …" where it begins with our prefix, and from one further
// header if [Config.Header] names it; never from the query, which ends up in logs, histories and Referer.
//
// # Not covered
//
// A bearer secret is as good for the thief as for its owner until it is revoked: bind keys to networks where callers have fixed
// addresses, and prefer signed tokens with sender constraints where callers can do that. A key that acts for an owner does not know
// whether that account still exists: revoke its keys when an account is closed. Issuing and rotating are calls of the
// application, which decides who may do it and reports it; who may revoke is its decision too.
package apikey
