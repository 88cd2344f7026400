// Package session keeps people logged in. Browsers keep their tokens in cookies
// that no script can read. Other clients get a token in the answer of the
// login.
//
// # Threat
//
// A script that gets onto the page can read a token in localStorage. An
// attacker can use a stolen token until it expires, perhaps for weeks. A signed
// token that nobody can revoke is still accepted after a logout, and after
// somebody has left the company. A careless rotation of refresh tokens logs out
// a user who opens two tabs, or does not notice a stolen copy. Another site can
// make a browser send its cookies, or can log the browser into the account of
// an attacker.
//
// # Defence
//
// Make [Sessions] once, put them into the auth layer, and add three routes:
//
//	sessions, err := session.New(session.Config{
//		Signer:    signer, // from jwt.NewSigner
//		Audience:  "https://api.example.com",
//		Store:     &session.MemoryStore{},
//		StoreKeys: [][]byte{key}, // 32 random bytes
//		Lookup:    findAccount,
//	})
//	// …
//	mux.HandleFunc("POST /login", login) // calls sessions.Issue
//	mux.Handle("POST /refresh", sessions.RefreshHandler())
//	mux.Handle("POST /logout", sessions.LogoutHandler())
//	layer := auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true}
//
// Optional lets requests to the login and the refresh pass. Their clients have
// no valid access token.
//
// [Sessions.Issue] logs a caller in. A login has a session in the [Store] and
// two tokens:
//
//   - An access token: a signed JWT of 15 minutes that names the session. Each
//     request looks the session up, so a logout or a revocation counts at once.
//     A browser has the token in the cookie __Host-access. Any other client has
//     the token in the body of the login's answer. The token for the cookie and
//     the token for the body have different types. Each is refused in the place
//     of the other.
//   - A refresh token: 256 random bits, for at most 7 days after the login, in
//     the cookie __Host-refresh. Each use replaces it.
//
// Both cookies are HttpOnly, Secure and SameSite=Strict, and have no Domain.
// Browsers store them only over https. (Some browsers also store them on
// http://localhost.) [Config.AccessCookie] and [Config.RefreshCookie] give them
// other names, for applications that share a host.
//
// A client that is not a browser, such as the app of a phone, logs in by
// [Sessions.IssueTokens]. It keeps both tokens itself, and refreshes by a JSON
// body. A refresh token for a body is refused in the cookie, and a refresh
// token for the cookie is refused in a body.
//
// The successor of a refresh token is derived from the token, with a key that
// is not in the store. So the same token gets the same successor again. Tabs
// that refresh at the same time stay logged in. A client whose answer was lost
// also stays logged in. [Sessions.RefreshHandler] says when a used token is
// answered again. Any other used token shows that somebody has a copy. Then the
// session is revoked, for the owner and for the attacker, and authn_token_reuse
// is reported.
//
// A refresh token has a MAC, so an invented token is refused without asking the
// store. The store holds a hash of the newest token, and a seal: a MAC over the
// id and all rights of the session. Each request checks the seal. If somebody
// without the key inserts, copies or changes a row in the store, the row opens
// nothing.
//
// With [Config.Idle], a session ends if nobody uses it. [Session].UsedAt shows
// when each session was last used.
//
// A route may want a further factor, or a recent one. The application checks
// the factor and calls [Sessions.AddFactor]. Then the caller has the factor and
// its time in [bulwark.Principal.Factors].
//
// An identity provider ends the sessions of its logins by
// [Sessions.BackChannelHandler].
//
// [Sessions.Issue], [Sessions.RefreshHandler] and [Sessions.LogoutHandler]
// refuse cross-site requests, even without a cookie. Only LogoutHandler clears
// cookies. If another handler cleared cookies, a slow answer could remove a
// newer cookie.
//
// [Sessions.List] shows where somebody is logged in, or everybody.
// [Sessions.Revoke] and [Sessions.RevokeAll] end sessions, in a request or in a
// job. [jwt.Signer.JWKSHandler] serves the public keys to other services that
// accept the access tokens. [MemoryStore] serves one process. Several processes
// need a [Store] that they share: packages redisstore and sqlstore have one, as
// docs/fleet.md in the repository shows, and docs/own-store.md shows how to
// write a store. The page docs/sessions.md has more on native clients, idle
// times, further factors and identity providers.
//
// # Not covered
//
// The application checks the password, stores its hash and limits guesses.
//
// A script on the page cannot read the cookies, but it can send requests with
// them. A content security policy defends against such scripts.
//
// An attacker may copy the refresh cookie from the user's machine:
//
//   - Usually the copy is discovered when the second of the two clients uses
//     its token.
//   - If the attacker always refreshes within twenty seconds of the user, the
//     copy is discovered at the third time.
//   - If the attacker always refreshes within the same second as the user, the
//     attacker looks like another tab of the user.
//
// Somebody who can write to the store can prolong an idle session. They can
// bring back a deleted row, and an older copy of a row, with its refresh token.
// The seal does not cover the times of the store and the generation.
//
// After AddFactor, older access tokens of the session have the new factor also,
// until they end.
//
// A service that verifies access tokens only by the JWKS does not learn of
// logouts. It also does not record that a token has been used, and
// [Config.LostAnswer] goes by that record. The roles of a caller are the roles
// at the last refresh, at most 15 minutes ago. To end the rights of a caller at
// once, use RevokeAll.
//
// # Errors
//
//   - 401 "auth.invalid_token": the token is not accepted. Only the log shows
//     the reason: "malformed", "expired", "idle", "revoked", "session",
//     "reuse", "overused" or "disabled", or a reason of package jwt.
//     [auth.Invalid] explains them.
//   - 401 "session.cookie_required": a refresh without a refresh token.
//   - 401 "session.logged_out": the identity provider ended the login before it
//     arrived.
//   - 400 "session.browser": a browser wants tokens in a body.
//   - 400 "session.invalid_request": a refresh token in both places, or a body
//     of another form.
//   - 400 "session.logout_token": a bad logout token.
//   - 400, 408, 413 and 415 with codes that begin with "body.": the body cannot
//     be read.
//   - 403 "auth.cross_site": see [auth.CrossSite].
//   - 404 "session.not_found": the session to revoke does not exist.
//   - 405 "session.method_not_allowed": a method other than POST.
//   - 503 "session.unavailable": the Store or Lookup does not answer.
//   - 503 "auth.unavailable": the Store does not answer for a request with an
//     access token.
//   - 503 "session.store_full": the Store has no room.
//   - 500 "session.unconfigured": the Sessions were made without [New].
//
// New joins a *[bulwark.ConfigError] for each mistake.
//
// The first Example is the smallest service with a login. Example (Browser)
// shows a login, a refresh and a logout of a browser. The Examples of
// [Sessions.IssueTokens], [Sessions.AddFactor], [Sessions.BackChannelHandler]
// and [Config] show the rest. Example (Incorrect) shows what New says about
// mistakes.
package session
