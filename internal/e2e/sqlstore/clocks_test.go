package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
)

// What refuses somebody is forgotten when the clock of the database and the clock of
// the process say that it is over, and not when one of them does.
func TestNeitherClockForgetsEarly(t *testing.T) {
	t.Parallel()
	engine.Need(t, engine.PostgresServer, engine.Faketime)
	server, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Clock: true})
	must(t, err)
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		written, read time.Duration // the clock of the database, ahead of the process
		ends          time.Duration // from now, by the process
	}{
		"the database goes ahead":         {0, time.Hour, 30 * time.Minute},
		"the database is ahead":           {time.Hour, time.Hour, 30 * time.Minute},
		"the database was ahead":          {time.Hour, 0, 30 * time.Minute},
		"the process is ahead":            {-time.Hour, -time.Hour, -30 * time.Minute},
		"the process is ahead, and waits": {-time.Hour, -31 * time.Minute, -30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, server.SetClock(test.written))
			store, _ := open(t, server.DSN(), nil)
			ctx := t.Context()
			sessions, keys, revocations, replays := store.Sessions(), store.Keys(), store.Revocations(), store.Replays()
			now, ends := time.Now(), time.Now().Add(test.ends)
			issued := now.Add(-2 * time.Hour)
			first, err := replays.Use(ctx, "client", "proof", ends)
			if err != nil || !first {
				t.Fatalf("a new proof is %t, %v", first, err)
			}
			must(t,
				revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: ends}),
				revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: issued, Expires: ends}),
				sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", Subject: "alice"}, now, ends),
				sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: "sid"}, now, ends),
				keys.RevokeOwner(ctx, issuer, key("k").Subject, now, ends))
			must(t, server.SetClock(test.read))
			must(t, store.Sweep(ctx))
			for what, p := range map[string]*bulwark.Principal{"a token": {Issuer: issuer, TokenID: "t"}, "a caller": {Issuer: issuer, Subject: "alice", IssuedAt: issued}} {
				if revoked, err := revocations.Revoked(ctx, p); err != nil || !revoked {
					t.Errorf("%s: revoked %t, %v", what, revoked, err)
				}
			}
			if first, err := replays.Use(ctx, "client", "proof", now.Add(3*time.Hour)); err != nil || first {
				t.Errorf("a used proof is first %t, %v", first, err)
			}
			for _, p := range []session.Provider{{Issuer: "idp", Subject: "alice"}, {Issuer: "idp", SessionID: "sid"}} {
				made := login("s", "alice")
				made.Provider, made.AuthTime, made.ExpiresAt = p, now.Add(-time.Minute), now.Add(5*time.Hour)
				if _, err := sessions.Create(ctx, made, 5, nil); !errors.Is(err, session.ErrLoggedOut) {
					t.Errorf("a login that has ended at its provider: %v", err)
				}
			}
			rec := key("k")
			rec.CreatedAt, rec.ExpiresAt = now.Add(-time.Minute), now.Add(5*time.Hour)
			if err := keys.Create(ctx, rec); err != nil {
				t.Fatal(err)
			}
			if held, err := keys.Get(ctx, "k"); err != nil || held.RevokedAt.IsZero() {
				t.Errorf("a key of an owner whose keys are revoked is not revoked: %v", err)
			}
			// The end by both clocks is the end.
			must(t, server.SetClock(4*time.Hour))
			if err := revocations.Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "over", Expires: now.Add(-time.Microsecond)}); err != nil {
				t.Fatal(err)
			}
			if revoked, err := revocations.Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: "over"}); err != nil || revoked {
				t.Errorf("a revocation that is over by both clocks: revoked %t, %v", revoked, err)
			}
		})
	}
}
