package bulwarktest

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/bulwark-go/bulwark"
)

// A Recorder keeps the security events of the requests behind it. The zero
// value is ready, and safe for concurrent use.
//
// A Recorder is a [bulwark.Layer]. In a chain without package audit, the
// Recorder is the first part:
//
//	var events bulwarktest.Recorder
//	stack, err := bulwark.Chain(&events, bulwark.Edge{…}, …)
//
// In a chain with audit, give the Recorder to Observers of audit.Config
// instead. Only the innermost recorder around a handler gets its events. A
// Recorder outside an audit layer does not get the events of the handlers
// inside. A Recorder inside gets them, and the audit layer does not.
type Recorder struct {
	mu     sync.Mutex
	events []bulwark.Event
}

// Record keeps e. It implements [bulwark.Recorder].
func (rec *Recorder) Record(_ context.Context, e bulwark.Event) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.events = append(rec.events, e)
}

// Wrap returns a handler that sends the events of its requests to rec.
func (rec *Recorder) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		r, _ = scope.Record(r, rec, "", "")
		next.ServeHTTP(w, r)
	})
}

// Build returns rec. It implements [bulwark.Builder].
func (rec *Recorder) Build() (bulwark.Layer, error) { return rec, nil }

// Events returns all events that are kept, in order. It keeps them.
func (rec *Recorder) Events() []bulwark.Event {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.events)
}

// Take returns all events that are kept, in order, and forgets them.
func (rec *Recorder) Take() []bulwark.Event {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	taken := rec.events
	rec.events = nil
	return taken
}
