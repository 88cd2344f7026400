// Package auth finds out who calls, and refuses requests with bad credentials.
//
// # Threat
//
// Credentials are forged, stolen, expired, or meant for another service. A
// browser attaches a cookie to a request that the page of an attacker has sent.
// A request with two credentials can act as one caller here, and as another
// caller in the service behind. An exact error message helps an attacker who
// guesses credentials.
//
// # Defence
//
// Make an authenticator for each kind of credential, and put [Config] into the
// chain:
//
//	tokens, err := jwt.New(jwt.Config{ /* issuer, audience, keys */ })
//	// …
//	stack, err := bulwark.Chain(
//		auth.Config{Authenticators: []auth.Authenticator{tokens}},
//	)
//
// Handlers read the caller with [bulwark.PrincipalFrom].
//
// For each request, the [Middleware] does this:
//
//   - It asks each [Authenticator] whether the request carries its kind of
//     credential.
//   - It lets exactly one authenticator verify the credential. The answer of
//     that authenticator is final. No other authenticator tries.
//   - It refuses a request with more than one credential.
//   - It refuses an Authorization header that no authenticator reads, even if
//     [Config.Optional] lets anonymous requests pass.
//
// Cookies are different, because the browser sends a cookie without asking the
// user. A cookie counts only if the request has no other credential. Two
// cookies of two authenticators count as no credential. [CrossSite] guards
// requests with a cookie. With Optional, a cookie that is no
// longer valid is reported, and the request passes as anonymous. Otherwise the
// user could not open the login page.
//
// A token may also be in other places than the Authorization header: see
// [TokenFrom]. [CrossSite] also guards requests whose token is in the Header of
// TokenFrom, because a proxy may have put it there for the sake of a cookie.
//
// The answers follow RFC 6750. A request without a valid credential gets 401
// with one challenge for each kind of credential. [Config.Scopes] tells the
// client which scopes to ask for. After a bad credential, a
// challenge contains error="invalid_token", or the error of RFC 9449 after a
// bad proof of possession. The client learns no more. The log has the exact
// reason. If the service cannot check a credential because a part of the
// service is down, the answer is 503.
//
// # Streams
//
// The caller of a request is determined when the request begins. An ordinary
// response may end after the credential has expired. A stream ends at
// [bulwark.Principal.ExpiresAt] of its caller. A stream is one of these:
//
//   - a response that is flushed. A [net/http/httputil.ReverseProxy] also
//     flushes answers of unknown length.
//   - a connection that is hijacked, such as a WebSocket.
//
// A stream also ends if its session or token is revoked. While the stream is
// open, the Middleware asks the [Reviewer] of its caller again:
//
//   - It asks once in [Config.ReviewEvery] (30 seconds) for each session or
//     token, however many streams the session has. The questions are spread
//     evenly, also if all clients connect at once.
//   - A question has 2 seconds, and at most 32 are under way. So a stream ends
//     at most 32 seconds after the revocation, if the store answers in time.
//   - If there is no answer for [Config.ReviewOutage] (2 minutes), the streams
//     of the session or token end.
//   - The end is one event for all streams of the session or token, with their
//     number: session_expired with the reason of the refusal, or
//     sys_unavailable. In an outage there is at most one such event a minute.
//     A handler that gives the error of its stream to bulwark.Deny reports one
//     more event, for its own stream.
//   - More than [Config.MaxStreams] streams are refused, and more than
//     [Config.MaxCallerStreams] of one caller. A WebSocket handshake, or a
//     request that accepts text/event-stream, gets 503 or 429. Otherwise the
//     stream ends at its first flush, and Hijack returns an error.
//
// At the end of a stream, the context of the request is cancelled and writes
// fail. The connection is closed, or the HTTP/2 stream is reset, so that the
// client sees that the response is incomplete. In one case the client cannot
// see this: behind a foreign ResponseWriter that hides the deadlines of the
// server and has no Unwrap.
//
// After ExpiresAt, a flush does not start a stream and Hijack returns an error.
// One case is different: because clocks differ, a verifier may accept a
// credential shortly after it has expired. Then the stream may last a minute.
// While a handler serves sub-requests with its own ResponseWriter, the earliest
// end of these requests also ends its stream.
//
// A stream whose hijacked connection the handler closes through NetConn, and
// not through the connection that Hijack returned, counts until its caller is
// refused or expires.
//
// # Not covered
//
// Package authz decides what a caller may do, and package ratelimit how often.
// To allow anonymous requests on some routes, set [Config.Optional] and let
// authz decide for each route.
//
// A revocation ends a stream only if the authenticator is a [Reviewer]. Neither
// a revocation nor the expiry cuts short a body that is written without a
// flush, however large the body is. On HTTP/1, they do not interrupt a handler
// that waits for the body of the request and not for its context. A user with
// several accounts has several shares of the MaxStreams.
//
// # Errors
//
//   - 401 "auth.credentials_required": the request has no credential.
//   - 401 "auth.invalid_token": the credential is bad. [Invalid] lists the
//     reasons, which only the log shows.
//   - 401 "auth.unsupported_scheme": no authenticator reads the scheme.
//   - 400 "auth.ambiguous_credentials": the request has more than one
//     credential. It is a 401 if the credentials are cookies.
//   - 400 "auth.invalid_request": the Authorization header is not a scheme
//     followed by credentials.
//   - 403 "auth.cross_site": another site has sent the request.
//   - 503 "auth.unavailable": the credential cannot be checked at the moment.
//   - 503 "auth.too_many_streams": as many streams are open as may be.
//   - 429 "auth.too_many_caller_streams": the caller has as many open streams
//     as one caller may have.
//   - 503 "auth.store_full": [Revoke] found no room in the store.
//   - 500 "auth.unconfigured": the value was made without its constructor.
//
// In the log, the attribute "error" explains the reason. It names the field of
// the Config that changes the decision, if there is such a field.
//
// All stores share the errors [ErrNotFound], [ErrConflict] and [ErrFull]. Each
// New reports every mistake at once, as joined *[bulwark.ConfigError] values.
//
// # Packages
//
// These packages verify credentials: jwt (signed access tokens), introspection
// (opaque access tokens), dpop (proofs that a bound token needs), apikey (API
// keys), mtls (client certificates) and session (logins of browsers). [Revoke]
// ends a credential before it expires, and [Revocations] remembers it.
// [MetadataHandler] tells clients which issuers this service accepts. Package
// authtest helps with tests.
//
// The first Example protects a service with one kind of token. Example (Tokens)
// shows several kinds behind one layer. Example (Incorrect) shows what New says
// about mistakes. The Example of Revoke shows a logout. The Example of Reviewer
// shows a stream that ends with its session, and the Example of TokenFrom a
// WebSocket of a page.
package auth
