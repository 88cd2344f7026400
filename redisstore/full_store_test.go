package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

func TestEachStoreHasABound(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	store := open(t, client, func(c *redisstore.Config) { c.MaxSessions, c.MaxKeys, c.MaxRevocations = 3, 3, 3 })
	ctx, hour := t.Context(), time.Now().Add(time.Hour)
	for _, test := range []struct {
		name string
		add  func(id string) error
	}{
		{"sessions", func(id string) error {
			_, err := store.Sessions().Create(ctx, loginOf(id, id), 5, nil)
			return err
		}},
		{"logouts", func(id string) error {
			return store.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: id}, time.Now(), hour)
		}},
		{"keys", func(id string) error { return store.Keys().Create(ctx, keyOf(id, id)) }},
		{"owners", func(id string) error { return store.Keys().RevokeOwner(ctx, issuer, id, time.Now(), hour) }},
		{"revocations", func(id string) error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, SessionID: id, Expires: hour})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 3 {
				if err := test.add(fmt.Sprint("id-", i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.add("more"); !errors.Is(err, auth.ErrFull) {
				t.Errorf("one too many: %v", err)
			}
			if test.name == "sessions" || test.name == "keys" {
				return
			}
			for i := range 3 { // a mark that is there needs no room
				if err := test.add(fmt.Sprint("id-", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What has expired is in nobody's way, and each write forgets some of it.
func TestExpiredEntriesMakeRoom(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) {
		c.MaxSessions, c.MaxKeys, c.MaxRevocations, c.MaxProofs, prefix = 40, 40, 40, 16*40, c.Prefix
	})
	ctx := t.Context()
	add := func(id string, end time.Time) error {
		s, k := loginOf(id, "alice"), keyOf(id, "alice")
		s.ExpiresAt, k.ExpiresAt = end, end
		_, err := store.Sessions().Create(ctx, s, 1000, nil)
		first, used := store.Replays().Use(ctx, "client-"+id, "x", end)
		if !first && used == nil {
			used = errors.New("not first")
		}
		return errors.Join(err, used, store.Keys().Create(ctx, k),
			store.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: id}, time.Now(), end),
			store.Keys().RevokeOwner(ctx, issuer, id, time.Now(), end),
			store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: id, Expires: end}))
	}
	for i := range 40 {
		if err := add(fmt.Sprint("short-", i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("early", time.Now().Add(time.Hour)); !errors.Is(err, auth.ErrFull) {
		t.Fatalf("a full store: %v", err)
	}
	pass(t, client, prefix)
	for i := range 40 {
		if err := add(fmt.Sprint("long-", i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, client, prefix, false) // the writes have swept
	for _, key := range []string{":s}marks", ":k}marks", ":r}marks"} {
		if n := len(members(t, client, "{"+prefix+key)); n != 40 {
			t.Errorf("%s has %d marks, want 40", key, n)
		}
	}
}

// Redis at its maxmemory refuses new state and lets everything else go on.
func TestRedisAtItsMaxmemory(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{Options: []string{"maxmemory-policy noeviction"}})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	sessions, keys, ctx, hour := store.Sessions(), store.Keys(), t.Context(), time.Now().Add(time.Hour)
	login, key := loginOf("a", "alice"), keyOf("a", "alice")
	_, err := sessions.Create(ctx, login, 5, nil)
	if err := errors.Join(err, keys.Create(ctx, key), keys.RevokeOwner(ctx, issuer, "mallory", time.Now(), hour),
		store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: hour})); err != nil {
		t.Fatal(err)
	}
	raw(t, client, "", "CONFIG", "SET", "maxmemory", "1")
	before := raw(t, client, "", "DBSIZE")

	for name, refuse := range map[string]func() error{
		"session": func() error { _, err := sessions.Create(ctx, loginOf("b", "bob"), 5, nil); return err },
		"key":     func() error { return keys.Create(ctx, keyOf("b", "bob")) },
		"logout": func() error {
			return sessions.RevokeProvider(ctx, session.Provider{Issuer: "i", Subject: "s"}, time.Now(), hour)
		},
		"owner": func() error { return keys.RevokeOwner(ctx, issuer, "bob", time.Now(), hour) },
		"revocation": func() error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "u", Expires: hour})
		},
		"proof": func() error { _, err := store.Replays().Use(ctx, "client", "id", hour); return err },
	} {
		if err := refuse(); !errors.Is(err, auth.ErrFull) || !strings.Contains(err.Error(), "maxmemory") {
			t.Errorf("a new %s: %v, want ErrFull", name, err)
		}
	}
	if after := raw(t, client, "", "DBSIZE"); after != before {
		t.Errorf("%v keys after refusals, want %v", after, before)
	}
	whole(t, client, prefix, false)

	held, err := sessions.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	held.Generation++
	rec, err := keys.Get(ctx, "a")
	rec.Name = "changed"
	marked, err2 := keys.Mark(ctx, "a", apikey.Used, time.Now(), 0)
	if err := errors.Join(err, err2, sessions.Update(ctx, held), sessions.Touch(ctx, "a", 0), keys.Update(ctx, rec), store.Sweep(ctx)); err != nil || !marked {
		t.Errorf("changes of what is there: marked %t, %v", marked, err)
	}
	// A mark that is there can be made later.
	if err := keys.RevokeOwner(ctx, issuer, "mallory", time.Now(), hour.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if revoked, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "t"}); err != nil || !revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
	// A login in the place of an own session needs no room.
	if ended, err := sessions.Create(ctx, loginOf("a2", "alice"), 1, nil); err != nil || len(ended) != 1 {
		t.Errorf("a login in the place of another: %q, %v", ended, err)
	}
	if gone, err := sessions.Delete(ctx, "a2"); err != nil || !gone {
		t.Errorf("Delete: %t, %v", gone, err)
	}
	whole(t, client, prefix, false)
	raw(t, client, "", "CONFIG", "SET", "maxmemory", "0")
	if _, err := sessions.Create(ctx, loginOf("b", "bob"), 5, nil); err != nil {
		t.Error(err)
	}
}

// A client that sends more than its share is the one who is refused.
func TestProofsHaveAShareForEachClient(t *testing.T) {
	store := open(t, redisstore.Rueidis(redisOf(t)), func(c *redisstore.Config) { c.MaxProofs = 16 * 64 })
	replays, end := store.Replays(), time.Now().Add(time.Hour)
	held := map[string]int{}
	for _, client := range []string{"greedy", "greedy too"} {
		for i := range 100 {
			first, err := replays.Use(t.Context(), client, fmt.Sprint(i), end)
			if first && err == nil {
				held[client]++
			} else if first || !errors.Is(err, auth.ErrFull) {
				t.Fatal(first, err)
			}
		}
	}
	if held["greedy"] != 32 || held["greedy too"] > 32 || held["greedy too"] < 16 {
		t.Errorf("clients hold %v of 64", held)
	}
	for i := range 64 {
		if first, err := replays.Use(t.Context(), fmt.Sprint("client-", i), "0", end); !first || err != nil {
			t.Errorf("a client that holds nothing: %t, %v", first, err)
		}
	}
	if first, err := replays.Use(t.Context(), "greedy", "0", end); first || err != nil {
		t.Errorf("a known id needs no room: %t, %v", first, err)
	}
}

// The room of a client comes back when its ids end.
func TestProofsThatEndMakeRoom(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { c.MaxProofs, prefix = 16*8, c.Prefix })
	replays, hour := store.Replays(), time.Now().Add(time.Hour)
	for round := range 3 {
		for i := range 4 {
			if first, err := replays.Use(t.Context(), "client", fmt.Sprint(i), hour); !first || err != nil {
				t.Fatal(round, i, first, err)
			}
		}
		if _, err := replays.Use(t.Context(), "client", "more", hour); !errors.Is(err, auth.ErrFull) {
			t.Errorf("round %d: %v", round, err)
		}
		pass(t, client, prefix)
	}
	// An id comes back before anything was swept. It is counted once.
	if first, err := replays.Use(t.Context(), "client", "0", hour); !first || err != nil {
		t.Errorf("first %t, %v", first, err)
	}
	if err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(t, client, "{"+prefix+":p*clients") {
		if held := raw(t, client, key, "HVALS", key); fmt.Sprint(held) != "[1]" {
			t.Errorf("clients hold %v, want 1 id", held)
		}
	}
}
