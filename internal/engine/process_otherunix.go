//go:build unix && !linux

package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"syscall"
)

// bind does nothing: only Linux ends a child with the process that started it.
func bind(*exec.Cmd) {}

// childrenOf returns the processes that pid has started.
func childrenOf(pid int) ([]int, error) {
	text, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var children []int
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var child, parent int
		if n, _ := fmt.Sscan(lines.Text(), &child, &parent); n == 2 && parent == pid {
			children = append(children, child)
		}
	}
	return children, nil
}

func ended(pid int) bool { return syscall.Kill(pid, 0) != nil }

// stopped does not know, and does not wait.
func stopped(int) bool { return true }
