package authztest

import (
	"context"
	"net/http/httptest"
)

// A recorder keeps an answer. A handler that flushes sends a stream, which may
// be endless. The recorder ends the request then.
type recorder struct {
	*httptest.ResponseRecorder
	cancel context.CancelFunc
}

// newRecorder returns a recorder and the context for the request.
func newRecorder(ctx context.Context) (*recorder, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	return &recorder{httptest.NewRecorder(), cancel}, ctx, cancel
}

// Flush ends the request.
func (w *recorder) Flush() {
	w.ResponseRecorder.Flush()
	w.cancel()
}
