package main

import (
	"fmt"
	"strings"
)

// The places of the two panels.
const (
	panelWidth  = 330
	panelHeight = 220
	panelTop    = 70
)

// plot draws the goodput and the latency over the load.
func plot(all []pair) string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 350" role="img" aria-label="Answers in time, and how long an answer takes, over the load, with and without ratelimit.Concurrency">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.axis { stroke: #8c959f; fill: none }
.with { stroke: #0969da } .without { stroke: #cf222e; stroke-dasharray: 6 3 }
.with, .without { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .axis { stroke: #6e7681 } .with { stroke: #58a6ff } .without { stroke: #ff7b72 }
}
</style>
<path class="with" d="M60 20h28"/><text x="94" y="24">with ratelimit.Concurrency</text>
<path class="without" d="M290 20h28"/><text x="324" y="24">without a limit</text>
`)
	panel(&b, 60, "Answers in time, of the capacity", all, 1.25, []float64{0, 0.25, 0.5, 0.75, 1}, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }, (*outcome).goodput)
	panel(&b, 490, "99th percentile of an answer, in service times", all, float64(patience/serviceTime)*1.1, []float64{0, 5, 10, 15, 20}, func(v float64) string { return fmt.Sprintf("%.0f×", v) },
		func(o *outcome) float64 { return percentile(o.latency, 99) })
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">A client gives up after %d service times.</text>\n", 490, panelTop+panelHeight+46, patience/serviceTime)
	b.WriteString("</svg>\n")
	return b.String()
}

func panel(b *strings.Builder, left int, title string, all []pair, top float64, marks []float64, text func(float64) string, of func(*outcome) float64) {
	x := func(i int) int { return left + i*panelWidth/(len(all)-1) }
	y := func(v float64) float64 { return panelTop + panelHeight*(1-min(v, top)/top) }
	fmt.Fprintf(b, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", left, panelTop-14, title)
	fmt.Fprintf(b, "<path class=\"axis\" d=\"M%d %dv%dh%d\"/>\n", left, panelTop, panelHeight, panelWidth)
	for _, v := range marks {
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", left-6, y(v)+4, text(v))
	}
	for i, p := range all {
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%v×</text>\n", x(i), panelTop+panelHeight+18, p.load)
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">requests, of the capacity</text>\n", left+panelWidth, panelTop+panelHeight+32)
	for _, class := range []string{"without", "with"} {
		fmt.Fprintf(b, "<path class=\"%s\" d=\"", class)
		for i, p := range all {
			o, command := p.without, "L"
			if class == "with" {
				o = p.with
			}
			if i == 0 {
				command = "M"
			}
			fmt.Fprintf(b, "%s%d %.1f", command, x(i), y(of(o)))
		}
		b.WriteString("\"/>\n")
	}
}
