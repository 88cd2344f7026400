package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// A Store keeps what a service knows between requests in a SQL database, which
// all processes of the service share. It is safe for concurrent use. The
// application owns the [sql.DB]: the Store never opens, sizes or closes it.
type Store struct {
	config Config
	db     *sql.DB
	sql    *statements
	seal   seal
	rooms  map[string]*room
	closed atomic.Bool
	shift  int64 // of the clock of SQLite, in tests

	here  func() time.Time // the clock of this process
	ahead atomic.Int64     // how far the clock of the database is ahead of it, in microseconds
}

// New returns a Store in the database. It checks the Config, the database and
// the version of the tables, and prepares the statements. It changes nothing in
// the database: run [Migrate] or the files of [Migrations] before.
//
// The error joins a *[bulwark.ConfigError] for each mistake of the Config. If
// the tables are older than this package, the error names the migration to run.
// If they are newer, New accepts them if they say that this package can use
// them: see [Migrations]. New does not look at the rows: a Secret that is
// missing is an error of the first call that needs it.
func New(ctx context.Context, db *sql.DB, c Config) (*Store, error) {
	c, err := c.checked(true)
	if fault.IsNil(db) {
		faults := fault.In("sqlstore")
		faults.Add("New", "", "was called with a nil *sql.DB; pass the result of sql.Open")
		err = errors.Join(err, faults.Err())
	}
	if err != nil {
		return nil, err
	}
	d := dialectOf(c)
	s := &Store{config: c, db: db, sql: statementsOf(d), seal: sealOf(c), rooms: roomsOf(c), here: time.Now}
	if err := checkDatabase(ctx, db, c); err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, db, d, c); err != nil {
		return nil, err
	}
	if err := s.compareClocks(ctx); err != nil {
		return nil, err
	}
	if !c.Unprepared {
		if err := s.prepare(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	for _, st := range s.sql.all() {
		one, cancel := context.WithTimeout(ctx, s.config.Timeout)
		prepared, err := s.db.PrepareContext(one, st.text)
		cancel()
		if err != nil {
			return fmt.Errorf("sqlstore: prepare a statement, which shows whether the tables are as the migrations have made them: %w", err)
		}
		st.prepared = prepared
	}
	return nil
}

// Close closes the prepared statements, and not the database. It is needed only
// if the database stays open after the Store. After Close, each call of the
// Store returns an error.
func (s *Store) Close() error {
	s.made().closed.Store(true)
	var errs []error
	for _, st := range s.made().sql.all() {
		if st.prepared != nil {
			errs = append(errs, st.prepared.Close())
		}
	}
	return errors.Join(errs...)
}

// Sessions returns the store of sessions, for session.Config.Store.
func (s *Store) Sessions() session.Store { return sessions{s.made()} }

// Keys returns the store of API keys, for apikey.Config.Store.
func (s *Store) Keys() apikey.Store { return keys{s.made()} }

// Revocations returns the store of revocations, for jwt.Config.Revocations,
// introspection.Config.Revocations and [auth.Revoke].
func (s *Store) Revocations() auth.Revocations { return revocations{s.made()} }

// Replays returns the store of used proofs, for dpop.Config.Replays.
func (s *Store) Replays() dpop.Replays { return replays{s.made()} }

// Quotas returns the store of quotas, for ratelimit.Config.Store. It knows
// fixed windows and the windows of a calendar, of at least Config.MinWindow:
// how much a customer may use in a day or in a month. ratelimit.New returns an
// error for any other Rate. The quotas are not for limits against floods: each
// request that counts writes to the database. Use the memory or Redis for
// these. "10/second; 1000/day" is then two limits with two Stores.
func (s *Store) Quotas() ratelimit.Store { return quotas{s.made()} }

// Sweep deletes what has expired, in batches of 500 rows. Each batch is a
// transaction of its own, and leaves out the rows that others have locked. Call
// it every few minutes, in one process or in all. It ends when nothing is left
// that has expired, or with an error of ctx.
func (s *Store) Sweep(ctx context.Context) error { return s.made().sweep(ctx, tables...) }

func (s *Store) sweep(ctx context.Context, tables ...string) error {
	var errs []error
	for _, table := range tables {
		var args []any
		if refuses(table) {
			args = append(args, s.here().UnixMicro())
		}
		for deleted := int64(batch); deleted >= batch; {
			err := s.call(ctx, "sweep "+table, func(ctx context.Context, in seat) (err error) {
				deleted, err = in.exec(ctx, s.sql.sweeps[table], args...)
				return err
			})
			if err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

// nowhere stands for a Store that New has not made: each of its calls returns
// an error.
var nowhere = &Store{here: time.Now, sql: statementsOf(dialect{}), seal: seal{keys: [][]byte{{}}}, rooms: roomsOf(Config{})}

func (s *Store) made() *Store {
	if s == nil || s.db == nil {
		return nowhere
	}
	return s
}

// unmade is the error of a Store that New has not made.
func unmade() error { return fault.Unmade("sqlstore.Store", "New") }

var errClosed = errors.New("the Store is closed")

// isAnswer reports whether an error is an answer of a store. Any other error is
// an outage.
func isAnswer(err error) bool {
	return errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrConflict) || errors.Is(err, auth.ErrFull) || errors.Is(err, session.ErrLoggedOut)
}
