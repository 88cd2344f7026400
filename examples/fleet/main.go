// Fleet serves the document API of examples/documents as several processes
// behind a proxy:
//
//	go run .
//
// It starts two Redis servers on the loopback interface: one for the limits,
// one for the sessions and API keys. With -sql the sessions and API keys are in
// SQLite or PostgreSQL. The accounts and documents are always in SQL, by
// default in a file of SQLite. Then it starts the processes and prints the
// addresses, and how to try them. A login at one process is good at all. A
// logout, a revoked key and a limit hold at all at once. Ctrl-C ends
// everything, and so does the end of this program in any other way.
//
//	go run . -kill
//
// shows what a client sees while a process is killed and the Redis servers
// restart. docs/fleet.md tells how to take a service of your own there.
//
// Redis must be installed: apt-get install redis-server. For -sql postgres also
// PostgreSQL: apt-get install postgresql.
package main

import (
	"context"
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

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/internal/engine"
)

func main() {
	signal.Ignore(syscall.SIGPIPE)
	if len(os.Args) == 2 && os.Args[1] == processArgument {
		if err := process(os.Stdin, os.Stderr); err != nil {
			slog.Error("process", "error", err.Error())
			os.Exit(1)
		}
		return
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends a stop that hangs
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	var missing *engine.Absent
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp), errors.Is(err, transport.ErrCutOff):
		return
	case errors.As(err, &missing):
		fmt.Fprintf(os.Stderr, "fleet: %s\n", missing)
	default:
		fmt.Fprintf(os.Stderr, "fleet: %s\n", err)
	}
	os.Exit(1)
}

// maxProcesses bounds -n: all of them run on this machine.
const maxProcesses = 9

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stdout)
	addr := flags.String("addr", "127.0.0.1:8080", "loopback address of the proxy; port 0 picks a free one")
	n := flags.Int("n", 3, "how many processes, from 1 to 9")
	sql := flags.String("sql", "", `keep sessions and keys in SQL: "sqlite" or "postgres" (default: in Redis)`)
	kill := flags.Bool("kill", false, "kill a process and restart Redis while a client keeps asking, print what it saw, and end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return errors.New("unexpected argument; flags are written -name=value")
	case *n < 1 || *n > maxProcesses:
		return fmt.Errorf("-n: write a number from 1 to %d", maxProcesses)
	case *sql != "" && *sql != "sqlite" && *sql != "postgres":
		return errors.New(`-sql: write "sqlite" or "postgres"`)
	}
	if *kill && !given(flags, "addr") {
		*addr = "127.0.0.1:0" // nobody needs to know the port
	}
	ln, err := listenLoopback(*addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engines, err := startEngines(ctx, dir, *sql)
	if err != nil {
		return err
	}
	defer engines.close()
	secrets, err := newSecrets()
	if err != nil {
		return err
	}
	url := "http://" + ln.Addr().String()
	common := settings{
		Instances: *n, BaseURL: url, Hosts: []string{"localhost", "127.0.0.1", "[::1]"},
		Limits: at(engines.limits), SQL: *sql, Database: engines.database, Secrets: secrets,
	}
	if engines.state != nil {
		common.State = at(engines.state)
	}
	if err := migrate(ctx, common); err != nil {
		return err
	}
	seeds, err := seed(ctx, common, stdout)
	if err != nil {
		return err
	}

	log := newWatcher()
	running, stop := context.WithCancel(ctx)
	defer stop()
	// Only this user may enter the folder of the sockets: whoever reaches the
	// socket of a process may name any client. The folder above it is open to
	// the user that runs PostgreSQL.
	sockets, err := os.MkdirTemp(dir, "s")
	if err != nil {
		return err
	}
	if *kill {
		stderr = quiet{stderr}
	}
	fleet, err := startFleet(running, sockets, *n, common, stderr, log.line)
	if err != nil {
		return err
	}
	defer fleet.wait()
	defer stop() // the processes end after the proxy, and the engines last
	proxy := newProxy(fleet.members)
	go proxy.check(running)
	if err := ready(running, proxy); err != nil {
		return err
	}
	for _, m := range fleet.members {
		fmt.Fprintf(stdout, "process %d on %s\n", m.settings.Process, m.url())
	}
	fmt.Fprintln(stdout, "a login at one address is good at all, and a limit holds at all together")
	serving, done := context.WithCancel(ctx)
	defer done()
	served := make(chan error, 1)
	go func() { served <- transport.Serve(serving, ln, transport.Server(proxy.handler)) }()
	fmt.Fprintf(stdout, "listening on %s\n", url)
	if *kill {
		err = drill{url: url, fleet: fleet, proxy: proxy, engines: engines, log: log, seeds: seeds, out: stdout}.run(ctx)
		done()
	}
	return errors.Join(err, <-served)
}

// given reports whether a flag was written.
func given(flags *flag.FlagSet, name string) (found bool) {
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// listenLoopback listens where only this machine connects: the API has no TLS,
// and the proxy gives everybody its turn.
func listenLoopback(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if at, ok := ln.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		ln.Close()
		return nil, errors.New("-addr: write a loopback address, such as 127.0.0.1:8080; a fleet for others runs behind TLS")
	}
	return ln, nil
}

func ready(ctx context.Context, p *proxy) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return p.ready(ctx)
}

// seed makes the accounts and keys, once for all processes.
func seed(ctx context.Context, s settings, out io.Writer) (documents.Seeds, error) {
	stores, err := openStores(ctx, s, slog.Default())
	if err != nil {
		return documents.Seeds{}, err
	}
	defer stores.close()
	app, err := stores.app(s, slog.Default())
	if err != nil {
		return documents.Seeds{}, err
	}
	defer shutDown(app)
	return app.Seed(ctx, out, false)
}
