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
//   - If the service is slow or down, the requests that wait for it are slow or
//     fail.
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
// The question carries the credentials of [Config.Client]. The package never
// follows a redirect with a token. The answer is decoded strictly, within
// bounds. The member active must be the literal true. Issuer, audience, type,
// times, subject and binding must be as configured. If one of them is not, the
// token is refused with 401. If the answer cannot be read, the token is refused
// with 503.
//
// An answer is used for at most one minute, and never after the end of its
// token. A refusal is used for five seconds. Refusals are kept apart, so that
// bad tokens do not push out good ones. An answer is remembered under the hash
// of the whole token. At most one question is under way for each token, and at
// most [Client.MaxConcurrent] in all. If the token is bound to a client, each
// request proves the binding again.
//
// If the endpoint cannot be asked, the token is not a bad token: it is refused
// with 503 and Retry-After, not with 401. An endpoint that fails is not asked
// for one second. This pause grows with each failure, up to 15 seconds. After
// the pause one request finds out whether the endpoint is back. Other requests
// do not wait for this and get 503. With [Config.InsecureOnOutage] the last
// good answer about a token is used during the outage. If the endpoint refuses
// the credentials of this service, that is also an outage.
//
// # Not covered
//
// A revoked token is accepted until its answer has expired: set
// [Cache.Lifetime] as short as the load allows.
//
// Many made-up tokens cause as many questions, up to [Client.MaxConcurrent] at
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
// A bad token is 401 "auth.invalid_token". The event has a reason
// ([auth.Invalid] lists them) and an error that names the field of [Config] to
// look at. If the endpoint or a store does not answer, the token is refused
// with 503 "auth.unavailable" with the reason "introspection_unavailable" or
// "store_unavailable". A mistake in [Config.Map] is an opaque 500. An
// [Introspector] that was made without [New] answers
// 500 "introspection.unconfigured". [New] returns an error that joins a
// *[bulwark.ConfigError] for each mistake.
//
// # Servers
//
// If the answers of a server have aud, sub and exp, no option is needed. RFC
// 7662 makes all three optional:
//
//   - If aud is missing, look for a setting of the server, such as the audience
//     mapper of Keycloak. If there is no such setting, set
//     [Config.InsecureAnyAudience].
//   - If exp is missing, set [Config.InsecureNoExpiry].
//   - If sub is missing for clients that act for themselves, name the member to
//     use in its place in [Config.ClientClaim]. Otherwise these tokens are
//     refused.
//
// If the members have other names, [Config.SubjectClaim] and its neighbours
// name them, and [Config.Map] completes the caller.
//
// An endpoint may answer 4xx with an error about the token, such as
// "unsupported_token_type" for a signed token. This answer decides: the token
// is refused with 401. Any other answer that is not 200 is an outage.
//
// The Examples show a Config, and what [New] says about a wrong Config. Package
// authtest has an endpoint for the tests of a service.
package introspection
