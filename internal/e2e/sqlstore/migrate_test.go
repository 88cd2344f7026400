package sqlstore_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// Eight processes start at once, and each of them migrates.
func TestMigratorsAtOnce(t *testing.T) {
	t.Parallel()
	url := server(t)
	admin := connect(t, url)
	for range 3 {
		c := config(t, admin)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				db := connect(t, url)
				if err := sqlstore.Migrate(t.Context(), db, c); err != nil {
					t.Error(err)
					return
				}
				if _, err := sqlstore.New(t.Context(), db, c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var versions int
		must(t, admin.QueryRowContext(t.Context(), "SELECT count(*) FROM "+c.Schema+".bulwark_schema").Scan(&versions))
		if versions != 1 {
			t.Errorf("%d versions", versions)
		}
	}
}

// A migrator is stopped in the middle by its context, and its connection is
// reset. Nothing is left of it, and the next one goes through.
func TestAMigratorFails(t *testing.T) {
	t.Parallel()
	url := server(t)
	admin := connect(t, url)
	for name, harm := range map[string]func(cancel context.CancelFunc, pid int){
		"cancelled": func(cancel context.CancelFunc, _ int) { cancel() },
		"reset": func(_ context.CancelFunc, pid int) {
			_, err := admin.ExecContext(t.Context(), "SELECT pg_terminate_backend($1)", pid)
			must(t, err)
		},
	} {
		c := config(t, admin)
		_, err := admin.ExecContext(t.Context(), "CREATE TABLE "+c.Schema+".bulwark_keys (LIKE pg_class)") // is in the way
		must(t, err)
		db := connect(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		err = inMidTransaction(t, admin, c.Schema+".bulwark_keys", func() error { return sqlstore.Migrate(ctx, db, c) }, func(pid int) { harm(cancel, pid) })
		cancel()
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		_, err = admin.ExecContext(t.Context(), "DROP TABLE "+c.Schema+".bulwark_keys")
		must(t, err)
		var tables int
		must(t, admin.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = $1", c.Schema).Scan(&tables))
		if tables != 0 {
			t.Errorf("%s: %d tables are left", name, tables)
		}
		must(t, sqlstore.Migrate(t.Context(), db, c))
		_, err = sqlstore.New(t.Context(), db, c)
		must(t, err)
	}
}

func TestOlderAndNewerTables(t *testing.T) {
	t.Parallel()
	url := server(t)
	db := connect(t, url)
	c := config(t, db)
	if _, err := sqlstore.New(t.Context(), db, c); err == nil || !strings.Contains(err.Error(), "00001_bulwark.up.sql") {
		t.Errorf("New without tables: %v", err)
	}
	must(t, sqlstore.Migrate(t.Context(), db, c))
	table := c.Schema + ".bulwark_schema"
	_, err := db.ExecContext(t.Context(), "INSERT INTO "+table+" (version, since) VALUES (9, 2)")
	must(t, err)
	_, err = sqlstore.New(t.Context(), db, c)
	for what, err := range map[string]error{"New": err, "Migrate": sqlstore.Migrate(t.Context(), db, c)} {
		if err == nil || !strings.Contains(err.Error(), "update this program") {
			t.Errorf("%s with newer tables: %v", what, err)
		}
	}
	// Half of the tables, as a tool leaves them that uses no transaction.
	for _, half := range []string{"DELETE FROM " + table, "DROP TABLE " + c.Schema + ".bulwark_quotas", "DROP INDEX " + c.Schema + ".bulwark_sessions_caller"} {
		_, err := db.ExecContext(t.Context(), half)
		must(t, err)
	}
	must(t, sqlstore.Migrate(t.Context(), db, c))
	_, err = sqlstore.New(t.Context(), db, c)
	must(t, err)
	var indexes int
	must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_indexes WHERE schemaname = $1", c.Schema).Scan(&indexes))
	if indexes != 7+13 {
		t.Errorf("%d indexes, want 20", indexes)
	}
}

// A service needs no right to create or to drop.
func TestGrants(t *testing.T) {
	t.Parallel()
	url := server(t)
	admin := connect(t, url)
	c := config(t, admin)
	must(t, sqlstore.Migrate(t.Context(), admin, c))
	role := "service_" + c.Schema
	for _, grant := range []string{"CREATE ROLE " + role + " LOGIN PASSWORD 'service'", "GRANT USAGE ON SCHEMA " + c.Schema + " TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + c.Schema + " TO " + role, "REVOKE INSERT, UPDATE, DELETE ON " + c.Schema + ".bulwark_schema FROM " + role} {
		_, err := admin.ExecContext(t.Context(), grant)
		must(t, err)
	}
	db := connect(t, as(t, url, role, "service"))
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	seed(t, s)
	recovers(t, s)
	must(t, s.Sweep(t.Context()))
	if err := sqlstore.Migrate(t.Context(), db, sqlstore.Config{Dialect: sqlstore.Postgres, Schema: c.Schema, Prefix: "other_"}); err == nil {
		t.Error("a service may create tables")
	}
}

// The clock of the server decides, also if it is an hour behind that of the
// service. If it is ahead, nothing is forgotten that refuses somebody by the
// clock of the service.
func TestTheClockOfTheServerDecides(t *testing.T) {
	t.Parallel()
	engine.Need(t, engine.PostgresServer, engine.Faketime)
	server, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Clock: true})
	must(t, err)
	t.Cleanup(server.Close)
	s, _, _, _ := small(t, server.DSN(), 4, 9*time.Second)
	seed(t, s)
	soon := revocation("soon")
	soon.Expires = time.Now().Add(time.Minute)
	must(t, s.Revocations().Revoke(t.Context(), soon))
	first, err := s.Replays().Use(t.Context(), "c", "x", time.Now().Add(time.Minute))
	if err != nil || !first {
		t.Fatal(first, err)
	}
	for _, test := range []struct {
		offset  time.Duration
		revoked bool
	}{{-time.Hour, true}, {0, true}, {2 * time.Minute, true}, {-time.Minute, true}} {
		must(t, server.SetClock(test.offset))
		if revoked, err := s.Revocations().Revoked(t.Context(), token("soon")); err != nil || revoked != test.revoked {
			t.Errorf("with the clock of the server at %v: revoked %t, %v", test.offset, revoked, err)
		}
		held, err := s.Sessions().Get(t.Context(), "seed")
		must(t, err)
		if ahead := held.ReadAt.Sub(time.Now()); (ahead - test.offset).Abs() > 30*time.Second {
			t.Errorf("ReadAt is %v ahead, want %v", ahead, test.offset)
		}
		again, err := s.Replays().Use(t.Context(), "c", "x", time.Now().Add(time.Minute))
		if err != nil || again {
			t.Errorf("with the clock of the server at %v: a used proof is first %t, %v", test.offset, again, err)
		}
	}
}
