package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// latest is the version of the tables that this package works with: the number
// in the name of the last migration.
const latest = 1

// migrateTime bounds a Migrate.
const migrateTime = 10 * time.Minute

// Migrations returns the migrations as plain files, for a tool that migrates
// the other tables of the application:
//
//	00001_bulwark.up.sql
//
// The name is one of golang-migrate. The file has the annotation of goose, and
// is a versioned file of atlas (run "atlas migrate hash" after copying it). In
// a folder with other migrations, give the copy the next number: the number of
// the name only orders the files. The last statement of a file writes its
// version into the table bulwark_schema, which [New] reads. Run a file as one
// transaction. There are no files that undo a migration, because dropping a
// table brings revoked credentials back.
//
// Only Dialect, Schema and Prefix of the Config are used. The Schema must
// exist. With the default Schema and Prefix, the files are those in the folder
// migrations of this module.
//
// # Rolling deployments
//
// Each file also writes since which version a program can use the tables that
// the file makes. So there are two kinds of files. One only adds, and programs
// of an earlier version start and go on. Run it first, and then replace the
// processes one by one. The other kind takes something away that earlier
// programs use, and they do not start any more. The CHANGELOG says which kind a
// file is. [New] and [Migrate] of an earlier program accept the tables of the
// first kind, and return an error for those of the second.
func Migrations(c Config) (fs.FS, error) {
	faults := fault.In("sqlstore")
	c.names(faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	folder, err := fs.Sub(migrations, "migrations/"+string(c.Dialect))
	if err != nil {
		return nil, err
	}
	return migrationFS{folder, dialectOf(c), c.Prefix}, nil
}

// A migration is one file.
type migration struct{ name, text string }

// plain returns the files as they are in the folder. File i leads to version
// i+1.
func plain(c Config) (files []migration, err error) {
	folder := "migrations/" + string(c.Dialect)
	entries, err := migrations.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		text, err := migrations.ReadFile(folder + "/" + entry.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, migration{entry.Name(), string(text)})
	}
	return files, nil
}

// Migrate brings the tables to the version that this package works with. It is
// for an application without a tool for migrations. Processes that call Migrate
// at once wait for each other. All of it is one transaction: after an error
// nothing has changed. Migrate also completes tables that another tool has made
// in part. It needs the right to create tables, which the service itself does
// not need: see the package comment.
//
// Only Dialect, Schema and Prefix of the Config are used. Migrate makes tables,
// and not the Schema: execute CREATE SCHEMA before. Migrate ends when ctx ends,
// and after 10 minutes.
func Migrate(ctx context.Context, db *sql.DB, c Config) error {
	faults := fault.In("sqlstore")
	if c.names(faults); fault.IsNil(db) {
		faults.Add("Migrate", "", "was called with a nil *sql.DB; pass the result of sql.Open")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, migrateTime)
	defer cancel()
	if err := migrate(ctx, db, c); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, c Config) (err error) {
	d := dialectOf(c)
	files, err := plain(c)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Not BeginTx: for SQLite it depends on the driver and on the connection
	// string whether a transaction begins as a writer.
	if err := begin(ctx, conn, c.Dialect); err != nil {
		return foreign(ctx, conn, c.Dialect, err)
	}
	defer func() {
		if err != nil {
			abandon(ctx, conn)
		}
	}()
	if c.Dialect == Postgres {
		if err := execute(ctx, conn, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", (&Store{config: c}).lockOf("migrate"))); err != nil {
			return err
		}
	}
	version, since, err := versionOf(ctx, conn, d, c)
	if err != nil {
		return err
	}
	if since > latest {
		return newer(version, since)
	}
	for _, file := range files[min(version, latest):] {
		for _, text := range split(d.qualified(file.text, c.Prefix)) {
			if err := execute(ctx, conn, text); err != nil {
				return fmt.Errorf("%s: %w", file.name, err)
			}
		}
	}
	return execute(ctx, conn, "COMMIT")
}

// begin begins the transaction. SQLite gives up when another writer is busy for
// longer than busy_timeout. Migrate waits for as long as its ctx lasts.
func begin(ctx context.Context, conn *sql.Conn, d Dialect) error {
	if d == Postgres {
		return execute(ctx, conn, "BEGIN ISOLATION LEVEL READ COMMITTED")
	}
	for {
		err := execute(ctx, conn, "BEGIN IMMEDIATE")
		if err == nil || !strings.Contains(err.Error(), "database is locked") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(migratePause):
		}
	}
}

// migratePause is how long Migrate waits before it asks a busy SQLite again.
const migratePause = 20 * time.Millisecond

func execute(ctx context.Context, conn *sql.Conn, text string) error {
	_, err := conn.ExecContext(ctx, text)
	return err
}

// abandon ends the transaction of a connection, or the connection.
func abandon(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), defaultTimeout)
	defer cancel()
	if execute(ctx, conn, "ROLLBACK") != nil {
		conn.Raw(func(any) error { return errBadConn }) // so that the pool does not keep it
	}
}

// split returns the statements of a file without its lines of comments.
func split(text string) (all []string) {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	for _, one := range strings.SplitAfter(strings.Join(lines, ""), ";\n") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// A querier is a pool or a connection.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// versionOf returns the version of the tables, and since which version a
// program can use them. Both are 0 if there is no table of versions, or no
// version in it.
func versionOf(ctx context.Context, in querier, d dialect, c Config) (version, since int, err error) {
	table := d.text("{schema}")
	exists := fmt.Sprintf("SELECT to_regclass('%s') IS NOT NULL", table)
	if c.Dialect == SQLite {
		exists = fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '%s')", strings.Trim(table, `"`))
	}
	var there bool
	if err := in.QueryRowContext(ctx, exists).Scan(&there); err != nil || !there {
		return 0, 0, err
	}
	err = in.QueryRowContext(ctx, "SELECT coalesce(max(version), 0), coalesce(max(since), 0) FROM "+table).Scan(&version, &since)
	return version, since, err
}

// checkVersion returns an error unless the tables have the version of this
// package, or a later one that says that this package can use it.
func checkVersion(ctx context.Context, db *sql.DB, d dialect, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	version, since, err := versionOf(ctx, db, d, c)
	switch {
	case err != nil:
		return fmt.Errorf("sqlstore: read the version of the tables: %w", err)
	case since > latest:
		return fmt.Errorf("sqlstore: %w", newer(version, since))
	case version >= latest:
		return nil
	}
	files, err := plain(c)
	if err != nil {
		return err
	}
	state := fmt.Sprintf("the tables have the version %d", version)
	if version == 0 {
		state = fmt.Sprintf("there are no tables with the prefix %q", c.Prefix)
		if c.Schema != "" {
			state += fmt.Sprintf(" in the schema %q", c.Schema)
		}
	}
	return fmt.Errorf("sqlstore: %s, and this program needs the version %d; call sqlstore.Migrate, or run %s of sqlstore.Migrations",
		state, latest, files[version].name)
}

func newer(version, since int) error {
	return fmt.Errorf("the tables have the version %d, which programs can use since version %d, and this program has version %d; update this program", version, since, latest)
}
