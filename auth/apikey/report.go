package apikey

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// report sends an event of something that is done with a context alone. Where
// ctx is that of a request, the event goes to that request's recorder.
// Elsewhere, as in a job or a tool, the event goes to [Config.Recorder].
func (k *Keys) report(ctx context.Context, e bulwark.Event) {
	if bulwark.RequestID(ctx) != "" {
		bulwark.Report(new(http.Request).WithContext(ctx), e)
		return
	}
	e.Sanitize()
	if k.recorder != nil {
		k.recorder.Record(ctx, e)
		return
	}
	slog.Default().LogAttrs(ctx, max(e.Severity, slog.LevelWarn), "security event", e.AppendAttrs(nil)...)
}

// revoked is the event of a key that somebody has ended, who may be another
// caller: its user is who called, and its subject whom the key acted as.
func revoked(rec Record) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "revoked",
		Attrs: [4]slog.Attr{slog.String("key", rec.ID), slog.String("subject", rec.Subject)}}
}
