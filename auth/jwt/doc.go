// Package jwt verifies signed access tokens (RFC 7519, RFC 9068) and makes
// them.
//
// # Threat
//
// A token is text that a client sends. Its header names the algorithm and the
// key for its own check. Attackers have made verifiers accept:
//
//   - a token without a signature,
//   - a public key of the issuer as the secret of HS256,
//   - a key that the token brought along,
//   - a token for another service, or an ID token as an access token,
//   - a claim that is present twice,
//   - another spelling of a token that had been revoked.
//
// If a verifier fetches keys for each new kid, an attacker can use it to flood
// the issuer. If it fetches keys for each request, it goes down with the
// issuer.
//
// # Defence
//
//	tokens, err := jwt.New(jwt.Config{
//		Issuer:   "https://login.example.com", // the iss, to the letter
//		Audience: []string{"https://api.example.com"}, // your aud
//		Keys:     jwt.Discover("https://login.example.com", jwt.RemoteConfig{}),
//	})
//	…
//	auth.Config{Authenticators: []auth.Authenticator{tokens}}
//
// The [Verifier] decides, not the token: issuer, audience, type and algorithms
// are configured. A key is used with its own kind of algorithm only. Header and
// claims are decoded once and strictly, in one spelling only. The cheap checks
// come first, the signature last. The package follows RFC 8725.
//
// Keys from [Discover] and [RemoteKeys] are read without a lock and renewed in
// the background before they expire. In an outage of the issuer they are used
// for up to [RemoteConfig.MaxStale] longer. [KeyFile] reads keys from a file,
// and again when it changes. [Verifier.Refresh] loads the keys at once.
//
// The claims of a token may have any names: [Config.SubjectClaim] and its
// neighbours name them, [Config.Require] compares them, and [Config.Map]
// completes the caller. A logout token or another token with the claim events
// is never an access token: [Verifier.VerifyLogout] reads logout tokens.
//
// A verified token is cached for up to one minute, under the hash of the whole
// token. It is dropped when a fetched key set no longer has its key. Each
// request checks again what may have changed: the time, the key and
// [Config.Revocations].
//
// A token may be bound to a key of the client: by DPoP ([Config.DPoP]) or by
// the certificate of the connection ([Config.MutualTLS]). An attacker who has
// stolen a bound token cannot use it. A bound token is refused if the field for
// its binding is not set, because nothing would check the binding.
//
// A token that cannot be checked is not a bad token. It is refused with 503 and
// Retry-After, not with 401.
//
// # Not covered
//
// Revoke a token by its jti or sid, never by its text or a hash of its text.
// The signature has more than one spelling: anybody who has an ECDSA token can
// replace its (r, s) by (r, n-s), which is also valid (RFC 7518 section 3.4
// does not choose). Another spelling costs one more verification. The cache
// holds good tokens only.
//
// Encrypted tokens (JWE) are refused. Opaque tokens are the subject of package
// introspection. Without Revocations a token is good until it expires, unless
// something else, such as a session, refuses it.
//
// If an issuer publishes keys without kid, only the next regular fetch finds a
// new key (see [RemoteKeys]). A token without kid does not show that a key has
// been replaced.
//
// # Errors
//
// A bad token is 401 "auth.invalid_token". The event has a reason
// ([auth.Invalid] lists them) and an error that names the field of [Config] to
// look at. A token that cannot be checked is 503 "auth.unavailable" with the
// reason "keys_unavailable" or "store_unavailable". A mistake in [Config.Map]
// is an opaque 500.
//
// A [Verifier] or [Signer] that was made without its constructor answers 500
// "jwt.unconfigured". The handler of [Signer.JWKSHandler] answers methods other
// than GET and HEAD with 405 "jwt.method_not_allowed". [New] and [NewSigner]
// return an error that joins a *[bulwark.ConfigError] for each mistake.
//
// # Issuers
//
// Issuers that follow RFC 9068 write the typ "at+jwt". Their tokens need no
// option. Most other issuers and libraries write the typ "JWT" or none. Their
// tokens need [Config.InsecurePlainType]. Then one of two things must tell an
// access token from an ID token:
//
//   - an audience that no ID token has (the aud of an ID token is the id of the
//     client), or
//   - a claim that the issuer writes into access tokens only, named in
//     [Config.Require].
//
// A service with an issuer for each tenant uses [NewIssuers]. It finds the
// issuer of a token in a table of the service, and keeps what it has found for
// one minute. The tenants of Microsoft Entra ID, which share their keys, are a
// template there.
//
// The page docs/issuers.md in the repository has a tested Config for Keycloak,
// Auth0, Entra ID, Okta, Cognito and Google. The page docs/tokens.md has it for
// the tokens of jsonwebtoken and golang-jwt, with a key or with a shared
// secret. It also explains each refusal by its reason.
//
// The Example is the smallest service. The Examples of [Discover], [KeyFile]
// and [Signer] show the keys of an issuer, keys in a file, and an issuer of
// your own. The Example of [NewIssuers] shows an issuer for each tenant. The
// Example of [New] shows what New says about a wrong Config. The Examples of
// [Config] show claims with other names, and a Map.
package jwt
