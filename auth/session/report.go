package session

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// report sends an event of something that is done with a context alone. Where
// ctx is that of a request, the event goes to that request's recorder.
// Elsewhere, as in a job or a tool, the event goes to [Config.Recorder].
func (s *Sessions) report(ctx context.Context, e bulwark.Event) {
	if bulwark.RequestID(ctx) != "" {
		bulwark.Report(new(http.Request).WithContext(ctx), e)
		return
	}
	e.Sanitize()
	if s.recorder != nil {
		s.recorder.Record(ctx, e)
		return
	}
	slog.Default().LogAttrs(ctx, max(e.Severity, slog.LevelWarn), "security event", e.AppendAttrs(nil)...)
}

// about is an event of a session that happens to its own caller, such as a
// login.
func about(held Session, name bulwark.EventName, reason string) bulwark.Event {
	e := bulwark.Event{Name: name, Reason: reason, Issuer: held.Issuer, UserID: held.Subject,
		Attrs: [4]slog.Attr{slog.String("session", held.ID)}}
	if reason == string(graced) {
		e.Severity = slog.LevelWarn
	}
	return e
}

// revoked is the event of a session that somebody has ended, who may be another
// caller: its user is who called, and its subject whose session it was.
func revoked(held Session) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "revoked",
		Attrs: [4]slog.Attr{slog.String("session", held.ID), slog.String("subject", held.Subject)}}
}
