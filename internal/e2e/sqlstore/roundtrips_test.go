package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// A counter is a driver that counts what goes to the server: each of its calls
// is one round trip.
type counter struct {
	driver.Connector
	trips atomic.Int64
}

func (c *counter) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn.(*stdlib.Conn), c}, nil
}

type countedConn struct {
	*stdlib.Conn
	c *counter
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.c.trips.Add(1)
	st, err := c.Conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &countedStmt{st.(*stdlib.Stmt), c.c}, nil
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.c.trips.Add(1)
	return c.Conn.QueryContext(ctx, query, args)
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.c.trips.Add(1)
	return c.Conn.ExecContext(ctx, query, args)
}

func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.c.trips.Add(1)
	tx, err := c.Conn.BeginTx(ctx, opts)
	return countedTx{tx, c.c}, err
}

type countedTx struct {
	driver.Tx
	c *counter
}

func (t countedTx) Commit() error   { t.c.trips.Add(1); return t.Tx.Commit() }
func (t countedTx) Rollback() error { t.c.trips.Add(1); return t.Tx.Rollback() }

type countedStmt struct {
	*stdlib.Stmt
	c *counter
}

func (s *countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.c.trips.Add(1)
	return s.Stmt.QueryContext(ctx, args)
}

func (s *countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.c.trips.Add(1)
	return s.Stmt.ExecContext(ctx, args)
}

// How many round trips each call needs, on a connection on which its statements
// are prepared. The package comment has these numbers.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	url := server(t)
	admin := connect(t, url)
	c := config(t, admin)
	must(t, sqlstore.Migrate(t.Context(), admin, c))
	connector, err := stdlib.GetDefaultDriver().(*stdlib.Driver).OpenConnector(url)
	must(t, err)
	counted := &counter{Connector: connector}
	db := sql.OpenDB(counted)
	defer db.Close()
	db.SetMaxOpenConns(1)
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	seed(t, s)
	ctx := t.Context()
	n := 0
	next := func() string { n++; return fmt.Sprint("new-", n) }
	for _, test := range []struct {
		call string
		want int64
		f    func() error
	}{
		{"Sessions.Get", 1, func() error { _, err := s.Sessions().Get(ctx, "seed"); return err }},
		{"a refresh: Sessions.Get and Update", 2, func() error {
			held, err := s.Sessions().Get(ctx, "seed")
			must(t, err)
			held.Generation++
			return s.Sessions().Update(ctx, held)
		}},
		{"Sessions.Touch", 1, func() error { return s.Sessions().Touch(ctx, "seed", 0) }},
		{"Sessions.Create", 6, func() error { _, err := s.Sessions().Create(ctx, login(next(), next()), 5, nil); return err }},
		{"Sessions.Create and Delete", 7, func() error {
			_, err := s.Sessions().Create(ctx, login("gone", "carol"), 5, nil)
			must(t, err)
			_, err = s.Sessions().Delete(ctx, "gone")
			return err
		}},
		{"Sessions.RevokeProvider", 4, func() error {
			return s.Sessions().RevokeProvider(ctx, login(next(), "").Provider, time.Now(), time.Now().Add(time.Hour))
		}},
		{"Keys.Get", 1, func() error { _, err := s.Keys().Get(ctx, "seed"); return err }},
		{"Keys.Mark", 1, func() error { _, err := s.Keys().Mark(ctx, "seed", apikey.Used, time.Now(), 0); return err }},
		{"Keys.Create", 5, func() error { return s.Keys().Create(ctx, key(next())) }},
		{"Keys.Get and Update", 6, func() error { return rotate(ctx, s) }},
		{"Revocations.Revoked", 1, func() error { _, err := s.Revocations().Revoked(ctx, token("seed")); return err }},
		{"Revocations.Revoke", 1, func() error { return s.Revocations().Revoke(ctx, revocation(next())) }},
		{"Replays.Use", 1, func() error { _, err := s.Replays().Use(ctx, "c", next(), time.Now().Add(time.Hour)); return err }},
		{"Quotas.Debit", 2, func() error { _, err := s.Quotas().Debit(ctx, []ratelimit.Cell{quota("alice")}); return err }},
		{"Quotas.Debit without room", 1, func() error {
			cell := quota("alice")
			cell.Cost = 101
			_, err := s.Quotas().Debit(ctx, []ratelimit.Cell{cell})
			return err
		}},
		{"Quotas.Debit of two cells", 7, func() error { _, err := s.Quotas().Debit(ctx, []ratelimit.Cell{quota(next()), quota("b")}); return err }},
		{"Quotas.Refund", 1, func() error {
			cell := quota("alice")
			cell.Taken = 1
			return s.Quotas().Refund(ctx, []ratelimit.Cell{cell})
		}},
	} {
		must(t, test.f()) // prepares the statements on the connection, and counts the rows
		before := counted.trips.Load()
		must(t, test.f())
		if got := counted.trips.Load() - before; got != test.want {
			t.Errorf("%s: %d round trips, want %d", test.call, got, test.want)
		}
	}
}
