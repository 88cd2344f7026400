package authtest

import (
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

func keyList(t *trial, store apikey.Store) {
	now := time.Now()
	own := func(id, family, subject, tier string, age time.Duration) apikey.Record {
		rec := key(id)
		rec.Family, rec.Subject, rec.Tier = family, subject, tier
		rec.Secrets[0].CreatedAt = now.Add(-age)
		return rec
	}
	lists(t, store, apikey.Filter{}, "an empty store")
	aged := own("k5", "acme_live", "alice", "premium", 2*time.Hour)
	aged.Secrets = append(aged.Secrets, apikey.Secret{Pepper: 1, CreatedAt: now.Add(-9 * time.Hour)})
	bare := own("k8", "acme_live", "carol", "", 0)
	bare.Secrets = nil
	elsewhere := own("k7", "acme_live", "alice", "", 0)
	elsewhere.Issuer = otherIssuer
	ended := own("k6", "acme_live", "bob", "premium", 0)
	ended.RevokedAt = now
	makes(t, store, ended, own("K9", "acme_live", "alice", "", 0), own("k10", "acme_test", "alice", "premium", time.Minute),
		own("k2", "acme_live", "bob", "default", 5*time.Hour), aged, elsewhere, bare)
	alice := &bulwark.Principal{Issuer: issuer, Subject: "alice", Roles: []string{"ignored"}}
	for _, test := range []struct {
		described string
		f         apikey.Filter
		want      []string
	}{
		{"everything", apikey.Filter{}, []string{"K9", "k10", "k2", "k5", "k6", "k7", "k8"}},
		{"a family", apikey.Filter{Family: "acme_test"}, []string{"k10"}},
		{"a family that is not there", apikey.Filter{Family: "acme"}, nil},
		{"an owner", apikey.Filter{Owner: alice}, []string{"K9", "k10", "k5"}},
		{"an owner at another issuer", apikey.Filter{Owner: &bulwark.Principal{Issuer: otherIssuer, Subject: "alice"}}, []string{"k7"}},
		{"an owner without keys", apikey.Filter{Owner: &bulwark.Principal{Issuer: issuer, Subject: "ali"}}, nil},
		{"a tier", apikey.Filter{Tier: "premium"}, []string{"k10", "k5", "k6"}},
		{"an owner and a tier", apikey.Filter{Owner: alice, Tier: "premium"}, []string{"k10", "k5"}},
		{"stale keys", apikey.Filter{Stale: now.Add(-time.Hour)}, []string{"k2", "k5"}},
		{"very stale keys", apikey.Filter{Stale: now.Add(-6 * time.Hour)}, nil},
		{"an owner's stale keys", apikey.Filter{Owner: alice, Stale: now.Add(-time.Hour)}, []string{"k5"}},
		{"a first page", apikey.Filter{Limit: 2}, []string{"K9", "k10"}},
		{"a second page", apikey.Filter{Limit: 2, After: "k10"}, []string{"k2", "k5"}},
		{"a page behind a key that is gone", apikey.Filter{Limit: 2, After: "k3"}, []string{"k5", "k6"}},
		{"a last page", apikey.Filter{Limit: 2, After: "k7"}, []string{"k8"}},
		{"a page behind the last", apikey.Filter{After: "k8"}, nil},
		{"a page of an owner", apikey.Filter{Owner: alice, Limit: 1, After: "K9"}, []string{"k10"}},
	} {
		for _, rec := range lists(t, store, test.f, test.described, test.want...) {
			if got, err := find(t, store, rec.ID); err != nil {
				t.fault("Get of a listed record: %w", err)
			} else {
				t.alike("a record in a List", got, rec)
				if got.Version != rec.Version {
					t.fault("a record in a List has the Version %d, want %d", rec.Version, got.Version)
				}
			}
		}
	}
	all := lists(t, store, apikey.Filter{Family: "acme_test"}, "a family", "k10")
	for i := range all {
		all[i] = key("changed")
	}
	lists(t, store, apikey.Filter{Family: "acme_test"}, "a family after its list was changed", "k10")
}

func keyOwners(t *trial, store apikey.Store) {
	now := time.Now().Truncate(time.Microsecond)
	until, expires := now.Add(-time.Minute), now.Add(time.Hour)
	of := func(id, issuer, subject string, made time.Time) apikey.Record {
		rec := key(id)
		rec.Issuer, rec.Subject, rec.CreatedAt = issuer, subject, made
		return rec
	}
	before := of("before", issuer, "alice", now.Add(-time.Hour))
	makes(t, store, before)
	revokeOwner(t, store, issuer, "alice", until, expires)
	before = has(t, store, "a record that was there before RevokeOwner", before)
	// Each later write of an older record meets the mark.
	before.Name = "changed"
	t.wants(nil, change(t, store, before), "Update of a record of a revoked owner")
	before.RevokedAt = until
	before = has(t, store, "an older record of a revoked owner after an Update", before)
	earlier := before
	earlier.RevokedAt = until.Add(-time.Hour)
	t.wants(nil, change(t, store, earlier), "Update of a record that is revoked already")
	has(t, store, "a record that was revoked before its owner", earlier)
	for _, test := range []struct {
		rec     apikey.Record
		revoked bool
	}{
		{of("older", issuer, "alice", until.Add(-time.Microsecond)), true},
		{of("same-time", issuer, "alice", until), true},
		{of("adopted", issuer, "alice", time.Time{}), true},
		{of("younger", issuer, "alice", until.Add(time.Microsecond)), false},
		{of("other-issuer", otherIssuer, "alice", until), false},
		{of("other-subject", issuer, "Alice", until), false},
		{of("longer-subject", issuer, "alice ", until), false},
		{of("moved-border", issuer+"a", "lice", until), false},
	} {
		makes(t, store, test.rec)
		if test.revoked {
			test.rec.RevokedAt = until
		}
		held := has(t, store, "the record "+test.rec.ID+" of a revoked owner after its Create", test.rec)
		held.Name = "changed"
		t.wants(nil, change(t, store, held), "Update")
		has(t, store, "the record "+test.rec.ID+" of a revoked owner after an Update", held)
	}
	// The later of two marks counts, in whichever order they come.
	revokeOwner(t, store, issuer, "alice", until.Add(-30*time.Minute), expires)
	late := of("after-an-earlier-mark", issuer, "alice", until)
	makes(t, store, late)
	late.RevokedAt = until
	has(t, store, "a record after an earlier mark", late)
	revokeOwner(t, store, issuer, "alice", now, expires)
	later := of("after-a-later-mark", issuer, "alice", now)
	makes(t, store, later)
	later.RevokedAt = now
	has(t, store, "a record after a later mark", later)
	sweepKeys(t, store)
	again := of("after-a-sweep", issuer, "alice", now)
	makes(t, store, again)
	again.RevokedAt = now
	has(t, store, "a record after a mark and a Sweep", again)
}

// keyOwnersEnd looks whether a mark lasts as long as it should, and no longer.
func keyOwnersEnd(t *trial, store apikey.Store) {
	now := time.Now().Truncate(time.Microsecond)
	soon, late := brief(), now.Add(time.Hour)
	for _, each := range []struct {
		subject string
		expires []time.Time
	}{{"short", []time.Time{soon}}, {"lasting", []time.Time{late}}, {"extended", []time.Time{soon, late}}, {"not-cut", []time.Time{late, soon}}} {
		for _, expires := range each.expires {
			revokeOwner(t, store, issuer, each.subject, now, expires)
		}
	}
	made := 0
	meets := func(subject string) (revoked bool, err error) {
		rec := key(fmt.Sprint(subject, made))
		made++
		rec.Subject, rec.CreatedAt = subject, now
		if err := makesOne(t, store, rec); err != nil {
			return false, err
		}
		rec, err = find(t, store, rec.ID)
		return !rec.RevokedAt.IsZero(), err
	}
	t.kept(soon, "a mark of an owner before its end", func() error {
		sweepKeys(t, store)
		if revoked, err := meets("short"); err != nil || !revoked {
			return fmt.Errorf("an older record is stored as revoked: %t, %w", revoked, err)
		}
		return nil
	})
	t.until(soon, "a mark of an owner, by Sweep,", func() bool {
		sweepKeys(t, store)
		revoked, err := meets("short")
		return err == nil && !revoked
	})
	for _, subject := range []string{"lasting", "extended", "not-cut"} {
		if revoked, err := meets(subject); err != nil || !revoked {
			t.fault("after the Sweep of another mark, an older record of the owner %s is stored as revoked: %t, %v", subject, revoked, err)
		}
	}
}
