package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// acl is the user that the comment of Store names.
const acl = "~{shop:* +eval +evalsha +get +set +setnx +setrange +getrange +exists +del +zadd +zrem +zscore +zcard +zcount +zrange " +
	"+zrangebyscore +zrangebylex +hget +hset +hdel +hincrby +time +info +wait"

// The commands and keys that the comment names are enough.
func TestTheUserOfRedis(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	admin := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	raw(t, admin, "", append([]string{"ACL", "SETUSER", "shop", "on", ">password", "resetkeys", "-@all", "+hello", "+client", "+ping"}, strings.Fields(acl)...)...)
	client := connect(t, rueidis.ClientOption{InitAddress: []string{server.Addr()}, Username: "shop", Password: "password"})
	store := open(t, redisstore.Rueidis(client), func(c *redisstore.Config) { c.Prefix = "shop" })
	ctx, hour := t.Context(), time.Now().Add(time.Hour)
	for _, rows := range rowStores(ctx, "shop", store) {
		if err := errors.Join(rows.create("a", "alice"), rows.get("a"), rows.update("a"), rows.list()); err != nil {
			t.Errorf("%s: %v", rows.name, err)
		}
	}
	_, deleted := store.Sessions().Delete(ctx, "a")
	_, marked := store.Keys().Mark(ctx, "a", apikey.Used, time.Now(), 0)
	_, revoked := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, Subject: "alice"})
	_, used := store.Replays().Use(ctx, "client", "id", hour)
	if err := errors.Join(deleted, marked, revoked, used,
		store.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "i", Subject: "s"}, time.Now(), hour),
		store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: time.Now(), Expires: hour}),
		store.Sweep(ctx)); err != nil {
		t.Error(err)
	}
	// A user without one of them is an outage.
	raw(t, admin, "", "ACL", "SETUSER", "shop", "-get")
	if _, err := store.Keys().Get(ctx, "a"); err == nil || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Get without the permission: %v", err)
	}
}

// The clock of Redis counts, and it may be set back.
func TestStoreAndTheClockOfRedis(t *testing.T) {
	engine.Need(t, engine.Faketime)
	server := startRedis(t, engine.RedisConfig{Clock: true})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	store := open(t, client)
	sessions, ctx := store.Sessions(), t.Context()
	seen := map[uint64]bool{}
	login := loginOf("a", "alice")
	login.ExpiresAt = time.Now().Add(24 * time.Hour)
	for i, offset := range []time.Duration{time.Hour, -time.Hour, 2 * time.Hour} {
		if err := server.SetClock(offset); err != nil {
			t.Fatal(err)
		}
		ahead := func() time.Duration {
			seconds := raw(t, client, "", "TIME").([]any)[0].(string)
			at, err := time.ParseDuration(seconds + "s")
			if err != nil {
				t.Fatal(err)
			}
			return time.Until(time.Unix(0, 0).Add(at))
		}
		for begun := time.Now(); (ahead() - offset).Abs() > time.Minute; { // the library reads its file from time to time
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("the clock of Redis does not move by %v", offset)
			}
		}
		if i == 0 {
			if _, err := sessions.Create(ctx, login, 5, nil); err != nil {
				t.Fatal(err)
			}
			if err := store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: login.ExpiresAt}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sessions.Touch(ctx, "a", 0); err != nil {
			t.Fatal(err)
		}
		held, err := sessions.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		seen[held.Version] = true
		if apart := time.Until(held.ReadAt) - offset; apart.Abs() > time.Minute {
			t.Errorf("ReadAt is %v from the clock of Redis", apart)
		}
		if i != 1 && held.ReadAt.Sub(held.UsedAt).Abs() > time.Minute { // a Touch does not go back
			t.Errorf("UsedAt is %v before ReadAt", held.ReadAt.Sub(held.UsedAt))
		}
		held.Generation++
		if err := sessions.Update(ctx, held); err != nil {
			t.Errorf("Update with the clock %v ahead: %v", offset, err)
		}
		if held, err = sessions.Get(ctx, "a"); err != nil || time.Until(held.RefreshedAt)-offset > time.Minute {
			t.Errorf("RefreshedAt is %v from this clock, %v", time.Until(held.RefreshedAt), err)
		}
		if seen[held.Version] {
			t.Errorf("the Version %d comes back", held.Version)
		}
		seen[held.Version] = true
		if revoked, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "t"}); err != nil || !revoked {
			t.Errorf("revoked %t, %v", revoked, err)
		}
	}
}
