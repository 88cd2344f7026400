package bulwark

import (
	"context"
	"log/slog"
	"net/http"
)

// A Recorder takes security events. It must be safe for concurrent use.
type Recorder interface {
	// Record takes one event. It must not block, and must not keep ctx.
	Record(ctx context.Context, e Event)
}

// Report sends a security event of r to the recorder that the audit layer has
// installed. Time, client, caller, method, path, route and ids are filled in
// from the request. Without an audit layer the event goes to [slog.Default]:
// nothing refused is ever silent.
//
// Every call is an event: one request may carry a hundred login guesses. An
// event about a refusal that the handler writes itself has the Status of that
// refusal: then the audit layer does not report it once more. An event whose
// name is [NoEvent] goes nowhere, and says that the refusal needs no report.
func Report(r *http.Request, e Event) {
	_, s := Enter(r)
	s.Describe(r, &e)
	s.report(r.Context(), e, s)
}

// ReportContext sends a security event of something that is done with a context
// alone. Where ctx is that of a request, the event is reported as [Report] does
// it. Elsewhere, as in a job or a tool, it goes to otherwise, or to
// [slog.Default] where that is nil.
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

// note remembers an event of the request. A failed login that names no status
// is the 401 that follows: nobody but the application reports it.
func (s *Scope) note(name EventName, status int, place any) {
	if name == AuthnLoginFail && status == 0 {
		status = http.StatusUnauthorized
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.counted().note(told{name: name, status: status, place: place})
}

// emit gives an event to its recorder, or to that of last resort.
func emit(ctx context.Context, rec Recorder, e Event) {
	if rec == nil {
		rec = logged{}
	}
	rec.Record(ctx, e)
}

// Describe fills in the fields of e that are still open from the request, and
// makes all its texts safe to log.
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

// describe fills in what ctx and the record tell.
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
