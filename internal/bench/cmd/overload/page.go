package main

import (
	"fmt"
	"os"
	"strings"
)

// The table stands in the page between these lines.
const (
	tableBegins = "<!-- The table is written by go run ./cmd/overload. -->\n"
	tableEnds   = "<!-- End of the table. -->\n"
)

// table is what the clients saw, as Markdown.
func table(all []pair) string {
	var b strings.Builder
	b.WriteString("| load | limit | answered in time | refused with 503 | gave up | median | 99th percentile | health checks | goroutines, at most |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range all {
		for _, limited := range []bool{false, true} {
			o, name := p.without, "no"
			if limited {
				o, name = p.with, "yes"
			}
			part := func(n int) string { return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(1, o.Sent))) }
			fmt.Fprintf(&b, "| %v× | %s | **%.0f %%** of the capacity | %s | %s | %.1f× | %.1f× | %d of %d | %d |\n",
				p.load, name, 100*o.goodput(), part(o.Shed), part(o.GaveUp+o.Other),
				percentile(o.latency, 50), percentile(o.latency, 99), o.Healthy, o.Healthy+o.Unhealthy, o.Goroutines)
		}
	}
	return b.String()
}

// writePage puts the table into the page.
func writePage(name, table string) error {
	page, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(page), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s does not have the lines %q and %q", name, tableBegins, tableEnds)
	}
	return os.WriteFile(name, []byte(before+tableBegins+"\n"+table+"\n"+tableEnds+after), 0o644)
}
