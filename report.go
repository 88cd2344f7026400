package bulwark

import (
	"context"
	"log/slog"
	"net/http"
)

// A Recorder receives security events. It must be safe for concurrent use. The
// audit layer is a Recorder. Package bulwarktest has one for tests.
type Recorder interface {
	// Record receives one event. It must not block, and must not keep ctx.
	Record(ctx context.Context, e Event)
}

// Report reports a security event of the request r. Applications call it for
// their own events, such as a failed login:
//
//	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password"})
//
// Report fills in time, client, caller, method, path, route and ids from the
// request. The event goes to the audit layer. Without an audit layer the event
// goes to [slog.Default], so a refusal is never silent.
//
// Each call is one event, because one request may carry many login guesses.
//
// A handler that refuses without [Deny] sets Status of the event to the status
// of the refusal. The audit layer then does not report the refusal a second
// time. An event named [NoEvent] is not sent anywhere. It only says that the
// refusal needs no report.
func Report(r *http.Request, e Event) {
	_, s := Enter(r)
	s.Describe(r, &e)
	s.report(r.Context(), e, s)
}

// ReportContext reports a security event of work that has a context and no
// request. If ctx belongs to a request, ReportContext works like [Report]. In a
// job or a tool, the event goes to the recorder otherwise, or to [slog.Default]
// if otherwise is nil.
func ReportContext(ctx context.Context, otherwise Recorder, e Event) {
	s := scopeOf(ctx)
	if s == nil && e.Name == NoEvent {
		return
	}
	if s == nil {
		e.Sanitize()
		emit(ctx, otherwise, e)
		return
	}
	s.describe(ctx, &e)
	e.Sanitize()
	s.report(ctx, e, s)
}

// report hands on an event that has been described.
func (s *Scope) report(ctx context.Context, e Event, place any) {
	s.note(e.Name, e.Status, place)
	if e.Name == NoEvent {
		return
	}
	s.shared.mu.Lock()
	recorder := s.shared.recorder
	s.shared.mu.Unlock()
	emit(ctx, recorder, e)
}

// note remembers an event of the request. A failed login without a status
// explains the 401 that follows: only the application reports it.
func (s *Scope) note(name EventName, status int, place any) {
	if name == AuthnLoginFail && status == 0 {
		status = http.StatusUnauthorized
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.counted().note(told{name: name, status: status, place: place})
}

// emit gives an event to its recorder, or to the recorder of last resort.
func emit(ctx context.Context, rec Recorder, e Event) {
	if rec == nil {
		rec = logged{}
	}
	rec.Record(ctx, e)
}

// Describe fills in the fields of e that are not set, from the request r and
// its Scope. It also makes all texts of e safe to log.
func (s *Scope) Describe(r *http.Request, e *Event) {
	if e.Method == "" {
		e.Method = methodOf(r.Method).String()
	}
	s.describe(r.Context(), e)
	if e.Route == "" {
		e.Route = r.Pattern
	}
	e.Sanitize()
}

// describe fills in what ctx and the record know.
func (s *Scope) describe(ctx context.Context, e *Event) {
	if e.Level == nil {
		e.Level = s.levelOf(ctx, e)
	}
	if e.UserID == "" {
		caller, stands := s.whoCalled(ctx)
		if caller != nil {
			e.Issuer, e.UserID = caller.Issuer, caller.Subject
		}
		if stands != nil {
			e.AssumedIssuer, e.AssumedID = stands.Issuer, stands.Subject
		}
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	a := &s.shared.arrival
	if e.Method == "" {
		e.Method = a.method.String()
	}
	if e.Path == "" {
		e.Path = a.path // as it came: http.StripPrefix, for one, hands on another
	}
	if !e.ClientIP.IsValid() {
		e.ClientIP = a.clientIP
	}
	if e.Route == "" {
		e.Route = s.shared.route
	}
	if e.RequestID == "" {
		e.RequestID = a.id()
	}
	if e.TraceID == "" {
		e.TraceID, e.SpanID = a.traceID, a.spanID
	}
}

// logged is the recorder of last resort.
type logged struct{}

func (logged) Record(ctx context.Context, e Event) {
	var room [22]slog.Attr
	// Never below WARN: without an audit layer nobody has chosen a level yet,
	// and a default logger may drop what is lower.
	slog.Default().LogAttrs(ctx, max(e.level(), slog.LevelWarn), "security event", e.AppendAttrs(room[:0])...)
}
