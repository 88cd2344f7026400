package main

import "github.com/bulwark-go/bulwark"

// A reason is a word of the log that is more exact than a code.
type reason struct {
	word  string
	means string
	do    string
}

// A note is an event without a refusal, by its reason.
type note struct {
	event bulwark.EventName
	reason
}

// reasons stand beside the codes of auth and authz. The error attribute of the
// event names the field of the Config that was not met.
var reasons = []reason{
	{"malformed", "The text is not a token, a key or a cookie of this kind.", "The client sends the whole credential. `MaxTokenBytes` bounds a token."},
	{"algorithm", "The token was signed with another algorithm.", "`jwt.Config.Algorithms`; the keys must fit the algorithm."},
	{"type", "The `typ` of the token is not one that is wanted, or the answer of introspection names another type.", "`jwt.Config.Types`; `introspection.Config.Types` and `RequireType`."},
	{"issuer", "The `iss` is another one.", "`jwt.Config.Issuer`, to the letter: a slash at the end counts."},
	{"audience", "The token or the key was made for another service or environment.", "`jwt.Config.Audience`; `apikey.Config.Env`."},
	{"claim", "A claim that is required is missing or has another value.", "`jwt.Config.Require`, `ClientClaim`, `TokenIDClaim`; the issuer's settings."},
	{"expired", "The credential has expired.", "The client gets a new one. `Skew` allows for clocks."},
	{"not_yet_valid", "The token is not valid yet.", "`Skew`, or the clock of one of the two machines."},
	{"lifetime", "The token lives longer than is accepted, or does not say since when.", "`jwt.Config.MaxLifetime`; the issuer's settings."},
	{"signature", "The signature is not good.", "The keys: another issuer, or a forged token."},
	{"unknown_key", "No key has the `kid` of the token, or there is no such API key.", "`jwt.Config.Keys`; the issuer's key set."},
	{"binding", "The token is bound to another DPoP key or client certificate, or is not bound.", "`jwt.Config.DPoP` and `MutualTLS`: the client proves that it has the key."},
	{"revoked", "The token, key or session was revoked.", "The user logs in again."},
	{"inactive", "The issuer says that the token is not active.", "The client gets a new token."},
	{"key", "The id of the API key exists, and the secret is wrong.", "Somebody guesses, or an old secret has ended."},
	{"network", "The API key is used from an address outside its networks.", "`Grant.Networks` of the key; `Edge.TrustedProxies`."},
	{"session", "There is no such session, or the cookie does not fit it.", "The user logs in again. `session.Config.StoreKeys` must hold the old keys while they rotate."},
	{"reuse", "A refresh token was used before. Its session is revoked.", "A theft, or a client that stores old cookies. The user logs in again."},
	{"overused", "A refresh token was given out again too often in a row. Its session is revoked.", "As for `reuse`."},
	{"disabled", "The account is gone or disabled. Its session is revoked.", "`session.Config.Lookup` decides."},
	{"ambiguous", "The request has two credentials.", "The client sends one."},
	{"authorization_header", "`Authorization` is not a scheme and a credential.", "The client sends `Authorization: Bearer …`."},
	{"scheme", "No authenticator reads the scheme.", "`auth.Config.Authenticators`."},
	{"proof", "The DPoP proof does not fit the request.", "`Edge.BaseURL` must be the URL that clients use; `dpop.Config.Window` allows for clocks."},
	{"replay", "The DPoP proof was used before.", "The client makes a proof for each request."},
	{"nonce", "The DPoP proof lacks the nonce of the server.", "The client repeats the request with `DPoP-Nonce`."},
	{"keys_unavailable", "The keys of the issuer cannot be fetched.", "Reach the issuer. `InsecureOnOutage` accepts known keys meanwhile."},
	{"introspection_unavailable", "The issuer does not answer.", "Reach the issuer. `InsecureOnOutage` accepts cached answers meanwhile."},
	{"store_unavailable", "A store does not answer, or its answer is not one that can be.", "Reach the store."},
	{"store_full", "A store has no room.", "Raise `Max`, or use a store of your own."},
	{"authz.no_rule", "The pattern that matched has no rule in the rules of `Guard`.", "Add a rule for the pattern."},
	{"authz.not_within_reach", "The caller may read the object and may not do this with it.", "`authz.PolicyConfig`: a permission with a wider reach."},
	{"authz.not_readable", "The object exists and the caller may not read it. The client sees a 404.", "`authz.PolicyConfig`: a permission to read."},
}

// notes are what the module reports without refusing anything.
var notes = []note{
	{bulwark.SessionCreated, reason{"login", "A session began.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"login", "A login replaced the session of the same browser.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"logout", "The user logged out.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"limit", "The oldest session ended, because the user has `MaxSessions`.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"disabled", "A refresh found the account gone or disabled.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"revoked", "`Revoke` or `RevokeAll` ended a session or a key.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"token", "`auth.Revoke` revoked a token.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"session", "`auth.Revoke` revoked a session.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"subject", "`auth.Revoke` revoked all tokens of a subject.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"rotation", "A refresh.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"concurrent", "Two tabs refreshed at once.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"grace", "A refresh token was used again within the grace. WARN.", "Look at it if it repeats: somebody may have a copy."}},
	{bulwark.SessionRenewed, reason{"lost_answer", "A client fetched an answer again that it had not received. WARN.", "Look at it if it repeats."}},
	{bulwark.AuthnKeyStale, reason{"max_age", "An API key is older than `apikey.Config.MaxAge`. Once a day.", "Rotate the key."}},
	{bulwark.AuthzFail, reason{"authz.unknown_role", "A caller has a role that the policy does not know. Once a role.", "Name the role in `authz.PolicyConfig`, or correct the issuer."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.dry_run", "A limit with `DryRun` started: it refuses nobody.", "Take `DryRun` out."}},
	{bulwark.ExcessRateLimitExceeded, reason{"ratelimit.dry_run", "A limit with `DryRun` would have refused.", "Nothing."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.unseen", "A limit on failures does not see the status, because an adapter hides it.", "See docs/routers.md."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violation", "A browser reports a violation of the policy. `rule` is the directive.", "Correct the page or the policy."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violations_ungrouped", "Reports beyond the kinds that are counted apart.", "Nothing."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_reports_unread", "Reports beyond the bound of one window.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"audit.panic", "A handler panicked.", "Correct the handler."}},
	{bulwark.AuthzFail, reason{"audit.unreported", "A handler wrote a 401, 403 or 429 itself. The event is that of the status.", "Use `bulwark.Deny`, which says more."}},
	{bulwark.AuditGap, reason{"audit.queue_full", "Records were dropped, because the sink is too slow. `count` says how many.", "A faster sink, or a larger queue."}},
	{bulwark.AuditGap, reason{"audit.sink_failed", "The sink returned an error.", "Look at the sink."}},
	{bulwark.InputValidationFail, reason{"transport.tls_handshake", "A TLS handshake failed.", "Look at it if it comes from clients of your own."}},
	{bulwark.InputValidationFail, reason{"transport.protocol", "A client broke HTTP/2.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"transport.panic", "A handler panicked outside any audit layer.", "Correct the handler."}},
	{bulwark.SysUnavailable, reason{"transport.accept", "The server could not accept a connection.", "Raise the limit of open files."}},
	{bulwark.SysUnavailable, reason{"transport.server", "Another line of the server's log.", "Read `error`."}},
}
