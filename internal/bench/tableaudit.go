package bench

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/felixge/httpsnoop"
	sloghttp "github.com/samber/slog-http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/trail"
)

// auditTable measures what the outermost layer adds.
func auditTable() Table {
	const (
		quiet, observed  = "bulwark audit, nothing to record", "bulwark audit, an observer of every answer"
		logged           = "bulwark audit, access log"
		snoop            = "httpsnoop, which records nothing"
		httpLog, samber  = "httplog v3", "slog-http"
		report, jsonSame = "bulwark Report into the queue", "slog's JSON handler, the same record"
	)
	load := Workloads()[0]
	recording := func(name string, c audit.Config) Case {
		return Case{Name: name, Base: bareName, Open: func() (Run, error) {
			m, err := audit.New(c)
			if err != nil {
				return Run{}, err
			}
			run := drive(load.Driver(m.Wrap(nothing), Token()))
			end := run.Close
			run.Settle, run.Close = settled(m), func() { end(); m.Shutdown(context.Background()) }
			return run, nil
		}}
	}
	t := Table{
		Name: "Audit: whole middleware", Ours: logged,
		Note: "Net of a handler without layers. CPU time includes the goroutine that writes; what bounds the request path is judged by the CPU time of the calling thread. Allocations include the writing too: the request path alone has 3 with an access record, as a test of package audit holds.",
		Cases: []Case{
			bare(),
			recording(quiet, audit.Config{Logger: newLogger()}),
			recording(observed, audit.Config{Logger: newLogger(), Observers: []bulwark.Recorder{answers{}}}),
			handled(snoop, bareName, func() (http.Handler, error) { return snooped(nothing), nil }, load),
			recording(logged, audit.Config{Logger: newLogger(), AccessLog: true, MaxAccessQueue: 65536}),
			handled(httpLog, bareName, func() (http.Handler, error) { return newHTTPLog()(nothing), nil }, load),
			handled(samber, bareName, func() (http.Handler, error) { return sloghttp.New(newLogger())(nothing), nil }, load),
			{Name: report, Open: func() (Run, error) {
				m, inner, err := reporting(load, slog.DiscardHandler)
				if err != nil {
					return Run{}, err
				}
				return Run{
					Do:     func() { bulwark.Report(inner, refused) },
					Settle: settled(m),
					Close:  func() { m.Shutdown(context.Background()) },
				}, nil
			}},
			{Name: jsonSame, Open: func() (Run, error) {
				same, err := recordOf(load)
				if err != nil {
					return Run{}, err
				}
				handler := slog.NewJSONHandler(io.Discard, nil)
				return Run{Do: func() { handler.Handle(context.Background(), same) }}, nil
			}},
		},
		Musts: []Must{
			ratio("nothing to record: ≤ 0.6 of httpsnoop", quiet, snoop, 0.6),
			allocs("nothing to record: ≤ 2 allocations", quiet, "", 2),
			allocs("an observer of every answer: ≤ 3 allocations, with the request id", observed, "", 3),
			pathRatio("access log: ≤ 1/5 of httplog on the request path", logged, httpLog, 1.0/5),
			pathRatio("access log: ≤ 1/5 of slog-http on the request path", logged, samber, 1.0/5),
			pathRatio("Report: ≤ 1/4 of slog's JSON handler", report, jsonSame, 1.0/4),
			allocs("Report: no allocation", report, "", 0),
		},
	}
	for i := range t.Cases {
		t.Cases[i].Locked = true
	}
	return t
}

// trailTable measures what a tamper-evident log adds to the writing of a line.
func trailTable() Table {
	const hash, line, signed = "SHA-256 of the record", "bulwark trail, a line", "bulwark trail, and a checkpoint after 1000 lines"
	record := append(bytes.Repeat([]byte("x"), 319), '\n')
	appending := func(name string, c trail.Config) Case {
		return plain(name, "", func() (func(), error) {
			c.Origin, c.Signer, c.Interval = "bench.example/log", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), time.Hour
			w, err := trail.New(io.Discard, c)
			return func() { w.Write(record) }, err
		})
	}
	return Table{
		Name: "Audit trail: a record of 320 bytes", Ours: line,
		Cases: []Case{
			plain(hash, "", func() (func(), error) { return func() { sha256.Sum256(record) }, nil }),
			appending(line, trail.Config{MaxUnsigned: 10_000}),
			appending(signed, trail.Config{}),
		},
		Musts: []Must{
			ratio("a line: ≤ 2× SHA-256 of the record", line, hash, 2),
			allocs("a line: no allocation", line, "", 0),
		},
	}
}

// answers observes how every request ended.
type answers struct{ unheard }

// Answered does nothing.
func (answers) Answered(context.Context, audit.Answer) {}

// snooped watches an answer as the README of httpsnoop shows.
func snooped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { httpsnoop.CaptureMetrics(next, w, r) })
}

// refused is the event that the table reports.
var refused = bulwark.Event{Name: bulwark.AuthzFail, Reason: "bench.no"}

// reporting returns an audit layer and a request behind it.
func reporting(load Workload, sink slog.Handler) (*audit.Middleware, *http.Request, error) {
	m, err := audit.New(audit.Config{Sinks: []slog.Handler{sink}, MaxSecurityQueue: 65536})
	if err != nil {
		return nil, nil, err
	}
	var inner *http.Request
	d := load.Driver(m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = asCaller(r) })), Token())
	defer d.Close()
	if d.Do(); inner == nil {
		return nil, nil, errors.New("the handler did not run")
	}
	return m, inner, nil
}

// recordOf returns the record that a sink receives for that event.
func recordOf(load Workload) (slog.Record, error) {
	kept := make(keeper, 1)
	m, inner, err := reporting(load, kept)
	if err != nil {
		return slog.Record{}, err
	}
	bulwark.Report(inner, refused)
	return <-kept, m.Shutdown(context.Background())
}

// A keeper is a handler that keeps records.
type keeper chan slog.Record

// Enabled reports true.
func (k keeper) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps a copy.
func (k keeper) Handle(_ context.Context, r slog.Record) error {
	k <- r.Clone()
	return nil
}

// WithAttrs keeps nothing.
func (k keeper) WithAttrs([]slog.Attr) slog.Handler { return k }

// WithGroup keeps nothing.
func (k keeper) WithGroup(string) slog.Handler { return k }
