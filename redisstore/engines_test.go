package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// again makes a store over a server that was started again.
func again(t *testing.T, server *engine.Server, prefix string) *redisstore.Store {
	t.Helper()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	store, err := redisstore.New(t.Context(), redisstore.Config{Client: redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr())),
		Secrets: [][]byte{secret(1)}, Prefix: prefix, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Revocations that were confirmed are there after Redis was killed, if it keeps
// an append-only file. The numbers are in the package comment.
func TestRevocationsOutliveRedis(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []string
		lost    func(acknowledged, lost int) bool // is as documented
	}{
		{"always", []string{"appendonly yes", "appendfsync always"}, func(_, lost int) bool { return lost == 0 }},
		{"everysec", []string{"appendonly yes", "appendfsync everysec"}, func(all, lost int) bool { return lost < all }},
		{"none", []string{"appendonly no", "save \"\""}, func(all, lost int) bool { return lost == all }},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := startRedis(t, engine.RedisConfig{Options: test.options})
			var prefix string
			store := open(t, redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr())), func(c *redisstore.Config) {
				prefix, c.Timeout, c.MaxRevocations = c.Prefix, time.Second, 1<<20
			})
			done := make(chan int)
			begun := make(chan bool)
			go func() { // until the server is gone
				for n := 0; ; n++ {
					if err := store.Revocations().Revoke(context.Background(), auth.Revocation{Issuer: issuer, TokenID: fmt.Sprint(n), Expires: time.Now().Add(time.Hour)}); err != nil {
						done <- n
						return
					}
					if n == 500 {
						close(begun)
					}
				}
			}()
			<-begun
			if err := server.Kill(); err != nil {
				t.Fatal(err)
			}
			acknowledged, lost := <-done, 0
			store = again(t, server, prefix)
			for i := range acknowledged {
				revoked, err := store.Revocations().Revoked(t.Context(), &bulwark.Principal{Issuer: issuer, TokenID: fmt.Sprint(i)})
				if err != nil {
					t.Fatal(err)
				}
				if !revoked {
					lost++
				} else if lost > 0 {
					t.Fatalf("revocation %d is there, and an earlier one is lost", i)
				}
			}
			t.Logf("of %d revocations %d were lost", acknowledged, lost)
			if !test.lost(acknowledged, lost) {
				t.Errorf("of %d revocations %d were lost", acknowledged, lost)
			}
		})
	}
}

// A server that hangs is an outage within the Timeout, and nobody waits behind
// another call.
func TestAServerThatHangs(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	store := open(t, redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr())), func(c *redisstore.Config) { c.Timeout = 500 * time.Millisecond })
	if _, err := store.Sessions().Create(t.Context(), loginOf("a", "alice"), 5, nil); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := store.Sessions().Get(t.Context(), "a"); err == nil || errors.Is(err, auth.ErrNotFound) {
				t.Errorf("Get: %v", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(begin); took > 12*time.Second { // one after the other it would be 25
		t.Errorf("50 calls at once took %v", took)
	}
	if err := server.Continue(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := store.Sessions().Get(t.Context(), "a")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover: %v", err)
		}
	}
}

// synced waits until the replica confirms writes: up to a second after it has
// connected.
func synced(t *testing.T, client redisstore.Client) {
	t.Helper()
	replies, err := client.Do(t.Context(), "", []string{"SET", "synced", "1"}, []string{"WAIT", "1", "20000"})
	if err != nil || replies[1] != int64(1) {
		t.Fatalf("the replica does not confirm: %v, %v", replies, err)
	}
}

// A write that too few replicas have confirmed is an error, and stands.
func TestReplicas(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	group, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Close)
	count := &counter{Client: redisstore.Rueidis(dialTo(t, group.Password(), true, group.Addrs()...))}
	var prefix string
	store := open(t, count, func(c *redisstore.Config) { c.Replicas, c.Timeout, prefix = 1, 2*time.Second, c.Prefix })
	synced(t, count.Client)
	patient := open(t, count, func(c *redisstore.Config) { c.Prefix, c.Timeout = prefix, time.Second })
	sessions, ctx := store.Sessions(), t.Context()
	if _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); err != nil {
		t.Fatal(err)
	}
	count.since()
	if err := sessions.Touch(ctx, "a", 0); err != nil {
		t.Fatal(err)
	}
	if _, sends := count.since(); !strings.HasSuffix(sends, " WAIT") {
		t.Errorf("a write sends %q", sends)
	}
	if _, err := sessions.Get(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if calls, sends := count.since(); calls != 1 || strings.Contains(sends, "WAIT") {
		t.Errorf("a read sends %q", sends)
	}
	if err := group.Servers[1].Stop(); err != nil { // the replica
		t.Fatal(err)
	}
	t.Cleanup(func() { group.Servers[1].Continue() })
	hour := time.Now().Add(time.Hour)
	for name, write := range map[string]func() error{
		"session": func() error { _, err := sessions.Create(ctx, loginOf("b", "bob"), 5, nil); return err },
		"key":     func() error { return store.Keys().Create(ctx, keyOf("b", "bob")) },
		"revocation": func() error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: hour})
		},
		"proof": func() error {
			first, err := store.Replays().Use(ctx, "client", "id", hour)
			if first {
				t.Error("a proof that is not confirmed is first")
			}
			return err
		},
	} {
		err := write()
		if err == nil || !strings.Contains(err.Error(), "the write is on the primary") || !strings.Contains(err.Error(), "0 of 1 replicas") {
			t.Errorf("a %s that no replica has: %v", name, err)
		}
		for _, known := range []error{auth.ErrNotFound, auth.ErrConflict, auth.ErrFull, session.ErrLoggedOut} {
			if errors.Is(err, known) {
				t.Errorf("a %s that no replica has: %v", name, err)
			}
		}
	}
	if _, err := sessions.Get(ctx, "b"); err != nil {
		t.Errorf("the session stands on the primary: %v", err)
	}
	if _, err := sessions.Create(ctx, loginOf("b", "bob"), 5, nil); !errors.Is(err, auth.ErrConflict) {
		t.Errorf("an answer that changes nothing needs no replica: %v", err)
	}
	if _, err := patient.Sessions().Create(ctx, loginOf("c", "carol"), 5, nil); err != nil {
		t.Errorf("without Replicas: %v", err)
	}
}

// What a failover loses is what was not confirmed.
func TestStoreAfterAFailover(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	for _, replicas := range []int{0, 1} {
		t.Run(fmt.Sprint("replicas-", replicas), func(t *testing.T) {
			group, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(group.Close)
			client := redisstore.Rueidis(dialTo(t, group.Password(), true, group.Addrs()...))
			var prefix string
			store := open(t, client, func(c *redisstore.Config) { c.Replicas, c.Timeout, prefix = replicas, 2*time.Second, c.Prefix })
			synced(t, client)
			revoke := func(n int) error {
				return store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: fmt.Sprint(n), Expires: time.Now().Add(time.Hour)})
			}
			var confirmed []int
			for n := range 200 {
				if n == 100 { // from here on the replica gets nothing
					if err := group.Servers[1].Stop(); err != nil {
						t.Fatal(err)
					}
					raw(t, client, "", "CLIENT", "KILL", "TYPE", "replica")
				}
				if n >= 103 && replicas > 0 {
					break // each waits in vain
				}
				if err := revoke(n); err == nil {
					confirmed = append(confirmed, n)
				} else if n < 100 {
					t.Errorf("revocation %d: %v", n, err)
				}
			}
			if err := group.Servers[0].Kill(); err != nil {
				t.Fatal(err)
			}
			if err := group.Servers[1].Continue(); err != nil {
				t.Fatal(err)
			}
			if _, err := group.Failover(t.Context()); err != nil {
				t.Fatal(err)
			}
			fresh := redisstore.Rueidis(dialTo(t, group.Password(), true, group.Addrs()...))
			after := open(t, fresh, func(c *redisstore.Config) { c.Prefix = prefix })
			lost := 0
			for _, n := range confirmed {
				revoked, err := after.Revocations().Revoked(t.Context(), &bulwark.Principal{Issuer: issuer, TokenID: fmt.Sprint(n)})
				if err != nil {
					t.Fatal(err)
				}
				if !revoked {
					lost++
				}
			}
			t.Logf("of %d revocations that returned nil %d were lost", len(confirmed), lost)
			if replicas > 0 && (lost > 0 || len(confirmed) != 100) || replicas == 0 && lost != 100 {
				t.Errorf("of %d revocations that returned nil %d were lost", len(confirmed), lost)
			}
		})
	}
}

// A replica refuses writes, which is an outage and not an answer.
func TestAReplicaIsAnOutage(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	store := open(t, client)
	if _, err := store.Sessions().Create(t.Context(), loginOf("a", "alice"), 5, nil); err != nil {
		t.Fatal(err)
	}
	raw(t, client, "", "REPLICAOF", "127.0.0.1", "1")
	raw(t, client, "", "CONFIG", "SET", "replica-serve-stale-data", "yes")
	for name, err := range map[string]error{
		"Touch":  store.Sessions().Touch(t.Context(), "a", 0),
		"Revoke": store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: "t"}),
	} {
		if err == nil || !strings.Contains(err.Error(), "READONLY") || errors.Is(err, auth.ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
