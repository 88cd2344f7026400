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

// reasons stand beside the codes of auth and authz.
var reasons = []reason{
	{"malformed", "The text is not a token, a key or a cookie of this kind. A token has this reason also if its `iss`, `sub` or `exp` is missing, if a claim has another JSON type, if it is not signed, or if it is too long. A cookie has it also if the request has the cookie twice. A client certificate has it if it does not have exactly one name of the configured kind.", "Read `error`. `MaxTokenBytes`, `RolesClaims`, `SubjectClaim`, `ClientClaim` and `TokenIDClaim` of `jwt.Config`; `apikey.Config.Prefix` and `Legacy`; `mtls.Config.URI` and `DNS`. See [tokens.md](tokens.md#what-goes-wrong-by-reason)."},
	{"algorithm", "The token was signed with another algorithm, or its algorithm does not fit the keys.", "`jwt.Config.Algorithms`; `jwt.Config.Keys`: `SecretKeys` for HS256, public keys for all others. See [tokens.md](tokens.md#from-hs256-to-rs256)."},
	{"type", "The `typ` of the token is missing or is not an accepted type. Or the answer of introspection names another type. Or a client certificate is not made for clients. Or the token has the claim `events`: it is a logout token or a security event token, and no field accepts it.", "`jwt.Config.InsecurePlainType` for the type `JWT` and for tokens without a type; `jwt.Config.Types` for any other type; `introspection.Config.Types` and `RequireType`. See [tokens.md](tokens.md#better-give-the-token-its-type)."},
	{"issuer", "The `iss` is another issuer. Or no chain leads from the client certificate to an authority of the service. Or `Find` of `jwt.IssuersConfig` does not know it. Or the `tid` of a token of Microsoft Entra ID is another tenant than its `iss`.", "`mtls.Config.ClientCAs` and `Intermediates`; `jwt.Config.Issuer`: each character has to be the same, also a slash at the end. See [issuers.md](issuers.md). `Patterns`, `Find` and `Tenants` of `jwt.IssuersConfig`."},
	{"audience", "The token or the key was made for another service or environment. Or the token has no `aud`.", "`Audience` of `jwt.Config`, `introspection.Config` and `session.Config`; `jwt.Config.AudienceClaim`; `apikey.Config.Env`. See [issuers.md](issuers.md)."},
	{"claim", "A claim that `jwt.Config.Require` names is missing or has another value. Or the name in a client certificate does not fit. Or the `Map` of the Config has refused the token.", "`jwt.Config.Require`; `Map` of `jwt.Config` and `introspection.Config`; `mtls.Config.URI`, `DNS` and `Map`; the issuer's settings."},
	{"expired", "The credential has expired, or a rotation has ended the secret of the API key.", "The client gets a new credential. `Skew` allows for a difference of clocks."},
	{"not_yet_valid", "The token is not valid yet.", "`Skew`, or the clock of one of the two machines."},
	{"lifetime", "The token lives longer than allowed, or has no `iat`.", "`jwt.Config.MaxLifetime`; the issuer's settings."},
	{"signature", "The key that fits the token did not make its signature.", "`jwt.Config.Keys`, if it has a key of another issuer, or another secret. Otherwise the token was changed or forged."},
	{"unknown_key", "No key has the `kid` of the token. Or neither the store nor `Legacy` has the API key.", "`jwt.Config.Keys`; the issuer's key set; for the tokens of a session `jwt.SignerConfig.Retired`, which holds the old keys; `apikey.Config.Store`, if the key is in another store; `apikey.Config.Legacy`, if the key was given out before. See [api-keys.md](api-keys.md)."},
	{"binding", "The token is bound to another DPoP key or client certificate, or is not bound.", "`jwt.Config.DPoP` and `MutualTLS`: the client proves that it has the key."},
	{"revoked", "The token, the key or the session has ended: by a logout, a revocation, `MaxSessions` or `Lifetime`. Or `apikey.Config.Lookup` did not find the owner of the key. A session of a `MemoryStore` also ends when the process ends.", "The user logs in again. So that sessions live longer than the process, use a store of [fleet.md](fleet.md)."},
	{"inactive", "The issuer says that the token is not active.", "The client gets a new token."},
	{"key", "The id of the API key exists, but its secret does not match: the secret is wrong, or `apikey.Config.Peppers` lacks the pepper of the key.", "The client uses the newest secret. `apikey.Config.Peppers` must hold the old peppers. Otherwise somebody is guessing."},
	{"network", "The API key is used from an address outside its networks.", "`Grant.Networks` of the key; `Edge.TrustedProxies`."},
	{"session", "There is no such session, or the cookie does not fit it.", "The user logs in again. `session.Config.StoreKeys` must hold the old keys while they rotate."},
	{"idle", "No request has used the session for `Idle`.", "The user logs in again. `session.Config.Idle`."},
	{"reuse", "A refresh token was used before. Its session is revoked.", "The user logs in again. Somebody has stolen the token, or the client stores old cookies."},
	{"overused", "A used refresh token was sent again after too many refreshes in a row. Its session is revoked.", "As for `reuse`."},
	{"disabled", "The account is gone or disabled. Its session is revoked.", "`session.Config.Lookup` decides."},
	{"ambiguous", "The request has two credentials, or cookies of two logins.", "The client sends one credential. Two applications on one host: give each an `auth.Config` of its own, around its routes."},
	{"authorization_header", "`Authorization` is not a scheme and a credential.", "The client sends `Authorization: Bearer …`."},
	{"scheme", "No authenticator reads the scheme in `Authorization`.", "The client sends a scheme that `WWW-Authenticate` names. To accept the scheme, add its authenticator to `auth.Config.Authenticators`."},
	{"proof", "The DPoP proof does not fit the request.", "`Edge.BaseURL` must be the URL that clients use; `dpop.Config.Window` allows for a difference of clocks."},
	{"replay", "The DPoP proof or the logout token was used before.", "The client makes a proof for each request."},
	{"nonce", "The DPoP proof lacks the nonce of the server.", "The client repeats the request with `DPoP-Nonce`."},
	{"keys_unavailable", "The keys of the issuer cannot be fetched, or the file of `jwt.KeyFile` cannot be used.", "Make the issuer reachable. `jwt.RemoteConfig.MaxStale` says how long known keys are used during an outage. Read `error` about a file."},
	{"introspection_unavailable", "The issuer does not answer.", "Make the issuer reachable. `InsecureOnOutage` accepts cached answers during an outage."},
	{"store_unavailable", "A store does not answer, or its answer makes no sense. Or `Find` of `jwt.IssuersConfig` does not answer. For API keys also: `apikey.Config.Lookup` or `Legacy` failed, or its answer is wrong.", "Make the store reachable. Read `error`."},
	{"store_full", "A store has no room. Or `Max` of `jwt.IssuersConfig` issuers are in use.", "Raise `Max`, or use a store of your own."},
	{"authz.no_rule", "The pattern that matched has no rule in the rules of `Guard`.", "Add a rule for the pattern."},
	{"authz.not_within_reach", "The caller may read the object, but may not do this with it.", "`authz.Resource.Owner`, which must return the issuer and the subject of the caller, to the letter. Otherwise `authz.PolicyConfig`: a permission with a wider reach."},
	{"authz.not_readable", "The object exists, but the caller may not read it. The client sees a 404, or a 403 with `authz.Resource.Forbidden`.", "First `authz.Resource.Owner`, if the object belongs to the caller: it must return the issuer and the subject of the caller, to the letter. A slash at the end of the issuer counts. Otherwise `authz.PolicyConfig`: a permission to read. Do not grant `read:all` to users who should see only their own objects."},
}

// notes are what the module reports without refusing anything.
var notes = []note{
	{bulwark.SessionCreated, reason{"login", "A session began.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"login", "A login replaced the session of the same browser.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"logout", "The user logged out.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"limit", "The oldest session ended, because the user would have more than `MaxSessions`.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"backchannel", "The identity provider logged the user out.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"disabled", "At a refresh, the account was gone or disabled.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"revoked", "`Revoke` or `RevokeAll` ended a session or a key.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"token", "`auth.Revoke` revoked a token.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"session", "`auth.Revoke` revoked a session.", "Nothing."}},
	{bulwark.AuthnTokenRevoked, reason{"subject", "`auth.Revoke` revoked all tokens of a subject.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"rotation", "A session was refreshed.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"concurrent", "Two tabs refreshed at once.", "Nothing."}},
	{bulwark.SessionRenewed, reason{"grace", "A refresh token was used again within the grace time. Level WARN.", "Look at it if it repeats: somebody may have a copy."}},
	{bulwark.SessionRenewed, reason{"lost_answer", "A client asked again for an answer that it had not received. Level WARN.", "Look at it if it repeats."}},
	{bulwark.SessionExpired, reason{"revoked", "A session, a token or a key ended while streams were open. They have been closed. `count` has their number. The reason may also be another reason of a bad credential.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"store_unavailable", "For `auth.Config.ReviewOutage` there was no answer whether the credentials of open streams are still good. The streams have been closed. `count` has their number. Reported once a minute.", "Make the store reachable. Read `error`."}},
	{bulwark.SessionRenewed, reason{"factor", "The user proved a further factor.", "Nothing."}},
	{bulwark.AuthnKeyStale, reason{"max_age", "An API key is older than `apikey.Config.MaxAge`. Reported once a day.", "Rotate the key."}},
	{bulwark.AuthzFail, reason{"authz.unknown_role", "A caller has a role that the policy does not know. Reported once for each role.", "Name the role in `authz.PolicyConfig.Roles`, without grants if it should grant nothing. Or correct `jwt.Config.RolesClaims`, or the issuer. See [issuers.md](issuers.md#keycloak)."}},
	{bulwark.AuthzAllow, reason{"authz.allowed", "A caller was let in, and `authz.PolicyConfig.SampleAllows` makes it an event. `role` and `grants` say why. `object` is the keyed hash of the object. `decision` has the id and the reason of an engine.", "Nothing. `SampleAllows` is 0 for no such events."}},
	{bulwark.AuthnLoginFailMax, reason{"detect.brute_force", "`audit/detect`: an address or an account has too many failed logins. `account` is there if it is the account.", "Look at the address. Do not lock the account for this alone."}},
	{bulwark.AuthnCredentialStuffing, reason{"detect.credential_stuffing", "`audit/detect`: an address fails at many accounts.", "Look at the address. Behind an office, typing mistakes look the same."}},
	{bulwark.AuthnPasswordSpray, reason{"detect.distributed_guessing", "`audit/detect`: many addresses fail at one account.", "Ask for a second factor at this account."}},
	{bulwark.MaliciousDirectReference, reason{"detect.enumeration", "`audit/detect`: a caller was refused many objects of one route, or ids in a row.", "Look at the caller."}},
	{bulwark.MaliciousExcess404, reason{"detect.probing", "`audit/detect`: an address asks for many paths without a route.", "Look at the address."}},
	{bulwark.AuthnLoginSuccessAfterFail, reason{"detect.success_after_failures", "`audit/detect`: a login succeeded after several failures.", "Ask the user, if there were many failures or another address."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.dry_run", "A limit with `DryRun` started: it refuses nobody.", "Remove `DryRun`."}},
	{bulwark.ExcessRateLimitExceeded, reason{"ratelimit.dry_run", "A limit with `DryRun` would have refused.", "Nothing."}},
	{bulwark.SysMonitorDisabled, reason{"ratelimit.unseen", "A limit on failures does not see the status: the handler writes nothing, or an adapter hides the status. Reported at the first such answer.", "Write the status before the handler returns. See [routers.md](routers.md#the-adapters)."}},
	{bulwark.SysUnavailable, reason{"redisstore.outage", "Redis does not answer, and limits decide as `redisstore.LimitsConfig.OnOutage` says: `mode`. `rule` is the prefix of the keys. Reported once for each outage.", "Make Redis reachable. `error` is a word or the code that Redis answered."}},
	{bulwark.SysMonitorEnabled, reason{"redisstore.recovered", "Redis answers again. `lasted` is how long the outage was. `decisions` is how many calls were not sent to Redis in that time.", "Nothing."}},
	{bulwark.SysMonitorDisabled, reason{"redisstore.insecure_open", "Limits in Redis with the mode `InsecureOpen` started: during an outage they let every request pass.", "Write `Local` or `Closed` in `redisstore.LimitsConfig.OnOutage`."}},
	{bulwark.SysUnavailable, reason{"authzen.outage", "A decision point fails, and `authzen.Config.Breaker` leaves it alone. `rule` is its URL. Reported once for each outage.", "Make the decision point reachable. `error` says what to change."}},
	{bulwark.SysMonitorEnabled, reason{"authzen.recovered", "The decision point answers again. `lasted` is how long the outage was. `questions` is how many questions were not sent in that time.", "Nothing."}},
	{bulwark.AuthzShadow, reason{"authzen.shadow_differs", "`authzen.Shadow`: the candidate decides in another way than the engine that answers, or has failed. `engine` and `candidate` are both answers. `rule` is the resource, the action and the reach. The caller got the answer of the engine. Reported once a minute for each kind. `count` has the number.", "Correct the candidate before you change to it. `authzen.Shadow.Report` gets each query."}},
	{bulwark.AuthzAdmin, reason{"ratelimit.reset", "`Reset` or `ResetFor` made a quota whole: somebody unlocked a caller.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"ratelimit.rate_unknown", "`ratelimit.Config.RateFor` failed, was too slow, or returned a text that is not a rate. The rate of the tier holds. Reported once in `RateMaxAge`. `count` has the number.", "Read `error`. Make the database reachable and fast, or correct the rate there."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violation", "A browser reports a violation of the policy. `rule` is the directive.", "Correct the page or the policy."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_violations_ungrouped", "There are more kinds of violations than `Reports.MaxGroups` or `MaxClientGroups`.", "Nothing."}},
	{bulwark.MaliciousCSPViolation, reason{"headers.csp_reports_unread", "There are more requests than `Reports.MaxRequests` or `MaxClientRequests`, or a report cannot be read.", "Nothing."}},
	{bulwark.MaliciousSQLi, reason{"sanitize.suspicious", "A text of the request looks like an injection into SQL. `action` says whether the request was refused.", "Look at who sends it. Name fields that hold code on purpose in `sanitize.Config.DetectExcept`."}},
	{bulwark.MaliciousExtraneous, reason{"sanitize.suspicious", "A text of the request looks like another attack. `rule` says which one: `xss`, `traversal`, `crlf`, `template`, `nosql` or `unreadable`.", "As for `malicious_sqli`."}},
	{bulwark.SysUnavailable, reason{"audit.panic", "A handler panicked.", "Correct the handler."}},
	{bulwark.AuthzFail, reason{"audit.unreported", "A handler wrote a 401, 403 or 429 itself. A 429 is `excess_rate_limit_exceeded`.", "Use `bulwark.Deny`: its event has the reason."}},
	{bulwark.AuditGap, reason{"audit.queue_full", "Records were dropped, because the sink is too slow. `count` has their number.", "Use a faster sink, or raise `MaxSecurityQueue` or `MaxAccessQueue`."}},
	{bulwark.AuditGap, reason{"audit.sink_failed", "Records were dropped, because the sink returned an error or did not return.", "Look at the sink. `slog.Default` has its error, once a minute."}},
	{bulwark.InputValidationFail, reason{"transport.tls_handshake", "A TLS handshake failed.", "Look at it if it comes from clients of your own."}},
	{bulwark.InputValidationFail, reason{"transport.protocol", "A client broke HTTP/2.", "Nothing."}},
	{bulwark.SysUnavailable, reason{"transport.panic", "A handler panicked. With an audit layer there is an `audit.panic` record of the same panic, with the same `remoteAddr`.", "Correct the handler."}},
	{bulwark.SysUnavailable, reason{"transport.accept", "The server could not accept a connection.", "Raise the limit of open files."}},
	{bulwark.SysUnavailable, reason{"transport.server", "Another line of the server's log.", "Read `error`."}},
}
