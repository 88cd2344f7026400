package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A fleet runs the processes: it starts each of them, starts it again when it
// has ended, and ends them all. In production this is the work of systemd or of
// an orchestrator.
type fleet struct {
	members []*member
	watch   func(process int, line []byte) // sees each line of a log
	stderr  io.Writer
	running sync.WaitGroup
}

// A member is a place for a process. The listener and the path of the socket
// stay when the process is replaced.
type member struct {
	settings settings
	listener *net.TCPListener // for people who ask this process directly
	file     *os.File         // of listener, for the process

	mu      sync.Mutex
	process *os.Process
	starts  int
}

// startFleet starts a process for each of n members and keeps them running
// until ctx ends. Call wait after that.
func startFleet(ctx context.Context, dir string, n int, common settings, stderr io.Writer, watch func(int, []byte)) (*fleet, error) {
	f := &fleet{watch: watch, stderr: &whole{to: stderr}}
	for i := range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		m := &member{settings: common, listener: ln.(*net.TCPListener)}
		if m.file, err = m.listener.File(); err != nil {
			return nil, err
		}
		m.settings.Process = i + 1
		m.settings.Socket = filepath.Join(dir, fmt.Sprintf("%d.sock", i+1))
		f.members = append(f.members, m)
	}
	for _, m := range f.members {
		f.running.Add(1)
		go func() {
			defer f.running.Done()
			f.keep(ctx, m)
		}()
	}
	return f, nil
}

// wait waits until the last process has ended.
func (f *fleet) wait() {
	f.running.Wait()
	for _, m := range f.members {
		m.file.Close()
		m.listener.Close()
	}
}

// keep runs the process of a member until ctx ends. A process that ends by
// itself is replaced, after a pause that grows while no process stays.
func (f *fleet) keep(ctx context.Context, m *member) {
	const shortest, longest = 200 * time.Millisecond, 5 * time.Second
	for pause := shortest; ctx.Err() == nil; pause = min(2*pause, longest) {
		began := time.Now()
		err := f.once(ctx, m)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			pause = shortest
		}
		slog.Warn("a process has ended and is started again", "process", m.settings.Process, "error", fmt.Sprint(err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// once runs a process to its end. When ctx ends, the process is asked to stop,
// and is killed if it has not stopped after twelve seconds: transport.Serve may
// take nine.
func (f *fleet) once(ctx context.Context, m *member) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, processArgument)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 12 * time.Second
	cmd.ExtraFiles = []*os.File{m.file} // becomes file 3 of the process
	// The process ends when its stdin ends, also if this program is killed.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	m.set(cmd.Process)
	defer m.set(nil)
	told := json.NewEncoder(stdin).Encode(m.settings)
	lines := bufio.NewReaderSize(stderr, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			f.watch(m.settings.Process, line)
			f.stderr.Write(line)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(told, cmd.Wait())
}

func (m *member) set(p *os.Process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process = p; p != nil {
		m.starts++
	}
}

// kill ends the process as if its machine had failed (kill -9).
func (m *member) kill() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		return fmt.Errorf("process %d does not run", m.settings.Process)
	}
	return m.process.Kill()
}

// started returns how often a process was started here.
func (m *member) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starts
}

func (m *member) url() string { return "http://" + m.listener.Addr().String() }

// A whole writer keeps the lines of several processes apart.
type whole struct {
	mu sync.Mutex
	to io.Writer
}

func (w *whole) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(line)
}
