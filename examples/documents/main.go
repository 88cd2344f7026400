// Documents serves a document API behind all eight layers, with everything in
// memory and nothing to install:
//
//	go run ./examples/documents
//
// It writes to stdout how to try it, and to stderr the security events as JSON
// lines. It serves metrics for Prometheus on a listener of their own, see the
// flag -metrics. The API itself is in examples/internal/documents.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/headers/transport"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	slog.SetDefault(logger) // so that stderr carries JSON lines only
	// If the reader of stderr ends, such as a log daemon that restarts, writes
	// fail. Without this line SIGPIPE would also end the service.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal starts an orderly shutdown. After it signals have their
	// usual effect again, so that a second signal ends a shutdown that hangs.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, logger)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if errors.Is(err, transport.ErrCutOff) { // a client was too slow; the service has not failed
		lastWord(func() { logger.Warn("documents", "error", err.Error()) })
		return
	}
	lastWord(func() { logger.Error("documents", "error", err.Error()) })
	os.Exit(1)
}

// lastWord writes the last record and waits for it, at most one second. If
// nobody reads stderr, the write never returns.
func lastWord(write func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		write()
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

func run(ctx context.Context, args []string, stdout io.Writer, logger *slog.Logger) error {
	flags := flag.NewFlagSet("documents", flag.ContinueOnError)
	flags.SetOutput(stdout)
	addr := flags.String("addr", "127.0.0.1:8080", "address to listen on; port 0 picks a free one")
	metricsAddr := flags.String("metrics", "127.0.0.1:0", "address to serve GET /metrics on, for Prometheus; port 0 picks a free one")
	idle := flags.Duration("idle", 2*time.Hour, "how long a login lasts without a request, from 1m to 168h")
	secure := flags.Bool("tls", false, "serve https with a certificate made for this run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument; flags are written -name=value")
	}
	origins := cors.Origins(cmp.Or(os.Getenv("ALLOWED_ORIGINS"), "https://app.example.com"))
	if _, err := cors.New(cors.Config{Origins: origins, Credentials: true}); err != nil {
		return fmt.Errorf("ALLOWED_ORIGINS: %w", err)
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	place, err := locate(*addr, ln.Addr(), *secure)
	if err != nil {
		return err
	}
	app, err := documents.New(documents.Config{
		BaseURL: place.url,
		Hosts:   place.hosts,
		Origins: origins,
		Idle:    *idle,
		Logger:  logger,
	})
	if err != nil {
		return err
	}
	server := transport.Server(app.Handler())
	if *secure {
		server.TLSConfig = transport.TLS()
		certificate, err := selfSigned(place.hosts)
		if err != nil {
			return err
		}
		server.TLSConfig.Certificates = []tls.Certificate{certificate}
	}
	if _, err := app.Seed(ctx, stdout, place.loopback); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer serveMetrics(ctx, *metricsAddr, app, stdout, logger)()
	defer stop()
	fmt.Fprintf(stdout, "listening on %s\n", place.url)
	return transport.Serve(ctx, ln, server, app.Held()...)
}
