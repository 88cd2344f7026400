package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// processArgument starts one process of the fleet in place of the fleet.
const processArgument = "one-process-of-the-fleet"

// process serves the API until SIGTERM, or until stdin ends, because then the
// fleet has gone. It reads its settings from stdin.
func process(stdin io.Reader, log io.Writer) error {
	// Ctrl-C reaches every process of the terminal. The fleet decides when this
	// process stops.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s settings
	input := json.NewDecoder(stdin)
	if err := input.Decode(&s); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	go func() {
		io.Copy(io.Discard, stdin)
		stop()
	}()
	logger := slog.New(slog.NewJSONHandler(log, nil)).With("process", s.Process)
	slog.SetDefault(logger)

	stores, err := openStores(ctx, s, logger)
	if err != nil {
		return err
	}
	defer stores.close()
	app, err := stores.app(s, logger)
	if err != nil {
		return err
	}
	proxied, direct, err := listen(s.Socket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go stores.sweep(ctx, logger)
	// The app serves on two listeners, and may only be shut down after both.
	first := make(chan error, 1)
	go func() {
		defer cancel()
		first <- transport.Serve(ctx, direct, transport.Server(app.Handler()))
	}()
	err = transport.Serve(ctx, proxied, transport.Server(app.Handler()))
	cancel()
	err = errors.Join(err, <-first)
	return errors.Join(err, shutDown(app))
}

// listen returns the socket for the proxy, and the listener that the fleet has
// opened. The file of a process before this one may still be there.
func listen(socket string) (proxied, direct net.Listener, err error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	if proxied, err = net.Listen("unix", socket); err != nil {
		return nil, nil, err
	}
	direct, err = net.FileListener(os.NewFile(3, "listener"))
	return proxied, direct, err
}

// shutDown ends the parts of the app in their order, within a second.
func shutDown(app *documents.App) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, held := range app.Held() {
		err = errors.Join(err, held.Shutdown(ctx))
	}
	return err
}
