package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Measure measures a table: rounds times each case in turn, so that whatever
// slows the machine for a while slows all of them.
func Measure(t Table, rounds int, span time.Duration) ([]Samples, error) {
	runners := make([]*Runner, 0, len(t.Cases))
	defer func() {
		for _, r := range runners {
			r.Close()
		}
	}()
	for _, c := range t.Cases {
		r, err := NewRunner(c, span)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		runners = append(runners, r)
	}
	for range rounds {
		for _, r := range runners {
			r.Round()
		}
	}
	all := make([]Samples, len(runners))
	for i, r := range runners {
		all[i] = r.rounds
	}
	return all, nil
}

// Net returns the samples of a table by name, each without those of its base.
func Net(t Table, all []Samples) Results {
	gross, net := Results{}, Results{}
	for i, c := range t.Cases {
		gross[c.Name], net[c.Name] = all[i], all[i]
		if c.Base != "" {
			net[c.Name] = all[i].beyond(gross[c.Base])
		}
	}
	return net
}

// Write writes a table and its verdicts as Markdown, and returns how many of
// its bounds are met and missed.
func Write(w io.Writer, t Table, all []Samples) (met, missed int) {
	fmt.Fprintf(w, "\n### %s\n\n", t.Name)
	if t.Note != "" {
		fmt.Fprintf(w, "%s\n\n", t.Note)
	}
	results := Net(t, all)
	fmt.Fprintf(w, "| | CPU | wall | allocations | bytes | net CPU | net allocations | CPU, relative |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for i, c := range t.Cases {
		cost, net := all[i].Cost(), results[c.Name].Cost()
		fmt.Fprintf(w, "| %s | %s | %s | %d | %d |", c.Name, show(cost.CPU), show(cost.Wall), cost.Allocs, cost.Bytes)
		if c.Base == "" {
			fmt.Fprint(w, " | |")
		} else {
			fmt.Fprintf(w, " %s | %d |", show(net.CPU), net.Allocs)
		}
		fmt.Fprintf(w, " %s |\n", relative(t, c, results))
	}
	if t.Plot {
		plot(w, t, results)
	}
	if len(t.Musts) > 0 {
		fmt.Fprint(w, "\n| bound | measured | |\n|---|---:|---|\n")
	}
	for _, must := range t.Musts {
		measured, ok := must.Judge(results)
		verdict := "met"
		if met++; !ok {
			met, missed, verdict = met-1, missed+1, "**missed**"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", must.Text, measured, verdict)
	}
	return met, missed
}

// relative is the CPU time of a case in terms of ours, both net. What others
// stand on top of is not comparable.
func relative(t Table, c Case, r Results) string {
	if t.Ours == "" || slices.ContainsFunc(t.Cases, func(other Case) bool { return other.Base == c.Name }) {
		return ""
	}
	return fmt.Sprintf("%.2f", r[c.Name].over(r[t.Ours], cpuOf))
}

// plot draws the CPU time of each case as a bar.
func plot(w io.Writer, t Table, r Results) {
	longest, widest := time.Duration(1), 0
	for _, c := range t.Cases {
		longest, widest = max(longest, r[c.Name].Cost().CPU), max(widest, len(c.Name))
	}
	fmt.Fprint(w, "\n```\n")
	for _, c := range t.Cases {
		cost := r[c.Name].Cost().CPU
		fmt.Fprintf(w, "%-*s %s %s\n", widest, c.Name, strings.Repeat("█", max(1, int(50*cost/longest))), show(cost))
	}
	fmt.Fprint(w, "```\n")
}

// Missed lists the bounds of a table that are not met, one a line.
func Missed(t Table, all []Samples) string {
	var b strings.Builder
	for _, must := range t.Musts {
		if measured, ok := must.Judge(Net(t, all)); !ok {
			fmt.Fprintf(&b, "- %s: %s, measured %s\n", t.Name, must.Text, measured)
		}
	}
	return b.String()
}
