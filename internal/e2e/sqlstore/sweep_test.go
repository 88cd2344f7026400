package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"
)

// Sweep does not wait for a row that somebody else has locked, and deletes all
// others that have expired, over several batches.
func TestSweepBesideALock(t *testing.T) {
	t.Parallel()
	s, _, admin, c := small(t, server(t), 4, 9*time.Second)
	seed(t, s)
	table := c.Schema + ".bulwark_revocations"
	count := func() (n int) {
		must(t, admin.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
		return n
	}
	_, err := admin.ExecContext(t.Context(), "INSERT INTO "+table+" SELECT sha256(i::text::bytea), 0, 1, '', '' FROM generate_series(1, 1203) AS i")
	must(t, err)
	lock, err := admin.BeginTx(context.Background(), &sql.TxOptions{})
	must(t, err)
	defer lock.Rollback()
	var locked int
	must(t, lock.QueryRowContext(t.Context(), "SELECT 1 FROM "+table+" WHERE digest = sha256('7') FOR UPDATE").Scan(&locked))
	must(t, s.Sweep(t.Context()))
	if n := count(); n != 2 { // the locked row, and the one of seed
		t.Errorf("%d rows after a Sweep beside a lock, want 2", n)
	}
	must(t, lock.Rollback(), s.Sweep(t.Context()))
	if n := count(); n != 1 {
		t.Errorf("%d rows after a Sweep, want 1", n)
	}
	recovers(t, s)
}
