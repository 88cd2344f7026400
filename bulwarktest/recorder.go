package bulwarktest

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/bulwark-go/bulwark"
)

// A Recorder keeps the security events of the requests behind it. The zero
// value is ready. It is safe for concurrent use, and a [bulwark.Layer], so that
// it can stand outermost in a chain without package audit. In a chain with it,
// give the Recorder to Observers of audit.Config: events go to one recorder,
// the audit layer takes the place of one outside it, and a Recorder inside
// would take the place of the audit layer.
type Recorder struct {
	mu     sync.Mutex
	events []bulwark.Event
}

// Record keeps e.
func (rec *Recorder) Record(_ context.Context, e bulwark.Event) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.events = append(rec.events, e)
}

// Wrap sends the events of the requests to next to rec.
func (rec *Recorder) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		r, _ = scope.Record(r, rec, "", "")
		next.ServeHTTP(w, r)
	})
}

// Build returns rec.
func (rec *Recorder) Build() (bulwark.Layer, error) { return rec, nil }

// Events returns what has been recorded, in order.
func (rec *Recorder) Events() []bulwark.Event {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.events)
}

// Take returns what has been recorded since the last Take, in order.
func (rec *Recorder) Take() []bulwark.Event {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	taken := rec.events
	rec.events = nil
	return taken
}
