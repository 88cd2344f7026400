package session

import (
	"context"
	"log/slog"

	"github.com/bulwark-go/bulwark"
)

// report sends an event of something that is done with a context alone: see
// [bulwark.ReportContext].
func (s *Sessions) report(ctx context.Context, e bulwark.Event) {
	bulwark.ReportContext(ctx, s.recorder, e)
}

// about is an event of a session that happens to its own caller, such as a
// login.
func about(held Session, name bulwark.EventName, reason string) bulwark.Event {
	e := bulwark.Event{Name: name, Reason: reason, Issuer: held.Issuer, UserID: held.Subject,
		Attrs: [4]slog.Attr{slog.String("session", held.ID)}}
	if reason == string(graced) || reason == string(lost) {
		e.Level = slog.LevelWarn
	}
	return e
}

// revoked is the event of a session that somebody has ended, who may be another
// caller: its user is who called, and its subject whose session it was.
func revoked(held Session) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "revoked",
		Attrs: [4]slog.Attr{slog.String("session", held.ID), slog.String("subject", held.Subject)}}
}
