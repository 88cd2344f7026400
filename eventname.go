package bulwark

import "log/slog"

// An EventName names a security event, in the words of the OWASP logging
// vocabulary where that has one.
type EventName string

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

// Level is the level of an event that names none. INFO is what ordinary use
// brings, WARN a refusal that somebody has earned, ERROR our own failure or a
// theft.
func (n EventName) Level() slog.Level {
	switch n {
	case AuthnLoginSuccess, AuthnTokenCreated, AuthnTokenRevoked, AuthzAdmin,
		SessionCreated, SessionRenewed, SessionExpired, SysMonitorEnabled:
		return slog.LevelInfo
	case AuthnTokenReuse, SysUnavailable, SysMonitorDisabled, AuditGap, AuthnImpossibleTravel:
		return slog.LevelError
	}
	return slog.LevelWarn
}
