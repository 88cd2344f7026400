// Package tallytest has events for tests of the packages that count events,
// with what they count.
package tallytest

import (
	"log/slog"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/internal/tally"
)

// Config has the lists that [Events] are made for.
var Config = tally.Config{Methods: []string{"kerberos"}, Reasons: []string{"login.failed"}, Policies: []string{"address", "caller"}}

// By are the attributes of an event with a method.
func By(method string) [4]slog.Attr { return [4]slog.Attr{slog.String("authMethod", method)} }

// An Event is an event, and what it adds to the series of Prometheus. The
// collector has the lists of [Config].
type Event struct {
	Name  string
	Event bulwark.Event
	Want  []string
}

// Events are events of all kinds.
var Events = []Event{
	{"bad-token", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired", Status: 401, Attrs: By("jwt")}, []string{
		`auth_attempts_total{method="jwt"} +1`,
		`auth_failures_total{method="jwt",reason="expired"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"method-in-the-second-attribute", bulwark.Event{Name: bulwark.AuthnTokenReuse, Reason: "reuse", Attrs: [4]slog.Attr{slog.String("session", "7"), slog.String("authMethod", "session")}}, []string{
		`auth_attempts_total{method="session"} +1`,
		`auth_failures_total{method="session",reason="reuse"} +1`,
		`security_events_total{event="authn_token_reuse"} +1`,
	}},
	{"no-authenticator", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "scheme"}, []string{
		`auth_attempts_total{method="none"} +1`,
		`auth_failures_total{method="none",reason="scheme"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"unknown-method-and-reason", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "solar", Attrs: By("palm")}, []string{
		`auth_attempts_total{method="other"} +1`,
		`auth_failures_total{method="other",reason="other"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"method-that-is-not-text", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "key", Attrs: [4]slog.Attr{slog.Int("authMethod", 1)}}, []string{
		`auth_attempts_total{method="none"} +1`,
		`auth_failures_total{method="none",reason="key"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"own-method-and-reason", bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "login.failed", Attrs: By("kerberos")}, []string{
		`auth_attempts_total{method="kerberos"} +1`,
		`auth_failures_total{method="kerberos",reason="login.failed"} +1`,
		`security_events_total{event="authn_token_invalid"} +1`,
	}},
	{"wrong-password", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "login.failed", Attrs: By("jwt")}, []string{
		`auth_attempts_total{method="password"} +1`,
		`auth_failures_total{method="password",reason="login.failed"} +1`,
		`security_events_total{event="authn_login_fail"} +1`,
	}},
	{"many-in-one", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password", Count: 250}, []string{
		`auth_attempts_total{method="password"} +250`,
		`auth_failures_total{method="password",reason="password"} +250`,
		`security_events_total{event="authn_login_fail"} +250`,
	}},
	{"negative-count", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password", Count: -3}, []string{
		`auth_attempts_total{method="password"} +1`,
		`auth_failures_total{method="password",reason="password"} +1`,
		`security_events_total{event="authn_login_fail"} +1`,
	}},
	{"login", bulwark.Event{Name: bulwark.AuthnLoginSuccess}, []string{
		`auth_attempts_total{method="password"} +1`,
		`security_events_total{event="authn_login_success"} +1`,
	}},
	{"forbidden", bulwark.Event{Name: bulwark.AuthzFail, Reason: "authz.forbidden", Status: 403}, []string{
		`authz_failures_total{reason="authz.forbidden"} +1`,
		`security_events_total{event="authz_fail"} +1`,
	}},
	{"forbidden-by-the-application", bulwark.Event{Name: bulwark.AuthzFail, Reason: "login.failed", Status: 403}, []string{
		`authz_failures_total{reason="login.failed"} +1`,
		`security_events_total{event="authz_fail"} +1`,
	}},
	{"limited", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.exceeded", Rule: "caller", Status: 429}, []string{
		`rate_limit_exceeded_total{policy="caller"} +1`,
		`security_events_total{event="excess_rate_limit_exceeded"} +1`,
	}},
	{"limited-by-another", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "audit.unreported", Status: 429}, []string{
		`rate_limit_exceeded_total{policy="other"} +1`,
		`security_events_total{event="excess_rate_limit_exceeded"} +1`,
	}},
	{"limited-on-trial", bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.dry_run", Rule: "caller", Count: 9}, []string{
		`security_events_total{event="excess_rate_limit_exceeded"} +9`,
	}},
	{"invalid", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "validate.invalid", Status: 422}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
		`validation_failures_total +1`,
	}},
	{"no-route", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "authz.no_route", Status: 404}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
	}},
	{"conflict", bulwark.Event{Name: bulwark.InputValidationFail, Reason: "documents.changed", Status: 412}, []string{
		`security_events_total{event="input_validation_fail"} +1`,
	}},
	{"sqli", bulwark.Event{Name: bulwark.MaliciousSQLi, Reason: "sanitize.suspicious", Rule: "sqli"}, []string{
		`security_events_total{event="malicious_sqli"} +1`,
		`suspicious_payloads_total{kind="sqli"} +1`,
	}},
	{"sqli-of-the-application", bulwark.Event{Name: bulwark.MaliciousSQLi, Reason: "search"}, []string{
		`security_events_total{event="malicious_sqli"} +1`,
		`suspicious_payloads_total{kind="sqli"} +1`,
	}},
	{"traversal", bulwark.Event{Name: bulwark.MaliciousExtraneous, Reason: "sanitize.suspicious", Rule: "traversal", Count: 3}, []string{
		`security_events_total{event="malicious_extraneous"} +3`,
		`suspicious_payloads_total{kind="traversal"} +3`,
	}},
	{"extraneous-of-the-application", bulwark.Event{Name: bulwark.MaliciousExtraneous, Rule: "zip bomb"}, []string{
		`security_events_total{event="malicious_extraneous"} +1`,
		`suspicious_payloads_total{kind="other"} +1`,
	}},
	{"finding", bulwark.Event{Name: bulwark.AuthnCredentialStuffing, Reason: "detect.credential_stuffing"}, []string{
		`access_anomalies_total{rule="credential_stuffing"} +1`,
		`security_events_total{event="authn_credential_stuffing"} +1`,
	}},
	{"finding-is-not-a-failure", bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "detect.brute_force", Count: 40}, []string{
		`access_anomalies_total{rule="brute_force"} +40`,
		`security_events_total{event="authn_login_fail"} +40`,
	}},
	{"unknown-finding", bulwark.Event{Name: bulwark.MaliciousExcess404, Reason: "detect.<script>"}, []string{
		`access_anomalies_total{rule="other"} +1`,
		`security_events_total{event="malicious_excess_404"} +1`,
	}},
	{"unknown-event", bulwark.Event{Name: "my_event", Reason: "expired", Status: 403}, []string{
		`security_events_total{event="other"} +1`,
	}},
}
