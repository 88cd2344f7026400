//go:build unix

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// own lets the command run as a user that PostgreSQL accepts, and gives it the
// folder. PostgreSQL refuses to run as root, so that root runs it as the user
// postgres, or else as nobody.
func own(dir string, cmd *exec.Cmd) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return fmt.Errorf("engine: PostgreSQL does not run as root, and there is no user postgres or nobody: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("engine: give the folder to PostgreSQL: %w", err)
	}
	if err := traversable(filepath.Dir(dir)); err != nil {
		return err
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return nil
}

// traversable lets other users pass through dir and its parents as far as they
// stand below the folder for temporary files. They still cannot list them. The
// folder of a test is open to its owner only.
func traversable(dir string) error {
	temporary, err := filepath.Abs(os.TempDir())
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		stat, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		open := stat.Mode().Perm()&0o001 != 0
		if !open && !strings.HasPrefix(dir, temporary+string(filepath.Separator)) {
			return fmt.Errorf("engine: the user that runs PostgreSQL cannot enter %s; choose a folder below %s", dir, temporary)
		}
		if !open {
			if err := os.Chmod(dir, stat.Mode().Perm()|0o011); err != nil {
				return fmt.Errorf("engine: %w", err)
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
