package sqlstore_test

import (
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// The default isolation of a database may be any. With REPEATABLE READ a
// transaction that has waited for a lock would see the state before.
func TestAnyDefaultIsolation(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"repeatable read", "serializable"} {
		url := with(t, server(t), "default_transaction_isolation", isolation)
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			authtest.TestSessionStore(t, func(t *testing.T) session.Store { s, _ := open(t, url, nil); return s.Sessions() })
			authtest.TestKeyStore(t, func(t *testing.T) apikey.Store { s, _ := open(t, url, nil); return s.Keys() })
		})
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

// clocked is a store whose server has a clock that the suite can set.
type clocked struct {
	ratelimit.PartialStore
	t      *testing.T
	server *engine.Server
	ahead  *time.Duration
}

func (c clocked) StepClock(d time.Duration) {
	*c.ahead += d
	must(c.t, c.server.SetClock(*c.ahead))
}

// A failover may set the clock back: nobody is locked out.
func TestQuotasWithASteppedClock(t *testing.T) {
	t.Parallel()
	engine.Need(t, engine.PostgresServer, engine.Faketime)
	server, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Clock: true})
	must(t, err)
	t.Cleanup(server.Close)
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		must(t, server.SetClock(0))
		s, _ := open(t, server.DSN(), nil)
		return clocked{s.Quotas().(ratelimit.PartialStore), t, server, new(time.Duration)}
	})
}
