package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// Two processes share one database. What one of them revokes, the other
// refuses.
func ExampleNew() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	secret := []byte("32 random bytes from your vault!") // the same in all processes
	process := func() *sqlstore.Store {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "auth.db")+"?_pragma=busy_timeout(500)&_pragma=journal_mode(WAL)")
		if err != nil {
			fmt.Println(err)
		}
		config := sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{secret}}
		if err := sqlstore.Migrate(ctx, db, config); err != nil {
			fmt.Println(err)
		}
		store, err := sqlstore.New(ctx, db, config)
		if err != nil {
			fmt.Println(err)
		}
		return store
	}
	one, two := process(), process()

	caller := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice", TokenID: "t1", ExpiresAt: time.Now().Add(time.Hour)}
	before, err := two.Revocations().Revoked(ctx, caller)
	fmt.Println("before:", before, err)
	fmt.Println("revoke:", auth.Revoke(ctx, one.Revocations(), auth.RevocationOf(caller)))
	after, err := two.Revocations().Revoked(ctx, caller)
	fmt.Println("after:", after, err)
	// Output:
	// before: false <nil>
	// revoke: <nil>
	// after: true <nil>
}

// This database is in memory. Each connection of the pool has a database of its
// own, and a login that one connection stores is unknown to the next. New
// refuses it, as it refuses a Secret that can be guessed.
func ExampleNew_incorrect() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:?_pragma=busy_timeout(500)")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	_, err = sqlstore.New(ctx, db, sqlstore.Config{Dialect: sqlstore.SQLite, Schema: "auth", Secrets: [][]byte{[]byte("hunter2")}})
	fmt.Println(err)
	_, err = sqlstore.New(ctx, db, sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{[]byte("32 random bytes from your vault!")}})
	fmt.Println(err)
	var wrong *bulwark.ConfigError
	fmt.Println(errors.As(err, &wrong))
	// Output:
	// sqlstore.Schema: auth: is set for SQLite, which has no schemas; leave it out, and choose a Prefix
	// sqlstore.Secrets[0]: has 7 bytes; write at least 32 random bytes
	// sqlstore: check the database: the database is in memory, and is lost with the connection; open a file, in a test a file in t.TempDir()
	// false
}
