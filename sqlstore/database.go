package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// errBadConn makes the pool drop a connection.
var errBadConn = driver.ErrBadConn

// checkDatabase returns an error unless the database is one that the rules of
// the stores can be kept in.
func checkDatabase(ctx context.Context, db *sql.DB, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	check := checkPostgres
	if c.Dialect == SQLite {
		check = checkSQLite
	}
	if err := check(ctx, db, c); err != nil {
		return fmt.Errorf("sqlstore: check the database: %w", err)
	}
	return nil
}

func checkPostgres(ctx context.Context, db *sql.DB, _ Config) error {
	var version int
	var replica bool
	err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()").Scan(&version, &replica)
	switch {
	case err != nil:
		return foreign(ctx, db, Postgres, err)
	case version < 130000:
		return fmt.Errorf("PostgreSQL has the version %d; update it to 13 or later", version/10000)
	case replica:
		return fmt.Errorf("PostgreSQL is a replica, which may not know the latest revocation; connect to the primary, with target_session_attrs=read-write in the connection string")
	}
	return nil
}

// foreign adds to the error of the first statement what most often causes it if
// the database can be reached: the database speaks another dialect.
func foreign(ctx context.Context, db interface{ PingContext(context.Context) error }, d Dialect, err error) error {
	if db.PingContext(ctx) != nil {
		return err
	}
	engine := map[Dialect]string{Postgres: "PostgreSQL", SQLite: "SQLite"}[d]
	return fmt.Errorf("%w; Config.Dialect says that the database is %s: if it is not, correct the Dialect", err, engine)
}

// checkSQLite looks at two connections of the pool where it may have two:
// busy_timeout belongs to a connection, and a PRAGMA that was executed once has
// set it for one of them.
func checkSQLite(ctx context.Context, db *sql.DB, c Config) error {
	connections := 2
	if db.Stats().MaxOpenConnections == 1 {
		connections = 1
	}
	for range connections {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close() // at the end, so that the second is another one
		if err := checkConnection(ctx, conn, c.Timeout); err != nil {
			return err
		}
	}
	return nil
}

func checkConnection(ctx context.Context, conn *sql.Conn, timeout time.Duration) error {
	var version, mode string
	var busy int64
	if err := conn.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return foreign(ctx, conn, SQLite, err)
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&busy); err != nil {
		return err
	}
	var major, minor int
	fmt.Sscanf(version, "%d.%d", &major, &minor)
	switch {
	case major < 3 || major == 3 && minor < 42:
		return fmt.Errorf("SQLite has the version %s; update the driver to one with SQLite 3.42 or later", version)
	case strings.EqualFold(mode, "memory"):
		return fmt.Errorf("the database is in memory, and is lost with the connection; open a file, in a test a file in t.TempDir()")
	case !strings.EqualFold(mode, "wal"):
		return fmt.Errorf("journal_mode is %s, so that readers wait for writers; write _pragma=journal_mode(WAL) into the connection string of modernc.org/sqlite, or _journal_mode=WAL into that of mattn/go-sqlite3", mode)
	case busy < 1:
		return fmt.Errorf("busy_timeout is 0, so that of two writers one fails at once; write _pragma=busy_timeout(%[1]d) into the connection string of modernc.org/sqlite, or _busy_timeout=%[1]d into that of mattn/go-sqlite3", timeout.Milliseconds()/2)
	case time.Duration(busy)*time.Millisecond > timeout:
		return fmt.Errorf("busy_timeout is %d ms, which is longer than sqlstore.Config.Timeout, so that a call would take longer; write at most %d", busy, timeout.Milliseconds())
	}
	return nil
}
