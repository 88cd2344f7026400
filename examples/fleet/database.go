package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

// A database is where the accounts and documents are: a file of SQLite, or
// PostgreSQL.
type database struct{ Driver, Source string }

// sqliteFile is a database in a file that several processes write to.
func sqliteFile(file string) database {
	return database{"sqlite", "file:" + file + "?_txlock=immediate&_pragma=busy_timeout(900)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)"}
}

func (d database) open() (*sql.DB, error) {
	db, err := sql.Open(d.Driver, d.Source)
	if err != nil {
		return nil, err
	}
	// One process takes a few of the connections of the engine. All processes
	// together must not take them all.
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	return db, nil
}

// schema has the tables of the example itself. Those of package sqlstore come
// with its own migrations.
const schema = `
CREATE TABLE IF NOT EXISTS accounts (
	id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
	salt BYTEA NOT NULL, hash BYTEA NOT NULL, created BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS devices (
	device BYTEA PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE, login BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS devices_account ON devices (account, login);
CREATE TABLE IF NOT EXISTS documents (
	id TEXT PRIMARY KEY, issuer TEXT NOT NULL, owner TEXT NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL,
	created BIGINT NOT NULL, version INTEGER NOT NULL, size BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS documents_owner ON documents (issuer, owner, created, id);
CREATE INDEX IF NOT EXISTS documents_created ON documents (created, id);
`

// A table asks the database, for accounts and for documents. Times are
// microseconds since 1970.
type table struct {
	db     *sql.DB
	driver string
}

// patience bounds each question.
const patience = 2 * time.Second

// text is a query in the words of the driver: SQLite counts ?1 where PostgreSQL
// counts $1.
func (t table) text(query string) string {
	if t.driver == "sqlite" {
		return strings.ReplaceAll(query, "$", "?")
	}
	return query
}

// change runs a statement and returns how many rows it has changed.
func (t table) change(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := t.db.ExecContext(ctx, t.text(query), args...)
	if err != nil {
		return 0, outage(err)
	}
	n, err := result.RowsAffected()
	return n, outage(err)
}

// ask scans the one row of a query and reports whether there is a row.
func (t table) ask(ctx context.Context, into []any, query string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := t.db.QueryRowContext(ctx, t.text(query), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, outage(err)
}

// each calls scan for every row of a query.
func (t table) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := t.db.QueryContext(ctx, t.text(query), args...)
	if err != nil {
		return outage(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return outage(err)
		}
	}
	return outage(rows.Err())
}

// outage makes an error of the database one that is answered with 503.
func outage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", documents.ErrUnavailable, err)
}
