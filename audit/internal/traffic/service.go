package traffic

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// issuer is the issuer of all callers.
const issuer = "https://login.example.com"

// A source is who sends requests: an address, and a caller or nobody.
type source struct {
	kind, name string
	attack     bool
	addr       netip.Addr
	principal  *bulwark.Principal
}

func (s *source) caller(subject, method string) *source {
	s.principal = &bulwark.Principal{Issuer: issuer, Subject: subject, Method: method}
	return s
}

// An action is a step in few bytes.
type action struct {
	at          time.Duration
	by          *source
	method      string
	path, route string
	status      int
	event       bulwark.EventName // empty if there is none
	reason      string
	account     string // that was typed
	subject     string // whose login it was
}

// step is the action as the audit layer tells it.
func (a action) step() Step {
	described := bulwark.Event{
		Level: slog.LevelInfo, Time: Start.Add(a.at), ClientIP: a.by.addr,
		Method: a.method, Path: a.path, Route: a.route, Status: a.status,
	}
	if p := a.by.principal; p != nil {
		described.Issuer, described.UserID = p.Issuer, p.Subject
	}
	step := Step{
		At: a.at, Actor: a.by.name, Kind: a.by.kind, Attack: a.by.attack, Account: a.account,
		Answer: audit.Answer{Event: described, Caller: a.by.principal, Duration: 4 * time.Millisecond, Size: 400},
	}
	if a.event == "" {
		return step
	}
	step.Event = described
	step.Event.Name, step.Event.Reason, step.Event.Level = a.event, a.reason, a.event.Level()
	switch {
	case a.event == bulwark.AuthnLoginSuccess:
		step.Event.Status, step.Event.Issuer, step.Event.UserID = 0, issuer, a.subject
	case a.event == bulwark.InputValidationFail && a.status == http.StatusNotFound:
		step.Event.Level = slog.LevelInfo
	}
	step.Answer.Reported = step.Event.Status == a.status
	return step
}

// page is a request that the service answers.
func (s *source) page(at time.Duration, path string) action {
	return action{at: at, by: s, method: "GET", path: path, route: "GET " + path, status: http.StatusOK}
}

// read is a request for a document that the caller may read.
func (s *source) read(at time.Duration, id int) action {
	return action{at: at, by: s, method: "GET", path: fmt.Sprint("/documents/", id), route: "GET /documents/{id}", status: http.StatusOK}
}

// missing is a request for a document that is not there.
func (s *source) missing(at time.Duration, id int) action {
	a := s.read(at, id)
	a.status, a.event, a.reason = http.StatusNotFound, bulwark.AuthzFail, "authz.not_found"
	return a
}

// foreign is a request for a document of somebody else: the client sees a 404.
func (s *source) foreign(at time.Duration, id int) action {
	a := s.missing(at, id)
	a.reason = "authz.not_readable"
	return a
}

// forbidden is a change of a document that the caller may only read.
func (s *source) forbidden(at time.Duration, id int) action {
	a := s.read(at, id)
	a.method, a.route = "PATCH", "PATCH /documents/{id}"
	a.status, a.event, a.reason = http.StatusForbidden, bulwark.AuthzFail, "authz.not_within_reach"
	return a
}

// nowhere is a request for a path without a route.
func (s *source) nowhere(at time.Duration, path string) action {
	return action{at: at, by: s, method: "GET", path: path, status: http.StatusNotFound, event: bulwark.InputValidationFail, reason: "authz.no_route"}
}

// wrong is a login with a wrong password.
func (s *source) wrong(at time.Duration, account string) action {
	return action{at: at, by: s, method: "POST", path: "/login", route: "POST /login", status: http.StatusUnauthorized,
		event: bulwark.AuthnLoginFail, reason: "login.failed", account: account}
}

// right is a login with the right password.
func (s *source) right(at time.Duration, account, subject string) action {
	a := s.wrong(at, account)
	a.status, a.event, a.reason, a.subject = http.StatusOK, bulwark.AuthnLoginSuccess, "", subject
	return a
}

// expired is a request with an access token that is too old.
func (s *source) expired(at time.Duration, path string) action {
	a := s.page(at, path)
	a.status, a.event, a.reason = http.StatusUnauthorized, bulwark.AuthnTokenInvalid, "expired"
	return a
}

// hidden is an action that is answered without an event (bulwark.NoEvent).
func (a action) hidden() action {
	a.event, a.reason = "", ""
	return a
}

func email(i int) string   { return fmt.Sprintf("user%d@example.com", i) }
func subject(i int) string { return fmt.Sprintf("u-%d", i) }
