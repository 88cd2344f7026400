//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package apikey

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile locks a file beside the file of the keys, because that one is
// replaced. The system unlocks it when the process ends, however it ends.
func lockFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s is locked: another process, or another FileStore of this process, has the keys open", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
