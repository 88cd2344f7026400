package redisstore_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// conform runs the suites of all four stores.
func conform(t *testing.T, client redisstore.Client, change ...func(*redisstore.Config)) {
	t.Run("sessions", func(t *testing.T) {
		authtest.TestSessionStore(t, func(t *testing.T) session.Store { return open(t, client, change...).Sessions() })
	})
	t.Run("keys", func(t *testing.T) {
		authtest.TestKeyStore(t, func(t *testing.T) apikey.Store { return open(t, client, change...).Keys() })
	})
	t.Run("revocations", func(t *testing.T) {
		authtest.TestRevocations(t, func(t *testing.T) auth.Revocations { return open(t, client, change...).Revocations() })
	})
	t.Run("replays", func(t *testing.T) {
		authtest.TestReplays(t, func(t *testing.T) dpop.Replays { return open(t, client, change...).Replays() })
	})
}

func TestStoreKeepsTheRules(t *testing.T) {
	t.Parallel() // most of the time it waits
	conform(t, redisstore.Rueidis(redisOf(t)))
}

func TestStoreKeepsTheRulesInACluster(t *testing.T) {
	t.Parallel() // most of the time it waits
	engine.Need(t, engine.RedisServer)
	cluster, err := engine.RedisCluster(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	conform(t, redisstore.Rueidis(dialTo(t, cluster.Password(), false, cluster.Addrs()...)))
}

// With a replica each write waits for it.
func TestStoreKeepsTheRulesBehindSentinel(t *testing.T) {
	t.Parallel() // most of the time it waits
	engine.Need(t, engine.RedisServer)
	group, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Close)
	client := redisstore.Rueidis(dialTo(t, group.Password(), true, group.Addrs()...))
	synced(t, client)
	conform(t, client, func(c *redisstore.Config) { c.Replicas = 1 })
}
