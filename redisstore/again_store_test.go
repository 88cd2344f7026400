package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/redisstore"
)

// After a connection has failed, a read is sent once more, and a write is not.
func TestReadsAreSentOnceMore(t *testing.T) {
	calls, fail := 0, 0
	client := &faulty{Client: redisstore.Rueidis(redisOf(t)), answer: func([][]string) ([]any, error, bool) {
		calls++
		return nil, errNetwork, calls <= fail
	}}
	store, ctx, hour := open(t, client), t.Context(), time.Now().Add(time.Hour)
	sessions, keys := store.Sessions(), store.Keys()
	_, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil)
	if err := errors.Join(err, keys.Create(ctx, keyOf("a", "alice"))); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		read bool
		call func() error
	}{
		"session Get":  {true, func() error { _, err := sessions.Get(ctx, "a"); return err }},
		"session List": {true, func() error { _, err := sessions.List(ctx, session.Filter{}); return err }},
		"key Get":      {true, func() error { _, err := keys.Get(ctx, "a"); return err }},
		"key List":     {true, func() error { _, err := keys.List(ctx, apikey.Filter{}); return err }},
		"Revoked": {true, func() error {
			_, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "t"})
			return err
		}},
		"session Create": {false, func() error { _, err := sessions.Create(ctx, loginOf("b", "alice"), 5, nil); return err }},
		"session Touch":  {false, func() error { return sessions.Touch(ctx, "a", time.Minute) }},
		"session Delete": {false, func() error { _, err := sessions.Delete(ctx, "none"); return err }},
		"key Create":     {false, func() error { return keys.Create(ctx, keyOf("b", "alice")) }},
		"key Mark":       {false, func() error { _, err := keys.Mark(ctx, "a", apikey.Used, time.Now(), time.Minute); return err }},
		"RevokeOwner":    {false, func() error { return keys.RevokeOwner(ctx, issuer, "bob", time.Now(), hour) }},
		"Revoke": {false, func() error {
			return store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: hour})
		}},
		"Use":   {false, func() error { _, err := store.Replays().Use(ctx, "c", "p", hour); return err }},
		"Sweep": {false, func() error { return sessions.Sweep(ctx) }},
	} {
		calls, fail = 0, 1
		err := test.call()
		switch {
		case test.read && (err != nil || calls < 2):
			t.Errorf("%s after one failure: %d calls, %v", name, calls, err)
		case !test.read && (!errors.Is(err, errNetwork) || calls != 1):
			t.Errorf("%s after one failure: %d calls, want 1, and %v", name, calls, err)
		}
		calls, fail = 0, 9
		if err := test.call(); !errors.Is(err, errNetwork) || calls > 2 {
			t.Errorf("%s while each call fails: %d calls, %v", name, calls, err)
		}
	}
}
