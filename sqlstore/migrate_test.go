package sqlstore_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bulwark-go/bulwark/sqlstore"
)

func TestMigrate(t *testing.T) {
	db := database(t)
	c := config()
	_, err := sqlstore.New(t.Context(), db, c)
	if err == nil || !strings.Contains(err.Error(), "00001_bulwark.up.sql") || !strings.Contains(err.Error(), "sqlstore.Migrate") {
		t.Errorf("New without tables: %v", err)
	}
	for range 2 { // the second has nothing to do
		must(t, sqlstore.Migrate(t.Context(), db, c))
	}
	_, err = sqlstore.New(t.Context(), db, c)
	must(t, err)

	// A service with another prefix has its own tables.
	c.Prefix = "other_"
	if _, err = sqlstore.New(t.Context(), db, c); err == nil || !strings.Contains(err.Error(), `"other_"`) {
		t.Errorf("New with another prefix: %v", err)
	}
	must(t, sqlstore.Migrate(t.Context(), db, c))
	var tables int
	must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'other\\_%' ESCAPE '\\'").Scan(&tables))
	if tables != 7+13 {
		t.Errorf("%d tables and indexes have the prefix, want 20", tables)
	}
}

// A tool has stopped in the middle of a migration without a transaction.
// Migrate completes the tables.
func TestMigrateAfterAHalf(t *testing.T) {
	for _, drop := range []string{"DROP TABLE bulwark_quotas", "DROP INDEX bulwark_sessions_expiry", "DROP TABLE bulwark_sessions", "DROP TABLE bulwark_schema"} {
		db := database(t)
		must(t, sqlstore.Migrate(t.Context(), db, config()))
		_, err := db.ExecContext(t.Context(), "DELETE FROM bulwark_schema")
		must(t, err)
		_, err = db.ExecContext(t.Context(), drop)
		must(t, err)
		if _, err := sqlstore.New(t.Context(), db, config()); err == nil {
			t.Errorf("%s: New accepts half of the tables", drop)
		}
		must(t, sqlstore.Migrate(t.Context(), db, config()))
		_, err = sqlstore.New(t.Context(), db, config())
		must(t, err)
		var n int
		must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'bulwark%'").Scan(&n))
		if n != 20 {
			t.Errorf("%s: %d tables and indexes, want 20", drop, n)
		}
	}
}

// A table of another application has the name. Migrate changes nothing, and New
// says so before a request does.
func TestAForeignTable(t *testing.T) {
	db := database(t)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE bulwark_keys (digest TEXT PRIMARY KEY, name TEXT)")
	must(t, err)
	if err := sqlstore.Migrate(t.Context(), db, config()); err == nil {
		t.Error("Migrate over a foreign table returns no error")
	}
	var n int
	must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").Scan(&n))
	if n != 1 {
		t.Errorf("%d tables after a Migrate that failed, want 1", n)
	}
}

// Newer tables that this program can use are as good as its own, so that an old
// process starts again in the middle of a deployment. Others are refused.
func TestANewerVersion(t *testing.T) {
	s, db := open(t, config())
	change(t, db, "INSERT INTO bulwark_schema (version, since) VALUES (2, 1)")
	must(t, sqlstore.Migrate(t.Context(), db, config()), s.Keys().Create(t.Context(), key("a", "alice")))
	s, err := sqlstore.New(t.Context(), db, config())
	must(t, err)
	_, err = s.Keys().Get(t.Context(), "a")
	must(t, err)
	change(t, db, "INSERT INTO bulwark_schema (version, since) VALUES (3, 2), (4, 1)")
	_, err = sqlstore.New(t.Context(), db, config())
	for what, err := range map[string]error{"New": err, "Migrate": sqlstore.Migrate(t.Context(), db, config())} {
		if err == nil || !strings.Contains(err.Error(), "update this program") {
			t.Errorf("%s with newer tables: %v", what, err)
		}
	}
	change(t, db, "DELETE FROM bulwark_schema WHERE version > 2")
	_, err = sqlstore.New(t.Context(), db, config())
	must(t, err)
}

func TestMigratorsAtOnce(t *testing.T) {
	db := database(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := sqlstore.Migrate(t.Context(), db, config()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	_, err := sqlstore.New(t.Context(), db, config())
	must(t, err)
}

// A writer that is busy for longer than busy_timeout does not end Migrate.
func TestMigrateWaitsForAWriter(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db")+"?_pragma=busy_timeout(1)&_pragma=journal_mode(WAL)")
	must(t, err)
	defer db.Close()
	writer, err := db.Conn(t.Context())
	must(t, err)
	defer writer.Close()
	_, err = writer.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	migrated := make(chan error, 1)
	go func() { migrated <- sqlstore.Migrate(t.Context(), db, config()) }()
	select {
	case err := <-migrated:
		t.Fatalf("Migrate did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	_, err = writer.ExecContext(t.Context(), "ROLLBACK")
	must(t, err, <-migrated)

	_, err = writer.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := sqlstore.Migrate(ctx, db, config()); err == nil {
		t.Error("Migrate ends without an error when its context does")
	}
}

// The files are plain, have the names that tools read, and are those of the
// folder unless the Config has other names.
func TestMigrations(t *testing.T) {
	upName := regexp.MustCompile(`^[0-9]+_[a-z_]+\.up\.sql$`) // golang-migrate, goose and atlas
	for _, dialect := range []sqlstore.Dialect{sqlstore.Postgres, sqlstore.SQLite} {
		files, err := sqlstore.Migrations(sqlstore.Config{Dialect: dialect})
		must(t, err)
		names, err := fs.Glob(files, "*")
		must(t, err)
		if len(names) != 1 {
			t.Errorf("%q", names)
		}
		for _, name := range names {
			if !upName.MatchString(name) {
				t.Errorf("the name %s", name)
			}
			got, err := fs.ReadFile(files, name)
			must(t, err)
			want, err := os.ReadFile(filepath.Join("migrations", string(dialect), name))
			must(t, err)
			if string(got) != string(want) {
				t.Errorf("%s: the default names change the file", dialect)
			}
			if !strings.HasPrefix(string(got), "-- +goose Up\n") {
				t.Errorf("%s has no annotation of goose", name)
			}
		}
	}
	files, err := sqlstore.Migrations(sqlstore.Config{Dialect: sqlstore.Postgres, Schema: "auth", Prefix: "b_"})
	must(t, err)
	must(t, fstest.TestFS(files, "00001_bulwark.up.sql"))
	text, err := fs.ReadFile(files, "00001_bulwark.up.sql")
	must(t, err)
	for _, want := range []string{`CREATE TABLE IF NOT EXISTS "auth"."b_sessions"`, `INDEX IF NOT EXISTS "b_keys_owner" ON "auth"."b_keys" (owner)`,
		`INSERT INTO "auth"."b_schema" (version, since)`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in the file", want)
		}
	}
	if strings.Contains(string(text), `"bulwark_`) {
		t.Error("the default prefix is left in the file")
	}
	if _, err := sqlstore.Migrations(sqlstore.Config{Dialect: sqlstore.Postgres, Prefix: `"`}); err == nil {
		t.Error("a bad prefix is no error")
	}
}

// A service may run the files with a tool of its own.
func TestMigrationsRunByATool(t *testing.T) {
	db := database(t)
	files, err := sqlstore.Migrations(config())
	must(t, err)
	text, err := fs.ReadFile(files, "00001_bulwark.up.sql")
	must(t, err)
	_, err = db.ExecContext(t.Context(), string(text)) // as golang-migrate does
	must(t, err)
	_, err = sqlstore.New(t.Context(), db, config())
	must(t, err)
}
