package trail

import "time"

// Stats says where a trail stands.
type Stats struct {
	// Lines are the lines in the hash tree: records and checkpoints, also
	// those of earlier files and of the time before [Open]. The number never
	// goes down. If it is smaller after a restart, the log was cut off or
	// begun again.
	Lines uint64
	// Unsigned are the lines that no checkpoint signs yet. The own line of the
	// last checkpoint is not counted.
	Unsigned uint64
	// Checkpoints are the checkpoints that this Writer has written.
	Checkpoints uint64
	// Failed are the attempts at a checkpoint that failed, because it could not
	// be signed or the log did not take it.
	Failed uint64
	// LastCheckpoint is when this Writer wrote its last checkpoint. It is zero
	// before the first: Open does not write one if the file ends with one, and
	// does not know how old that one is.
	LastCheckpoint time.Time
}

// Stats returns the numbers of this moment. It does not wait for a log that
// hangs, and may be called by [Config.OnCheckpoint].
func (w *Writer) Stats() Stats {
	if w == nil {
		return Stats{}
	}
	w.statsMu.Lock()
	defer w.statsMu.Unlock()
	return w.stats
}

// count brings the numbers up to date. The lock of the Writer is held.
func (w *Writer) count() {
	w.statsMu.Lock()
	w.stats.Lines, w.stats.Unsigned = uint64(w.tree.size), uint64(w.since)
	w.statsMu.Unlock()
}

// countCheckpoint counts an attempt at a checkpoint.
func (w *Writer) countCheckpoint(err error) {
	w.statsMu.Lock()
	defer w.statsMu.Unlock()
	w.stats.Lines, w.stats.Unsigned = uint64(w.tree.size), uint64(w.since)
	if err != nil {
		w.stats.Failed++
		return
	}
	w.stats.Checkpoints++
	w.stats.LastCheckpoint = time.Now()
}
