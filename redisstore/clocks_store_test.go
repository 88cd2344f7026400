package redisstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// What refuses somebody is forgotten when the clock of Redis and the clock of
// the process say that it is over, and not when one of them does.
func TestNeitherClockForgetsEarly(t *testing.T) {
	engine.Need(t, engine.Faketime)
	server := startRedis(t, engine.RedisConfig{Clock: true})
	client := redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))
	setClock := func(offset time.Duration) {
		t.Helper()
		if err := server.SetClock(offset); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); ; { // the library reads its file from time to time
			seconds := raw(t, client, "", "TIME").([]any)[0].(string)
			at, err := time.ParseDuration(seconds + "s")
			if err != nil {
				t.Fatal(err)
			}
			if ahead := time.Until(time.Unix(0, 0).Add(at)); (ahead - offset).Abs() < time.Minute {
				return
			}
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("the clock of Redis does not move by %v", offset)
			}
		}
	}
	for name, test := range map[string]struct {
		written, read time.Duration // the clock of Redis, ahead of the process
		ends          time.Duration // from now, by the process
	}{
		"Redis goes ahead":                {0, time.Hour, 30 * time.Minute},
		"Redis is ahead":                  {time.Hour, time.Hour, 30 * time.Minute},
		"Redis was ahead":                 {time.Hour, 0, 30 * time.Minute},
		"the process is ahead":            {-time.Hour, -time.Hour, -30 * time.Minute},
		"the process is ahead, and waits": {-time.Hour, -31 * time.Minute, -30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			setClock(test.written)
			store, ctx := open(t, client), t.Context()
			sessions, keys, revocations, replays := store.Sessions(), store.Keys(), store.Revocations(), store.Replays()
			now, ends := time.Now(), time.Now().Add(test.ends)
			issued := now.Add(-2 * time.Hour)
			first, err := replays.Use(ctx, "client", "proof", ends)
			if err != nil || !first {
				t.Fatalf("a new proof is %t, %v", first, err)
			}
			if err := errors.Join(
				revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: ends}),
				revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: issued, Expires: ends}),
				sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", Subject: "alice"}, now, ends),
				sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: "sid"}, now, ends),
				keys.RevokeOwner(ctx, issuer, "alice", now, ends)); err != nil {
				t.Fatal(err)
			}
			setClock(test.read)
			if err := store.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			for what, p := range map[string]*bulwark.Principal{"a token": {Issuer: issuer, TokenID: "t"}, "a caller": {Issuer: issuer, Subject: "alice", IssuedAt: issued}} {
				if revoked, err := revocations.Revoked(ctx, p); err != nil || !revoked {
					t.Errorf("%s: revoked %t, %v", what, revoked, err)
				}
			}
			if first, err := replays.Use(ctx, "client", "proof", now.Add(3*time.Hour)); err != nil || first {
				t.Errorf("a used proof is first %t, %v", first, err)
			}
			for _, p := range []session.Provider{{Issuer: "idp", Subject: "alice"}, {Issuer: "idp", SessionID: "sid"}} {
				login := loginOf("s", "alice")
				login.Provider, login.AuthTime, login.ExpiresAt = p, now.Add(-time.Minute), now.Add(5*time.Hour)
				if _, err := sessions.Create(ctx, login, 5, nil); !errors.Is(err, session.ErrLoggedOut) {
					t.Errorf("a login that has ended at its provider: %v", err)
				}
			}
			rec := keyOf("k", "alice")
			rec.CreatedAt, rec.ExpiresAt = now.Add(-time.Minute), now.Add(5*time.Hour)
			if err := keys.Create(ctx, rec); err != nil {
				t.Fatal(err)
			}
			if held, err := keys.Get(ctx, "k"); err != nil || held.RevokedAt.IsZero() {
				t.Errorf("a key of an owner whose keys are revoked is not revoked: %v", err)
			}
			// The end by both clocks is the end.
			setClock(4 * time.Hour)
			if err := revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "over", Expires: now.Add(-time.Microsecond)}); err != nil {
				t.Fatal(err)
			}
			if revoked, err := revocations.Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "over"}); err != nil || revoked {
				t.Errorf("a revocation that is over by both clocks: revoked %t, %v", revoked, err)
			}
		})
	}
}

// A List never returns more than a page, whatever it is asked for.
func TestAListHasAnEnd(t *testing.T) {
	store, ctx := open(t, redisstore.Rueidis(redisOf(t))), t.Context()
	const n = 1003
	for i := range n {
		if err := store.Keys().Create(ctx, keyOf(fmt.Sprint(i), "alice")); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Sessions().Create(ctx, loginOf(fmt.Sprint(i), fmt.Sprint(i)), 5, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{-1, 0, 1000, 1001, 1 << 40} {
		keys, err1 := store.Keys().List(ctx, apikey.Filter{Limit: limit})
		sessions, err2 := store.Sessions().List(ctx, session.Filter{Limit: limit})
		if err := errors.Join(err1, err2); err != nil || len(keys) != 1000 || len(sessions) != 1000 {
			t.Errorf("Limit %d: %d keys and %d sessions, %v", limit, len(keys), len(sessions), err)
		}
	}
}

// The time between two marks is never shorter than asked for.
func TestMarksAreApart(t *testing.T) {
	keys, ctx := open(t, redisstore.Rueidis(redisOf(t))).Keys(), t.Context()
	if err := keys.Create(ctx, keyOf("a", "alice")); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Truncate(time.Microsecond)
	for i, test := range []struct {
		at   time.Time
		want bool
	}{{at, true}, {at.Add(time.Microsecond), false}, {at.Add(2 * time.Microsecond), true}} {
		if set, err := keys.Mark(ctx, "a", apikey.Used, test.at, 1500*time.Nanosecond); err != nil || set != test.want {
			t.Errorf("Mark %d: set %t, %v, want %t", i, set, err, test.want)
		}
	}
}

// A mark of a key at a time that has no 16 digits leaves the row whole.
func TestAMarkBeforeTheEpoch(t *testing.T) {
	keys, ctx := open(t, redisstore.Rueidis(redisOf(t))).Keys(), t.Context()
	for i, at := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		id := string(rune('a' + i))
		if err := keys.Create(ctx, keyOf(id, "alice")); err != nil {
			t.Fatal(err)
		}
		for _, mark := range []apikey.Mark{apikey.Used, apikey.Stale} {
			if _, err := keys.Mark(ctx, id, mark, at, time.Minute); err != nil {
				t.Errorf("Mark at %v: %v", at, err)
			}
			held, err := keys.Get(ctx, id)
			if err != nil || mark == apikey.Used && !held.StaleReported.IsZero() {
				t.Errorf("a key that was marked at %v was reported at %v, %v", at, held.StaleReported, err)
			}
		}
	}
}

// A process whose clock is an hour behind revokes for as long as it means: the
// processes with the right time do not forget early.
func TestAProcessThatIsBehind(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	behind, ctx, now := open(t, client, func(c *redisstore.Config) { c.Prefix = "behind" }), t.Context(), time.Now()
	right := open(t, client, func(c *redisstore.Config) { c.Prefix = "behind" })
	behind.StepHere(-time.Hour)
	ends := now.Add(-30 * time.Minute) // in half an hour, it thinks
	first, err := behind.Replays().Use(ctx, "client", "proof", ends)
	if err := errors.Join(err,
		behind.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: ends}),
		behind.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "ever"}),
		behind.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "idp", Subject: "alice"}, now, ends)); err != nil || !first {
		t.Fatal(first, err)
	}
	if err := right.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t", "ever"} {
		if revoked, err := right.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: id}); err != nil || !revoked {
			t.Errorf("%s: revoked %t, %v", id, revoked, err)
		}
	}
	if first, err := right.Replays().Use(ctx, "client", "proof", now.Add(time.Hour)); err != nil || first {
		t.Errorf("a used proof is first %t, %v", first, err)
	}
	login := loginOf("s", "alice")
	login.Provider, login.AuthTime = session.Provider{Issuer: "idp", Subject: "alice"}, now.Add(-time.Minute)
	if _, err := right.Sessions().Create(ctx, login, 5, nil); !errors.Is(err, session.ErrLoggedOut) {
		t.Errorf("a login that has ended at its provider: %v", err)
	}
	right.StepHere(31 * time.Minute)
	if revoked, err := right.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "t"}); err != nil || !revoked {
		t.Errorf("a process that is ahead: revoked %t, %v", revoked, err)
	}
}
