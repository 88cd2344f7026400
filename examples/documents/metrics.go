package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// serveMetrics serves the metrics on a listener of their own until ctx ends.
// Call wait to wait for that end. A service without metrics is better than no
// service: a failure is a record in the log, and the program goes on.
func serveMetrics(ctx context.Context, addr string, app *documents.App, stdout io.Writer, logger *slog.Logger) (wait func()) {
	failed := func(err error) func() {
		lastWord(func() { logger.Error("no metrics are served; the API is not affected", "error", err.Error()) })
		return func() {}
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return failed(fmt.Errorf("-metrics: %w", err))
	}
	place, err := locate(addr, ln.Addr(), false)
	if err != nil {
		ln.Close()
		return failed(err)
	}
	handler, held, err := app.Metrics(place.hosts)
	if err != nil {
		ln.Close()
		return failed(err)
	}
	fmt.Fprintf(stdout, "metrics on %s\n", place.url)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := transport.Serve(ctx, ln, transport.Server(handler), held); err != nil {
			failed(err)
		}
	}()
	return func() { <-ended }
}
