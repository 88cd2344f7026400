package authtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// TestSessionStore checks that a store keeps the rules of [session.Store], each
// rule in a subtest. For each subtest, open returns a store that holds nothing
// and has room for 1500 sessions: a new store, or a shared store under a prefix
// of its own. The rule "full" is checked if the store has room for fewer than
// 2000 sessions.
//
// The suite takes less than 20 seconds, because three rules wait until
// something expires. A store in memory can be tested in a bubble of
// [testing/synctest], where this time passes at once. In a bubble the suite has
// no subtests.
//
//	func TestStore(t *testing.T) {
//		authtest.TestSessionStore(t, func(t *testing.T) session.Store {
//			return open(t, "prefix:"+t.Name())
//		})
//	}
func TestSessionStore(t *testing.T, open func(t *testing.T) session.Store) {
	t.Helper()
	testRules(t, sessionRules, open)
}

var sessionRules = []rule[session.Store]{
	{"fields", sessionFields},
	{"factors", sessionFactors},
	{"versions", sessionVersions},
	{"clock", sessionClock},
	{"touch", sessionTouch},
	{"taken", sessionTaken},
	{"deleted", sessionDeleted},
	{"replaces", sessionReplaces},
	{"limit", sessionLimit},
	{"callers", sessionCallers},
	{"list", sessionList},
	{"providers", sessionProviders},
	{"ids", sessionIDs},
	{"expiry", sessionExpiry},
	{"sweep", sessionSweep},
	{"many", sessionMany},
	{"full", sessionFull},
	{"concurrent-updates", sessionUpdatesAtOnce},
	{"concurrent-creates", sessionCreatesAtOnce},
	{"concurrent-deletes", sessionDeletesAtOnce},
	{"concurrent-logouts", sessionLogoutsAtOnce},
	{"cancelled", sessionCancelled},
	{"deadline", func(t *trial, store session.Store) { t.late = true; sessionCancelled(t, store) }},
}

// login is a session that lasts for an hour.
func login(id, subject string) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, Kind: "cookie", AuthTime: now, CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), StoreKey: "key-1", Hash: sha256.Sum256([]byte(id))}
}

const noLimit = 5000 // more sessions than any rule makes

func create(t *trial, store session.Store, s session.Session, limit int, replaces ...string) ([]string, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Create(ctx, s, limit, replaces)
}

// creates notes what Create fails with.
func creates(t *trial, store session.Store, all ...session.Session) {
	for _, s := range all {
		if _, err := create(t, store, s, noLimit); err != nil {
			t.fault("Create of a new session: %w", err)
		}
	}
}

func get(t *trial, store session.Store, id string) (session.Session, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Get(ctx, id)
}

func update(t *trial, store session.Store, s session.Session) error {
	ctx, cancel := t.call()
	defer cancel()
	return store.Update(ctx, s)
}

func list(t *trial, store session.Store, f session.Filter) []session.Session {
	ctx, cancel := t.call()
	defer cancel()
	all, err := store.List(ctx, f)
	if err != nil {
		t.fault("List: %w", err)
	}
	return all
}

// touches notes where Touch does not return what is due.
func touches(t *trial, store session.Store, id string, every time.Duration, due error, described string) {
	ctx, cancel := t.call()
	defer cancel()
	t.wants(due, store.Touch(ctx, id, every), "Touch of "+described)
}

// revokeProvider notes what RevokeProvider fails with.
func revokeProvider(t *trial, store session.Store, p session.Provider, until, expires time.Time) {
	ctx, cancel := t.call()
	defer cancel()
	t.wants(nil, store.RevokeProvider(ctx, p, until, expires), "RevokeProvider")
}

// deletes notes where Delete does not report what it should.
func deletes(t *trial, store session.Store, want bool, described, id string) {
	ctx, cancel := t.call()
	defer cancel()
	if got, err := store.Delete(ctx, id); err != nil || got != want {
		t.fault("Delete of %s: %t, %v, want %t", described, got, err, want)
	}
}

func sweep(t *trial, store session.Store) {
	ctx, cancel := t.call()
	defer cancel()
	t.wants(nil, store.Sweep(ctx), "Sweep")
}

// listed notes where List does not return exactly the sessions with the ids, in
// their order.
func listed(t *trial, store session.Store, issuer, subject, described string, want ...string) {
	matched(t, store, session.Filter{Issuer: issuer, Subject: subject}, described, want...)
}

// matched is listed for any filter.
func matched(t *trial, store session.Store, f session.Filter, described string, want ...string) {
	var got []string
	for _, s := range list(t, store, f) {
		got = append(got, s.ID)
		if !f.Matches(s) {
			t.fault("List of %s returns a session of %q at %q, from %q", described, s.Subject, s.Issuer, s.Provider)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.fault("List of %s returns %.200q, want %.200q", described, got, want)
	}
}

// keeps notes where the store does not hold want, and returns what it holds.
func keeps(t *trial, store session.Store, described string, want session.Session) session.Session {
	got, err := get(t, store, want.ID)
	if err != nil {
		t.fault("Get of %s: %w", described, err)
		return got
	}
	t.same(described, want, got)
	return got
}

// same notes that got is not want, without comparing what the store sets. Times
// are compared to the microsecond, which is all that databases keep.
func (t *trial) same(described string, want, got session.Session) {
	want.Version, want.RefreshedAt, want.UsedAt, want.ReadAt = got.Version, got.RefreshedAt, got.UsedAt, got.ReadAt
	for _, times := range [][2]*time.Time{{&want.AuthTime, &got.AuthTime}, {&want.CreatedAt, &got.CreatedAt},
		{&want.ExpiresAt, &got.ExpiresAt}} {
		sameInstant(times[0], times[1])
	}
	if sameFactors(want.Factors, got.Factors) {
		got.Factors = want.Factors
	}
	if !reflect.DeepEqual(got, want) {
		t.fault("%s is %.400q, want %.400q", described, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// sameFactors compares the names, and the times to the microsecond.
func sameFactors(want, got map[string]time.Time) bool {
	return maps.EqualFunc(want, got, func(want, got time.Time) bool {
		sameInstant(&want, &got)
		return want.Equal(got)
	})
}

// sameInstant makes got want where both are one instant, to the microsecond.
func sameInstant(want, got *time.Time) {
	if apart := got.Sub(*want).Abs(); apart < time.Microsecond && got.IsZero() == want.IsZero() {
		*got = *want
	}
}

// lacks notes where the store holds a session that it should not.
func lacks(t *trial, store session.Store, described, id string) {
	if s, err := get(t, store, id); !errors.Is(err, auth.ErrNotFound) {
		t.fault("Get of %s: %.20q, %v, want ErrNotFound", described, s.ID, err)
	}
}

// wants notes an error that is not the one due, which is nil or one of package
// auth.
func (t *trial) wants(due, err error, described string) {
	if !errors.Is(err, due) {
		t.fault("%s: %v, want %v", described, err, due)
	}
}
