package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// A process whose clock is an hour behind revokes for as long as it means: the
// processes with the right time do not forget early.
func TestAProcessThatIsBehind(t *testing.T) {
	behind, db := open(t, config())
	right, err := sqlstore.New(t.Context(), db, config())
	must(t, err)
	ctx, now := t.Context(), time.Now()
	must(t, behind.Keys().Create(ctx, key("any", "bob")))
	behind.StepHere(-time.Hour)
	_, err = behind.Keys().Get(ctx, "any") // tells the time of the database
	must(t, err)
	ends := now.Add(-30 * time.Minute) // in half an hour, it thinks
	soon, ever := revocation("t"), revocation("ever")
	soon.Expires, ever.Expires = ends, time.Time{}
	first, err := behind.Replays().Use(ctx, "client", "proof", ends)
	must(t, err, behind.Revocations().Revoke(ctx, soon), behind.Revocations().Revoke(ctx, ever),
		behind.Sessions().RevokeProvider(ctx, session.Provider{Issuer: "idp", Subject: "alice"}, now, ends),
		behind.Keys().RevokeOwner(ctx, issuer, "alice", now, ends))
	if !first {
		t.Error("a new proof is not the first")
	}
	must(t, right.Sweep(ctx))
	for _, id := range []string{"t", "ever"} {
		if revoked, err := right.Revocations().Revoked(ctx, token(id)); err != nil || !revoked {
			t.Errorf("%s: revoked %t, %v", id, revoked, err)
		}
	}
	if first, err := right.Replays().Use(ctx, "client", "proof", now.Add(time.Hour)); err != nil || first {
		t.Errorf("a used proof is first %t, %v", first, err)
	}
	gone := login("s", "alice")
	gone.AuthTime = now.Add(-time.Minute)
	if _, err := right.Sessions().Create(ctx, gone, 5, nil); !errors.Is(err, session.ErrLoggedOut) {
		t.Errorf("a login that has ended at its provider: %v", err)
	}
	rec := key("k", "alice")
	rec.CreatedAt = now.Add(-time.Minute)
	must(t, right.Keys().Create(ctx, rec))
	if held, err := right.Keys().Get(ctx, "k"); err != nil || held.RevokedAt.IsZero() {
		t.Errorf("a key of an owner whose keys are revoked: %v", err)
	}
}

// A revocation outlives the clock of the database that is ahead, and that of the
// process that is ahead, and ends when both say so.
func TestNeitherClockForgetsEarly(t *testing.T) {
	s, _ := open(t, config())
	soon := revocation("t")
	soon.Expires = time.Now().Add(30 * time.Minute)
	must(t, s.Revocations().Revoke(t.Context(), soon))
	for _, test := range []struct {
		here, database time.Duration // from now
		revoked        bool
	}{{0, 0, true}, {time.Hour, 0, true}, {0, time.Hour, true}, {time.Hour, time.Hour, false}} {
		s.StepHere(test.here)
		must(t, s.StepClock(test.database))
		if revoked, err := s.Revocations().Revoked(t.Context(), token("t")); err != nil || revoked != test.revoked {
			t.Errorf("the process %v ahead, the database %v: revoked %t, %v", test.here, test.database, revoked, err)
		}
		if !test.revoked {
			break
		}
		must(t, s.Sweep(t.Context()), s.StepClock(-test.database))
	}
}
