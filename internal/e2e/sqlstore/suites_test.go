package sqlstore_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
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

func TestQuotas(t *testing.T) {
	t.Parallel()
	url := server(t)
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store { s, _ := open(t, url, nil); return s.Quotas() })
}
