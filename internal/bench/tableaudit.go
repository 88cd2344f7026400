package bench

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// auditTable measures what the outermost layer adds.
func auditTable() Table {
	const quiet, logged, report = "bulwark audit, nothing to record", "bulwark audit, access log", "bulwark Report into the queue"
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
		Note: "Net of a handler without layers. CPU time includes the goroutine that writes; what bounds the request path is judged by the CPU time of the calling thread. Allocations include the writing too.",
		Cases: []Case{
			bare(),
			recording(quiet, audit.Config{Logger: newLogger()}),
			recording(logged, audit.Config{Logger: newLogger(), AccessLog: true, MaxAccessQueue: 65536}),
			handled("httplog v3", bareName, func() (http.Handler, error) { return newHTTPLog()(nothing), nil }, load),
			{Name: report, Open: func() (Run, error) {
				m, err := audit.New(audit.Config{Sinks: []slog.Handler{slog.DiscardHandler}, MaxSecurityQueue: 65536})
				if err != nil {
					return Run{}, err
				}
				var inner *http.Request
				d := load.Driver(m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = asCaller(r) })), Token())
				defer d.Close()
				if d.Do(); inner == nil {
					return Run{}, errors.New("the handler did not run")
				}
				return Run{
					Do:     func() { bulwark.Report(inner, bulwark.Event{Name: bulwark.AuthzFail, Reason: "bench.no"}) },
					Settle: settled(m),
					Close:  func() { m.Shutdown(context.Background()) },
				}, nil
			}},
		},
		Musts: []Must{
			within("nothing to record: ≤ 200 ns", quiet, 200*time.Nanosecond),
			allocs("nothing to record: ≤ 2 allocations", quiet, "", 2),
			pathRatio("access log: ≤ 1/5 of httplog on the request path", logged, "httplog v3", 1.0/5),
			pathWithin("Report: ≤ 150 ns", report, 150*time.Nanosecond),
		},
	}
	for i := range t.Cases {
		t.Cases[i].Locked = true
	}
	return t
}
