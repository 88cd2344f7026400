package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// full has little room, so that the suites see a full store.
func full(c *sqlstore.Config) { c.MaxSessions, c.MaxKeys = 1700, 1700 }

func TestSessions(t *testing.T) {
	t.Parallel()
	url := server(t)
	authtest.TestSessionStore(t, func(t *testing.T) session.Store { s, _ := open(t, url, full); return s.Sessions() })
}

func TestKeys(t *testing.T) {
	t.Parallel()
	url := server(t)
	authtest.TestKeyStore(t, func(t *testing.T) apikey.Store { s, _ := open(t, url, full); return s.Keys() })
}

func TestRevocations(t *testing.T) {
	t.Parallel()
	url := server(t)
	authtest.TestRevocations(t, func(t *testing.T) auth.Revocations { s, _ := open(t, url, nil); return s.Revocations() })
}

func TestReplays(t *testing.T) {
	t.Parallel()
	url := server(t)
	authtest.TestReplays(t, func(t *testing.T) dpop.Replays { s, _ := open(t, url, nil); return s.Replays() })
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

// Without libfaketime, the suite does not set the clock.
func TestQuotas(t *testing.T) {
	t.Parallel()
	engine.Need(t, engine.PostgresServer)
	faked, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Clock: true})
	var absent *engine.Absent
	if errors.As(err, &absent) {
		url := server(t)
		ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store { s, _ := open(t, url, nil); return s.Quotas() })
		return
	}
	must(t, err)
	t.Cleanup(faked.Close)
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		must(t, faked.SetClock(0))
		s, _ := open(t, faked.DSN(), nil)
		return clocked{s.Quotas().(ratelimit.PartialStore), t, faked, new(time.Duration)}
	})
}
