package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a server may take to start, and to end after it was asked to.
const (
	startTimeout = 60 * time.Second
	endTimeout   = 5 * time.Second
)

// Ports are chosen below those that the kernel gives to clients. The bus of a
// Redis Cluster is at the port plus 10000.
const firstPort, lastPort = 11000, 21999

// A Server is one process, and the processes that it has started. Its methods
// are safe for concurrent use.
type Server struct {
	kind    kind
	dir     string
	pass    string
	clock   bool
	mu      sync.Mutex
	port    int
	process *process
	closed  bool
}

// A kind knows how one engine is started, asked and ended.
type kind interface {
	// command returns the command that serves at the port.
	command(s *Server, port int) (*exec.Cmd, error)
	// ready reports nil when the process pid answers at the port.
	ready(ctx context.Context, s *Server, pid int) error
	// url returns the address with the password.
	url(s *Server) string
	// ending is the signal that ends the engine in good order.
	ending() os.Signal
}

// A process is a command that has been started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the command has ended
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// newServer starts a server of the kind at a free port.
func newServer(ctx context.Context, k kind, dir, password string, clock bool) (*Server, error) {
	s := &Server{kind: k, dir: dir, pass: password, clock: clock}
	if clock {
		if err := s.SetClock(0); err != nil {
			return nil, err
		}
	}
	for range 50 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1))
		if err != nil {
			return nil, err
		}
		s.port = firstPort + int(n.Int64())
		err = s.start(ctx)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, errInUse) {
			return nil, err
		}
	}
	return nil, errors.New("engine: no free port was found in 50 attempts")
}

// errInUse says that another process listens at the port.
var errInUse = errors.New("the port is in use")

// errShared says that processes of the engine before have not yet ended.
var errShared = errors.New("the engine before has not yet ended")

// start starts the process at s.port and waits until it answers.
func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd, err := s.kind.command(s, s.port)
	if err != nil {
		return err
	}
	if s.clock {
		library, err := locate(Faketime)
		if err != nil {
			return err
		}
		// libc comes before jemalloc, which asks for the time while libfaketime
		// asks for memory, and ends in a loop.
		cmd.Env = append(cmd.Environ(), "LD_PRELOAD="+library+":libc.so.6", "FAKETIME_TIMESTAMP_FILE="+s.clockFile(),
			"FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1")
	}
	from, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("engine: open the log: %w", err)
	}
	defer from.Close()
	before, err := from.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("engine: open the log: %w", err)
	}
	cmd.Stdout, cmd.Stderr = from, from
	bind(cmd)
	if err := launch(cmd); err != nil {
		return fmt.Errorf("engine: start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() { cmd.Wait(); close(p.done) }()
	for {
		err := s.kind.ready(ctx, s, p.pid())
		if err == nil {
			s.process = p
			return nil
		}
		select {
		case <-p.done:
			text := s.logFrom(before)
			switch {
			case strings.Contains(text, "in use") && strings.Contains(text, "shared memory"):
				return errShared
			case strings.Contains(text, "ddress already in use"):
				return errInUse
			}
			return fmt.Errorf("engine: %s has ended at its start: %s", filepath.Base(cmd.Path), tail(text))
		case <-ctx.Done():
			killAll(p)
			return fmt.Errorf("engine: %s does not answer (%w): %w: %s", filepath.Base(cmd.Path), err, ctx.Err(), tail(s.logFrom(before)))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Addr returns the address, as host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password returns the password that the server demands.
func (s *Server) Password() string { return s.pass }

// DSN returns the address with the password: redis://:password@host:port/0, or
// postgres://bulwark:password@host:port/postgres?sslmode=disable.
func (s *Server) DSN() string { return s.kind.url(s) }

// Log returns the last 4 KiB that the server has logged.
func (s *Server) Log() string { return tail(s.logFrom(0)) }

// Stop stops the processes of the server (SIGSTOP): connections stay open and
// nothing answers. It returns once they have stopped.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.process.ended() {
		return errors.New("engine: Stop: the server does not run")
	}
	return stopAll(s.process)
}

// Continue lets the processes run again that [Server.Stop] has stopped
// (SIGCONT).
func (s *Server) Continue() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.process.ended() {
		return errors.New("engine: Continue: the server does not run")
	}
	return continueAll(s.process)
}

// Kill ends the processes of the server at once (SIGKILL), and returns when
// they have ended. [Server.Restart] starts the server again.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.process.ended() {
		return errors.New("engine: Kill: the server does not run")
	}
	return killAll(s.process)
}

// Restart starts the server again at the same port, with the same folder and
// password. A server that runs is ended in good order before.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("engine: Restart: the server was closed")
	}
	s.end()
	// The port and the shared memory of the processes before may be held for a
	// moment after their end.
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.start(ctx)
		if !errors.Is(err, errInUse) && !errors.Is(err, errShared) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: Restart: %w: %w", err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close ends the server: in good order within five seconds, otherwise by force.
// A second Close does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.end()
}

func (s *Server) end() {
	if s.process == nil || s.process.ended() {
		return
	}
	p := s.process
	continueAll(p)
	p.cmd.Process.Signal(s.kind.ending())
	select {
	case <-p.done:
	case <-time.After(endTimeout):
		killAll(p)
	}
}

// SetClock moves the clock of a server that was started with Clock set: the
// server is ahead of this machine by offset, or behind it. The clock may be
// moved while the server runs.
func (s *Server) SetClock(offset time.Duration) error {
	if !s.clock {
		return errors.New("engine: SetClock: start the server with Clock set")
	}
	// A rename, so that the server never reads half a line.
	next := s.clockFile() + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+.3f\n", offset.Seconds()), 0o644); err != nil {
		return fmt.Errorf("engine: SetClock: %w", err)
	}
	if err := os.Rename(next, s.clockFile()); err != nil {
		return fmt.Errorf("engine: SetClock: %w", err)
	}
	return nil
}

func (s *Server) clockFile() string { return filepath.Join(s.dir, "clock") }
func (s *Server) logFile() string   { return filepath.Join(s.dir, "log") }

func (s *Server) logFrom(offset int64) string {
	text, err := os.ReadFile(s.logFile())
	if err != nil || int64(len(text)) < offset {
		return ""
	}
	// What an engine shows of its configuration must not show the password.
	return string(bytes.ReplaceAll(text[offset:], []byte(s.pass), []byte("[password]")))
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 4096 {
		text = text[len(text)-4096:]
	}
	return text
}

func newPassword() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// folder makes the folder name in dir.
func folder(dir, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("engine: %w", err)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("engine: %w", err)
	}
	return path, nil
}
