package response

// StopTimer stops the timer of the Writer and reports whether it was running.
func (w *Writer) StopTimer() bool {
	w.expiry.mu.Lock()
	defer w.expiry.mu.Unlock()
	return w.expiry.timer != nil && w.expiry.timer.Stop()
}
