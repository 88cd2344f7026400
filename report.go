package bulwark

import (
	"context"
	"log/slog"
	"net/http"
)

// A Recorder takes security events. Record must not block and must be safe for
// concurrent use.
type Recorder interface {
	Record(ctx context.Context, e Event)
}

// Report sends a security event of r to the recorder that the audit layer has
// installed. Time, client, caller, method, path, route and ids are filled in
// from the request. Without an audit layer the event goes to [slog.Default]:
// nothing refused is ever silent.
//
// Every call is an event: one request may carry a hundred login guesses.
func Report(r *http.Request, e Event) {
	s := scopeOf(r.Context())
	if s == nil {
		r, s = Enter(r)
	}
	s.Describe(r, &e)
	s.counted(e.Name, e.Severity >= slog.LevelWarn)
	s.mu.Lock()
	recorder := s.recorder
	s.mu.Unlock()
	if recorder == nil {
		logged{}.Record(r.Context(), e)
		return
	}
	recorder.Record(r.Context(), e)
}

// Describe fills in the fields of e that are still open from the request, and
// makes all its texts safe to log.
func (s *Scope) Describe(r *http.Request, e *Event) {
	if !e.ClientIP.IsValid() {
		e.ClientIP = s.ClientIP()
	}
	if caller, ok := PrincipalFrom(r.Context()); ok && e.UserID == "" {
		e.Issuer, e.UserID = caller.Issuer, caller.Subject
	}
	if e.Method == "" {
		e.Method = knownMethod(r.Method)
	}
	if e.Path == "" && r.URL != nil {
		e.Path = r.URL.Path
	}
	if e.Route == "" {
		e.Route = s.Route()
	}
	if e.Route == "" {
		e.Route = r.Pattern
	}
	if e.RequestID == "" {
		e.RequestID = s.RequestID()
	}
	if e.TraceID == "" {
		e.TraceID, e.SpanID = s.Trace()
	}
	e.Sanitize()
}

// logged is the recorder of last resort.
type logged struct{}

func (logged) Record(ctx context.Context, e Event) {
	var room [20]slog.Attr
	// Never below WARN: without an audit layer nobody has chosen a level yet,
	// and a default logger may drop what is lower.
	slog.Default().LogAttrs(ctx, max(e.Severity, slog.LevelWarn), "security event", e.AppendAttrs(room[:0])...)
}

// knownMethod keeps what a client invents out of logs and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	case "":
		return http.MethodGet // net/http's client side meaning of an empty method
	}
	return "_OTHER"
}
