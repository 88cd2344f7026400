// Package session keeps people logged in: browsers by cookies that no script can read, other clients by a token in the login's answer.
//
// # Threat
//
// A token in localStorage belongs to the first script that gets onto the page. A token that is good for weeks is good for weeks to
// the thief. A signed token that nobody can revoke outlives the logout and the dismissal. A refresh token that is rotated carelessly
// logs out whoever opens two tabs, or lets a stolen copy live on unseen. Another site can make a browser send its cookies, or log it
// into the attacker's account.
//
// # Defence
//
// A login is a session in the [Store], and two credentials:
//
//   - An access token, a signed JWT of 15 minutes that names the session. The session is looked up on each request, so that logout
//     and revocation hold at once. A browser has it in the cookie __Host-access, any other client in the body of the login's answer;
//     the two have different types, and each is refused in the other's place.
//   - A refresh token, 256 random bits for at most 7 days after the login, in the cookie __Host-refresh. Each use replaces it.
//
// Both cookies are HttpOnly, Secure, SameSite=Strict, without Domain. The successor of a refresh token is derived from it with a key
// that the store does not have, and the store holds a hash of the newest only. So any number of concurrent refreshes get one and the
// same successor, for a short grace; and a token that was used up before, presented after the grace, is known as what it is: somebody
// has a copy. Then the session is revoked, for the thief and the owner alike, and authn_token_reuse is reported.
//
// [Sessions.Issue], [Sessions.RefreshHandler] and [Sessions.LogoutHandler] refuse cross-site requests, even those without a cookie. Readers never
// clear a cookie: a late answer would erase a fresh one. Only Logout does.
//
// # Not covered
//
// Checking the password, its hash and the limit of guesses are the application's. A script on the page cannot read the cookies but can
// send requests with them: a content security policy is its defence. A thief who copies the refresh cookie from the machine is found
// out at the next use by whoever comes second, not before. Roles are those of the last refresh, at most 15 minutes old; to end what
// somebody may do at once, use [Sessions.RevokeAll]. All sessions end when StoreKey changes.
package session
