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
	{"type", "The `typ` of the token is not an accepted type, or the answer of introspection names another type.", "`jwt.Config.Types`; `introspection.Config.Types` and `RequireType`."},
	{"issuer", "The `iss` is another issuer.", "`jwt.Config.Issuer`: each character has to be the same, also a slash at the end."},
	{"audience", "The token or the key was made for another service or environment.", "`jwt.Config.Audience`; `apikey.Config.Env`."},
	{"claim", "A claim that is required is missing or has another value.", "`jwt.Config.Require`, `ClientClaim`, `TokenIDClaim`; the issuer's settings."},
	{"expired", "The credential has expired.", "The client gets a new credential. `Skew` allows for a difference of clocks."},
	{"not_yet_valid", "The token is not valid yet.", "`Skew`, or the clock of one of the two machines."},
	{"lifetime", "The token lives longer than allowed, or has no `iat`.", "`jwt.Config.MaxLifetime`; the issuer's settings."},
	{"signature", "The signature is wrong.", "`jwt.Config.Keys`, if the issuer signs with another key. Otherwise the token is forged."},
	{"unknown_key", "No key has the `kid` of the token, or there is no such API key.", "`jwt.Config.Keys`; the issuer's key set."},
	{"binding", "The token is bound to another DPoP key or client certificate, or is not bound.", "`jwt.Config.DPoP` and `MutualTLS`: the client proves that it has the key."},
	{"revoked", "The token, key or session was revoked.", "The user logs in again."},
	{"inactive", "The issuer says that the token is not active.", "The client gets a new token."},
	{"key", "The id of the API key exists, but the secret is wrong.", "The client uses the new secret, if its old secret has ended. Otherwise somebody guesses."},
	{"network", "The API key is used from an address outside its networks.", "`Grant.Networks` of the key; `Edge.TrustedProxies`."},
	{"session", "There is no such session, or the cookie does not fit it.", "The user logs in again. `session.Config.StoreKeys` must hold the old keys while they rotate."},
	{"reuse", "A refresh token was used before. Its session is revoked.", "The user logs in again. Somebody has stolen the token, or the client stores old cookies."},
	{"overused", "A used refresh token was sent again after too many refreshes in a row. Its session is revoked.", "As for `reuse`."},
	{"disabled", "The account is gone or disabled. Its session is revoked.", "`session.Config.Lookup` decides."},
	{"ambiguous", "The request has two credentials.", "The client sends one credential."},
	{"authorization_header", "`Authorization` is not a scheme and a credential.", "The client sends `Authorization: Bearer …`."},
	{"scheme", "No authenticator reads the scheme.", "`auth.Config.Authenticators`."},
	{"proof", "The DPoP proof does not fit the request.", "`Edge.BaseURL` must be the URL that clients use; `dpop.Config.Window` allows for a difference of clocks."},
	{"replay", "The DPoP proof was used before.", "The client makes a proof for each request."},
	{"nonce", "The DPoP proof lacks the nonce of the server.", "The client repeats the request with `DPoP-Nonce`."},
	{"keys_unavailable", "The keys of the issuer cannot be fetched.", "Make the issuer reachable. `InsecureOnOutage` accepts known keys during an outage."},
	{"introspection_unavailable", "The issuer does not answer.", "Make the issuer reachable. `InsecureOnOutage` accepts cached answers during an outage."},
	{"store_unavailable", "A store does not answer, or its answer makes no sense.", "Make the store reachable. Read `error`."},
	{"store_full", "A store has no room.", "Raise `Max`, or use a store of your own."},
	{"authz.no_rule", "The pattern that matched has no rule in the rules of `Guard`.", "Add a rule for the pattern."},
	{"authz.not_within_reach", "The caller may read the object, but may not do this with it.", "`authz.PolicyConfig`: a permission with a wider reach."},
	{"authz.not_readable", "The object exists, but the caller may not read it. The client sees a 404.", "`authz.PolicyConfig`: a permission to read."},
}

// notes are what the module reports without refusing anything.
var notes = []note{
	{bulwark.SessionCreated, reason{"login", "A session began.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"login", "A login replaced the session of the same browser.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"logout", "The user logged out.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"limit", "The oldest session ended, because the user would have more than `MaxSessions`.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"disabled", "At a refresh, the account was gone or disabled.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"revoked", "`Revoke` or `RevokeAll` ended a session or a key.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"token", "`auth.Revoke` revoked a token.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"session", "`auth.Revoke` revoked a session.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"subject", "`auth.Revoke` revoked all tokens of a subject.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"rotation", "A session was refreshed.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"concurrent", "Two tabs refreshed at once.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"grace", "A refresh token was used again within the grace time. Level WARN.", "Look at it if it repeats: somebody may have a copy."}},
	{bulwark.SessionRenewed, reason{"lost_answer", "A client asked again for an answer that it had not received. Level WARN.", "Look at it if it repeats."}},
	{bulwark.AuthnKeyStale, reason{"max_age", "An API key is older than `apikey.Config.MaxAge`. Reported once a day.", "Rotate the key."}},
	{bulwark.AuthzFail, reason{"authz.unknown_role", "A caller has a role that the policy does not know. Reported once for each role.", "Name the role in `authz.PolicyConfig`, or correct the issuer."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.dry_run", "A limit with `DryRun` started: it refuses nobody.", "Remove `DryRun`."}},
	{bulwark.ExcessRateLimitExceeded, reason{"ratelimit.dry_run", "A limit with `DryRun` would have refused.", "Nothing."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.unseen", "A limit on failures does not see the status, because an adapter hides it.", "See docs/routers.md."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violation", "A browser reports a violation of the policy. `rule` is the directive.", "Correct the page or the policy."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violations_ungrouped", "There are more kinds of violations than `Reports.MaxGroups` or `MaxClientGroups`.", "Nothing."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_reports_unread", "There are more requests than `Reports.MaxRequests` or `MaxClientRequests`, or a report cannot be read.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"audit.panic", "A handler panicked.", "Correct the handler."}},
	{bulwark.AuthzFail, reason{"audit.unreported", "A handler wrote a 401, 403 or 429 itself. A 429 is `excess_rate_limit_exceeded`.", "Use `bulwark.Deny`: its event has the reason."}},
	{bulwark.AuditGap, reason{"audit.queue_full", "Records were dropped, because the sink is too slow. `count` has their number.", "Use a faster sink, or raise `MaxSecurityQueue` or `MaxAccessQueue`."}},
	{bulwark.AuditGap, reason{"audit.sink_failed", "Records were dropped, because the sink returned an error or did not return.", "Look at the sink."}},
	{bulwark.InputValidationFail, reason{"transport.tls_handshake", "A TLS handshake failed.", "Look at it if it comes from clients of your own."}},
	{bulwark.InputValidationFail, reason{"transport.protocol", "A client broke HTTP/2.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"transport.panic", "A handler panicked outside any audit layer.", "Correct the handler."}},
	{bulwark.SysUnavailable, reason{"transport.accept", "The server could not accept a connection.", "Raise the limit of open files."}},
	{bulwark.SysUnavailable, reason{"transport.server", "Another line of the server's log.", "Read `error`."}},
}
