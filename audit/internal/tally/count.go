package tally

import (
	"log/slog"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// Record counts one event. An event that stands for several counts for all of
// them.
func (t *Tally) Record(e *bulwark.Event) {
	n := uint64(max(e.Count, 1))
	t.events.add(n, t.events.Labels[0].List.find(string(e.Name)), 0)
	if rule, found := strings.CutPrefix(e.Reason, detected); found {
		t.anomalies.add(n, t.anomalies.Labels[0].List.find(rule), 0)
		return
	}
	switch e.Name {
	case bulwark.AuthnLoginSuccess:
		t.attempt(n, password)
	case bulwark.AuthnLoginFail:
		t.failure(n, password, e.Reason)
	case bulwark.AuthnTokenInvalid, bulwark.AuthnTokenReuse:
		t.failure(n, methodOf(e), e.Reason)
	case bulwark.AuthzFail:
		t.denied.add(n, t.denied.Labels[0].List.find(e.Reason), 0)
	case bulwark.ExcessRateLimitExceeded:
		if e.Reason != dryRun {
			t.limited.add(n, t.limited.Labels[0].List.find(e.Rule), 0)
		}
	case bulwark.InputValidationFail:
		if !missing(e.Status) {
			t.invalid.add(n, 0, 0)
		}
	case bulwark.MaliciousSQLi, bulwark.MaliciousExtraneous:
		t.payloads.add(n, t.kindOf(e), 0)
	}
}

// attempt counts n attempts to authenticate.
func (t *Tally) attempt(n uint64, method string) {
	t.attempts.add(n, t.attempts.Labels[0].List.find(method), 0)
}

// failure counts n attempts that failed.
func (t *Tally) failure(n uint64, method, reason string) {
	t.attempt(n, method)
	t.failures.add(n, t.failures.Labels[0].List.find(method), t.failures.Labels[1].List.find(reason))
}

// methodOf is the method that the authenticator has put into its event.
func methodOf(e *bulwark.Event) string {
	for i := range e.Attrs {
		if e.Attrs[i].Key == methodKey && e.Attrs[i].Value.Kind() == slog.KindString {
			return e.Attrs[i].Value.String()
		}
	}
	return none
}

// kindOf is the place of the kind of a suspicious payload. The Rule of sanitize
// is the kind.
func (t *Tally) kindOf(e *bulwark.Event) int {
	list := t.payloads.Labels[0].List
	if at, known := list.at[e.Rule]; known {
		return at
	}
	if e.Name == bulwark.MaliciousSQLi {
		return list.at[sqli]
	}
	return list.at[Other]
}

// Answered counts one answer. A request with an identified caller is an attempt
// that succeeded.
func (t *Tally) Answered(a *audit.Answer) {
	t.responses.add(1, statusClass(a.Event.Status), 0)
	if a.Caller != nil {
		t.attempt(1, a.Caller.Method)
	}
}
