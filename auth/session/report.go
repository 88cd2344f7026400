package session

import (
	"context"
	"log/slog"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
)

// report sends an event of a call that has only a context: see
// [bulwark.ReportContext].
func (s *Sessions) report(ctx context.Context, e bulwark.Event) {
	bulwark.ReportContext(ctx, s.recorder, e)
}

// The reasons of events that are not outcomes of a refresh.
const (
	overLimit = "limit"
	newFactor = "factor"
	byChannel = "backchannel"
	disabled  = "disabled"
)

// about is an event of a session that its own caller has caused, such as a
// login. If a field of the Config changes the reason, the attribute "error"
// names the field.
func (s *Sessions) about(held Session, name bulwark.EventName, reason string) bulwark.Event {
	e := bulwark.Event{Name: name, Reason: reason, Issuer: held.Issuer, UserID: held.Subject,
		Attrs: [4]slog.Attr{slog.String("session", held.ID)}}
	if name == bulwark.AuthnTokenReuse {
		e.Attrs[2] = attempt.Attr(authMethod)
	}
	switch reason {
	case string(graced):
		e.Level, e.Attrs[1] = slog.LevelWarn, slog.String("error", s.causes.graced)
	case string(lost):
		e.Level, e.Attrs[1] = slog.LevelWarn, slog.String("error", s.causes.lost)
	case overLimit:
		e.Attrs[1] = slog.String("error", s.causes.limit.Error())
	case disabled:
		e.Attrs[1] = slog.String("error", errDisabled.Error())
	}
	return e
}

// revoked is the event of a session that somebody has ended. The user of the
// event is the caller, such as an administrator. The attribute "subject" is the
// subject of the session.
func revoked(held Session) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "revoked",
		Attrs: [4]slog.Attr{slog.String("session", held.ID), slog.String("subject", held.Subject)}}
}
