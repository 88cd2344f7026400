package bench

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// chainTable measures one workload through every subject.
func chainTable(load Workload) Table {
	t := Table{Name: "The whole chain, warm: " + load.Name, Ours: subjectOurs, Plot: true}
	for _, name := range []string{subjectFloor, subjectOurs, subjectLogged, subjectChi, subjectAuth0, subjectSilent} {
		t.Cases = append(t.Cases, Case{Name: name, Open: func() (Run, error) { return openSubject(name, load) }})
	}
	switch load.Name {
	case "GET":
		t.Note = "The floor writes the same body and the same header fields, with all their values in one allocation. bulwark records the requests that it refuses. " +
			"httplog records each request, so compare it with the access log of bulwark. The CPU time of the access log includes the goroutine that writes. The last row is the cheapest peer, without a log."
		t.Musts = []Must{
			allocs("≤ 14 allocations beyond the floor", subjectOurs, subjectFloor, 14),
			ratio("≥ 15× below the cheaper of the peers' chains", subjectOurs, subjectAuth0, 1.0/15),
		}
	case "POST 1 KB":
		t.Musts = []Must{
			ratio("≥ 5× below the cheaper of the peers' chains", subjectOurs, subjectAuth0, 1.0/5),
		}
	}
	return t
}

func openSubject(name string, load Workload) (Run, error) {
	subjects, err := Subjects(load)
	if err != nil {
		return Run{}, err
	}
	for _, s := range subjects {
		if s.Name == name {
			run := drive(load.Driver(s.Serve, Token()))
			end := run.Close
			run.Settle, run.Close = s.Settle, func() { end(); closeAll(subjects) }
			return run, nil
		}
	}
	return Run{}, fmt.Errorf("there is no subject %q", name)
}

func closeAll(subjects []Subject) {
	for _, s := range subjects {
		s.Close()
	}
}

// settled waits until a recorder has written what it was given, so that its
// work is measured with the requests that caused it.
func settled(m *audit.Middleware) func() {
	return func() {
		for stats := m.Stats(); stats.Access.Queued+stats.Security.Queued > 0; stats = m.Stats() {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// getLayers adds the layers of the chain one by one, outermost first.
func getLayers() Table {
	t := Table{Name: "Cost per layer, added one by one: GET", Note: "In each row after the first, net is the difference from the row above."}
	load := Workloads()[0]
	last := "ServeMux and the handler, no header fields"
	t.Cases = append(t.Cases, handled(last, "", func() (http.Handler, error) { return Floor(nil), nil }, load))
	names := []string{"+ audit", "+ edge", "+ headers", "+ cors", "+ ratelimit by address", "+ auth, jwt", "+ ratelimit by principal", "+ authz.Mux in place of ServeMux"}
	for i, name := range names {
		t.Cases = append(t.Cases, handled(name, last, func() (http.Handler, error) { return partly(i, i == len(names)-1) }, load))
		last = name
	}
	return t
}

// partly is the chain with audit and the first n layers inside it, around a
// bare ServeMux or an authz.Mux.
func partly(n int, ruled bool) (http.Handler, error) {
	recorder, err1 := audit.New(audit.Config{Logger: newLogger()})
	steps, err2 := layers()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(append([]bulwark.Builder{recorder}, builders(steps[:min(n, len(steps))])...)...)
	if err != nil {
		return nil, err
	}
	inner := Floor(nil)
	if ruled {
		if inner, err = routes(); err != nil {
			return nil, err
		}
	}
	return &Chain{stack.Wrap(inner), recorder, stack}, nil
}

// postLayers adds what reads the body.
func postLayers() Table {
	t := Table{Name: "Cost per layer, added one by one: POST 1 KB", Note: "In each row after the first, net is the difference from the row above."}
	load := Workloads()[2]
	whole := func(layers ...bulwark.Builder) func() (http.Handler, error) {
		return func() (http.Handler, error) {
			chain, err := newChain(audit.Config{Logger: newLogger()}, layers...)
			if err != nil {
				return nil, err
			}
			return chain, nil
		}
	}
	add := func(name, base string, build func() (http.Handler, error)) {
		t.Cases = append(t.Cases, handled(name, base, build, load))
	}
	const first, second, third = "ServeMux, json.Unmarshal and the handler, no header fields", "the chain and authz, without the layers that read the body", "+ validate, and BodyAs in place of json.Unmarshal"
	add(first, "", func() (http.Handler, error) { return Floor(nil), nil })
	add(second, first, whole())
	add(third, second, whole(validateConfig()))
	add("+ sanitize", third, whole(sanitizeConfig(), validateConfig()))
	return t
}
