//go:build linux

package sqlstore_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// The disk is full, or, where no small disk can be mounted, files may not grow
// further. Each write is an outage and not auth.ErrFull, what is there stays
// there, and the store works again when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	server := own(t, "autovacuum=off")
	admin := connect(t, server.DSN())
	db := connect(t, server.DSN())
	db.SetMaxOpenConns(1)
	c := config(t, admin)
	c.Timeout = 9 * time.Second
	room := tablespace(t, func(statement string) {
		_, err := admin.ExecContext(t.Context(), statement)
		must(t, err)
	})
	if room != nil {
		_, err := admin.ExecContext(t.Context(), "ALTER DATABASE postgres SET default_tablespace = small")
		must(t, err)
	}
	must(t, sqlstore.Migrate(t.Context(), db, c))
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	seed(t, s)
	if room == nil {
		var pid int
		must(t, db.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
		var before unix.Rlimit
		must(t, unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before))
		limit := before
		limit.Cur = 16 << 20 // files of the log have this size
		must(t, unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil))
		room = func() { must(t, unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil)) }
		t.Log("no small disk can be mounted; files are limited to 16 MiB")
	}
	fill := func(i int) session.Session {
		noise := make([]byte, 100_000)
		rand.Read(noise)
		big := login(fmt.Sprint("big-", i), fmt.Sprint("user-", i))
		big.UserAgent = hex.EncodeToString(noise)
		return big
	}
	n := 0
	for ; n < 1000; n++ {
		if _, err = s.Sessions().Create(t.Context(), fill(n), 5, nil); err != nil {
			break
		}
	}
	outage(t, fmt.Sprintf("Create %d on a disk that is full", n), err)
	for i := range n {
		if _, err := s.Sessions().Get(t.Context(), fmt.Sprint("big-", i)); err != nil {
			t.Fatalf("session %d of %d on a disk that is full: %v", i, n, err)
		}
	}
	if all, err := s.Sessions().List(t.Context(), session.Filter{Subject: fmt.Sprint("user-", n)}); err != nil || len(all) > 0 {
		t.Errorf("a session whose Create failed: %d, %v", len(all), err)
	}
	if revoked, err := s.Revocations().Revoked(t.Context(), token("seed")); err != nil || !revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
	room()
	recovers(t, s)
	_, err = s.Sessions().Create(t.Context(), fill(n), 5, nil)
	must(t, err)
}

// tablespace mounts a small disk for the tables. It returns a function that
// makes the disk larger, or nil where none can be mounted.
func tablespace(t *testing.T, exec func(string)) (grow func()) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "small")
	must(t, os.Mkdir(folder, 0o700))
	if syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m,mode=0777") != nil {
		return nil
	}
	t.Cleanup(func() { syscall.Unmount(folder, syscall.MNT_DETACH) })
	inner := filepath.Join(folder, "space")
	must(t, os.Mkdir(inner, 0o777), os.Chmod(inner, 0o777))
	for _, name := range []string{"nobody", "postgres"} { // as package engine runs it, under root
		if u, err := user.Lookup(name); err == nil {
			uid, err := strconv.Atoi(u.Uid)
			must(t, err, os.Chown(inner, uid, -1))
		}
	}
	exec("CREATE TABLESPACE small LOCATION '" + inner + "'")
	return func() { must(t, syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT, "size=64m")) }
}
