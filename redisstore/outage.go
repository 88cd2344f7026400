package redisstore

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// The reasons of events.
const (
	reasonOutage    = "redisstore.outage"
	reasonRecovered = "redisstore.recovered"
	reasonOpen      = "redisstore.insecure_open"
)

// uncounted is the Mark of a cell that was not counted. The Marks of the local
// store are negative as well, so that Refund knows where a cell was counted.
const uncounted = math.MinInt64

// decide answers a Debit while Redis is down.
func (l *Limits) decide(ctx context.Context, cells []ratelimit.Cell, fail *failure) (ok bool, err error) {
	switch l.mode {
	case Local:
		return l.debitLocal(ctx, cells)
	case InsecureOpen:
		for i := range cells {
			c := &cells[i]
			limit, _ := quota(&c.Policy)
			c.Taken, c.Standing = min(c.Cost, 2*limit), ratelimit.Standing{Remaining: limit, Mark: uncounted}
		}
		return true, nil
	}
	return false, unknown(cells, fail)
}

// debitLocal counts in the memory of this process, with its share of the
// quotas.
func (l *Limits) debitLocal(ctx context.Context, cells []ratelimit.Cell) (ok bool, err error) {
	shares := l.shares(cells)
	ok, err = l.local.Debit(ctx, shares)
	for i := range cells {
		cells[i].Taken, cells[i].Standing = shares[i].Taken, shares[i].Standing
		cells[i].Standing.Mark = ^max(0, shares[i].Standing.Mark)
	}
	return ok, err
}

// refundLocal gives back what was not counted in Redis, and leaves the rest to
// Refund.
func (l *Limits) refundLocal(ctx context.Context, cells []ratelimit.Cell) error {
	for i := range cells {
		c := &cells[i]
		if c.Standing.Mark >= 0 {
			continue
		}
		if l.local != nil && c.Standing.Mark != uncounted {
			share := l.shares(cells[i : i+1])
			share[0].Standing.Mark = ^c.Standing.Mark
			if err := l.local.Refund(ctx, share); err != nil {
				return err
			}
		}
		c.Taken = 0
	}
	return nil
}

func (l *Limits) resetLocal(ctx context.Context, cells []ratelimit.Cell) error {
	if l.local == nil {
		return nil
	}
	return l.local.Reset(ctx, l.shares(cells))
}

// shares are the cells with the share of this process in their quotas.
func (l *Limits) shares(cells []ratelimit.Cell) []ratelimit.Cell {
	shares := make([]ratelimit.Cell, len(cells))
	for i := range cells {
		shares[i] = cells[i]
		p := &shares[i].Policy
		p.Limit, p.Burst = max(1, p.Limit/l.instances), max(1, p.Burst/l.instances)
		// The Limit is rounded down more than the Burst, and no burst may take
		// longer to be restored than the longest window.
		p.Burst = min(p.Burst, max(1, int64(maxWindow)/ceil(int64(p.Window), p.Limit)))
	}
	return shares
}

// reportTurn reports the begin or the end of an outage, once each.
func (l *Limits) reportTurn(ctx context.Context, t turn, fail *failure) {
	e := bulwark.Event{
		Name: bulwark.SysUnavailable, Reason: reasonOutage, Rule: l.prefix,
		Attrs: [4]slog.Attr{slog.String("mode", l.mode.String())},
	}
	if t.closed {
		e.Name, e.Reason = bulwark.SysMonitorEnabled, reasonRecovered
		e.Attrs[1], e.Attrs[2] = slog.Duration("lasted", t.lasted.Round(time.Millisecond)), slog.Int64("decisions", t.passed)
	} else {
		e.Attrs[1] = slog.String("error", fail.cause)
	}
	l.report(ctx, e)
}

// reportOpen reports once that the limits do not protect during an outage.
func (l *Limits) reportOpen() {
	l.report(context.Background(), bulwark.Event{
		Name: bulwark.SysMonitorDisabled, Reason: reasonOpen, Rule: l.prefix,
		Attrs: [4]slog.Attr{slog.String("error", "while Redis does not answer, the limits let every request pass; write Local or Closed in OnOutage")},
	})
}

// report gives an event to the Recorder. An outage is not what a client did, so
// that the event is not about the request that noticed it.
func (l *Limits) report(ctx context.Context, e bulwark.Event) {
	if l.recorder == nil {
		bulwark.ReportContext(ctx, nil, e)
		return
	}
	e.Sanitize()
	l.recorder.Record(context.WithoutCancel(ctx), e)
}
