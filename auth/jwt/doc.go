// Package jwt verifies signed access tokens (RFC 7519, RFC 9068) and makes
// them.
//
// # Threat
//
// A token is text that a client sends. The token itself says how it is to be
// checked. Attackers have made verifiers accept:
//
//   - a token without a signature,
//   - a public key of the issuer as the secret of HS256,
//   - a key that the token brought along,
//   - a token for another service, or an ID token as an access token,
//   - a claim that is present twice,
//   - another spelling of a token that had been revoked.
//
// A verifier that fetches keys for each new kid can be made to attack its own
// issuer. A verifier that fetches keys for each request goes down with the
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
// claims have one spelling, and are decoded once, strictly. The cheap checks
// come first, the signature last. The package follows RFC 8725.
//
// Keys from [Discover] and [RemoteKeys] are read without a lock and renewed in
// the background before they expire. They outlive an outage of the issuer.
//
// A verified token is cached for up to one minute, by the hash of the whole
// token, as long as its key is published. Each request checks again what may
// have changed: the time, the key and [Config.Revocations].
//
// A token may be bound to a key of the client: by DPoP ([Config.DPoP]) or by
// the certificate of the connection ([Config.MutualTLS]). An attacker who has
// stolen a bound token cannot use it. A token that is bound in a way that is
// not configured is refused, because nothing would check the binding.
//
// A token that cannot be checked is not a bad token. It is refused with 503 and
// Retry-After, not with 401.
//
// # Not covered
//
// A signature has more than one spelling: anybody who has an ECDSA token can
// turn its (r, s) into (r, n-s), which is also valid (RFC 7518 section 3.4 does
// not choose). So revoke a token by its jti or sid, never by its text or a hash
// of its text. The cache holds good tokens only. Another spelling costs one
// more verification.
//
// Encrypted tokens (JWE) are refused. Opaque tokens are the subject of package
// introspection. Without Revocations a token is good until it expires, unless
// something else, such as a session, refuses it.
//
// An issuer that publishes keys without kid is followed only as fast as its
// Cache-Control says: a token without kid does not show that a key has been
// replaced.
//
// # Errors
//
// A bad token is 401 "auth.invalid_token". The log learns the reason, which
// [auth.Invalid] lists, and an error that names the field of [Config] to look
// at. A token that cannot be checked is 503 "auth.unavailable" with the reason
// "keys_unavailable" or "store_unavailable".
//
// A [Verifier] or [Signer] that was made without its constructor answers 500
// "jwt.unconfigured". The handler of [Signer.JWKSHandler] answers methods other
// than GET and HEAD with 405 "jwt.method_not_allowed". [New] and [NewSigner]
// return an error that joins a *[bulwark.ConfigError] for each mistake.
//
// # Issuers
//
// Issuers that follow RFC 9068 write the typ "at+jwt". Their tokens need no
// option. Most other issuers and libraries write the typ "JWT" or none, which
// needs [Config.InsecurePlainType]. Then something else must tell an access
// token from an ID token:
//
//   - an audience that no ID token has (the aud of an ID token is the id of the
//     client), or
//   - a claim that the issuer writes into access tokens only, named in
//     [Config.Require].
//
// The page docs/issuers.md in the repository has a tested Config for Keycloak,
// Auth0, Entra ID, Okta, Cognito and Google. It also has one for the tokens of
// a program of your own, which signs with a shared secret.
//
// The Example is the smallest service. The Examples of [Discover] and [Signer]
// show the keys of an issuer, and an issuer of your own. The Example of [New]
// shows what New says about a wrong Config.
package jwt
