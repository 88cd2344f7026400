package authtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// TestKeyStore checks that a store keeps the rules of [apikey.Store], each rule
// in a subtest. What [TestSessionStore] says about open, room, the rule "full",
// time and bubbles applies here also.
func TestKeyStore(t *testing.T, open func(t *testing.T) apikey.Store) {
	t.Helper()
	testRules(t, keyRules, open)
}

var keyRules = []rule[apikey.Store]{
	{"fields", keyFields},
	{"versions", keyVersions},
	{"taken", keyTaken},
	{"unknown", keyUnknown},
	{"list", keyList},
	{"owners", keyOwners},
	{"owners-end", keyOwnersEnd},
	{"marks", keyMarks},
	{"marks-apart", keyMarksApart},
	{"slices", keySlices},
	{"ids", keyIDs},
	{"expiry", keyExpiry},
	{"adopted", keyAdopted},
	{"sweep", keySweep},
	{"many", keyMany},
	{"full", keyFull},
	{"concurrent-updates", keyUpdatesAtOnce},
	{"concurrent-creates", keyCreatesAtOnce},
	{"concurrent-marks", keyMarksAtOnce},
	{"concurrent-owners", keyOwnersAtOnce},
	{"cancelled", keyCancelled},
	{"deadline", func(t *trial, store apikey.Store) { t.late = true; keyCancelled(t, store) }},
}

// key is a record that lasts for an hour.
func key(id string) apikey.Record {
	now := time.Now()
	return apikey.Record{ID: id, Family: "acme_live", Issuer: issuer, Subject: "key:" + id, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Roles: []string{"user"}, Secrets: []apikey.Secret{{Hash: sha256.Sum256([]byte(id)), Pepper: 1, CreatedAt: now}}}
}

// makes notes what Create fails with.
func makes(t *trial, store apikey.Store, all ...apikey.Record) {
	for _, rec := range all {
		t.wants(nil, makesOne(t, store, rec), "Create of a new record")
	}
}

func makesOne(t *trial, store apikey.Store, rec apikey.Record) error {
	ctx, cancel := t.call()
	defer cancel()
	return store.Create(ctx, rec)
}

func find(t *trial, store apikey.Store, id string) (apikey.Record, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Get(ctx, id)
}

func change(t *trial, store apikey.Store, rec apikey.Record) error {
	ctx, cancel := t.call()
	defer cancel()
	return store.Update(ctx, rec)
}

func mark(t *trial, store apikey.Store, id string, which apikey.Mark, at time.Time, every time.Duration) (bool, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Mark(ctx, id, which, at, every)
}

func revokeOwner(t *trial, store apikey.Store, issuer, subject string, until, expires time.Time) {
	ctx, cancel := t.call()
	defer cancel()
	t.wants(nil, store.RevokeOwner(ctx, issuer, subject, until, expires), "RevokeOwner")
}

func sweepKeys(t *trial, store apikey.Store) {
	ctx, cancel := t.call()
	defer cancel()
	t.wants(nil, store.Sweep(ctx), "Sweep")
}

// lists notes where List does not return exactly the records with the ids, in
// that order, and returns what it does return.
func lists(t *trial, store apikey.Store, f apikey.Filter, described string, want ...string) []apikey.Record {
	ctx, cancel := t.call()
	defer cancel()
	all, err := store.List(ctx, f)
	if err != nil {
		t.fault("List of %s: %w", described, err)
	}
	var got []string
	for _, rec := range all {
		got = append(got, rec.ID)
	}
	if !slices.Equal(got, want) {
		t.fault("List of %s returns %.200q, want %.200q", described, got, want)
	}
	return all
}

// marks notes where Mark does not report what it should.
func marks(t *trial, store apikey.Store, want bool, described, id string, which apikey.Mark, at time.Time, every time.Duration) {
	if got, err := mark(t, store, id, which, at, every); err != nil || got != want {
		t.fault("Mark %s: %t, %v, want %t", described, got, err, want)
	}
}

// has notes where the store does not hold want, and returns what it holds.
func has(t *trial, store apikey.Store, described string, want apikey.Record) apikey.Record {
	got, err := find(t, store, want.ID)
	if err != nil {
		t.fault("Get of %s: %w", described, err)
		return got
	}
	t.alike(described, want, got)
	return got
}

// hasNot notes where the store holds a record that it should not.
func hasNot(t *trial, store apikey.Store, described, id string) {
	if rec, err := find(t, store, id); !errors.Is(err, auth.ErrNotFound) {
		t.fault("Get of %s: %.20q, %v, want ErrNotFound", described, rec.ID, err)
	}
}

// alike notes that got is not want, without comparing the Version. Times are
// compared to the microsecond, which is all that databases keep. An empty slice
// is as good as nil.
func (t *trial) alike(described string, want, got apikey.Record) {
	want.Version = got.Version
	for _, times := range [][2]*time.Time{{&want.CreatedAt, &got.CreatedAt}, {&want.ExpiresAt, &got.ExpiresAt},
		{&want.RevokedAt, &got.RevokedAt}, {&want.LastUsed, &got.LastUsed}, {&want.StaleReported, &got.StaleReported}} {
		sameInstant(times[0], times[1])
	}
	if len(want.Secrets) == len(got.Secrets) {
		got.Secrets = slices.Clone(got.Secrets) // which the store may share
		for i := range got.Secrets {
			sameInstant(&want.Secrets[i].CreatedAt, &got.Secrets[i].CreatedAt)
			sameInstant(&want.Secrets[i].NotAfter, &got.Secrets[i].NotAfter)
		}
	}
	same := slices.Equal(want.Roles, got.Roles) && slices.Equal(want.Scopes, got.Scopes) &&
		slices.Equal(want.Networks, got.Networks) && slices.Equal(want.Secrets, got.Secrets)
	bare := func(rec apikey.Record) apikey.Record {
		rec.Roles, rec.Scopes, rec.Networks, rec.Secrets = nil, nil, nil, nil
		return rec
	}
	if !same || !reflect.DeepEqual(bare(want), bare(got)) {
		t.fault("%s is %.600q, want %.600q", described, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// fullKey returns a record of which every field is set, at an odd time.
func fullKey(id string) apikey.Record {
	// Cut to the second, or to the millisecond, it would be another time.
	now := time.Now().Truncate(time.Second).Add(123456 * time.Microsecond)
	rec := apikey.Record{
		ID: id, Family: "p234567890123456_e234567890123456", Name: "Bücher \"'\\ " + strings.Repeat("x", 100), Issuer: issuer, Subject: "alice", Tier: "premium",
		Networks:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::7/128")},
		CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(time.Hour), RevokedAt: now.Add(time.Minute),
		Adopted: true, LastUsed: now.Add(-time.Minute), StaleReported: now.Add(-2 * time.Minute),
	}
	for i := range 64 {
		rec.Roles = append(rec.Roles, fmt.Sprint("role,", i, strings.Repeat("r", 120)))
		rec.Scopes = append(rec.Scopes, fmt.Sprint("scope:", 63-i, strings.Repeat("s", 120)))
	}
	for i := range 4 {
		rec.Secrets = append(rec.Secrets, apikey.Secret{Hash: sha256.Sum256([]byte{byte(i)}), Pepper: 1<<31 - 1 - i,
			CreatedAt: now.Add(-time.Duration(i) * time.Minute), NotAfter: now.Add(time.Duration(i) * time.Minute)})
	}
	rec.Secrets[0].NotAfter = time.Time{}
	return rec
}
