package sqlstore_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// Calls that name the same cells in different orders do not wait for each other
// in a circle, which PostgreSQL would find only after a second.
func TestQuotasInAnyOrder(t *testing.T) {
	t.Parallel()
	server := own(t)
	s, _, admin, _ := small(t, server.DSN(), 16, 20*time.Second)
	var debited atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 20 {
				cells := []ratelimit.Cell{quota("a"), quota("b"), quota("c")}
				if i%2 == 0 {
					cells[0], cells[2] = cells[2], cells[0]
				}
				if ok, err := s.Quotas().Debit(t.Context(), cells); err != nil {
					t.Error(err)
				} else if ok {
					debited.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := debited.Load(); n != 100 {
		t.Errorf("%d Debits of 100", n)
	}
	var deadlocks int
	must(t, admin.QueryRowContext(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks))
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}
