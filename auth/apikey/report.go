package apikey

import (
	"context"
	"log/slog"

	"github.com/bulwark-go/bulwark"
)

// report sends an event of a call that has only a context: see
// [bulwark.ReportContext].
func (k *Keys) report(ctx context.Context, e bulwark.Event) {
	bulwark.ReportContext(ctx, k.recorder, e)
}

// revoked is the event of a key that somebody has ended. The user of the event
// is the caller, such as an administrator. The attribute "subject" is the
// caller that the key acted as.
func revoked(rec Record) bulwark.Event {
	return bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "revoked",
		Attrs: [4]slog.Attr{slog.String("key", rec.ID), slog.String("subject", rec.Subject)}}
}
