package bench

import (
	"fmt"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A Table holds cases that are compared with each other, and the bounds that
// are set for them.
type Table struct {
	Name  string
	Note  string // what one has to know to read it, in one or two lines
	Cases []Case
	Ours  string // the case that the column of ratios is relative to; empty for none
	Plot  bool   // draw the CPU times
	Musts []Must
}

// Tables are all tables.
func Tables() []Table {
	all := []Table{}
	for _, load := range Workloads() {
		all = append(all, chainTable(load))
	}
	all = append(all, getLayers(), postLayers())
	for _, a := range Algorithms() {
		all = append(all, tokenTable(a))
	}
	return append(all, keyTable(), rateTable(), deniedTable(), randomTable(), headersTable(), pageTable(),
		corsTable(), decideTable(), routeTable(), listTable(), validateTable(), jsonTable(), textTable(), htmlTable(), sharedTable(), auditTable(), trailTable(), detectTable())
}

// Results are the samples of a table's cases by their names, each without those
// of its base.
type Results map[string]Samples

// A Must is a bound. Judge says what was measured in its terms, and whether it
// is met.
type Must struct {
	Text  string
	Judge func(Results) (measured string, met bool)
}

// ratio bounds the CPU time of one case by that of another.
func ratio(text, of, than string, most float64) Must {
	return Must{text, func(r Results) (string, bool) {
		got := r[of].over(r[than], cpuOf)
		return showRatio(got), got <= most
	}}
}

// pathRatio bounds the time that the request itself costs, for work that is
// handed to another goroutine.
func pathRatio(text, of, than string, most float64) Must {
	return Must{text, func(r Results) (string, bool) {
		got := r[of].over(r[than], pathOf)
		return showRatio(got), got <= most
	}}
}

// showRatio writes what is small as the number of times that it is below.
func showRatio(x float64) string {
	if x < 0.5 {
		return fmt.Sprintf("%.1f× below", 1/max(x, 1e-4))
	}
	return fmt.Sprintf("%.2f×", x)
}

// within bounds the CPU time of a case.
func within(text, of string, most time.Duration) Must {
	return Must{text, func(r Results) (string, bool) {
		got := r[of].Cost().CPU
		return show(got), got <= most
	}}
}

// allocs bounds the allocations of a case, beyond those of another if one is
// named.
func allocs(text, of, than string, most int64) Must {
	return Must{text, func(r Results) (string, bool) {
		got := r[of].Cost().Allocs
		if than != "" {
			got -= r[than].Cost().Allocs
		}
		return fmt.Sprint(got), got <= most
	}}
}

// show writes a time with three digits.
func show(d time.Duration) string {
	switch {
	case max(d, -d) < 10*time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case max(d, -d) < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

// nothing is the handler behind a single layer. It sets a field, as every
// handler does, so that the room for the first fields is not charged to the
// layer.
var nothing = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = sharedType })

var sharedType = []string{"application/json"}

// wrapped is a single layer around that handler.
func wrapped(part bulwark.Builder) (http.Handler, error) {
	layer, err := part.Build()
	if err != nil {
		return nil, err
	}
	return layer.Wrap(nothing), nil
}

// bareName is the case that does nothing but call a handler.
const bareName = "a handler without layers"

func bare() Case {
	return handled(bareName, "", func() (http.Handler, error) { return nothing, nil }, Workloads()[0])
}

// handled is a case that sends a workload to a handler.
func handled(name, base string, build func() (http.Handler, error), load Workload) Case {
	return Case{Name: name, Base: base, Open: func() (Run, error) {
		h, err := build()
		if err != nil {
			return Run{}, err
		}
		run := drive(load.Driver(h, Token()))
		if chain, ok := h.(*Chain); ok {
			end := run.Close
			run.Close = func() { end(); chain.Close() }
		}
		return run, nil
	}}
}

// drive runs a driver. The first call fills caches.
func drive(d *Driver) Run {
	d.Do()
	return Run{Do: d.Do, Close: d.Close, Driver: d}
}

// plain is a case of a function that opens nothing.
func plain(name, base string, build func() (func(), error)) Case {
	return Case{Name: name, Base: base, Open: func() (Run, error) {
		do, err := build()
		return Run{Do: do}, err
	}}
}
