package authtest

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

func keyFields(t *trial, store apikey.Store) {
	first := fullKey("k1")
	least := apikey.Record{ID: "k2", Issuer: issuer, Subject: "key:k2", ExpiresAt: inAnHour()}
	makes(t, store, first, least)
	held := has(t, store, "a record after its Create", first)
	empty := has(t, store, "a record with nothing that can be left out", least)
	next := key("k1")
	next.Version, next.Name, next.Tier, next.Subject = held.Version, "next", "default", "bob"
	next.Roles, next.Scopes, next.Networks = []string{"b", "a"}, []string{"z"}, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	t.wants(nil, change(t, store, next), "Update")
	next.LastUsed, next.StaleReported = first.LastUsed, first.StaleReported // which only Mark changes
	held = has(t, store, "a record after its Update", next)
	bare := apikey.Record{ID: "k1", Version: held.Version, Issuer: issuer, Subject: "bob", ExpiresAt: next.ExpiresAt}
	t.wants(nil, change(t, store, bare), "Update to less")
	bare.LastUsed, bare.StaleReported = first.LastUsed, first.StaleReported
	has(t, store, "a record after an Update that leaves out everything", bare)
	filled := fullKey("k2")
	filled.Version = empty.Version
	t.wants(nil, change(t, store, filled), "Update to more")
	filled.LastUsed, filled.StaleReported = time.Time{}, time.Time{}
	has(t, store, "a record after an Update that fills in everything", filled)
}

func keyVersions(t *trial, store apikey.Store) {
	rec := key("k1")
	rec.Version = 7 // which means nothing to Create
	makes(t, store, rec)
	seen := map[uint64]bool{}
	for i := range 8 {
		rec = has(t, store, "a record after some Updates", rec)
		if seen[rec.Version] {
			t.fault("the Version after %d Updates is that of an earlier state", i)
		}
		seen[rec.Version] = true
		rec.Name = fmt.Sprint("name-", i)
		t.wants(nil, change(t, store, rec), "Update from the Version that Get returned")
	}
	seen[0] = true
	for version := range seen {
		stale := rec
		stale.Version, stale.Name = version, "stale"
		t.wants(auth.ErrConflict, change(t, store, stale), "Update from an earlier Version")
	}
	rec = has(t, store, "a record after Updates that were refused", rec)
	later := rec
	later.Version++
	t.wants(auth.ErrConflict, change(t, store, later), "Update from a Version that never was")
	for _, which := range []apikey.Mark{apikey.Used, apikey.Stale} {
		marks(t, store, true, "of a record that was never marked so", "k1", which, rec.CreatedAt, time.Hour)
	}
	t.wants(nil, change(t, store, rec), "Update from a Version of before a Mark")
}

func keyTaken(t *trial, store apikey.Store) {
	first, other := key("k1"), key("k2")
	makes(t, store, first, other)
	taker := key("k1")
	taker.Subject, taker.Roles = "key:mallory", []string{"admin"}
	for range 2 {
		t.wants(auth.ErrConflict, makesOne(t, store, taker), "Create of an ID that is taken")
	}
	has(t, store, "a record after Creates that were refused", first)
	has(t, store, "a record beside it", other)
}

func keyUnknown(t *trial, store apikey.Store) {
	makes(t, store, key("k1"))
	for range 2 {
		hasNot(t, store, "a record that was never made", "k2")
		t.wants(auth.ErrNotFound, change(t, store, key("k2")), "Update of a record that was never made")
		first, err := mark(t, store, "k2", apikey.Used, time.Now(), 0)
		t.wants(auth.ErrNotFound, err, "Mark of a record that was never made")
		if first {
			t.fault("Mark of a record that was never made reports that it did")
		}
	}
}

func keyMarks(t *trial, store apikey.Store) {
	start := time.Now().Truncate(time.Microsecond)
	for _, which := range []apikey.Mark{apikey.Used, apikey.Stale} {
		rec := key(string(which))
		makes(t, store, rec)
		held := &rec.LastUsed
		if which == apikey.Stale {
			held = &rec.StaleReported
		}
		for _, test := range []struct {
			after time.Duration
			every time.Duration
			want  bool
		}{
			{0, time.Minute, true}, // the first is never too early
			{0, time.Minute, false},
			{time.Minute - time.Microsecond, time.Minute, false},
			{time.Minute, time.Minute, true},
			{time.Minute + time.Second, time.Minute, false},
			{time.Minute + time.Second, time.Second, true},
			{time.Hour, 24 * time.Hour, false},
			{25 * time.Hour, 24 * time.Hour, true},
			{time.Hour, 0, false}, // a clock that is behind moves nothing back
		} {
			at := start.Add(test.after)
			described := fmt.Sprintf("%s after %v, every %v", which, test.after, test.every)
			marks(t, store, test.want, described, rec.ID, which, at, test.every)
			if test.want {
				*held = at
			}
			has(t, store, "a record after Mark "+described, rec)
		}
	}
}

func keyMarksApart(t *trial, store apikey.Store) {
	now := time.Now().Truncate(time.Microsecond)
	one, two := key("k1"), key("k2")
	makes(t, store, one, two)
	marks(t, store, true, "used", "k1", apikey.Used, now, time.Hour)
	one.LastUsed = now
	one = has(t, store, "a record that was marked used", one)
	marks(t, store, true, "stale", "k1", apikey.Stale, now.Add(time.Second), time.Hour)
	marks(t, store, true, "another record used", "k2", apikey.Used, now.Add(2*time.Second), time.Hour)
	one.StaleReported, two.LastUsed = now.Add(time.Second), now.Add(2*time.Second)
	one = has(t, store, "a record with both marks", one)
	has(t, store, "a record marked after another", two)
	// Update says something else about the marks, and is not heard.
	for _, at := range []time.Time{{}, now.Add(-time.Hour), now.Add(time.Hour)} {
		next := one
		next.LastUsed, next.StaleReported, next.Name = at, at, "next"
		t.wants(nil, change(t, store, next), "Update")
		next.LastUsed, next.StaleReported = one.LastUsed, one.StaleReported
		one = has(t, store, "a record after an Update with other marks", next)
	}
	marks(t, store, false, "used, after an Update", "k1", apikey.Used, now.Add(time.Minute), time.Hour)
}

func keySlices(t *trial, store apikey.Store) {
	given, want := fullKey("k1"), fullKey("k1")
	makes(t, store, given)
	scribble(given)
	first := has(t, store, "a record whose maker changes what was passed to Create", want)
	kept := first // not a copy
	next, wantNext := fullKey("k1"), fullKey("k1")
	for _, rec := range []*apikey.Record{&next, &wantNext} {
		rec.Version = first.Version
		rec.Roles, rec.Scopes, rec.Networks, rec.Secrets = rec.Roles[:2], rec.Scopes[1:], rec.Networks[1:], rec.Secrets[2:]
		rec.LastUsed, rec.StaleReported = want.LastUsed, want.StaleReported
	}
	t.wants(nil, change(t, store, next), "Update")
	scribble(next)
	has(t, store, "a record whose maker changes what was passed to Update", wantNext)
	marks(t, store, true, "used", "k1", apikey.Used, time.Now().Add(time.Hour), time.Minute)
	t.alike("a record that Get had returned before an Update and a Mark", want, kept)
}

// scribble changes every element of the slices of a record.
func scribble(rec apikey.Record) {
	for i := range rec.Roles {
		rec.Roles[i] = "admin"
	}
	for i := range rec.Scopes {
		rec.Scopes[i] = "all"
	}
	clear(rec.Networks)
	clear(rec.Secrets)
}

func keyIDs(t *trial, store apikey.Store) {
	for i, pair := range distinct() {
		var held [2]apikey.Record
		for j, id := range pair {
			// Other pairs hold some of the same ids.
			rec := key(fmt.Sprint(id, "/", i))
			described := fmt.Sprintf("the ID %.20q of %d bytes beside %.20q", id, len(id), pair[0])
			rec.Issuer, rec.Subject = rec.ID+"-issuer", rec.ID+"-subject"
			hasNot(t, store, described+" before its Create", rec.ID)
			makes(t, store, rec)
			held[j] = has(t, store, described, rec)
		}
		held[0].Name = "changed"
		t.wants(nil, change(t, store, held[0]), "Update of one ID of two that are much alike")
		marks(t, store, true, "of one ID of two that are much alike", held[0].ID, apikey.Used, held[0].CreatedAt, time.Hour)
		has(t, store, "the other ID of two that are much alike", held[1])
	}
}

func keyExpiry(t *trial, store apikey.Store) {
	soon := brief()
	short, extended, cut, lasting := key("short"), key("extended"), key("cut"), key("lasting")
	short.ExpiresAt, extended.ExpiresAt = soon, soon
	revoked := key("revoked")
	revoked.RevokedAt = revoked.CreatedAt
	makes(t, store, short, extended, cut, lasting, revoked)
	extended, cut = has(t, store, "a record", extended), has(t, store, "a record", cut)
	extended.ExpiresAt, cut.ExpiresAt = lasting.ExpiresAt, soon
	t.wants(nil, change(t, store, extended), "Update to a later ExpiresAt")
	t.wants(nil, change(t, store, cut), "Update to an earlier ExpiresAt")
	t.kept(soon, "a record before its ExpiresAt", func() error {
		_, one := find(t, store, "short")
		_, two := find(t, store, "cut")
		return errors.Join(one, two)
	})
	// Others come: it is then that a store clears up.
	makes(t, store, key("later"))
	has(t, store, "a record beside expired ones", lasting)
	has(t, store, "a revoked record before its ExpiresAt", revoked)
	has(t, store, "a record whose ExpiresAt was moved", extended)
	for _, id := range []string{"short", "cut"} {
		if _, err := find(t, store, id); err != nil {
			t.wants(auth.ErrNotFound, err, "Get of an expired record")
		}
	}
}

// keyAdopted looks whether adopted records outlast their ExpiresAt.
func keyAdopted(t *trial, store apikey.Store) {
	soon := brief()
	adopted, updated, revoked, plain := key("adopted"), key("updated"), key("revoked"), key("plain")
	adopted.Adopted, revoked.Adopted, updated.Adopted = true, true, true
	adopted.CreatedAt, adopted.ExpiresAt, plain.ExpiresAt = time.Time{}, soon, soon
	makes(t, store, adopted, updated, revoked, plain)
	revoked, updated = has(t, store, "an adopted record", revoked), has(t, store, "an adopted record", updated)
	revoked.RevokedAt, revoked.ExpiresAt = revoked.CreatedAt, revoked.CreatedAt // as Keys.Revoke does
	updated.ExpiresAt = soon
	t.wants(nil, change(t, store, revoked), "Update of an adopted record")
	t.wants(nil, change(t, store, updated), "Update of an adopted record to an earlier ExpiresAt")
	t.until(soon, "a record that was not adopted, by Sweep,", func() bool {
		sweepKeys(t, store)
		_, err := find(t, store, "plain")
		return errors.Is(err, auth.ErrNotFound)
	})
	makes(t, store, key("later")) // others come
	for range 2 {
		sweepKeys(t, store)
		has(t, store, "an adopted record after its ExpiresAt", adopted)
		has(t, store, "an adopted record whose ExpiresAt was moved, after it", updated)
		has(t, store, "an adopted record that was revoked and has expired", revoked)
		lists(t, store, apikey.Filter{}, "everything after a Sweep", "adopted", "later", "revoked", "updated")
	}
	updated = has(t, store, "an adopted record", updated)
	updated.Name = "changed"
	t.wants(nil, change(t, store, updated), "Update of an adopted record after its ExpiresAt")
	marks(t, store, true, "of an adopted record after its ExpiresAt", "updated", apikey.Used, time.Now(), time.Minute)
}

func keySweep(t *trial, store apikey.Store) {
	sweepKeys(t, store) // an empty store
	soon := brief()
	short, extended, cut, lasting, revoked := key("short"), key("extended"), key("cut"), key("lasting"), key("revoked")
	short.ExpiresAt, extended.ExpiresAt, revoked.RevokedAt = soon, soon, soon
	makes(t, store, short, extended, cut, lasting, revoked)
	extended, cut = has(t, store, "a record", extended), has(t, store, "a record", cut)
	extended.ExpiresAt, cut.ExpiresAt = lasting.ExpiresAt, soon
	t.wants(nil, change(t, store, extended), "Update to a later ExpiresAt")
	t.wants(nil, change(t, store, cut), "Update to an earlier ExpiresAt")
	for _, id := range []string{"short", "cut"} {
		t.until(soon, "a record that expires, by Sweep,", func() bool {
			sweepKeys(t, store)
			_, err := find(t, store, id)
			return errors.Is(err, auth.ErrNotFound)
		})
	}
	for range 2 {
		sweepKeys(t, store)
		has(t, store, "a record after a Sweep", lasting)
		has(t, store, "a record whose ExpiresAt was moved, after a Sweep", extended)
		has(t, store, "a revoked record after a Sweep", revoked)
		hasNot(t, store, "an expired record after a Sweep", "short")
		lists(t, store, apikey.Filter{}, "everything after a Sweep", "extended", "lasting", "revoked")
	}
}

func keyMany(t *trial, store apikey.Store) {
	for i := range manyItems {
		makes(t, store, key(fmt.Sprint("k", i)))
	}
	gone := 0
	for i := range manyItems {
		if _, err := find(t, store, fmt.Sprint("k", i)); err != nil {
			gone++
		}
	}
	if gone > 0 {
		t.fault("of %d records %d are gone", manyItems, gone)
	}
}

// keyFull checks less where the store has room for all.
func keyFull(t *trial, store apikey.Store) {
	var held []apikey.Record
	for i := range fullItems {
		rec := key(fmt.Sprint("k", i))
		if err := makesOne(t, store, rec); err != nil {
			t.wants(auth.ErrFull, err, "Create of one record too many")
			break
		}
		held = append(held, rec)
	}
	for _, rec := range held {
		has(t, store, "a record of a store that has been filled", rec)
	}
	if len(held) == fullItems {
		return
	}
	if len(held) < 4 {
		t.fault("the store has room for %d records only", len(held))
		return
	}
	hasNot(t, store, "a record for which there was no room", fmt.Sprint("k", len(held)))
	one := has(t, store, "a record of a full store", held[1])
	marks(t, store, true, "in a full store", one.ID, apikey.Used, one.CreatedAt, time.Minute)
	one.Name = "changed"
	t.wants(nil, change(t, store, one), "Update in a full store")
	t.wants(auth.ErrConflict, makesOne(t, store, key(one.ID)), "Create of an ID that is taken, in a full store")
}
