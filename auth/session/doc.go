// Package session keeps people logged in: browsers by cookies that no script
// can read, other clients by a token in the login's answer.
//
// # Threat
//
// A token in localStorage belongs to the first script that gets onto the page.
// A token that is good for weeks is good for weeks to the thief. A signed token
// that nobody can revoke outlives the logout and the dismissal. A refresh token
// that is rotated carelessly logs out the user who opens two tabs, or lets a
// stolen copy live on unseen. Another site can make a browser send its cookies,
// or log the browser into the attacker's account.
//
// # Defence
//
// A login, made by [Sessions.Issue], is a session in the [Store] and two
// credentials:
//
//   - An access token, a signed JWT of 15 minutes that names the session. The
//     session is looked up on each request, so that a logout and a revocation
//     hold at once. A browser has the token in the cookie __Host-access. Any
//     other client has the token in the body of the login's answer. The two
//     tokens have different types, and each is refused in the other's place.
//   - A refresh token, 256 random bits for at most 7 days after the login, in
//     the cookie __Host-refresh. Each use replaces it.
//
// Both cookies are HttpOnly, Secure, SameSite=Strict, and without Domain.
//
// The successor of a refresh token is derived from it with a key that the store
// does not have, so that the same token gets the same successor again. Tabs
// that refresh at once, and clients whose answer was lost, stay logged in:
// [Sessions.RefreshHandler] says when a used token is answered again. Any other
// used token shows that somebody has a copy. Then the session is revoked, for
// the thief and the owner alike, and authn_token_reuse is reported.
//
// A refresh token has a MAC. A token that is made up is known by it, without
// the store and without further work. The store holds a hash of the newest
// token, bound to what the session grants. A row that is planted, copied or
// changed by somebody who has no key opens nothing.
//
// [Sessions.Issue], [Sessions.RefreshHandler] and [Sessions.LogoutHandler]
// refuse cross-site requests, even without a cookie. LogoutHandler alone clears
// cookies. A reader never does: its late answer would erase a fresh cookie.
//
// [Sessions.List] shows where somebody is logged in. [Sessions.Revoke] and
// [Sessions.RevokeAll] end sessions, from a request or from a job.
// [Sessions.JWKSHandler] serves the public keys to services that accept the
// access tokens. [MemoryStore] serves one process. A store of several processes
// keeps the rules of [Store].
//
// # Not covered
//
// The application checks the password, keeps its hash and limits guesses. A
// script on the page cannot read the cookies but can send requests with them: a
// content security policy is the defence. A thief who copies the refresh cookie
// from the machine is found out when the second of the two copies is used. A
// thief who refreshes within twenty seconds of the owner is found out at the
// third time. A thief who always refreshes within the same second as the owner
// looks like another tab. Services that verify access tokens by the JWKS alone
// do not know of logouts, and cannot tell that a token has been shown. Roles
// are those of the last refresh, at most 15 minutes old. To end what somebody
// may do at once, use RevokeAll.
//
// # Errors
//
// An access token or refresh token that is not accepted is 401
// "auth.invalid_token". The log alone learns the reason: "malformed",
// "expired", "revoked", "session", "reuse", "overused" or "disabled", or a
// reason of package jwt. A refresh without a cookie is 401
// "session.cookie_required". A revocation of a session that does not exist is
// 404 "session.not_found". A method other than POST is 405
// "session.method_not_allowed". A cross-site request is refused by
// [auth.CrossSite]. A store or a Lookup that fails is 503
// "session.unavailable", or "auth.unavailable" where a caller is authenticated.
// A full store is 503 "session.store_full". Sessions that were made without
// [New] are 500 "session.unconfigured". New joins a *[bulwark.ConfigError] for
// everything that is wrong.
//
// The Example shows a login, a refresh and a logout.
package session
