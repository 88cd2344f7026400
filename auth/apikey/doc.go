// Package apikey authenticates programs by API keys: long-lived secrets that a
// client, such as the server of a partner, sends with each request.
//
// # Threat
//
// People copy a key into configuration files, shell histories, logs and
// repositories. Nobody notices when the key leaks there. A key lives for
// months. A copy of the database reveals all keys that the database holds in
// the clear. If every guess reaches the store, many guesses overload it. If a
// key can only be replaced with an outage, nobody replaces it.
//
// # Defence
//
// Make [Keys] once, and put them into the auth layer:
//
//	keys, err := apikey.New(apikey.Config{
//		Prefix:  "acme",
//		Issuer:  "https://api.example.com/keys",
//		Peppers: []apikey.Pepper{{Version: 1, Key: pepper}}, // 32 random bytes
//		Store:   &apikey.MemoryStore{},
//	})
//	// …
//	layer := auth.Config{Authenticators: []auth.Authenticator{keys}}
//	issued, err := keys.Issue(ctx, apikey.Grant{Name: "partner"})
//
// A client sends the key in one of these places:
//
//   - "Authorization: ApiKey KEY".
//   - "Authorization: Bearer KEY", if the key begins with [Config.Prefix].
//   - the header field [Config.Header], if it is set.
//
// A key is never read from the query of a URL, because the query ends up in
// logs, histories and Referer. [Keys.Verify] accepts a key that does not come
// in a request.
//
// A key has the form prefix_env_id_secret_check:
//
//   - The prefix lets secret scanners find the key.
//   - The environment keeps a test key out of production.
//   - The id names the key. It may be shown and logged.
//   - The secret has 256 random bits. [Keys.Issue] shows it once.
//   - The check is a CRC-32 of the other parts. A mistyped or invented key is
//     refused without asking the store.
//
// The [Store] never holds a secret. It holds an HMAC-SHA-256 of the prefix, the
// environment, the id and the secret, with a [Pepper] that is not in the store.
// The secret is random, so it needs no slow hash. A verification takes about a
// microsecond, also for an id that does not exist.
//
// A key can be managed during its life:
//
//   - A [Grant] gives the key its expiry, roles, scopes, rate-limit tier and
//     networks.
//   - [Keys.Rotate] gives the key a second secret. The first secret works for
//     the time that its owner needs to switch.
//   - A secret older than [Config.MaxAge] still works. It is reported once a
//     day as authn_key_stale, so that somebody rotates the key.
//   - [Keys.Revoke] ends a key at once and reports it. [Keys.RevokeOwner] ends
//     all keys of an owner.
//   - [Keys.List] shows whose keys exist and which keys are stale.
//   - [Config.Lookup] asks for the owner of a key as the owner is now. The key
//     never has more roles and scopes than its owner. If the account is closed,
//     the key is refused.
//   - [Keys.Review] ends the open streams of a key that has ended.
//
// Keys that another system gave out go on working. [Config.Legacy] finds a text
// that is not in the format above, such as "sk_…". [Keys.Adopt] moves the key
// into the store. The store keeps the record of an adopted key for good, so
// that Legacy is never asked for a revoked key again.
//
// One auth layer may have several Keys values with different prefixes or
// environments. Each value recognizes its own keys in all places above. The
// first value that has a Legacy gets a text that no value recognizes. If no
// value has a Legacy, the first value refuses the text.
//
// [MemoryStore] and [FileStore] serve one process. A FileStore keeps the keys
// in a JSON file. Several processes need a [Store] that they share: packages
// redisstore and sqlstore have one. authtest.TestKeyStore tests a store of your
// own.
//
// The functions Lookup and Legacy may fail, hang, panic or return nonsense.
// Then the request is refused with 503. No request waits for longer than
// [Config.AskTimeout], and no more than [Config.MaxAsking] calls run.
//
// # Not covered
//
// An attacker who has stolen a key can use it until it is revoked. Bind keys to
// networks if the clients have fixed addresses. Prefer signed tokens with
// sender constraints if the clients can use them. Without [Config.Lookup], a
// key that acts for an owner does not know whether the account of the owner
// still exists. Then call [Keys.RevokeOwner] when an account is closed.
// RevokeOwner does not reach a key that only Legacy knows. A stream of such a
// key lasts for two minutes. If the pepper of an adopted key is removed from
// [Config.Peppers], the store does not find the key, and Legacy is asked again.
// So first delete the key from the table behind Legacy. The application decides
// who may
// issue, rotate and revoke keys. The application also reports the keys that it
// issues and rotates.
//
// # Errors
//
// A client of the service gets:
//
//   - 401 "auth.invalid_token": the key is not accepted. [Keys.Authenticate]
//     lists the reasons, which only the log shows.
//   - 400 "auth.ambiguous_credentials": the request has two credentials.
//   - 503 "auth.unavailable": the store, Lookup or Legacy does not answer, or
//     gives a wrong answer.
//
// A caller of Issue, Adopt, Rotate, Revoke, RevokeOwner or List gets:
//
//   - 422 "apikey.invalid_grant": a field of the Grant is wrong.
//   - 422 "apikey.invalid_key": the text to adopt cannot be a key of another
//     system.
//   - 422 "apikey.invalid_overlap": the overlap is negative, or longer than
//     [Config.MaxOverlap].
//   - 404 "apikey.not_found": the store has no key with this id.
//   - 409 "apikey.adopted": the key has been adopted before.
//   - 409 "apikey.ended": the key is revoked or expired.
//   - 409 "apikey.too_many_secrets": 4 secrets of the key still work.
//   - 503 "apikey.unavailable": the store does not answer.
//   - 503 "apikey.store_full": the store has no room.
//
// Keys that were made without [New] are 500 "apikey.unconfigured". New joins a
// *[bulwark.ConfigError] for each mistake.
//
// The first Example issues a key and uses it. Example (Rotation) replaces the
// secret without an outage. Example (Lookup) asks for the owner of a key.
// Example (Legacy) moves existing keys over. The Example of [OpenFile] keeps
// keys in a file. Example (Incorrect) shows what New says about mistakes. The
// page docs/api-keys.md in the repository shows the procedures of an
// administrator.
package apikey
