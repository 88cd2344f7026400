package audit

import (
	"log/slog"
	"time"

	"github.com/bulwark-go/bulwark"
)

// cause is why records are missing.
type cause int

const (
	queueFull cause = iota
	sinkFailed
	causes
)

func (c cause) String() string { return [...]string{"audit.queue_full", "audit.sink_failed"}[c] }

// wanted says what was wanted, and which field of the Config changes it.
func (c cause) wanted(class class) string {
	switch {
	case c == sinkFailed:
		return "Handle of audit.Config.Logger, or of one of audit.Config.Sinks, returned an error or panicked"
	case class == accessClass:
		return "more records waited for a sink than audit.Config.MaxAccessQueue allows; the sink is too slow or hangs"
	}
	return "more events waited for a sink than audit.Config.MaxSecurityQueue allows; the sink is too slow or hangs"
}

// gapEvery is how often at most a gap of one class and cause is recorded while
// records are still waiting, and how long a failing sink is left alone with
// them.
const gapEvery = time.Second

// gap is what is missing since the last gap record.
type gap struct {
	count       uint64
	first, last time.Time
}

// add notes n occurrences lost between first and last.
func (g *gap) add(n uint64, first, last time.Time) {
	if g.count == 0 || first.Before(g.first) {
		g.first = first
	}
	if g.count == 0 || last.After(g.last) {
		g.last = last
	}
	g.count += n
}

// record returns the audit_gap record.
func (g *gap) record(class class, cause cause, now time.Time) entry {
	e := bulwark.Event{Name: bulwark.AuditGap, Level: slog.LevelError, Time: now,
		Reason: cause.String(), Rule: class.String(), Count: int(g.count)}
	e.Attrs[0] = slog.String("first", stamp(g.first))
	e.Attrs[1] = slog.String("last", stamp(g.last))
	e.Attrs[2] = slog.String("error", cause.wanted(class))
	if g.count == 1 {
		e.Attrs[3] = slog.Int("count", 1) // which an event of its own leaves out
	}
	return entry{event: e}
}
