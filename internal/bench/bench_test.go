package bench_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/bench"
)

func TestMain(m *testing.M) {
	// What a layer reports at its start would stand between the results.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// Benchmark runs every case of every table.
func Benchmark(b *testing.B) {
	for _, t := range bench.Tables() {
		b.Run(name(t.Name), func(b *testing.B) { benchmark(b, t) })
	}
}

// benchmark runs the cases of a table.
func benchmark(b *testing.B, t bench.Table) {
	for _, c := range t.Cases {
		b.Run(name(c.Name), func(b *testing.B) {
			run, err := c.Open()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				run.Do()
			}
			if run.Settle != nil {
				run.Settle()
			}
			if run.Close != nil {
				run.Close()
			}
		})
	}
}

func name(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, " ", "_"), "/", "-")
}

// Each case runs, has a base that exists and comes before it, and a name of its
// own; each bound can be judged.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range bench.Tables() {
		t.Run(name(table.Name), func(t *testing.T) {
			if seen[table.Name] {
				t.Error("two tables have this name")
			}
			seen[table.Name] = true
			check(t, table)
		})
	}
}

// check measures a table once, and reads what is written of it.
func check(t *testing.T, table bench.Table) {
	t.Helper()
	known := map[string]bool{"": true}
	for _, c := range table.Cases {
		if known[c.Name] || !known[c.Base] {
			t.Errorf("%q: the name is taken, or the base %q does not stand before it", c.Name, c.Base)
		}
		known[c.Name] = true
	}
	all, err := bench.Measure(table, 1, time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	for i, samples := range all {
		if cost := samples.Cost(); cost.Wall <= 0 {
			t.Errorf("%q took %v", table.Cases[i].Name, cost.Wall)
		}
	}
	var out strings.Builder
	met, missed := bench.Write(&out, table, all)
	if met+missed != len(table.Musts) {
		t.Errorf("%d bounds met and %d missed, of %d", met, missed, len(table.Musts))
	}
	if listed := strings.Count(bench.Missed(table, all), "\n"); listed != missed || strings.Count(out.String(), "**missed**") != missed {
		t.Errorf("%d bounds are missed and %d are listed", missed, listed)
	}
	for _, c := range table.Cases {
		if !strings.Contains(out.String(), "| "+c.Name+" |") {
			t.Errorf("%q is not in the table", c.Name)
		}
	}
}
