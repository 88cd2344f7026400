// Package auth finds out who calls, and refuses credentials that are bad.
//
// # Threat
//
// Requests come with credentials that are forged, stolen, expired, meant for
// somebody else, or attached by a browser that the page of an attacker has
// sent. A request that carries two credentials may be taken for one caller here
// and for another further in. And what an API says about a bad credential helps
// whoever is guessing.
//
// # Defence
//
// A [Middleware] asks each [Authenticator] whether a request carries its kind
// of credential, and then exactly one of them whether it is good. Its answer is
// final: nothing is tried in turn. More than one credential is refused, an
// Authorization header that nobody reads too, whether or not anonymous requests
// are let through. The caller is in the context of the request from there
// inward; handlers read it with [bulwark.PrincipalFrom].
//
// The browser sends a cookie without asking the user. So a cookie counts only
// where there is no other credential, and requests with a cookie are guarded by
// [CrossSite]. A cookie that has run out is reported, and the request passes as
// one without a credential, because the login page must answer.
//
// Answers follow RFC 6750: 401 with a challenge for each kind of credential,
// with error="invalid_token" for one that is bad, or what RFC 9449 has for a
// bad proof of possession. The client learns no more; the event has the exact
// reason. What cannot be checked because something of ours is down is refused
// with 503.
//
// A caller is settled when a request begins, and good for an answer, however
// late that comes. What goes on ends at the caller's
// [bulwark.Principal.ExpiresAt]: a response that is flushed, which is how
// streams are sent (and what a [net/http/httputil.ReverseProxy] does with
// answers of unknown length), and a connection that is hijacked, such as a
// WebSocket. Then the request's context is cancelled, writes fail, and the
// connection is closed or the HTTP/2 stream reset, so that what was cut off
// does not look whole (but behind a foreign ResponseWriter that hides the
// server's deadlines, without Unwrap, it does). What would begin to stream
// after that time does not begin, and Hijack returns an error. A credential
// that was accepted after its time, since clocks differ, is good for a stream
// of a minute. A handler that sends sub-requests with its own ResponseWriter is
// bound by the earliest of their times while they are served.
//
// # Not covered
//
// What a caller may do is the matter of package authz, how often of ratelimit.
// Who may be anonymous is better said for each route, with [Config.Optional]
// set.
//
// A credential that is revoked while a response streams, or while a connection
// is open, ends neither. Nor does its expiry cut short a body that is written
// without a flush, however large, or a handler on HTTP/1 that waits for the
// request's body and not for its context.
//
// # Errors
//
// No credential is 401 "auth.credentials_required". A bad one is 401
// "auth.invalid_token", and [Invalid] lists the reasons that only the log
// learns. A scheme that nobody reads is 401 "auth.unsupported_scheme". More
// than one credential is 400 "auth.ambiguous_credentials". An Authorization
// header that is not a scheme followed by credentials is 400
// "auth.invalid_request". A request that another site has sent is 403
// "auth.cross_site". What cannot be checked is 503 "auth.unavailable", and a
// revocation that finds no room 503 "auth.store_full". What was made without
// its constructor is 500 "auth.unconfigured".
//
// The errors of all stores are [ErrNotFound], [ErrConflict] and [ErrFull].
// Every New joins a *[bulwark.ConfigError] for everything that is wrong.
//
// # Packages
//
// The packages below verify the credentials: jwt signed access tokens,
// introspection opaque ones, dpop the proofs that a token may be bound to,
// apikey API keys, session logins of browsers. What is no longer good before it
// expires is for [Revocations], written with [Revoke]. [MetadataHandler] tells
// clients where tokens come from. Package authtest helps to test. The Examples
// show one kind of token, several kinds behind one layer, and a logout.
package auth
