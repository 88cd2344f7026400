// Command report measures all tables, writes them as Markdown with the bounds
// that are set for them, and fails if a bound is missed.
//
//	go run ./cmd/report                     everything, in about six minutes
//	go run ./cmd/report -only chain         the tables whose name has "chain" in it
//	go run ./cmd/report -rounds 31 -benchtime 100ms
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/bench"
	"github.com/bulwark-go/bulwark/internal/engine"
)

func main() {
	rounds := flag.Int("rounds", 15, "how often each case is measured, at least 6")
	span := flag.Duration("benchtime", 40*time.Millisecond, "how long each case is measured in a round")
	only := flag.String("only", "", "measure the tables whose name contains this, in any case")
	flag.Parse()
	if *rounds < 6 || *span <= 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "report: -rounds is at least 6, -benchtime above 0, and there are no arguments")
		os.Exit(2)
	}
	// What a layer reports at its start would stand between the tables.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	missed, err := report(*rounds, *span, strings.ToLower(*only))
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

// report writes the tables and returns how many bounds are missed.
func report(rounds int, span time.Duration, only string) (missed int, err error) {
	fmt.Printf("%s, %s/%s, %d CPUs; medians of %d rounds of %v in turns.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds, span)
	met, tables, list := 0, 0, ""
	for _, t := range bench.Tables() {
		if !strings.Contains(strings.ToLower(t.Name), only) {
			continue
		}
		tables++
		all, err := bench.Measure(t, rounds, span)
		if err != nil {
			return missed, err
		}
		good, bad := bench.Write(os.Stdout, t, all)
		met, missed = met+good, missed+bad
		list += bench.Missed(t, all)
	}
	if only == "" || only == "memory" {
		good, bad, err := bench.WriteMemory(os.Stdout)
		if err != nil {
			return missed, err
		}
		tables++
		met, missed, list = met+good, missed+len(bad), list+strings.Join(bad, "")
	}
	if only == "" || strings.Contains("rate limits in redis", only) {
		good, bad, err := redis(rounds, span)
		if err != nil {
			return missed, err
		}
		tables++
		met, missed, list = met+good, missed+len(bad), list+strings.Join(bad, "")
	}
	if only == "" || strings.Contains("session trips", only) {
		good, bad, err := sessions()
		if err != nil {
			return missed, err
		}
		tables++
		met, missed, list = met+good, missed+len(bad), list+strings.Join(bad, "")
	}
	if tables == 0 {
		return 0, fmt.Errorf("no table has %q in its name", only)
	}
	fmt.Printf("\n### Verdict\n\n%d bounds met, %d missed.\n", met, missed)
	if list != "" {
		fmt.Printf("\n%s", list)
	}
	return missed, nil
}

// redis writes the tables that need redis-server, or says why not.
func redis(rounds int, span time.Duration) (met int, missed []string, err error) {
	dir, err := os.MkdirTemp("", "bench-redis-")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(dir)
	r, err := bench.OpenRedis(context.Background(), dir)
	if absent := (*engine.Absent)(nil); errors.As(err, &absent) {
		fmt.Print(bench.Missing(absent))
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	defer r.Close()
	all, err := bench.Measure(r.Table(), rounds, span)
	if err != nil {
		return 0, nil, err
	}
	met, _ = bench.Write(os.Stdout, r.Table(), all)
	for line := range strings.Lines(bench.Missed(r.Table(), all)) {
		missed = append(missed, line)
	}
	good, bad, err := r.WriteRedis(os.Stdout, max(1, rounds/3), 10*span)
	return met + good, append(missed, bad...), err
}

// sessions writes the round trips of sessions over the engines that are
// installed.
func sessions() (met int, missed []string, err error) {
	dir, err := os.MkdirTemp("", "bench-sessions-")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(dir)
	fmt.Print("\n### Session trips\n\nRound trips to the store.\n\n| | check | refresh | bound: 1 and 2 |\n|---|---:|---:|---|\n")
	ctx := context.Background()
	for _, count := range []func() (bench.SessionTrips, error){
		func() (bench.SessionTrips, error) {
			r, err := bench.OpenRedis(ctx, dir)
			if err != nil {
				return bench.SessionTrips{}, err
			}
			defer r.Close()
			return r.SessionTrips(ctx)
		},
		func() (bench.SessionTrips, error) { return bench.PostgresSessionTrips(ctx, dir) },
	} {
		got, err := count()
		if absent := (*engine.Absent)(nil); errors.As(err, &absent) {
			fmt.Printf("| %v | | | not measured |\n", absent)
			continue
		}
		if err != nil {
			return met, missed, err
		}
		verdict := "met"
		if met++; got.Check != 1 || got.Refresh != 2 {
			verdict = "**missed**"
			met, missed = met-1, append(missed, fmt.Sprintf("- Session trips over %s: 1 and 2, measured %g and %g\n", got.Engine, got.Check, got.Refresh))
		}
		fmt.Printf("| %s | %g | %g | %s |\n", got.Engine, got.Check, got.Refresh, verdict)
	}
	return met, missed, nil
}
