package engine

import (
	"os/exec"
	"runtime"
	"sync"
)

// starts hands commands to the one goroutine that starts them.
var starts = sync.OnceValue(func() chan func() {
	queue := make(chan func())
	go func() {
		// The kernel kills a child when the thread dies that started
		// it, not when the process dies. This thread lives as long as
		// the process.
		runtime.LockOSThread()
		for start := range queue {
			start()
		}
	}()
	return queue
})

func launch(cmd *exec.Cmd) error {
	result := make(chan error)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}
