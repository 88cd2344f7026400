package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A statement is one text of SQL. It is prepared once, unless the Config says
// Unprepared. The pool prepares it again on each of its connections.
type statement struct {
	text     string
	prepared *sql.Stmt
}

// A seat is where a statement runs: in the pool, or in a transaction.
type seat struct {
	db *sql.DB
	tx *sql.Tx
}

func (s seat) query(ctx context.Context, st *statement, args ...any) (*sql.Rows, error) {
	switch {
	case st.prepared != nil && s.tx != nil:
		return s.tx.StmtContext(ctx, st.prepared).QueryContext(ctx, args...)
	case st.prepared != nil:
		return st.prepared.QueryContext(ctx, args...)
	case s.tx != nil:
		return s.tx.QueryContext(ctx, st.text, args...)
	}
	return s.db.QueryContext(ctx, st.text, args...)
}

// exec runs a statement and returns how many rows it has changed.
func (s seat) exec(ctx context.Context, st *statement, args ...any) (changed int64, err error) {
	var result sql.Result
	switch {
	case st.prepared != nil && s.tx != nil:
		result, err = s.tx.StmtContext(ctx, st.prepared).ExecContext(ctx, args...)
	case st.prepared != nil:
		result, err = st.prepared.ExecContext(ctx, args...)
	case s.tx != nil:
		result, err = s.tx.ExecContext(ctx, st.text, args...)
	default:
		result, err = s.db.ExecContext(ctx, st.text, args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each runs a query and calls scan for each row.
func (s seat) each(ctx context.Context, scan func(*sql.Rows) error, st *statement, args ...any) error {
	rows, err := s.query(ctx, st, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

// attempts bounds how often a call begins again after PostgreSQL has undone it.
const attempts = 16

// undone reports whether PostgreSQL says that it has undone all of a
// transaction because of another: serialization_failure or deadlock_detected.
// Only then is it safe to begin again. After any other error it may be unknown
// whether a COMMIT has been done. Drivers have the method, and this package
// imports no driver.
func undone(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && (state.SQLState() == "40001" || state.SQLState() == "40P01")
}

// call runs one call of a store, which is described for errors. It has the
// Timeout, and no longer.
func (s *Store) call(ctx context.Context, described string, f func(ctx context.Context, in seat) error) error {
	if s.db == nil {
		return unmade()
	}
	if s.closed.Load() {
		return fmt.Errorf("sqlstore: %s: %w", described, errClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return again(described, func() error { return f(ctx, seat{db: s.db}) })
}

// together is call in a transaction: all of it is done, or nothing.
func (s *Store) together(ctx context.Context, described string, f func(ctx context.Context, in seat) error) error {
	return s.call(ctx, described, func(ctx context.Context, in seat) error { return s.transaction(ctx, f) })
}

func again(described string, f func() error) error {
	var err error
	for range attempts {
		if err = f(); !undone(err) {
			break
		}
	}
	if err != nil && !isAnswer(err) {
		return fmt.Errorf("sqlstore: %s: %w", described, err)
	}
	return err
}

// transaction runs f in a transaction. Locks order the transactions that must
// not run at once. So READ COMMITTED is enough: each statement after a lock
// sees what was committed before. With REPEATABLE READ, which may be the
// default of the database, it would see the state before it has waited.
func (s *Store) transaction(ctx context.Context, f func(ctx context.Context, in seat) error) error {
	var options *sql.TxOptions
	if s.config.Dialect == Postgres {
		options = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	defer tx.Rollback() // which does nothing after a Commit
	in := seat{db: s.db, tx: tx}
	if s.config.Dialect == SQLite {
		// The first statement writes, so that it waits for the other writer.
		// A transaction that has read first cannot become a writer after
		// another writer: SQLite then does not wait, and returns an error.
		if _, err := in.exec(ctx, &s.sql.write); err != nil {
			return err
		}
	}
	if err := f(ctx, in); err != nil {
		return err
	}
	return tx.Commit()
}

// micros is a time as it is kept. The zero time stays the zero time. A time
// after the year 9999 is cut: it is never.
func micros(t time.Time) int64 {
	if t.Year() > 9999 {
		return never
	}
	if t.Year() < -9999 {
		return -never
	}
	return t.UnixMicro()
}

// never is later than any time that is kept.
const never = int64(1<<62 - 1)

// ceiled is micros rounded up. What is kept until then is never forgotten
// early.
func ceiled(t time.Time) int64 {
	if t.Nanosecond()%1000 == 0 {
		return micros(t)
	}
	return min(micros(t)+1, never)
}

// microsUp is a length of time in microseconds, rounded up.
func microsUp(d time.Duration) int64 {
	n := d.Microseconds()
	if d%time.Microsecond > 0 {
		n++
	}
	return n
}

func timeOf(micro int64) time.Time { return time.UnixMicro(micro) }
