package sqlstore_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// The default isolation of a database may be any. With REPEATABLE READ a
// transaction that has waited for a lock would see the state before, and a
// statement that has waited for a row is undone and must begin again.
func TestAnyDefaultIsolation(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"repeatable read", "serializable"} {
		s, _ := open(t, with(t, server(t), "default_transaction_isolation", isolation), nil)
		seed(t, s)
		held, err := s.Sessions().Get(t.Context(), "seed")
		must(t, err)
		const crowd, limit = 32, 4
		var updated, used, debited atomic.Int64
		ended, begin := make(chan string, crowd), make(chan struct{})
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				<-begin // at once, so that they meet
				next := held
				next.Generation = i + 1
				if err := s.Sessions().Update(t.Context(), next); err == nil {
					updated.Add(1)
				} else if !errors.Is(err, auth.ErrConflict) {
					t.Errorf("%s: Update: %v", isolation, err)
				}
				if first, err := s.Replays().Use(t.Context(), "c", "once", time.Now().Add(time.Hour)); err != nil {
					t.Errorf("%s: Use: %v", isolation, err)
				} else if first {
					used.Add(1)
				}
				r := auth.Revocation{Issuer: issuer, Subject: "crowd", IssuedUntil: time.Now().Add(-time.Duration(i) * time.Minute)}
				if err := s.Revocations().Revoke(t.Context(), r); err != nil {
					t.Errorf("%s: Revoke: %v", isolation, err)
				}
				cell := quota("crowd")
				cell.Policy.Limit, cell.Policy.Burst = 10, 10
				if ok, err := s.Quotas().Debit(t.Context(), []ratelimit.Cell{cell}); err != nil {
					t.Errorf("%s: Debit: %v", isolation, err)
				} else if ok {
					debited.Add(1)
				}
				ids, err := s.Sessions().Create(t.Context(), login(fmt.Sprint("s", i), "crowd"), limit, nil)
				if err != nil {
					t.Errorf("%s: Create: %v", isolation, err)
				}
				for _, id := range ids {
					ended <- id
				}
			})
		}
		close(begin)
		wg.Wait()
		left, err := s.Sessions().List(t.Context(), session.Filter{Subject: "crowd"})
		if err != nil || len(left) != limit || len(ended) != crowd-limit {
			t.Errorf("%s: %d sessions are left and %d are ended, %v, want %d and %d", isolation, len(left), len(ended), err, limit, crowd-limit)
		}
		if updated.Load() != 1 || used.Load() != 1 || debited.Load() != 10 {
			t.Errorf("%s: %d Updates of 1, %d first uses of 1, %d Debits of 10", isolation, updated.Load(), used.Load(), debited.Load())
		}
	}
}

// A pooler in transaction mode may know no prepared statements: pgx then sends
// the text each time.
func TestUnprepared(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe", "describe_exec", "cache_statement"} {
		s, db := open(t, with(t, server(t), "default_query_exec_mode", mode), func(c *sqlstore.Config) { c.Unprepared = true })
		seed(t, s)
		recovers(t, s)
		must(t, rotate(t.Context(), s), s.Sweep(t.Context()))
		for _, f := range []session.Filter{{Issuer: issuer}, {Subject: "alice", After: "a"}, {Provider: login("seed", "alice").Provider}} {
			if all, err := s.Sessions().List(t.Context(), f); err != nil || len(all) < 1 {
				t.Errorf("%s: List of %+v: %d, %v", mode, f, len(all), err)
			}
		}
		var named int
		must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&named))
		if mode != "cache_statement" && named > 0 {
			t.Errorf("%s: %d prepared statements", mode, named)
		}
	}
}
