package tally

import (
	"net/http"
	"strconv"

	"github.com/bulwark-go/bulwark"
)

// methods are how a caller can be identified: the Method of a
// [bulwark.Principal], "password" for a login, and "none" for a credential that
// no authenticator has read.
var methods = []string{"jwt", "introspection", "api_key", "session", "mtls", password, none}

const (
	password = "password"
	none     = "none"
	// methodKey is the attribute with the method in the events of package auth.
	methodKey = "authMethod"
)

// authReasons are the reasons of authn_token_invalid and authn_token_reuse in
// this module.
var authReasons = []string{
	"malformed", "algorithm", "type", "issuer", "audience", "claim", "expired", "not_yet_valid", "lifetime", "signature", "unknown_key",
	"binding", "revoked", "inactive", "key", "network", "session", "idle", "reuse", "overused", "disabled", "logout",
	"ambiguous", "authorization_header", "scheme", "proof", "replay", "nonce",
	password, // as the documentation of bulwark.Report has it
}

// authzReasons are the reasons of authz_fail in this module.
var authzReasons = []string{
	"auth.credentials_required", "session.cookie_required",
	"authz.unauthenticated", "authz.forbidden", "authz.insufficient_scope", "authz.insufficient_user_authentication", "authz.not_found",
	"authz.no_rule", "authz.not_within_reach", "authz.not_readable", "authz.unknown_role", "authz.field_forbidden",
	"audit.unreported", "problem.status_401", "problem.status_403",
}

// kinds are the kinds of suspicious payloads.
var kinds = []string{sqli, "xss", "traversal", "crlf", "template", "nosql"}

const sqli = "sqli"

// rules are the rules of package detect.
var rules = []string{"brute_force", "credential_stuffing", "distributed_guessing", "enumeration", "probing", "success_after_failures"}

// detected is the beginning of the reason of an event of package detect.
const detected = "detect."

// events are the names of events.
var events = []string{
	string(bulwark.AuthnLoginSuccess), string(bulwark.AuthnLoginSuccessAfterFail), string(bulwark.AuthnLoginFail), string(bulwark.AuthnLoginFailMax),
	string(bulwark.AuthnTokenCreated), string(bulwark.AuthnTokenRevoked), string(bulwark.AuthnTokenReuse), string(bulwark.AuthnImpossibleTravel),
	string(bulwark.AuthzFail), string(bulwark.AuthzAdmin), string(bulwark.AuthzAllow), string(bulwark.AuthzShadow), string(bulwark.ExcessRateLimitExceeded), string(bulwark.InputValidationFail),
	string(bulwark.MaliciousSQLi), string(bulwark.MaliciousExtraneous), string(bulwark.MaliciousAttackTool), string(bulwark.MaliciousCORS),
	string(bulwark.MaliciousCSRF), string(bulwark.MaliciousCSPViolation), string(bulwark.MaliciousDirectReference), string(bulwark.MaliciousExcess404),
	string(bulwark.SessionCreated), string(bulwark.SessionRenewed), string(bulwark.SessionExpired), string(bulwark.SessionUseAfterExpire),
	string(bulwark.SysMonitorDisabled), string(bulwark.SysMonitorEnabled),
	string(bulwark.AuthnTokenInvalid), string(bulwark.AuthnCredentialStuffing), string(bulwark.AuthnPasswordSpray), string(bulwark.AuthnKeyStale),
	string(bulwark.SysUnavailable), string(bulwark.AuditGap),
}

// statusClasses are the first digits of a status.
var statusClasses = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// statusClass is the place of a status in statusClasses.
func statusClass(status int) int {
	if status < 100 || status > 599 {
		return len(statusClasses) // other
	}
	return status/100 - 1
}

// sinks are the fields of audit.Config that take records.
func sinks() []string {
	all := []string{"Logger"}
	for i := range 8 { // at most so many Sinks
		all = append(all, "Sinks["+strconv.Itoa(i)+"]")
	}
	return all
}

// dryRun is the reason of an event for a request that a limit would have
// refused.
const dryRun = "ratelimit.dry_run"

// missing reports the statuses of input_validation_fail that ordinary use
// brings: nothing was wrong with the input.
func missing(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusLocked:
		return true
	}
	return false
}

// LayerBuckets are the bounds of the histogram of layers, in seconds. Most
// layers take microseconds. A layer that asks a store or an issuer takes
// milliseconds.
var LayerBuckets = []float64{1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 2.5}
