// Package jwt verifies signed access tokens (RFC 7519, RFC 9068) and makes
// them.
//
// # Threat
//
// A token is text that a client sends, and says itself how it is to be checked.
// Verifiers have been talked into accepting no signature, a public key as a
// secret, a key that the token brought along, another service's token, an ID
// token for an access token, a claim that is there twice, or one of the many
// spellings of a token that somebody had revoked. And a verifier that fetches
// keys whenever it sees a new kid can be made to attack its own issuer, or goes
// down with it.
//
// # Defence
//
// The [Verifier] decides, not the token: issuer, audience, type and algorithms
// are configured, and a key is used with its own kind of algorithm only. There
// is one spelling of header and claims, which are decoded once, strictly. The
// cheap checks come first, the signature last. RFC 8725 is followed throughout.
//
// Keys from [Discover] and [RemoteKeys] are read without a lock, renewed ahead
// of time in the background, and outlive an outage of the issuer. A verified
// token is remembered for up to a minute, by the hash of the whole token, for
// as long as its key is published; what may have changed meanwhile, its time,
// its key and [Config.Revocations], is asked for each request.
//
// A token may be bound to a key of the client's, by DPoP ([Config.DPoP]) or by
// the certificate of the connection ([Config.MutualTLS]), so that it is worth
// nothing to a thief. A token that is bound in a way which is not configured is
// refused: a check that nobody makes must not pass for one.
//
// A token that cannot be checked is not a bad token: it is refused with 503 and
// Retry-After, not 401.
//
// # Not covered
//
// The signature has more than one spelling: whoever has an ECDSA token can turn
// its (r, s) into (r, n-s), which is as good (RFC 7518 section 3.4 does not
// choose). So a token is to be revoked by its jti or sid, and never by a hash
// or the text of it. The cache holds good tokens only; another spelling costs
// one more verification.
//
// Encrypted tokens (JWE) are refused; opaque tokens are the matter of package
// introspection. Without Revocations a token is good until it expires, unless
// something else, such as a session, says otherwise. An issuer that publishes
// keys without kid is followed only at the pace of Cache-Control: nothing tells
// that one has been replaced.
//
// # Errors
//
// A bad token is 401 "auth.invalid_token"; [auth.Invalid] lists the reasons
// that only the log learns. A token that cannot be checked is 503
// "auth.unavailable" with the reason "keys_unavailable" or "store_unavailable".
// A [Verifier] or [Signer] that was made without its constructor is 500
// "jwt.unconfigured". The handler of keys answers other methods than GET and
// HEAD with 405 "jwt.method_not_allowed". [New] and [NewSigner] join a
// *[bulwark.ConfigError] for everything that is wrong.
//
// # Issuers
//
// Tokens of issuers that follow RFC 9068 have the type "at+jwt" and need no
// option. Others need [Config.InsecurePlainType], and then something else must
// tell their access tokens from their ID tokens: an audience that no ID token
// has, which is the client's id, and [Config.Require] for what the issuer
// writes into one kind only. docs/issuers.md in the repository has the Config
// for Keycloak, Auth0, Entra ID, Okta, Cognito and Google, tested with tokens
// as they make them.
//
// The Examples show a verifier with discovery, and a signer with its verifier.
package jwt
