package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// dsn is a database as a service opens it. A suite writes thousands of rows,
// and does not wait for the disk.
func dsn(file string) string {
	return "file:" + file + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
}

func database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(t.TempDir(), "bulwark.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d connections are not returned", n)
		}
		db.Close()
	})
	return db
}

// config is for tests on a busy machine.
func config() sqlstore.Config {
	return sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Timeout: 9 * time.Second,
		MinWindow: time.Millisecond}
}

func open(t *testing.T, c sqlstore.Config) (*sqlstore.Store, *sql.DB) {
	t.Helper()
	db := database(t)
	if err := sqlstore.Migrate(t.Context(), db, c); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.New(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

// full has little room, so that the suites see a full store.
func full() sqlstore.Config {
	c := config()
	c.MaxSessions, c.MaxKeys = 1700, 1700
	return c
}

func TestSessions(t *testing.T) {
	t.Parallel() // most of the time it waits
	authtest.TestSessionStore(t, func(t *testing.T) session.Store { s, _ := open(t, full()); return s.Sessions() })
}

func TestKeys(t *testing.T) {
	t.Parallel() // most of the time it waits
	authtest.TestKeyStore(t, func(t *testing.T) apikey.Store { s, _ := open(t, full()); return s.Keys() })
}

func TestRevocations(t *testing.T) {
	t.Parallel() // most of the time it waits
	authtest.TestRevocations(t, func(t *testing.T) auth.Revocations { s, _ := open(t, config()); return s.Revocations() })
}

func TestReplays(t *testing.T) {
	t.Parallel() // most of the time it waits
	authtest.TestReplays(t, func(t *testing.T) dpop.Replays { s, _ := open(t, config()); return s.Replays() })
}

// stepped has a clock that the suite can set.
type stepped struct {
	ratelimit.PartialStore
	t *testing.T
	s *sqlstore.Store
}

func (s stepped) StepClock(d time.Duration) {
	if err := s.s.StepClock(d); err != nil {
		s.t.Error(err)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel() // most of the time it waits
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		s, _ := open(t, config())
		return stepped{s.Quotas().(ratelimit.PartialStore), t, s}
	})
}
