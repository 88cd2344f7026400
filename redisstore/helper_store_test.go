package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// secret is a deployment key of tests.
func secret(n byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = n
	}
	return key
}

// startRedis starts a server of the test's own.
func startRedis(t *testing.T, c engine.RedisConfig) *engine.Server {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	server, err := engine.Redis(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// dialTo makes a client of rueidis for the addresses.
func dialTo(t *testing.T, password string, sentinel bool, addrs ...string) rueidis.Client {
	t.Helper()
	option := rueidis.ClientOption{InitAddress: addrs, Password: password, DisableCache: true, ConnWriteTimeout: 2 * time.Second}
	if sentinel {
		option.Sentinel = rueidis.SentinelOption{MasterSet: engine.PrimaryName, Password: password}
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// shared is one server for all tests that do not need one of their own.
var shared struct {
	sync.Mutex
	server *engine.Server
	client rueidis.Client
	dir    string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.client.Close()
		shared.server.Close()
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// redisOf returns a client of the shared server.
func redisOf(t *testing.T) rueidis.Client {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "redisstore")
		if err != nil {
			t.Fatal(err)
		}
		server, err := engine.Redis(context.Background(), dir, engine.RedisConfig{})
		if err != nil {
			t.Fatal(err)
		}
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: server.Password(),
			DisableCache: true, ConnWriteTimeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		shared.server, shared.client, shared.dir = server, client, dir
	}
	return shared.client
}

var prefixes atomic.Int64

// open makes a Store under a Prefix of its own.
func open(t *testing.T, client redisstore.Client, change ...func(*redisstore.Config)) *redisstore.Store {
	t.Helper()
	c := redisstore.Config{Client: client, Secrets: [][]byte{secret(1)}, Prefix: fmt.Sprint("test-", prefixes.Add(1)), Timeout: 10 * time.Second,
		MaxSessions: 1500, MaxKeys: 1500, MaxRevocations: 5000, MaxProofs: 16 * 10000}
	for _, f := range change {
		f(&c)
	}
	store, err := redisstore.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// raw sends commands past the store.
func raw(t *testing.T, client redisstore.Client, slot string, command ...string) any {
	t.Helper()
	replies, err := client.Do(t.Context(), slot, command)
	if err != nil {
		t.Fatal(err)
	}
	if err, failed := replies[0].(error); failed {
		t.Fatalf("%.60q: %v", command, err)
	}
	return replies[0]
}

// A counter counts the calls and the commands of a Client.
type counter struct {
	redisstore.Client
	calls, commands atomic.Int64
	mu              sync.Mutex
	seen            []string
}

func (c *counter) Do(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	c.calls.Add(1)
	c.commands.Add(int64(len(commands)))
	c.mu.Lock()
	for _, command := range commands {
		c.seen = append(c.seen, command[0])
	}
	c.mu.Unlock()
	return c.Client.Do(ctx, slot, commands...)
}

// since returns the calls and the commands since the last call of since.
func (c *counter) since() (calls int64, commands string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	commands = strings.Join(c.seen, " ")
	c.seen = nil
	return c.calls.Swap(0), commands
}

// A faulty Client answers for Redis.
type faulty struct {
	redisstore.Client
	answer func(commands [][]string) (replies []any, err error, answered bool)
}

func (f *faulty) Do(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	if replies, err, answered := f.answer(commands); answered {
		return replies, err
	}
	return f.Client.Do(ctx, slot, commands...)
}

var errNetwork = errors.New("connection reset by peer")

func rueidisOption(server *engine.Server) rueidis.ClientOption {
	return rueidis.ClientOption{InitAddress: []string{server.Addr()}, Password: server.Password(), DisableCache: true}
}
