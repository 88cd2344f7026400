package engine

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// bind makes the kernel kill the command when this process dies.
func bind(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}

// childrenOf returns the processes that pid has started and that run.
func childrenOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if state, parent := status(child); parent == pid && state != "Z" {
			children = append(children, child)
		}
	}
	return children, nil
}

// ended reports whether the process has ended. A zombie has.
func ended(pid int) bool {
	state, _ := status(pid)
	return state == "" || state == "Z"
}

// stopped reports whether the process runs no more, for now or for ever.
func stopped(pid int) bool {
	state, _ := status(pid)
	return state == "T" || state == "" || state == "Z"
}

// status returns state and parent of a process, from proc_pid_stat(5): the name
// stands in parentheses before them, and may hold anything.
func status(pid int) (state string, parent int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}
