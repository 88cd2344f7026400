package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// Another process writes for longer than busy_timeout: writes are an outage,
// reads go on, and the store works again when the other process is done.
func TestAnotherWriter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	pool := func(busy int) *sql.DB {
		db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)", file, busy))
		must(t, err)
		t.Cleanup(func() { db.Close() })
		return db
	}
	db, other := pool(50), pool(5000)
	c := config()
	must(t, sqlstore.Migrate(t.Context(), db, c))
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	_, err = s.Sessions().Create(t.Context(), login("seed", "alice"), 5, nil)
	must(t, err)

	conn, err := other.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	_, create := s.Sessions().Create(t.Context(), login("next", "alice"), 1, nil)
	_, use := s.Replays().Use(t.Context(), "c", "x", time.Now().Add(time.Hour))
	for what, err := range map[string]error{"Create": create, "Use": use, "Revoke": s.Revocations().Revoke(t.Context(), revocation("x")),
		"Update of a key": s.Keys().Update(t.Context(), key("a", "alice")), "Sweep": s.Sweep(t.Context())} {
		if err == nil || errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrConflict) || errors.Is(err, auth.ErrFull) || !strings.HasPrefix(err.Error(), "sqlstore: ") {
			t.Errorf("%s beside another writer: %v, want an outage", what, err)
		}
	}
	if _, err := s.Sessions().Get(t.Context(), "seed"); err != nil {
		t.Errorf("Get beside another writer: %v", err)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are in use", n)
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	ended, err := s.Sessions().Create(t.Context(), login("next", "alice"), 1, nil)
	if err != nil || len(ended) != 1 || ended[0] != "seed" {
		t.Errorf("Create after another writer: %q, %v", ended, err)
	}
}

// A pool of one connection is enough, and is not used up by errors.
func TestOneConnection(t *testing.T) {
	s, db := open(t, config())
	db.SetMaxOpenConns(1)
	for range 3 {
		_, err := s.Sessions().Create(t.Context(), login("a", "alice"), 5, nil)
		if err != nil && !errors.Is(err, auth.ErrConflict) {
			t.Fatal(err)
		}
		if all, err := s.Sessions().List(t.Context(), session.Filter{}); err != nil || len(all) != 1 {
			t.Fatal(len(all), err)
		}
		must(t, s.Keys().RevokeOwner(t.Context(), issuer, "alice", time.Now(), time.Now().Add(time.Hour)))
		if err := s.Keys().Update(t.Context(), key("none", "alice")); !errors.Is(err, auth.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// Everything outlives the process.
func TestReopened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	process := func() (*sqlstore.Store, *sql.DB) {
		db, err := sql.Open("sqlite", dsn(file))
		must(t, err)
		must(t, sqlstore.Migrate(t.Context(), db, config()))
		s, err := sqlstore.New(t.Context(), db, config())
		must(t, err)
		return s, db
	}
	before, db := process()
	_, err := before.Sessions().Create(t.Context(), login("\xff\x00", "alice"), 5, nil)
	must(t, err, before.Keys().Create(t.Context(), key("\xff\x00", "alice")), before.Revocations().Revoke(t.Context(), revocation("\xff\x00")))
	_, err = before.Replays().Use(t.Context(), "c", "\xff\x00", time.Now().Add(time.Hour))
	must(t, err, before.Close(), db.Close())

	after, db := process()
	defer db.Close()
	held, err := after.Sessions().Get(t.Context(), "\xff\x00")
	if err != nil || held.Subject != "alice" {
		t.Errorf("the session: %q, %v", held.Subject, err)
	}
	rec, err := after.Keys().Get(t.Context(), "\xff\x00")
	if err != nil || rec.Subject != "alice" {
		t.Errorf("the key: %q, %v", rec.Subject, err)
	}
	if revoked, err := after.Revocations().Revoked(t.Context(), token("\xff\x00")); err != nil || !revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
	if first, err := after.Replays().Use(t.Context(), "c", "\xff\x00", time.Now().Add(time.Hour)); err != nil || first {
		t.Errorf("a used proof is first %t, %v", first, err)
	}
}

// A key is stale from the first nanosecond after its secret was made.
func TestStaleToTheNanosecond(t *testing.T) {
	s, _ := open(t, config())
	rec := key("a", "alice")
	rec.Secrets[0].CreatedAt = time.Now().Truncate(time.Microsecond)
	must(t, s.Keys().Create(t.Context(), rec))
	for after, want := range map[time.Duration]int{0: 0, 1: 1, time.Microsecond: 1} {
		f := apikey.Filter{Stale: rec.Secrets[0].CreatedAt.Add(after)}
		if all, err := s.Keys().List(t.Context(), f); err != nil || len(all) != want {
			t.Errorf("%v after: %d keys, %v, want %d", after, len(all), err, want)
		}
	}
}
