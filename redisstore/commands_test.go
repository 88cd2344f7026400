package redisstore_test

import (
	"context"
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

// Each operation is one round trip. A session check is one, a refresh two.
func TestCommandsOfEachOperation(t *testing.T) {
	count := &counter{Client: redisstore.Rueidis(redisOf(t))}
	store := open(t, count)
	sessions, keys, ctx, hour := store.Sessions(), store.Keys(), t.Context(), time.Now().Add(time.Hour)
	provider := session.Provider{Issuer: "https://idp.example", SessionID: "other"}
	use := func(id string) error { _, err := store.Replays().Use(ctx, "client", id, hour); return err }
	operations := []struct {
		name  string
		calls int64
		sends string
		do    func() error
	}{
		{"session Create", 1, "EVALSHA", func() error { _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); return err }},
		{"session Get", 1, "GET TIME", func() error { _, err := sessions.Get(ctx, "a"); return err }},
		{"session Get of an unknown id", 1, "GET TIME", func() error {
			if _, err := sessions.Get(ctx, "x"); !errors.Is(err, auth.ErrNotFound) {
				return errors.New("found")
			}
			return nil
		}},
		{"session refresh", 2, "GET TIME EVALSHA", func() error {
			s, err := sessions.Get(ctx, "a")
			if err != nil {
				return err
			}
			s.Generation++
			return sessions.Update(ctx, s)
		}},
		{"session Touch", 1, "EVALSHA", func() error { return sessions.Touch(ctx, "a", time.Minute) }},
		{"session List", 1, "EVALSHA", func() error {
			_, err := sessions.List(ctx, session.Filter{Issuer: issuer, Subject: "alice"})
			return err
		}},
		{"session RevokeProvider", 1, "EVALSHA", func() error { return sessions.RevokeProvider(ctx, provider, time.Now(), hour) }},
		{"session Delete", 1, "EVALSHA", func() error { _, err := sessions.Delete(ctx, "a"); return err }},
		{"session Sweep", 1, "EVALSHA", func() error { return sessions.Sweep(ctx) }},
		{"key Create", 1, "EVALSHA", func() error { return keys.Create(ctx, keyOf("a", "alice")) }},
		{"key Get", 1, "GET", func() error { _, err := keys.Get(ctx, "a"); return err }},
		{"key rotation", 2, "GET EVALSHA", func() error {
			rec, err := keys.Get(ctx, "a")
			if err != nil {
				return err
			}
			return keys.Update(ctx, rec)
		}},
		{"key Mark", 1, "EVALSHA", func() error { _, err := keys.Mark(ctx, "a", apikey.Used, time.Now(), time.Minute); return err }},
		{"key List", 1, "EVALSHA", func() error {
			_, err := keys.List(ctx, apikey.Filter{Owner: &bulwark.Principal{Issuer: issuer, Subject: "alice"}})
			return err
		}},
		{"key RevokeOwner", 1, "EVALSHA", func() error { return keys.RevokeOwner(ctx, issuer, "bob", time.Now(), hour) }},
		{"key Create for a revoked owner", 2, "EVALSHA EVALSHA", func() error {
			rec := keyOf("b", "bob")
			rec.CreatedAt = rec.CreatedAt.Add(-time.Hour)
			return keys.Create(ctx, rec)
		}},
		{"Revoke", 1, "EVALSHA", func() error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: hour})
		}},
		{"Revoked", 1, "EVALSHA", func() error {
			_, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "x", SessionID: "y", Subject: "z"})
			return err
		}},
		{"Revoked of nobody", 0, "", func() error { _, err := store.Revocations().Revoked(ctx, nil); return err }},
		{"Use", 1, "EVALSHA", func() error { return use("1") }},
		{"Use again", 1, "EVALSHA", func() error { return use("1") }},
		{"Sweep", 19, strings.TrimSpace(strings.Repeat("EVALSHA ", 19)), func() error { return store.Sweep(ctx) }},
	}
	for range 2 { // the first round tells Redis the scripts that it does not know
		raw(t, count, "", "DEL", "unknown")
		for _, op := range operations {
			count.since()
			if err := op.do(); err != nil {
				t.Errorf("%s: %v", op.name, err)
			}
			calls, sends := count.since()
			if strings.Contains(sends, "EVAL ") || strings.HasSuffix(sends, "EVAL") {
				continue // counted in the second round
			}
			if calls != op.calls || sends != op.sends {
				t.Errorf("%s: %d calls of %q, want %d of %q", op.name, calls, sends, op.calls, op.sends)
			}
		}
		sessions.Delete(ctx, "a")
		store = open(t, count)
		sessions, keys = store.Sessions(), store.Keys()
	}
}

// A script that Redis does not have is sent whole, once. Redis forgets its
// scripts at a restart.
func TestScriptsAreSentAfterNOSCRIPTOnly(t *testing.T) {
	server := startRedis(t, engine.RedisConfig{})
	count := &counter{Client: redisstore.Rueidis(dialTo(t, server.Password(), false, server.Addr()))}
	sessions := open(t, count).Sessions()
	for i := range 3 {
		count.since()
		if _, err := sessions.Create(t.Context(), loginOf(fmt.Sprint(i), "alice"), 5, nil); err != nil {
			t.Fatal(err)
		}
		_, sends := count.since()
		if want := []string{"EVALSHA EVAL", "EVALSHA", "EVALSHA EVAL"}[i]; sends != want {
			t.Errorf("Create %d sends %s, want %s", i, sends, want)
		}
		if i == 1 {
			raw(t, count, "", "SCRIPT", "FLUSH")
		}
	}
}

// A write whose answer was lost is an error, and is not sent again. What it has
// done stays.
func TestAWriteWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	real := redisstore.Rueidis(redisOf(t))
	var lose bool
	lost := &faulty{Client: real}
	lost.answer = func(commands [][]string) ([]any, error, bool) {
		if !lose {
			return nil, nil, false
		}
		real.Do(context.Background(), commands[0][3], commands...)
		return nil, errNetwork, true
	}
	count := &counter{Client: lost}
	store := open(t, count)
	sessions := store.Sessions()
	if _, err := sessions.Create(t.Context(), loginOf("warm", "bob"), 5, nil); err != nil {
		t.Fatal(err)
	}
	count.since()
	lose = true
	_, err := sessions.Create(t.Context(), loginOf("a", "alice"), 5, nil)
	lose = false
	if calls, sends := count.since(); calls != 1 || sends != "EVALSHA" || !errors.Is(err, errNetwork) {
		t.Errorf("%d calls of %q, %v", calls, sends, err)
	}
	if _, err := sessions.Get(t.Context(), "a"); err != nil {
		t.Errorf("the session that was made: %v", err)
	}
}

// Whatever stands in for Redis, the answer is never a guess.
func TestWrongAnswersAreOutages(t *testing.T) {
	var replies []any
	var broken bool
	client := &faulty{Client: redisstore.Rueidis(redisOf(t))}
	client.answer = func(commands [][]string) ([]any, error, bool) { return replies, nil, broken }
	store := open(t, client)
	sessions, keys, ctx, hour := store.Sessions(), store.Keys(), t.Context(), time.Now().Add(time.Hour)
	broken = true
	for _, replies = range [][]any{
		{}, {"x"}, {int64(2)}, {[]any{}}, {[]any{int64(1)}}, {[]any{"no idea"}}, {[]any{"ok", int64(1)}}, {[]any{"marked"}}, {[]any{"marked", "x"}},
		{errors.New("READONLY You can't write against a read only replica.")}, {errors.New("LOADING Redis is loading the dataset in memory")},
		{errors.New("CLUSTERDOWN The cluster is down")}, {errors.New("ERR unknown")},
		{nil, nil}, {nil, "x"}, {nil, []any{"1"}}, {nil, []any{"x", "y"}}, {int64(1), []any{"1", "2"}}, {errors.New("LOADING"), []any{"1", "2"}},
		{nil, errors.New("LOADING")}, {[]any{"1", "", int64(1), "id"}}, {[]any{"x", "", int64(0)}}, {[]any{"1", "", int64(1), "id", int64(1)}},
	} {
		for name, call := range map[string]func() error{
			"session Create": func() error { _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); return err },
			"session Get":    func() error { _, err := sessions.Get(ctx, "a"); return err },
			"session Update": func() error { return sessions.Update(ctx, loginOf("a", "alice")) },
			"session Touch":  func() error { return sessions.Touch(ctx, "a", 0) },
			"session Delete": func() error { _, err := sessions.Delete(ctx, "a"); return err },
			"session List":   func() error { _, err := sessions.List(ctx, session.Filter{}); return err },
			"session RevokeProvider": func() error {
				return sessions.RevokeProvider(ctx, session.Provider{Issuer: "i", Subject: "s"}, time.Now(), hour)
			},
			"key Create":      func() error { return keys.Create(ctx, keyOf("a", "alice")) },
			"key Get":         func() error { _, err := keys.Get(ctx, "a"); return err },
			"key Update":      func() error { return keys.Update(ctx, keyOf("a", "alice")) },
			"key Mark":        func() error { _, err := keys.Mark(ctx, "a", apikey.Used, time.Now(), 0); return err },
			"key List":        func() error { _, err := keys.List(ctx, apikey.Filter{}); return err },
			"key RevokeOwner": func() error { return keys.RevokeOwner(ctx, issuer, "alice", time.Now(), hour) },
			"Revoke":          func() error { return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t"}) },
			"Revoked":         func() error { _, err := store.Revocations().Revoked(ctx, &bulwark.Principal{TokenID: "t"}); return err },
			"Use":             func() error { _, err := store.Replays().Use(ctx, "client", "id", hour); return err },
			"Sweep":           func() error { return store.Sweep(ctx) },
		} {
			err := call()
			if name == "Sweep" && len(replies) == 1 && replies[0] == int64(2) {
				continue // 2 is an answer to a sweep
			}
			if name != "session Create" && fmt.Sprint(replies) == "[[ok 1]]" {
				continue // only Create looks at what follows ok
			}
			for _, known := range []error{nil, auth.ErrNotFound, auth.ErrConflict, auth.ErrFull, session.ErrLoggedOut} {
				if errors.Is(err, known) {
					t.Errorf("%s after %v: %v", name, replies, err)
				}
			}
		}
	}
}

// Each call has a deadline of its own, and does nothing for a caller who has
// left.
func TestDeadlines(t *testing.T) {
	var hang bool
	count := &counter{}
	store := open(t, clientFunc(func(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
		switch {
		case hang:
		case commands[0][0] == "INFO":
			return []any{"", "maxmemory_policy:noeviction"}, nil
		default:
			return []any{int64(1), commands[0][2]}, nil // SETNX and GET
		}
		count.calls.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(c *redisstore.Config) { c.Timeout = 50 * time.Millisecond })
	hang = true
	sessions, keys, hour := store.Sessions(), store.Keys(), time.Now().Add(time.Hour)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func(ctx context.Context) error{
		"session Create": func(ctx context.Context) error {
			_, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil)
			return err
		},
		"session Get":   func(ctx context.Context) error { _, err := sessions.Get(ctx, "a"); return err },
		"session List":  func(ctx context.Context) error { _, err := sessions.List(ctx, session.Filter{}); return err },
		"session Sweep": sessions.Sweep,
		"key Get":       func(ctx context.Context) error { _, err := keys.Get(ctx, "a"); return err },
		"key Update":    func(ctx context.Context) error { return keys.Update(ctx, keyOf("a", "alice")) },
		"Revoked": func(ctx context.Context) error {
			_, err := store.Revocations().Revoked(ctx, &bulwark.Principal{TokenID: "t"})
			return err
		},
		"Use": func(ctx context.Context) error { _, err := store.Replays().Use(ctx, "client", "id", hour); return err },
	} {
		if err := call(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s of a server that hangs: %v", name, err)
		}
		before := count.calls.Load()
		if err := call(over); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
		if after := count.calls.Load(); after != before {
			t.Errorf("%s with a cancelled context sends %d commands", name, after-before)
		}
	}
}

type clientFunc func(ctx context.Context, slot string, commands ...[]string) ([]any, error)

func (f clientFunc) Do(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	return f(ctx, slot, commands...)
}
