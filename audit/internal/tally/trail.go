package tally

import "github.com/bulwark-go/bulwark/audit/trail"

// describeTrail describes a tamper-evident log, if there is one.
func (t *Tally) describeTrail(w *trail.Writer) {
	if w == nil {
		return
	}
	t.trail = w
	t.lines = t.describe(true, "audit_trail_lines", "bulwark.audit.trail.lines", "{line}",
		"Lines of the tamper-evident trail. The number never goes down.")
	t.unsigned = t.describe(true, "audit_trail_unsigned_lines", "bulwark.audit.trail.unsigned", "{line}",
		"Lines of the trail since its last checkpoint.")
	t.lastCheckpoint = t.describe(true, "audit_trail_last_checkpoint_timestamp_seconds", "bulwark.audit.trail.last_checkpoint", "s",
		"When the last checkpoint was written, in seconds since 1970; 0 before that.")
}

func (t *Tally) readTrail(f Reader) {
	if t.trail == nil {
		return
	}
	stats := t.trail.Stats()
	f(t.lines, float64(stats.Lines))
	f(t.unsigned, float64(stats.Unsigned))
	f(t.lastCheckpoint, seconds(stats.LastCheckpoint))
}
