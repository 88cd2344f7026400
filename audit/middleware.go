package audit

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/nat64"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A Middleware records the security events of the requests behind it, and the
// requests themselves with AccessLog. [New] makes it. It is the outermost
// layer, and is also a [bulwark.Recorder] for events outside requests. It is
// safe for concurrent use.
type Middleware struct {
	accessLog       bool
	query           []string
	headers         []shownHeader
	trace           func(context.Context) (traceID, spanID string)
	observers       []bulwark.Recorder
	answerObservers []AnswerObserver // of observers
	folder          *folder
	deliveries      []*delivery
}

// made reports whether m came from New.
func (m *Middleware) made() bool { return m != nil && m.folder != nil }

// accounts reports whether somebody wants to know how each request ended.
func (m *Middleware) accounts() bool { return m.accessLog || len(m.answerObservers) > 0 }

// Kind returns "audit", for the order check of [bulwark.Chain].
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindAudit }

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Wrap returns a handler that records refusals of next.
//
// A panic of next is recorded and goes on, so that the server still sees it.
// The same holds for [runtime.Goexit], after which the client also gets no
// answer.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if !m.made() {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, fault.Unmade("audit", "New"))
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came := r
		r, scope := bulwark.Enter(r)
		traceID, spanID := m.traceOf(r)
		r, scope = scope.Record(r, m, traceID, spanID)
		w, watch := response.Of(w)
		watch.From(came.Context())
		x := exchange{audit: m, came: came, r: r, scope: scope, watch: watch}
		if m.accounts() {
			x.begin = time.Now()
		}
		defer x.end()
		next.ServeHTTP(w, r)
		x.returned = true
	})
}

// Record takes an event, and does not block. [bulwark.Report] inside the
// Middleware calls it. The context says whether the caller is known. Outside a
// request, pass any context. Observers and sinks get the event with safe texts,
// and with Level and Time filled in. A Name must be lower case letters, digits
// and underscores. Any other name becomes "_OTHER".
func (m *Middleware) Record(ctx context.Context, e bulwark.Event) {
	if m.made() && m.trace != nil {
		if traceID, spanID := m.span(ctx); traceID != "" {
			e.TraceID, e.SpanID = traceID, spanID
		}
	}
	// What only sinks see is made safe when it is written.
	if unfinished(&e) || m.made() && len(m.observers) > 0 {
		e = safe(e)
	}
	if !wellNamed(e.Name) {
		e.Name = otherName
	}
	if !m.made() {
		record := securityRecord(&entry{event: e}, make([]slog.Attr, 0, attrRoom), nil)
		_ = slog.Default().Handler().Handle(ctx, record)
		return
	}
	for _, observer := range m.observers {
		observe(ctx, observer, e)
	}
	who := sourceOf(ctx, &e)
	if m.folder.take(&e, who, time.Now()) {
		return
	}
	m.deliver(&entry{event: e, source: sourceID(who, around(nat64.Client(e.ClientIP), site))})
}

// deliver hands a record to each sink.
func (m *Middleware) deliver(e *entry) {
	for _, d := range m.deliveries {
		d.push(e)
	}
}

// Drain waits until the sinks have everything that was recorded before the
// call: the queues, the counted records of minutes that are not over, and the
// gap records. It returns an error if the context ends first, or if a sink
// refuses a record. The error then wraps the error of the sink.
func (m *Middleware) Drain(ctx context.Context) error {
	if !m.made() {
		return nil
	}
	m.folder.flush(time.Time{})
	return m.each(func(d *delivery) error { return d.drain(ctx) })
}

// Shutdown stops taking records, drains, and ends the goroutines. A later
// record is dropped and counted, see [Middleware.Stats]. If a sink hangs,
// Shutdown returns an error when the context ends, and the goroutine of the
// sink goes on alone. A second Shutdown waits again. [bulwark.Stack.Shutdown]
// calls it.
func (m *Middleware) Shutdown(ctx context.Context) error {
	if !m.made() {
		return nil
	}
	m.folder.close()
	return m.each(func(d *delivery) error { return d.shutdown(ctx) })
}

// Close is Shutdown with a limit of 5 seconds.
func (m *Middleware) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return m.Shutdown(ctx)
}

// each runs f for all sinks at once, so that one that hangs does not take the
// time of the others.
func (m *Middleware) each(f func(*delivery) error) error {
	errs := make(chan error, len(m.deliveries))
	for _, d := range m.deliveries {
		go func() { errs <- f(d) }()
	}
	var all []error
	for range m.deliveries {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}
