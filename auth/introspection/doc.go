// Package introspection asks the authorization server about opaque access
// tokens (RFC 7662).
//
// # Threat
//
// An opaque token holds no information: only its issuer knows whether it is
// good, and for whom. So each request depends on another service:
//
//   - Each made-up token causes a question to this service.
//   - An answer that is remembered is still used after the token was revoked.
//   - If the service is slow or down, everything that waits for it is too.
//
// Servers also call refresh tokens, ID tokens and the tokens of other services
// active. And an attacker who can ask the endpoint can try out stolen tokens
// there.
//
// # Defence
//
//	tokens, err := introspection.New(introspection.Config{
//		Endpoint: "https://login.example.com/introspect",
//		Issuer:   "https://login.example.com",
//		Audience: []string{"https://api.example.com"}, // your aud
//		Client:   introspection.Client{ID: "api", Secret: secret},
//	})
//	…
//	auth.Config{Authenticators: []auth.Authenticator{tokens}}
//
// This service authenticates itself with its [Client], and never follows a
// redirect with a token. The answer is decoded strictly, within bounds. Its
// active must be the literal true. Its issuer, audience, type, times, subject
// and binding must be as configured. Any other answer refuses the token with
// 401.
//
// An answer is used for at most one minute, and never after the end of its
// token. A refusal is used for five seconds. Refusals are kept apart, so that
// bad tokens do not push out good ones. An answer is remembered by the hash of
// the whole token. At most one question is under way for each token, and at
// most [Config.MaxConcurrent] in all. If the token is bound to a client, each
// request proves the binding again.
//
// If the endpoint cannot be asked, the token is not a bad token: it is refused
// with 503 and Retry-After, not with 401. An endpoint that fails is not asked
// for one second, then longer, up to 15 seconds. After that one request finds
// out whether the endpoint is back, and the others do not wait for it. With
// [Config.InsecureOnOutage] the last good answer about a token is used in this
// time. If the endpoint refuses the credentials of this service, that is also
// an outage.
//
// # Not covered
//
// A revoked token is accepted until its answer has expired: set
// [Cache.Lifetime] as short as the load allows.
//
// Many made-up tokens cause as many questions, up to [Config.MaxConcurrent] at
// a time, and other requests wait. Limit the requests of each address before
// this layer, with package ratelimit. A server that answers some tokens with
// 500 counts as down after five such answers in a row. Anybody who has such
// tokens can then make requests with other tokens fail with 503.
//
// A refresh token differs from an access token only by its audience, or by a
// type in the answer; see [Config.RequireType]. Signed answers (RFC 9701), and
// tokens of several issuers behind one endpoint, are not supported.
//
// # Errors
//
// A token that is not good is 401 "auth.invalid_token". The log learns the
// reason, which [auth.Invalid] lists, and an error that names the field of
// [Config] to look at. If nobody can be asked about a token, the answer is 503
// "auth.unavailable" with the reason "introspection_unavailable" or
// "store_unavailable". An [Introspector] that was made without [New] answers
// 500 "introspection.unconfigured". [New] returns an error that joins a
// *[bulwark.ConfigError] for each mistake.
//
// # Servers
//
// If the answers of a server have aud, sub and exp, no option is needed. RFC
// 7662 makes all three optional:
//
//   - If aud is missing, look for a setting of the server, such as the audience
//     mapper of Keycloak. Without one, set [Config.InsecureAnyAudience].
//   - If exp is missing, set [Config.InsecureNoExpiry].
//   - If sub is missing for clients that act for themselves, name the member
//     that stands in for it in [Config.ClientClaim]. Without it the token is
//     refused.
//
// An endpoint may answer 4xx with an error about the token, such as
// "unsupported_token_type" for a signed token. This is a decision: the token is
// refused with 401. Other answers than 200 are an outage.
//
// The Examples show a Config, and what [New] says about a wrong one. Package
// authtest has an endpoint for the tests of a service.
package introspection
