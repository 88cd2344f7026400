package bulwark

import "log/slog"

// An EventName is the name of a security event. Most names come from the OWASP
// logging vocabulary. This module adds a few that the vocabulary lacks.
type EventName string

// NoEvent is for [ProblemLog.Event]: the refusal is not a security event, and
// [Deny] reports nothing. NoEvent never hides an attack: a 403, a 429, and a
// 401 for a request with a credential are always reported. The access log and
// metrics count the refusal like any other answer.
const NoEvent EventName = "no_event"

// The events that this module reports, and events that applications often need.
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

	// Names of this module, for events that the vocabulary lacks.

	AuthnTokenInvalid       EventName = "authn_token_invalid"
	AuthzAllow              EventName = "authz_allow"
	AuthzShadow             EventName = "authz_shadow"
	AuthnCredentialStuffing EventName = "authn_credential_stuffing"
	AuthnPasswordSpray      EventName = "authn_password_spray"
	AuthnKeyStale           EventName = "authn_key_stale"
	SysUnavailable          EventName = "sys_unavailable"
	AuditGap                EventName = "audit_gap"
)

// Level returns the level of an event of this name:
//
//   - INFO is part of ordinary use.
//   - WARN is a refusal that the client caused.
//   - ERROR is a failure of the service, or a stolen credential. An action of a
//     client alone is never ERROR.
//
// [Report] and [Deny] also look at the request: see [Event] for two refusals
// that are INFO.
func (n EventName) Level() slog.Level {
	switch n {
	case AuthnLoginSuccess, AuthnTokenCreated, AuthnTokenRevoked, AuthzAdmin, AuthzAllow,
		SessionCreated, SessionRenewed, SessionExpired, SysMonitorEnabled, NoEvent:
		return slog.LevelInfo
	case AuthnTokenReuse, SysUnavailable, SysMonitorDisabled, AuditGap, AuthnImpossibleTravel:
		return slog.LevelError
	}
	return slog.LevelWarn
}
