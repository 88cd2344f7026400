package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// shared is the server of the tests that do it no harm. The first of them
// starts it.
var shared struct {
	once   sync.Once
	server *engine.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	os.Exit(code)
}

// server returns the address of the shared server.
func server(t *testing.T) string {
	t.Helper()
	engine.Need(t, engine.PostgresServer)
	shared.once.Do(func() {
		folder, err := os.MkdirTemp("", "sqlstore")
		if err != nil {
			shared.err = err
			return
		}
		if shared.err = os.Chmod(folder, 0o755); shared.err == nil {
			shared.server, shared.err = engine.Postgres(context.Background(), folder, engine.PostgresConfig{Options: []string{"max_connections=200"}})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server.DSN()
}

// connect opens a pool, and fails the test if a connection is not returned.
func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	t.Cleanup(func() {
		returned(t, db)
		db.Close()
	})
	return db
}

// returned waits until the pool has back every connection. A connection counts
// as in use while the driver still opens or closes it.
func returned(t *testing.T, db *sql.DB) {
	t.Helper()
	for began := time.Now(); db.Stats().InUse > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Errorf("%d connections are not returned", db.Stats().InUse)
			return
		}
	}
}

// as is the address for another user.
func as(t *testing.T, address, user, password string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

// with is the address with another option.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

var schemas atomic.Int64

// config has a schema of its own in the database.
func config(t *testing.T, db *sql.DB) sqlstore.Config {
	t.Helper()
	c := sqlstore.Config{Dialect: sqlstore.Postgres, Schema: fmt.Sprint("test_", schemas.Add(1)),
		Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Timeout: 9 * time.Second, MinWindow: time.Millisecond}
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+c.Schema); err != nil {
		t.Fatal(err)
	}
	return c
}

// open returns a store with empty tables.
func open(t *testing.T, url string, change func(*sqlstore.Config)) (*sqlstore.Store, *sql.DB) {
	t.Helper()
	db := connect(t, url)
	c := config(t, db)
	if change != nil {
		change(&c)
	}
	if err := sqlstore.Migrate(t.Context(), db, c); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.New(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}
