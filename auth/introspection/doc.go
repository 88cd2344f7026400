// Package introspection asks the authorization server about opaque access
// tokens (RFC 7662).
//
// # Threat
//
// An opaque token says nothing: only its issuer knows whether it is good, and
// for whom. So each request depends on another service. Made-up tokens make us
// ask about each of them; an answer that is remembered outlives the revocation
// of its token; and a service that is slow or down takes down everybody who
// waits for it. Servers call refresh tokens, ID tokens and the tokens of other
// services active, too. And who can ask the endpoint can try out stolen tokens
// there.
//
// # Defence
//
// This service authenticates itself, and follows no redirect with a token. The
// answer is decoded strictly, within bounds; active must be the literal true,
// and issuer, audience, type, times, subject and binding must be what is
// configured. Anything else refuses the token with 401.
//
// An answer is believed for a minute at most, and never past the token's end; a
// refusal for five seconds, apart, so that bad tokens drive out no good ones.
// One question is under way for each token, and at most [Config.MaxConcurrent]
// in all. The key that an answer is remembered by is the hash of the whole
// token. What binds a token to its client is proven anew for each request.
//
// A token about which nobody can be asked is not a bad token: it is refused
// with 503 and Retry-After, not 401. An endpoint that fails is left alone for a
// second, then longer, up to 15 seconds, and one request sees whether it is
// back; the others do not wait for it. [Config.InsecureOnOutage] lets tokens
// pass by their last good answer meanwhile. That our own credentials are
// refused counts as an outage, too.
//
// # Not covered
//
// A revoked token is good until its answer has run out: set
// [Cache.Lifetime] to as little as the load allows.
//
// Somebody who sends many tokens that nobody issued makes as many questions, up
// to [Config.MaxConcurrent] at a time, and others wait their turn: limit by
// address in front, as package ratelimit does. A server that fails with 500 on
// some tokens counts as down after five of them in a row, so that whoever has
// such tokens can have others refused with 503.
//
// A refresh token is told from an access token only where the answer says so in
// a type (see [Config.RequireType]) or by its audience. Signed answers (RFC
// 9701) and tokens of several issuers behind one endpoint are not read.
//
// # Errors
//
// A token that is not good is 401 "auth.invalid_token"; [auth.Invalid] lists
// the reasons that only the log learns. A token about which nobody can be asked
// is 503 "auth.unavailable" with the reason "introspection_unavailable" or
// "store_unavailable". An [Introspector] that was made without [New] is 500
// "introspection.unconfigured". [New] joins a *[bulwark.ConfigError] for
// everything that is wrong.
//
// # Servers
//
// A server whose answers have aud, sub and exp needs no option. RFC 7662 makes
// all three optional. Where aud is missing the server may have a setting for
// it, such as the audience mapper of Keycloak; else
// [Config.InsecureAnyAudience] must be set, and [Config.InsecureNoExpiry] where
// exp is. Where sub is missing, as some servers have it for clients that act
// for themselves, the token is refused unless [Config.ClientClaim] names the
// member that stands in for it.
//
// An endpoint that answers 4xx with an error about the token, such as
// "unsupported_token_type" for a signed token, has decided: the token is
// refused with 401. Other answers that are not 200 are an outage.
//
// The Examples show a Config and what New says of a wrong one. The tests of a
// service find an endpoint in package authtest.
package introspection
