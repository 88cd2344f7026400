package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

const childAddr, childPass, childPrefix = "BULWARK_CHILD_ADDR", "BULWARK_CHILD_PASS", "BULWARK_CHILD_PREFIX"

// TestChild is not a test. It is a process that logs in, refreshes, issues and
// rotates until somebody kills it, and prints a line for each round.
func TestChild(t *testing.T) {
	if os.Getenv(childAddr) == "" {
		t.Skip("it is run by TestAProcessThatIsKilled")
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{os.Getenv(childAddr)}, Password: os.Getenv(childPass), DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	store, err := redisstore.New(context.Background(), redisstore.Config{Client: redisstore.Rueidis(client), Secrets: [][]byte{secret(1)}, Prefix: os.Getenv(childPrefix)})
	if err != nil {
		t.Fatal(err)
	}
	for worker := range 8 {
		go churn(store, fmt.Sprint(os.Getpid(), "-", worker))
	}
	select {}
}

// churn never ends.
func churn(store *redisstore.Store, name string) {
	sessions, keys, ctx := store.Sessions(), store.Keys(), context.Background()
	for n := 0; ; n++ {
		id, hour := fmt.Sprint(name, "-", n), time.Now().Add(time.Hour)
		sessions.Create(ctx, loginOf(id, name), 3, nil)
		if s, err := sessions.Get(ctx, id); err == nil {
			s.Generation++
			sessions.Update(ctx, s)
			sessions.Touch(ctx, id, 0)
		}
		if n%5 == 0 {
			sessions.Delete(ctx, id)
		}
		keys.Create(ctx, keyOf(id, name))
		if rec, err := keys.Get(ctx, id); err == nil {
			rec.Subject = fmt.Sprint(name, "-", n%3)
			keys.Update(ctx, rec)
			keys.Mark(ctx, id, apikey.Used, time.Now(), 0)
		}
		sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: id}, time.Now(), hour)
		store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: id, Expires: hour})
		fmt.Println("round", id)
	}
}

// runChild starts the process and lets it work for some rounds.
func runChild(t *testing.T, server *engine.Server, prefix string, rounds int) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childAddr+"="+server.Addr(), childPass+"="+server.Password(), childPrefix+"="+prefix)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range rounds {
		if !lines.Scan() {
			t.Fatal("the child has ended")
		}
	}
	go func() { // so that it does not wait for a reader
		for lines.Scan() {
		}
	}()
	return child
}

// usable looks at each row as a service does.
func usable(t *testing.T, store *redisstore.Store) {
	t.Helper()
	after, seen := "", 0
	for {
		page, err := store.Sessions().List(t.Context(), session.Filter{After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			if s.Hash != loginOf(s.ID, "").Hash || s.Generation > 1 {
				t.Errorf("the session %s has a wrong content", s.ID)
			}
			if after = s.ID; seen%20 == 0 {
				if err := store.Sessions().Update(t.Context(), s); err != nil && !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("Update of %s: %v", s.ID, err)
				}
			}
			seen++
		}
		if len(page) < 1000 {
			break
		}
	}
	records, err := store.Keys().List(t.Context(), apikey.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if len(rec.Secrets) != 1 || rec.Secrets[0].Hash != keyOf(rec.ID, "").Secrets[0].Hash {
			t.Errorf("the key %s has a wrong content", rec.ID)
		}
	}
	if seen == 0 || len(records) == 0 {
		t.Errorf("%d sessions and %d keys", seen, len(records))
	}
}

// A process that is killed leaves whole rows, whatever it was doing: each
// change is one step of Redis.
func TestAProcessThatIsKilled(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix, c.MaxSessions, c.MaxKeys = c.Prefix, 1<<20, 1<<20 })
	for i := range 5 {
		child := runChild(t, server, prefix, 20+17*i)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait()
		rows := whole(t, client, prefix, false)
		usable(t, store)
		t.Logf("%d rows are whole", rows)
	}
}

// Redis that is killed has each step whole or not at all.
func TestRedisThatIsKilled(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{Options: []string{"appendonly yes", "appendfsync everysec"}})
	var prefix string
	open(t, redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr())), func(c *redisstore.Config) { prefix = c.Prefix })
	for i := range 3 {
		child := runChild(t, server, prefix, 30+23*i)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Process.Kill()
		child.Wait()
		store := again(t, server, prefix)
		rows := whole(t, redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr())), prefix, false)
		usable(t, store)
		t.Logf("%d rows are whole", rows)
	}
}
