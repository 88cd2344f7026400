package bulwark

import "log/slog"

// An EventName names a security event, in the words of the OWASP logging
// vocabulary where that has one.
type EventName string

// NoEvent, as the Event of a [ProblemLog], says that a refusal is not a
// security event: [Deny] answers and reports nothing. It hides no attack: a
// 403, a 429, and a 401 for a request with a credential have the event of their
// status all the same. The access log, and whoever counts answers, see the
// refusal as any other.
const NoEvent EventName = "no_event"

// The events that this module reports or that an application is likely to.
const (
	AuthnLoginSuccess          EventName = "authn_login_success"
	AuthnLoginSuccessAfterFail EventName = "authn_login_successafterfail"
	AuthnLoginFail             EventName = "authn_login_fail"
	AuthnLoginFailMax          EventName = "authn_login_fail_max"
	AuthnTokenCreated          EventName = "authn_token_created"
	AuthnTokenRevoked          EventName = "authn_token_revoked"
	AuthnTokenReuse            EventName = "authn_token_reuse"
	AuthnImpossibleTravel      EventName = "authn_impossible_travel"
	AuthzFail                  EventName = "authz_fail"
	AuthzAdmin                 EventName = "authz_admin"
	ExcessRateLimitExceeded    EventName = "excess_rate_limit_exceeded"
	InputValidationFail        EventName = "input_validation_fail"
	MaliciousSQLi              EventName = "malicious_sqli"
	MaliciousExtraneous        EventName = "malicious_extraneous"
	MaliciousAttackTool        EventName = "malicious_attack_tool"
	MaliciousCORS              EventName = "malicious_cors"
	MaliciousCSRF              EventName = "malicious_csrf"
	MaliciousCSPViolation      EventName = "malicious_csp_violation"
	MaliciousDirectReference   EventName = "malicious_direct_reference"
	MaliciousExcess404         EventName = "malicious_excess_404"
	SessionCreated             EventName = "session_created"
	SessionRenewed             EventName = "session_renewed"
	SessionExpired             EventName = "session_expired"
	SessionUseAfterExpire      EventName = "session_use_after_expire"
	SysMonitorDisabled         EventName = "sys_monitor_disabled"
	SysMonitorEnabled          EventName = "sys_monitor_enabled"

	// Names of this module's own, where the vocabulary has none.

	AuthnTokenInvalid       EventName = "authn_token_invalid"
	AuthnCredentialStuffing EventName = "authn_credential_stuffing"
	AuthnPasswordSpray      EventName = "authn_password_spray"
	AuthnKeyStale           EventName = "authn_key_stale"
	SysUnavailable          EventName = "sys_unavailable"
	AuditGap                EventName = "audit_gap"
)

// Level is the level of an event of this name that says nothing else. INFO is
// what ordinary use brings. WARN is a refusal that somebody has earned. ERROR
// is a failure of our own, or a theft: what a client does by itself never is.
//
// [Report] and [Deny] know more than the name. The refusals that every service
// answers all day are INFO: see [Event].
func (n EventName) Level() slog.Level {
	switch n {
	case AuthnLoginSuccess, AuthnTokenCreated, AuthnTokenRevoked, AuthzAdmin,
		SessionCreated, SessionRenewed, SessionExpired, SysMonitorEnabled, NoEvent:
		return slog.LevelInfo
	case AuthnTokenReuse, SysUnavailable, SysMonitorDisabled, AuditGap, AuthnImpossibleTravel:
		return slog.LevelError
	}
	return slog.LevelWarn
}
