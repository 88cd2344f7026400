package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// used is the memory that a server uses for its keys.
func used(t *testing.T, client redisstore.Client) int {
	t.Helper()
	text := raw(t, client, "", "INFO", "memory").(string)
	for line := range strings.Lines(text) {
		if value, has := strings.CutPrefix(line, "used_memory_dataset:"); has {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("INFO memory has no used_memory_dataset")
	return 0
}

// The bytes that the comments of Config promise.
func TestBytesOfEachEntry(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	const n = 8000
	store := open(t, client, func(c *redisstore.Config) {
		c.MaxSessions, c.MaxKeys, c.MaxRevocations, c.MaxProofs = 4*n, 4*n, 4*n, 1<<20
	})
	ctx, hour := t.Context(), time.Now().Add(time.Hour)
	for _, test := range []struct {
		name string
		most int
		add  func(i int) error
	}{
		{"session", 1024, func(i int) error {
			s := loginOf(rand.Text()[:22], fmt.Sprint("user-", i, "@example.com"))
			s.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
			s.Provider = session.Provider{}
			_, err := store.Sessions().Create(ctx, s, 5, nil)
			return err
		}},
		{"session of a provider", 1536, func(i int) error {
			s := loginOf(rand.Text()[:22], fmt.Sprint("user-", i, "@example.com"))
			s.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
			s.Provider = session.Provider{Issuer: "https://idp.example", Subject: rand.Text(), SessionID: rand.Text()}
			_, err := store.Sessions().Create(ctx, s, 5, nil)
			return err
		}},
		{"logout", 256, func(i int) error {
			return store.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "https://idp.example", SessionID: rand.Text()}, time.Now(), hour)
		}},
		{"key", 1024, func(i int) error { return store.Keys().Create(ctx, keyOf(rand.Text()[:16], fmt.Sprint("user-", i))) }},
		{"owner", 256, func(i int) error { return store.Keys().RevokeOwner(ctx, issuer, rand.Text(), time.Now(), hour) }},
		{"revocation", 150, func(i int) error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: rand.Text(), Expires: hour.Add(time.Duration(i) * time.Microsecond)})
		}},
		{"proof of one client", 200, func(i int) error {
			_, err := store.Replays().Use(ctx, "client", rand.Text(), hour)
			return err
		}},
		{"proof of its own client", 250, func(i int) error {
			_, err := store.Replays().Use(ctx, rand.Text(), rand.Text(), hour)
			return err
		}},
	} {
		before := used(t, client)
		for i := range n {
			if err := test.add(i); err != nil {
				t.Fatal(err)
			}
		}
		each := (used(t, client) - before) / n
		t.Logf("a %s takes %d bytes", test.name, each)
		if each < 30 || each > test.most {
			t.Errorf("a %s takes %d bytes, want at most %d", test.name, each, test.most)
		}
	}
}

// The operations of a request, over a server on this machine.
func BenchmarkStore(b *testing.B) {
	engine.Need(b, engine.RedisServer)
	server, err := engine.Redis(b.Context(), b.TempDir(), engine.RedisConfig{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	client := connect(b, rueidisOption(server))
	store, err := redisstore.New(b.Context(), redisstore.Config{Client: redisstore.Rueidis(client), Secrets: [][]byte{secret(1)}, MaxRevocations: 1 << 24, MaxProofs: 1 << 28})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	sessions, keys, hour := store.Sessions(), store.Keys(), time.Now().Add(time.Hour)
	if _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); err != nil {
		b.Fatal(err)
	}
	if err := keys.Create(ctx, keyOf("a", "alice")); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	for name, do := range map[string]func() error{
		"session-get": func() error { _, err := sessions.Get(ctx, "a"); return err },
		"touch":       func() error { return sessions.Touch(ctx, "a", time.Minute) },
		"login": func() error {
			_, err := sessions.Create(ctx, loginOf(fmt.Sprint(n.Add(1)), "bob"), 5, nil)
			return err
		},
		"key-get": func() error { _, err := keys.Get(ctx, "a"); return err },
		"revoked": func() error {
			_, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "t", SessionID: "s", Subject: "u"})
			return err
		},
		"use": func() error {
			_, err := store.Replays().Use(ctx, fmt.Sprint(n.Add(1)%1000), fmt.Sprint(n.Load()), hour)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := do(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
