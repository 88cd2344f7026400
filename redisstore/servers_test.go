package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// redis starts one server.
func redis(t testing.TB, c engine.RedisConfig) *engine.Server {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	if c.Clock {
		engine.Need(t, engine.Faketime)
	}
	server, err := engine.Redis(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// dial connects to one server, or to one that starts later.
func dial(t testing.TB, server *engine.Server) rueidis.Client {
	t.Helper()
	return connect(t, rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: server.Password(), ForceSingleClient: true})
}

func connect(t testing.TB, option rueidis.ClientOption) rueidis.Client {
	t.Helper()
	option.DisableCache = true
	option.ConnWriteTimeout = time.Second
	client, err := rueidis.NewClient(option)
	if client == nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func cluster(t testing.TB) (*engine.Cluster, rueidis.Client) {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	c, err := engine.RedisCluster(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, connect(t, rueidis.ClientOption{InitAddress: c.Addrs(), Password: c.Password()})
}

func sentinel(t testing.TB) (*engine.Sentinel, rueidis.Client) {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	s, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, connect(t, rueidis.ClientOption{InitAddress: s.Addrs(), Password: s.Password(),
		Sentinel: rueidis.SentinelOption{MasterSet: engine.PrimaryName, Password: s.Password(), TopologyRefreshInterval: time.Second}})
}

// ask sends a command to a server, past all clients.
func ask(t testing.TB, server *engine.Server, command ...string) any {
	t.Helper()
	reply, err := server.Do(context.WithoutCancel(t.Context()), command...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// limits makes a store for tests, in which only what a test is about fails.
func limits(t testing.TB, client redisstore.Client, change func(*redisstore.LimitsConfig)) *redisstore.Limits {
	t.Helper()
	c := redisstore.LimitsConfig{Client: client, Secret: []byte(strings.Repeat("s", 32)), Timeout: 10 * time.Second, MaxKeys: 4096}
	if change != nil {
		change(&c)
	}
	l, err := redisstore.NewLimits(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
