package watch

// A share is the streams of one caller, under all names.
type share struct {
	caller string
	open   int
}

// Tight reports whether Room may refuse a stream. It takes no lock.
func (w *Watch) Tight() bool { return w.tight.Load() }

// Room returns why a further stream of the caller would be refused, or nil.
func (w *Watch) Room(caller string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.room(w.shares[caller])
}

// room is Room. The lock is held, and the share may be nil.
func (w *Watch) room(of *share) error {
	switch {
	case w.open >= w.max:
		return ErrFull
	case of != nil && of.open >= w.each:
		return ErrShare
	}
	return nil
}

// count notes that n more streams of a caller are open: 1 or -1. The lock is
// held.
func (w *Watch) count(of *share, n int) {
	if of.open == w.each {
		w.sated--
	}
	of.open += n
	if of.open == w.each {
		w.sated++
	}
	if of.open == 0 {
		delete(w.shares, of.caller)
	}
	w.open += n
	w.tight.Store(w.open >= w.max || w.sated > 0)
}
