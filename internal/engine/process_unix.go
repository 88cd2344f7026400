//go:build unix

package engine

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

func terminate() os.Signal { return syscall.SIGTERM }
func quit() os.Signal      { return syscall.SIGQUIT }

// stopAll stops the process, which then starts no other, and the processes that
// it has started. PostgreSQL puts each of them in a process group of its own.
func stopAll(p *process) error {
	if err := signal(p.pid(), syscall.SIGSTOP); err != nil {
		return fmt.Errorf("engine: stop: %w", err)
	}
	await(p.pid(), stopped)
	children, err := childrenOf(p.pid())
	if err != nil {
		return fmt.Errorf("engine: stop: %w", err)
	}
	for _, child := range children {
		if err := signal(child, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("engine: stop: %w", err)
		}
		await(child, stopped)
	}
	return nil
}

func continueAll(p *process) error {
	children, err := childrenOf(p.pid())
	for _, child := range children {
		err = errors.Join(err, signal(child, syscall.SIGCONT))
	}
	if err = errors.Join(err, signal(p.pid(), syscall.SIGCONT)); err != nil {
		return fmt.Errorf("engine: continue: %w", err)
	}
	return nil
}

// killAll kills the process and its children, and waits for their end.
func killAll(p *process) error {
	err := stopAll(p)
	children, _ := childrenOf(p.pid())
	for _, child := range children {
		err = errors.Join(err, signal(child, syscall.SIGKILL))
	}
	err = errors.Join(err, signal(p.pid(), syscall.SIGKILL))
	<-p.done
	for _, child := range children {
		await(child, ended)
	}
	return err
}

// await waits until the process is in a state that a signal brings about.
func await(pid int, reached func(pid int) bool) {
	for end := time.Now().Add(endTimeout); !reached(pid) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// signal signals a process. A process that has ended is not an error.
func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
