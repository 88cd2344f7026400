package authzen

import (
	"context"
	"log/slog"
	"time"

	"github.com/bulwark-go/bulwark"
)

// The reasons of events.
const (
	reasonOutage    = "authzen.outage"
	reasonRecovered = "authzen.recovered"
	reasonDiffers   = "authzen.shadow_differs"
)

// report reports the begin or the end of an outage, once each.
func (c *Client) report(ctx context.Context, t turn) {
	e := bulwark.Event{Name: bulwark.SysUnavailable, Reason: reasonOutage, Rule: c.url}
	if t.closed {
		e.Name, e.Reason = bulwark.SysMonitorEnabled, reasonRecovered
		e.Attrs[0], e.Attrs[1] = slog.Duration("lasted", t.lasted.Round(time.Millisecond)), slog.Int64("questions", t.kept)
	} else {
		e.Attrs[0] = slog.String("error", t.cause.Error())
	}
	if c.recorder == nil {
		bulwark.ReportContext(ctx, nil, e)
		return
	}
	// An outage is not what a client did: the event is not about the request
	// that noticed it.
	e.Sanitize()
	c.recorder.Record(context.WithoutCancel(ctx), e)
}
