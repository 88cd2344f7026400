// Command overload sends a known number of requests a second to a real server
// over loopback, at 0.5, 1, 2 and 4 times what the server can do, with and
// without ratelimit.Concurrency. It writes what the clients saw into
// docs/overload.md and docs/overload.svg.
//
//	go run ./cmd/overload                   in folder internal/bench, in under three minutes
//	go run ./cmd/overload -span 3s -stdout  a short run that writes no file
//
// The server is a process of its own. The requests come at the times of a
// Poisson process with a fixed seed, whether or not others have been answered.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// What the server can do is known: each of its workers does one request in
// serviceTime, and what has no worker waits in order. A client gives up after
// patience.
const (
	workers     = 5
	serviceTime = 100 * time.Millisecond
	capacity    = float64(workers) / 0.1 // a second
	patience    = 20 * serviceTime
	warmUp      = 4 * time.Second // not counted
)

// loads are the multiples of the capacity.
var loads = []float64{0.5, 1, 2, 4}

func main() {
	serve := flag.Bool("serve", false, "be the server; used by the command itself")
	limit := flag.Bool("limit", false, "with -serve: with ratelimit.Concurrency")
	span := flag.Duration("span", 12*time.Second, "how long each load is counted")
	docs := flag.String("docs", filepath.Join("..", "..", "docs"), "the folder of overload.md and overload.svg")
	stdout := flag.Bool("stdout", false, "print the table, and write no file")
	flag.Parse()
	if *serve {
		slog.SetDefault(slog.New(slog.DiscardHandler)) // 300 refusals a second
		exit(beServer(*limit))
		return
	}
	if *span < time.Second || flag.NArg() > 0 {
		exit(fmt.Errorf("-span is at least 1s, and there are no arguments"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var all []pair
	for _, load := range loads {
		p := pair{load: load}
		for _, limited := range []bool{false, true} {
			o, err := measure(ctx, load, limited, *span)
			exit(err)
			fmt.Fprintf(os.Stderr, "%v×, limit %v: %+v\n", load, limited, o.summary)
			if limited {
				p.with = o
			} else {
				p.without = o
			}
		}
		all = append(all, p)
	}
	if *stdout {
		fmt.Print(table(all))
		return
	}
	exit(writePage(filepath.Join(*docs, "overload.md"), table(all)))
	exit(os.WriteFile(filepath.Join(*docs, "overload.svg"), []byte(plot(all)), 0o644))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "overload:", err)
		os.Exit(1)
	}
}
