package audit_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/internal/race"
)

// blackhole is a response that keeps nothing.
type blackhole struct{ header http.Header }

func (b blackhole) Header() http.Header         { return b.header }
func (b blackhole) Write(p []byte) (int, error) { return len(p), nil }
func (b blackhole) WriteHeader(int)             {}

// nowhere is a sink that takes everything at once.
type nowhere struct{ slog.Handler }

func (nowhere) Handle(context.Context, slog.Record) error { return nil }

var created = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })

// stalled makes a layer whose sink never takes anything, so that only the
// request path is counted.
func stalled(t testing.TB, c audit.Config) *audit.Middleware {
	sink := &stuck{newLog(), make(chan struct{})}
	c.Sinks = []slog.Handler{sink}
	m := build(t, c)
	t.Cleanup(func() { close(sink.release) }) // before the shutdown
	return m
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	measure := func(m *audit.Middleware, h http.Handler) float64 {
		h = m.Wrap(h)
		r, w := request("GET", "/documents/1"), blackhole{http.Header{}}
		r.Header.Set("Traceparent", traceparents[0].line)
		return testing.AllocsPerRun(500, func() { h.ServeHTTP(w, r) })
	}
	// The scope and its request, and the response writer.
	if got := measure(stalled(t, audit.Config{}), created); got > 2 {
		t.Errorf("%v allocations without event and access record", got)
	}
	// And a request id, which Edge settles otherwise.
	if got := measure(stalled(t, audit.Config{AccessLog: true}), created); got > 3 {
		t.Errorf("%v allocations with access record", got)
	}
	for _, e := range []bulwark.Event{
		{Name: bulwark.AuthzFail, Reason: "test.no", Attrs: [4]slog.Attr{slog.String("k", "v"), slog.Int("n", 1)}},
		{Name: bulwark.AuthnTokenReuse, Reason: "test.no"},
		{Name: bulwark.AuthnLoginSuccess, UserID: "alice"},
	} {
		m := stalled(t, audit.Config{})
		m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := testing.AllocsPerRun(2000, func() { bulwark.Report(r, e) }); got != 0 {
				t.Errorf("%s: %v allocations for a report", e.Name, got)
			}
		})).ServeHTTP(blackhole{http.Header{}}, request("GET", "/documents/1"))
	}
}

func BenchmarkMiddleware(b *testing.B) {
	for name, access := range map[string]bool{"no_event": false, "access_record": true} {
		b.Run(name, func(b *testing.B) {
			h := build(b, audit.Config{Sinks: []slog.Handler{nowhere{}}, AccessLog: access}).Wrap(created)
			r, w := request("GET", "/documents/1"), blackhole{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	b.Run("access_record_request_path", func(b *testing.B) {
		h := stalled(b, audit.Config{AccessLog: true}).Wrap(created)
		r, w := request("GET", "/documents/1"), blackhole{http.Header{}}
		b.ReportAllocs()
		for b.Loop() {
			h.ServeHTTP(w, r)
		}
	})
}

func BenchmarkReport(b *testing.B) {
	for _, test := range []struct {
		name string
		h    func(next http.Handler) http.Handler
		m    *audit.Middleware
	}{
		{"queued", func(next http.Handler) http.Handler { return as("alice", next) }, build(b, audit.Config{Sinks: []slog.Handler{nowhere{}}})},
		{"queue_full", func(next http.Handler) http.Handler { return as("alice", next) }, stalled(b, audit.Config{})},
		{"folded", func(next http.Handler) http.Handler { return next }, build(b, audit.Config{Sinks: []slog.Handler{nowhere{}}})},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			test.m.Wrap(test.h(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				for b.Loop() {
					bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "test.no"})
				}
			}))).ServeHTTP(blackhole{http.Header{}}, request("GET", "/documents/1"))
		})
	}
}

// BenchmarkRecord is a report without what bulwark.Report itself does.
func BenchmarkRecord(b *testing.B) {
	m := build(b, audit.Config{Sinks: []slog.Handler{nowhere{}}})
	var known bulwark.Event
	m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		known = bulwark.Event{Name: bulwark.AuthzFail, Reason: "test.no"}
		scope.Describe(r, &known)
		ctx := bulwark.WithPrincipal(r.Context(), &bulwark.Principal{Issuer: "test", Subject: "alice"})
		b.ReportAllocs()
		for b.Loop() {
			m.Record(ctx, known)
		}
	})).ServeHTTP(blackhole{http.Header{}}, request("GET", "/documents/1"))
}
