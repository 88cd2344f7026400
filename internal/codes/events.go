package main

import "github.com/bulwark-go/bulwark"

// A happening is an event, by its name.
type happening struct {
	name  bulwark.EventName
	by    string // who reports it
	means string
	do    string
}

// Who reports an event.
const (
	library     = "library"
	application = "application"
	both        = "both"
)

var happenings = []happening{
	{bulwark.AuthnTokenInvalid, library, "A credential was not valid.", "Alert on the rate."},
	{bulwark.AuthnLoginFail, application, "A password was wrong.", "Alert on the rate."},
	{bulwark.AuthnTokenReuse, library, "A refresh token was used twice.", "Alert on each: tell the user."},
	{bulwark.AuthzFail, library, "A 401 without a credential, a 403, or a 404 for an object that the caller may not use. A 401 without a credential has the level INFO.", "Alert on the rate of 403."},
	{bulwark.ExcessRateLimitExceeded, library, "A caller is beyond a limit.", "Alert on the rate. `rule` names the limit."},
	{bulwark.InputValidationFail, library, "A request is malformed or does not fit the schema.", "Look at it now and then."},
	{bulwark.MaliciousCSRF, library, "Another site sent a request with the cookies of a user.", "Alert on the rate."},
	{bulwark.MaliciousCORS, library, "A script of an origin that is not listed sent a request.", "Look at it now and then."},
	{bulwark.MaliciousCSPViolation, library, "A browser reports a violation of the content security policy.", "Correct the page, or look for injected script."},
	{bulwark.SysUnavailable, both, "The service or a dependency failed.", "Alert on the share of requests."},
	{bulwark.SysMonitorDisabled, library, "A limit does not protect: it has `DryRun`, it does not see whether a request failed, or it would let everybody pass during an outage of Redis. Other `Insecure…` fields and `cors.Config.DryRun` do not report an event.", "Alert on each after a deployment."},
	{bulwark.AuditGap, library, "Records were lost.", "Alert on each."},
	{bulwark.AuthnKeyStale, library, "An API key is due for rotation.", "Rotate the key."},
	{bulwark.AuthnTokenCreated, both, "A token or a key was made.", "Nothing."},
	{bulwark.AuthnTokenRevoked, library, "A token, key or session was revoked.", "Nothing."},
	{bulwark.SessionCreated, library, "A session began.", "Nothing."},
	{bulwark.SessionRenewed, library, "A session was refreshed.", "Nothing."},
	{bulwark.SessionExpired, library, "A credential expired while a stream was open.", "Nothing."},
	{bulwark.AuthnLoginSuccess, application, "A user logged in.", "Nothing."},
	{bulwark.AuthzAdmin, application, "An administrator did something that matters.", "Look at it now and then."},
	{bulwark.AuthzAllow, library, "A caller was let in. A sample, for `authz.PolicyConfig.SampleAllows`.", "Nothing."},
	{bulwark.AuthzShadow, library, "Two engines decide differently: `authzen.Shadow` compares them.", "Correct the engine that is to come."},
	{bulwark.AuthnLoginSuccessAfterFail, both, "A user logged in after failures.", "Look at it if there were many failures."},
	{bulwark.AuthnLoginFailMax, both, "An account was locked, or an address or an account has too many failed logins.", "Look at the address, and tell the user."},
	{bulwark.AuthnCredentialStuffing, both, "Stolen passwords are tried at many accounts.", "Alert on each."},
	{bulwark.AuthnPasswordSpray, both, "One password is tried at many accounts, or one account from many addresses.", "Alert on each."},
	{bulwark.AuthnImpossibleTravel, application, "One user was in two distant places at the same time.", "Alert on each."},
	{bulwark.MaliciousSQLi, application, "A value looks like SQL injection.", "Look at the caller."},
	{bulwark.MaliciousExtraneous, application, "A value looks like an attack of another kind.", "Look at the caller."},
	{bulwark.MaliciousAttackTool, application, "The client is a known attack tool.", "Look at the caller."},
	{bulwark.MaliciousExcess404, both, "A client asks for many paths that do not exist.", "Look at the caller."},
	{bulwark.MaliciousDirectReference, both, "A client tries many ids of objects.", "Look at the caller."},
	{bulwark.SessionUseAfterExpire, application, "A session was used after its end.", "Look at the caller."},
	{bulwark.SysMonitorEnabled, both, "A defence is active again, such as limits in Redis after an outage.", "Nothing."},
}
