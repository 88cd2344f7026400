package bench

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm sleeps to within microseconds. The timers of the runtime are a
// millisecond coarse while nothing else happens, and a thread that sleeps in
// the kernel keeps a processor from the goroutines for a while.
type alarm struct {
	file *os.File
	fd   int
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &alarm{os.NewFile(uintptr(fd), "alarm"), fd}, nil
}

func (a *alarm) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	var rung [8]byte
	if unix.TimerfdSettime(a.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil) == nil {
		a.file.Read(rung[:])
	}
}

func (a *alarm) close() { a.file.Close() }
